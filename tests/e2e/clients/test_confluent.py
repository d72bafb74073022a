"""confluent-kafka (Python): what applications do with it beyond a group."""

from __future__ import annotations

import time

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic
from conftest import Cluster
from support import topics
from support.processes import wait_for


def consumer(bootstrap: str, group: str, **settings: object) -> Consumer:
    base = {"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False}
    return Consumer({**base, "auto.offset.reset": "earliest", **topics.QUIET, **settings})


def take(reader: Consumer, count: int, timeout_s: float = 30) -> list[bytes]:
    """The values of the next `count` records."""
    taken: list[bytes] = []
    deadline = time.monotonic() + timeout_s
    while len(taken) < count:
        assert time.monotonic() < deadline, f"{len(taken)} of {count} records in {timeout_s} s"
        for message in reader.consume(count - len(taken), timeout=0.5):
            assert message.error() is None, message.error()
            taken.append(message.value() or b"")
    return taken


def fill(bootstrap: str, topic: str, count: int, **settings: object) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, **topics.QUIET, **settings})
    for n in range(count):
        producer.produce(topic, key=f"key-{n % 7}", value=str(n), partition=0)
    assert producer.flush(60) == 0


@pytest.mark.parametrize("acks", ["0", "1", "all"])
def test_every_kind_of_acknowledgement(cluster: Cluster, acks: str) -> None:
    topic = f"acks-{acks}"
    topics.create(cluster.bootstrap, topic, 1)
    fill(cluster.bootstrap, topic, 500, acks=acks)
    wait_for("500 records", lambda: len(topics.read_all(cluster.bootstrap, topic)) == 500, 20)


def test_an_idempotent_producer_with_many_requests_in_flight_keeps_the_order(cluster: Cluster) -> None:
    topic = "idempotent"
    topics.create(cluster.bootstrap, topic, 1)
    settings = {"enable.idempotence": True, "batch.num.messages": 20, "linger.ms": 0}
    fill(cluster.bootstrap, topic, 20_000, **settings)
    # A second producer: another producer id, sequences from zero again.
    fill(cluster.bootstrap, topic, 1_000, **settings)
    values = [int(record.text) for record in topics.read_all(cluster.bootstrap, topic)]
    assert values == [*range(20_000), *range(1_000)]


def test_offsets_by_timestamp(cluster: Cluster) -> None:
    topic = "by-time"
    topics.create(cluster.bootstrap, topic, 1)
    start_ms = 1_356_998_400_000
    producer = Producer({"bootstrap.servers": cluster.bootstrap, "batch.num.messages": 10, **topics.QUIET})
    for n in range(100):
        producer.produce(topic, value=str(n), partition=0, timestamp=start_ms + 1000 * n)
    assert producer.flush(30) == 0
    reader = consumer(cluster.bootstrap, "by-time")

    def offset_at(timestamp_ms: int) -> int:
        return reader.offsets_for_times([TopicPartition(topic, 0, timestamp_ms)], timeout=10)[0].offset

    assert offset_at(0) == 0
    assert offset_at(start_ms + 41_000) == 41
    assert offset_at(start_ms + 41_001) == 42
    assert offset_at(start_ms + 99_000) == 99
    assert offset_at(start_ms + 99_001) == -1, "no record is that young"
    reader.assign([TopicPartition(topic, 0, offset_at(start_ms + 57_000))])
    assert take(reader, 3) == [b"57", b"58", b"59"]
    reader.seek(TopicPartition(topic, 0, 5))
    assert take(reader, 2) == [b"5", b"6"]
    reader.seek(TopicPartition(topic, 0, OFFSET_BEGINNING))
    assert take(reader, 1) == [b"0"]
    reader.close()


def test_offsets_by_timestamp_where_time_runs_backwards(cluster: Cluster) -> None:
    """The first record in log order that is at least that young, as Kafka answers it."""
    topic = "by-time-backwards"
    topics.create(cluster.bootstrap, topic, 1)
    producer = Producer({"bootstrap.servers": cluster.bootstrap, **topics.QUIET})
    stamps = [1_000, 5_000, 2_000, 9_000, 3_000]
    for stamp in stamps:
        producer.produce(topic, value=str(stamp), partition=0, timestamp=stamp)
        # A batch each: the lookup is not helped by one batch holding all.
        assert producer.flush(30) == 0
    reader = consumer(cluster.bootstrap, "by-time-backwards")
    for asked, expected in [(1, 0), (1_001, 1), (4_000, 1), (5_001, 3), (9_000, 3), (9_001, -1)]:
        found = reader.offsets_for_times([TopicPartition(topic, 0, asked)], timeout=10)[0].offset
        assert found == expected, f"at {asked}"
    reader.close()


def test_commits_are_kept_and_resumed_from(cluster: Cluster) -> None:
    topic = group = "commits"
    topics.create(cluster.bootstrap, topic, 1)
    fill(cluster.bootstrap, topic, 100)
    first = consumer(cluster.bootstrap, group)
    first.subscribe([topic])
    assert take(first, 30) == [str(n).encode() for n in range(30)]
    first.commit(offsets=[TopicPartition(topic, 0, 25, "with metadata")], asynchronous=False)
    first.close()

    second = consumer(cluster.bootstrap, group)
    committed = second.committed([TopicPartition(topic, 0)], timeout=10)[0]
    assert (committed.offset, committed.metadata) == (25, "with metadata")
    second.subscribe([topic])
    assert take(second, 75) == [str(n).encode() for n in range(25, 100)]
    second.commit(asynchronous=False)
    second.close()

    third = consumer(cluster.bootstrap, group)
    assert third.committed([TopicPartition(topic, 0)], timeout=10)[0].offset == 100
    stranger = consumer(cluster.bootstrap, "never-committed")
    assert stranger.committed([TopicPartition(topic, 0)], timeout=10)[0].offset == -1001, "no offset"
    stranger.close()
    third.close()


def test_a_member_of_an_old_generation_may_not_commit(cluster: Cluster) -> None:
    topic = group = "fenced"
    topics.create(cluster.bootstrap, topic, 2)
    fill(cluster.bootstrap, topic, 10)
    lazy = consumer(cluster.bootstrap, group, **{"session.timeout.ms": 6000, "max.poll.interval.ms": 6000})
    taken_away: list[TopicPartition] = []

    def note(_: Consumer, partitions: list[TopicPartition]) -> None:
        taken_away.extend(partitions)

    def is_told() -> bool:
        lazy.poll(0.1)
        return len(taken_away) > 0

    lazy.subscribe([topic], on_revoke=note, on_lost=note)
    take(lazy, 5)
    # Not polled for longer than max.poll.interval.ms: the member leaves, another takes over.
    eager = consumer(cluster.bootstrap, group, **{"session.timeout.ms": 6000})
    eager.subscribe([topic])
    assert take(eager, 10) == [str(n).encode() for n in range(10)]
    with pytest.raises(KafkaException):
        lazy.commit(offsets=[TopicPartition(topic, 0, 3)], asynchronous=False)
    eager.commit(asynchronous=False)
    assert eager.committed([TopicPartition(topic, 0)], timeout=10)[0].offset == 10
    eager.close()
    # librdkafka may wait for ever when it is closed with a revocation that its application has not polled.
    wait_for("the lazy member to be told", is_told, 30)
    lazy.close()


def test_reading_beyond_the_end_or_a_reset_policy(cluster: Cluster) -> None:
    topic = "out-of-range"
    topics.create(cluster.bootstrap, topic, 1)
    fill(cluster.bootstrap, topic, 10)
    reader = consumer(cluster.bootstrap, "out-of-range")
    reader.assign([TopicPartition(topic, 0, 5_000)])
    assert take(reader, 10)[0] == b"0", "auto.offset.reset=earliest starts over"
    assert reader.get_watermark_offsets(TopicPartition(topic, 0), timeout=10) == (0, 10)
    reader.close()


def test_a_waiting_fetch_is_answered_when_a_record_comes(cluster: Cluster) -> None:
    topic = "long-poll"
    topics.create(cluster.bootstrap, topic, 1)
    reader = consumer(cluster.bootstrap, "long-poll", **{"fetch.wait.max.ms": 20_000})
    reader.assign([TopicPartition(topic, 0, 0)])
    assert reader.poll(2) is None
    started = time.monotonic()
    fill(cluster.bootstrap, topic, 1)
    assert take(reader, 1) == [b"0"]
    assert time.monotonic() - started < 5, "the broker answered only after fetch.wait.max.ms"
    reader.close()


def test_topics_are_created_described_and_deleted(cluster: Cluster) -> None:
    client: AdminClient = topics.admin(cluster.bootstrap)
    topic = "admin"
    topics.create(cluster.bootstrap, topic, 3, {"cleanup.policy": "compact", "retention.ms": "-1"})
    with pytest.raises(KafkaException, match="TOPIC_ALREADY_EXISTS"):
        client.create_topics([NewTopic(topic, 3)])[topic].result(30)
    with pytest.raises(KafkaException, match="INVALID_TOPIC|TOPIC_EXCEPTION"):
        client.create_topics([NewTopic("not/allowed", 1)])["not/allowed"].result(30)
    with pytest.raises(KafkaException, match="INVALID_CONFIG"):
        bad = NewTopic("bad-config", 1, config={"cleanup.policy": "sometimes"})
        client.create_topics([bad])["bad-config"].result(30)
    assert not topics.exists(cluster.bootstrap, "bad-config")

    described = client.list_topics(topic, timeout=10).topics[topic]
    assert sorted(described.partitions) == [0, 1, 2]
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    config = client.describe_configs([resource])[resource].result(30)
    assert config["cleanup.policy"].value == "compact"
    assert config["retention.ms"].value == "-1"

    client.delete_topics([topic])[topic].result(30)
    wait_for("the topic to be gone", lambda: not topics.exists(cluster.bootstrap, topic), 30)
    with pytest.raises(KafkaException, match="UNKNOWN_TOPIC"):
        client.delete_topics([topic])[topic].result(30)

    # The name is free again, and nothing of the old topic is left in it.
    topics.create(cluster.bootstrap, topic, 1)
    assert topics.read_all(cluster.bootstrap, topic) == []


def test_groups_are_listed_and_described(cluster: Cluster) -> None:
    client: AdminClient = topics.admin(cluster.bootstrap)
    topic = group = "described"
    topics.create(cluster.bootstrap, topic, 2)
    fill(cluster.bootstrap, topic, 10)
    reader = consumer(cluster.bootstrap, group, **{"client.id": "the-member"})
    reader.subscribe([topic])
    take(reader, 10)
    reader.commit(asynchronous=False)

    listed = client.list_consumer_groups().result(30)
    assert not listed.errors
    assert group in [one.group_id for one in listed.valid]
    described = client.describe_consumer_groups([group])[group].result(30)
    assert described.state.name == "STABLE"
    (member,) = described.members
    assert member.client_id == "the-member"
    assert sorted(one.partition for one in member.assignment.topic_partitions) == [0, 1]
    reader.close()
    wait_for(
        "the group to be empty",
        lambda: client.describe_consumer_groups([group])[group].result(30).state.name == "EMPTY",
        15,
    )
    described_cluster = client.describe_cluster().result(30)
    assert described_cluster.nodes and described_cluster.cluster_id


def test_an_unknown_topic_is_an_error_where_it_may_not_be_created(cluster: Cluster) -> None:
    reader = consumer(cluster.bootstrap, "unknown", **{"allow.auto.create.topics": False})
    with pytest.raises(KafkaException, match="UNKNOWN_TOPIC_OR_PART"):
        topic = reader.list_topics("never-created", timeout=10).topics["never-created"]
        if topic.error is not None:
            raise KafkaException(topic.error)
    reader.close()
    assert not topics.exists(cluster.bootstrap, "never-created")
