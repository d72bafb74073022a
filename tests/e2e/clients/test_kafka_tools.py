"""Apache Kafka's own command-line tools, unmodified (the Java client)."""

from __future__ import annotations

import json
import random
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from conftest import Cluster
from support import kafka, topics
from support.processes import Running, run, wait_for

pytestmark = pytest.mark.usefixtures("kafka_tools")


def tool(cluster: Cluster, name: str, *arguments: str, stdin: str | None = None) -> str:
    return kafka.tool(name, "--bootstrap-server", cluster.bootstrap, *arguments, stdin=stdin)


def refused(cluster: Cluster, name: str, *arguments: str | Path) -> str:
    """All that a tool says that is refused; some end as if they were not."""
    done = run(kafka.tool_command(name, "--bootstrap-server", cluster.bootstrap, *arguments), expect_exit=None)
    return done.stdout + done.stderr


def produce(cluster: Cluster, topic: str, counts: dict[int, int]) -> None:
    """So many records to each partition."""
    producer = Producer({"bootstrap.servers": cluster.bootstrap, **topics.QUIET})
    for partition, count in counts.items():
        for n in range(count):
            producer.produce(topic, value=f"{partition}-{n}", partition=partition)
    assert producer.flush(30) == 0


def test_topics_are_created_listed_described_and_deleted(cluster: Cluster) -> None:
    topic = "tools-topics"
    created = tool(
        cluster, "kafka-topics", "--create", "--topic", topic, "--partitions", "3",
        "--config", "cleanup.policy=compact", "--config", "retention.ms=-1",
    )  # fmt: skip
    assert f"Created topic {topic}." in created
    assert topic in tool(cluster, "kafka-topics", "--list").split()
    described = tool(cluster, "kafka-topics", "--describe", "--topic", topic)
    assert "PartitionCount: 3" in described
    assert re.search(r"Configs:.*cleanup\.policy=compact", described)
    assert re.search(r"Configs:.*retention\.ms=-1", described)
    assert len(re.findall(r"Partition: \d+\s+Leader: \d+", described)) == 3
    tool(cluster, "kafka-topics", "--alter", "--topic", topic, "--partitions", "5")
    described = tool(cluster, "kafka-topics", "--describe", "--topic", topic)
    assert len(re.findall(r"Partition: \d+\s+Leader: \d+", described)) == 5
    fewer = refused(cluster, "kafka-topics", "--alter", "--topic", topic, "--partitions", "2")
    assert "InvalidPartitionsException" in fewer
    tool(cluster, "kafka-topics", "--delete", "--topic", topic)
    wait_for("the topic to be gone", lambda: not topics.exists(cluster.bootstrap, topic), 30)


def test_the_console_consumer_reads_a_partition_from_an_offset(cluster: Cluster) -> None:
    topic = "tools-console"
    topics.create(cluster.bootstrap, topic, 2)
    producer = Producer({"bootstrap.servers": cluster.bootstrap, **topics.QUIET})
    for n in range(20):
        producer.produce(topic, value=str(n), partition=n % 2)
    assert producer.flush(30) == 0
    read = tool(
        cluster, "kafka-console-consumer", "--topic", topic, "--partition", "1", "--offset", "6",
        "--max-messages", "4", "--timeout-ms", "30000",
    )  # fmt: skip
    assert read.split() == ["13", "15", "17", "19"]


# Kafka's own consumer of the newer protocol on Kafka itself, which now and then reads nothing here, is not ours to prove.
@pytest.mark.parametrize("protocol", ["classic", pytest.param("consumer", marks=pytest.mark.headwater)])
def test_a_groups_offsets_are_described_and_reset_by_time(cluster: Cluster, protocol: str) -> None:
    topic = group = f"tools-groups-{protocol}"
    topics.create(cluster.bootstrap, topic, 1)
    start = datetime(2013, 1, 1, tzinfo=UTC)
    start_ms = int(start.timestamp() * 1000)
    producer = Producer({"bootstrap.servers": cluster.bootstrap, **topics.QUIET})
    for n in range(30):
        producer.produce(topic, value=str(n), partition=0, timestamp=start_ms + n * 60_000)
    assert producer.flush(30) == 0
    consume = (
        "kafka-console-consumer", "--topic", topic, "--group", group, "--timeout-ms", "30000",
        "--command-property", f"group.protocol={protocol}",
    )  # fmt: skip
    first = tool(cluster, *consume, "--from-beginning", "--max-messages", "10")
    assert first.split() == [str(n) for n in range(10)]

    assert group in tool(cluster, "kafka-consumer-groups", "--list").split()
    described = tool(cluster, "kafka-consumer-groups", "--describe", "--group", group)
    row = next(line.split() for line in described.splitlines() if line.startswith(group))
    # GROUP TOPIC PARTITION (LEADER-EPOCH since 4.2) CURRENT-OFFSET LOG-END-OFFSET LAG ...
    header = next(line.split() for line in described.splitlines() if line.startswith("GROUP"))
    columns = dict(zip(header, row, strict=False))
    assert (columns["CURRENT-OFFSET"], columns["LOG-END-OFFSET"], columns["LAG"]) == ("10", "30", "20")
    state = tool(cluster, "kafka-consumer-groups", "--describe", "--group", group, "--state")
    assert "Empty" in state

    tool(
        cluster, "kafka-consumer-groups", "--group", group, "--topic", topic, "--reset-offsets",
        "--to-datetime", "2013-01-01T00:20:00.000Z", "--execute",
    )  # fmt: skip
    second = tool(cluster, *consume, "--max-messages", "3")
    assert second.split() == ["20", "21", "22"]


def test_the_members_of_a_group_whose_coordinator_assigns_are_described(cluster: Cluster, folder: Path) -> None:
    topic = group = "tools-members"
    topics.create(cluster.bootstrap, topic, 3)
    words = kafka.tool_command(
        "kafka-verifiable-consumer", "--bootstrap-server", cluster.bootstrap, "--topic", topic, "--group-id", group,
        "--reset-policy", "earliest", "--group-protocol", "consumer", "--group-remote-assignor", "range",
    )  # fmt: skip
    member = Running("member", words, folder)
    wait_for("it to have partitions", lambda: "partitions_assigned" in member.output(), 60)
    groups = ("kafka-consumer-groups", "--describe", "--group", group)

    def columns(*options: str) -> dict[str, str]:
        lines = tool(cluster, *groups, *options).splitlines()
        header = next(line.split() for line in lines if line.startswith("GROUP"))
        return dict(zip(header, next(line.split() for line in lines if line.startswith(group)), strict=False))

    members = columns("--members", "--verbose")
    assert members["#PARTITIONS"] == "3" and members["CURRENT-EPOCH"] == members["TARGET-EPOCH"]
    assert topic in members["CURRENT-ASSIGNMENT"]
    state = columns("--state", "--verbose")
    assert state["STATE"] == "Stable" and state["ASSIGNMENT-STRATEGY"] == "range" and state["#MEMBERS"] == "1"
    listed = tool(cluster, "kafka-groups", "--list", "--consumer")
    assert re.search(rf"^{group}\s+Consumer\s+consumer", listed, re.MULTILINE)
    assert "GroupNotEmptyException" in refused(cluster, "kafka-consumer-groups", "--delete", "--group", group)
    member.end()


def test_offsets_are_found_by_time_and_by_greatest_timestamp(cluster: Cluster) -> None:
    topic = "tools-offsets"
    topics.create(cluster.bootstrap, topic, 1)
    producer = Producer({"bootstrap.servers": cluster.bootstrap, **topics.QUIET})
    for stamp in (1_000, 9_000, 2_000, 3_000):
        producer.produce(topic, value="x", partition=0, timestamp=stamp)
    assert producer.flush(30) == 0

    def at(time: str) -> str:
        return tool(cluster, "kafka-get-offsets", "--topic", topic, "--time", time).strip()

    assert at("latest") == f"{topic}:0:4"
    assert at("earliest") == f"{topic}:0:0"
    assert at("max-timestamp") == f"{topic}:0:1"
    assert at("1500") == f"{topic}:0:1"
    assert at("9001") == "", "no record is that young"


def test_the_performance_tools_run_to_their_end(cluster: Cluster) -> None:
    topic, count = "tools-performance", 100_000
    topics.create(cluster.bootstrap, topic, 4)
    produced = tool(
        cluster, "kafka-producer-perf-test", "--topic", topic, "--num-records", str(count), "--record-size", "100",
        "--throughput", "-1", "--command-property", "acks=all", "compression.type=lz4",
    )  # fmt: skip
    assert f"{count} records sent" in produced
    consumed = tool(
        cluster, "kafka-consumer-perf-test", "--topic", topic, "--num-records", str(count), "--timeout", "30000",
        "--group", "tools-performance", "--hide-header",
    )  # fmt: skip
    # start, end, MB, MB/s, records, ...
    fields = [field.strip() for field in consumed.strip().splitlines()[-1].split(",")]
    assert int(fields[4]) == count
    values = topics.read_all(cluster.bootstrap, topic)
    assert len(values) == count and {len(record.value or b"") for record in values} == {100}


def test_the_broker_names_the_versions_it_speaks(cluster: Cluster) -> None:
    versions = tool(cluster, "kafka-broker-api-versions")
    for api in ("Produce(0)", "Fetch(1)", "ListOffsets(2)", "Metadata(3)", "JoinGroup(11)", "ApiVersions(18)"):
        line = next(line for line in versions.splitlines() if line.strip().startswith(f"{api}:"))
        assert "UNSUPPORTED" not in line and "[usable:" in line


def test_a_topics_configurations_are_altered_described_and_refused(cluster: Cluster) -> None:
    topic = "tools-configs"
    topics.create(cluster.bootstrap, topic, 1)
    of_topic = ("--entity-type", "topics", "--entity-name", topic)

    def described() -> dict[str, str]:
        """The configurations that the topic has of its own."""
        lines = tool(cluster, "kafka-configs", "--describe", *of_topic).splitlines()
        return dict(re.findall(r"^\s+([a-z.]+)=(\S+) sensitive=false", "\n".join(lines), re.MULTILINE))

    alter = ("kafka-configs", "--alter", *of_topic)
    tool(cluster, *alter, "--add-config", "retention.ms=3600000,max.message.bytes=2000")
    assert described() == {"retention.ms": "3600000", "max.message.bytes": "2000"}
    with pytest.raises(AssertionError, match="MSG_SIZE_TOO_LARGE"):
        produce_of_size(cluster, topic, 3000)
    tool(cluster, *alter, "--delete-config", "max.message.bytes", "--add-config", "retention.ms=7200000")
    assert described() == {"retention.ms": "7200000"}
    produce_of_size(cluster, topic, 3000)

    assert "InvalidConfigurationException" in refused(cluster, *alter, "--add-config", "no.such.config=1")
    assert "retention.ms" in refused(cluster, *alter, "--add-config", "retention.ms=soon")
    assert described() == {"retention.ms": "7200000"}, "what was refused has changed nothing"
    of_broker = tool(cluster, "kafka-configs", "--describe", "--entity-type", "brokers", "--all")
    assert "log.retention" in of_broker


def produce_of_size(cluster: Cluster, topic: str, size: int) -> None:
    failed: list[str] = []
    producer = Producer({"bootstrap.servers": cluster.bootstrap, **topics.QUIET})

    def delivered(error: KafkaError | None, _message: object) -> None:
        if error is not None:
            failed.append(error.name())

    producer.produce(topic, value=b"x" * size, on_delivery=delivered)
    assert producer.flush(30) == 0
    assert not failed, failed


def test_records_are_deleted_up_to_an_offset(cluster: Cluster, folder: Path) -> None:
    topic = "tools-delete-records"
    topics.create(cluster.bootstrap, topic, 2)
    produce(cluster, topic, {0: 10, 1: 10})
    wishes = folder / "wishes.json"
    wishes.write_text(
        json.dumps(
            {
                "version": 1,
                "partitions": [
                    {"topic": topic, "partition": 0, "offset": 4},
                    {"topic": topic, "partition": 1, "offset": -1},
                ],
            }
        )
    )
    said = tool(cluster, "kafka-delete-records", "--offset-json-file", str(wishes))
    assert f"partition: {topic}-0\tlow_watermark: 4" in said and f"partition: {topic}-1\tlow_watermark: 10" in said
    assert [record.text for record in topics.read_all(cluster.bootstrap, topic)] == [f"0-{n}" for n in range(4, 10)]
    earliest = tool(cluster, "kafka-get-offsets", "--topic", topic, "--time", "earliest")
    assert earliest.split() == [f"{topic}:0:4", f"{topic}:1:10"]
    wishes.write_text(json.dumps({"version": 1, "partitions": [{"topic": topic, "partition": 0, "offset": 11}]}))
    beyond = refused(cluster, "kafka-delete-records", "--offset-json-file", wishes)
    assert "OffsetOutOfRange" in beyond


def test_log_dirs_tell_the_size_of_each_partition(cluster: Cluster) -> None:
    topic = "tools-log-dirs"
    topics.create(cluster.bootstrap, topic, 2)
    produce(cluster, topic, {0: 100})
    said = tool(cluster, "kafka-log-dirs", "--describe", "--topic-list", topic)
    described = next(json.loads(line) for line in said.splitlines() if line.startswith("{"))
    [log_dir] = described["brokers"][0]["logDirs"]
    assert log_dir["error"] is None
    sizes = {one["partition"]: one["size"] for one in log_dir["partitions"]}
    assert sizes[f"{topic}-0"] > 500 and sizes[f"{topic}-1"] == 0


def committed(cluster: Cluster, group: str, topic: str) -> dict[int, int]:
    """The offsets that the group has committed in partitions 0 and 1."""
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": group, **topics.QUIET})
    try:
        found = consumer.committed([TopicPartition(topic, partition) for partition in (0, 1)], timeout=10)
        return {one.partition: one.offset for one in found if one.offset >= 0}
    finally:
        consumer.close()


def test_a_groups_offsets_are_deleted_and_the_group_too(cluster: Cluster) -> None:
    topic = group = "tools-group-deletion"
    topics.create(cluster.bootstrap, topic, 2)
    produce(cluster, topic, {0: 5, 1: 5})
    tool(
        cluster, "kafka-console-consumer", "--topic", topic, "--group", group, "--from-beginning",
        "--max-messages", "10", "--timeout-ms", "30000",
    )  # fmt: skip
    assert committed(cluster, group, topic) == {0: 5, 1: 5}
    groups = "kafka-consumer-groups"
    said = tool(cluster, groups, "--delete-offsets", "--group", group, "--topic", f"{topic}:0")
    assert "Successful" in said
    assert committed(cluster, group, topic) == {1: 5}
    assert "GroupIdNotFoundException" in refused(cluster, groups, "--delete", "--group", "no-such-group")
    assert "was successful" in tool(cluster, groups, "--delete", "--group", group)
    assert group not in tool(cluster, groups, "--list").split()


def test_the_verifiable_tools_count_the_same(cluster: Cluster) -> None:
    """Kafka's own system tests drive these two: every record that one is told of, the other sees."""
    topic, count = "tools-verifiable", 500
    topics.create(cluster.bootstrap, topic, 2)
    said = tool(cluster, "kafka-verifiable-producer", "--topic", topic, "--max-messages", str(count), "--acks", "-1")
    sent = [json.loads(line) for line in said.splitlines()]
    acknowledged = [(one["partition"], one["offset"]) for one in sent if one["name"] == "producer_send_success"]
    assert len(set(acknowledged)) == count
    said = tool(
        cluster, "kafka-verifiable-consumer", "--topic", topic, "--group-id", "tools-verifiable",
        "--reset-policy", "earliest", "--max-messages", str(count), "--verbose",
    )  # fmt: skip
    seen = [json.loads(line) for line in said.splitlines()]
    data = [(one["partition"], one["offset"]) for one in seen if one["name"] == "record_data"]
    assert sorted(data) == sorted(acknowledged)
    assert sum(one["count"] for one in seen if one["name"] == "records_consumed") == count


def test_transactions_are_listed_described_and_ended(cluster: Cluster) -> None:
    topic = transactional_id = "tools-transactions"
    topics.create(cluster.bootstrap, topic, 1)
    producer = Producer(
        {
            "bootstrap.servers": cluster.bootstrap,
            "transactional.id": transactional_id,
            # Not ended by time, however slowly the tools start.
            "transaction.timeout.ms": 600_000,
            **topics.QUIET,
        }
    )
    producer.init_transactions(30)

    def begin(value: str) -> None:
        producer.begin_transaction()
        producer.produce(topic, value=value, partition=0)
        assert producer.flush(30) == 0

    def row(*arguments: str) -> dict[str, str]:
        """The tool's table, of one row; none where it shows none."""
        names, *rows = tool(cluster, "kafka-transactions", *arguments).splitlines()
        found = [dict(zip(names.split("\t"), line.split("\t"), strict=True)) for line in rows if line]
        return {name.strip(): value.strip() for one in found for name, value in one.items()}

    of_partition = ("--topic", topic, "--partition", "0")
    of_id = ("--transactional-id", transactional_id)
    begin("forgotten")
    assert transactional_id in tool(cluster, "kafka-transactions", "list")
    described = row("describe", *of_id)
    assert described["TransactionState"] == "Ongoing" and described["TopicPartitions"] == f"{topic}-0"
    active = row("describe-producers", *of_partition)
    assert active["ProducerId"] == described["ProducerId"]
    assert (active["LastSequence"], active["CurrentTransactionStartOffset"]) == ("0", "0")
    # It is open for too long, but its coordinator knows of it.
    assert row("find-hanging", *of_partition, "--max-transaction-timeout", "0") == {}

    tool(cluster, "kafka-transactions", "abort", *of_partition, "--start-offset", "0")
    assert row("describe-producers", *of_partition)["CurrentTransactionStartOffset"] == "None"
    producer.abort_transaction(30)

    begin("ended by force")
    tool(cluster, "kafka-transactions", "forceTerminateTransaction", "--transactionalId", transactional_id)
    with pytest.raises(KafkaException, match="fenced"):
        producer.commit_transaction(30)
    assert topics.read_all(cluster.bootstrap, topic) == []


def test_the_transactional_message_copier_copies_exactly_once(
    cluster: Cluster, folder: Path, moments: random.Random
) -> None:
    """Kafka's own system tests drive it too, between the verifiable tools: it aborts by chance, and is killed."""
    source, target, group, count = "tools-copied", "tools-copies", "tools-copier", 1_000
    for topic in (source, target):
        topics.create(cluster.bootstrap, topic, 1)
    said = tool(cluster, "kafka-verifiable-producer", "--topic", source, "--max-messages", str(count), "--acks", "-1")
    sent = [json.loads(line) for line in said.splitlines()]
    acknowledged = [one["value"] for one in sent if one["name"] == "producer_send_success"]
    assert len(acknowledged) == count
    command = kafka.tool_command(
        "transactional-message-copier", "--broker-list", cluster.bootstrap, "--input-topic", source,
        "--input-partition", "0", "--output-topic", target, "--consumer-group", group,
        "--transactional-id", "tools-copier", "--transaction-size", "10", "--transaction-timeout", "10000",
        "--enable-random-aborts", "--use-group-metadata",
    )  # fmt: skip

    copier = Running("copier", command, folder)
    some = moments.randint(1, count // 2)
    wait_for("some copies", lambda: topics.committed(cluster.bootstrap, group, source).get(0, 0) >= some, 60, 0.01)
    copier.kill()
    copier = Running("copier", command, folder)
    assert copier.wait(60) == 0, copier.last_words()

    reading = folder / "reading.properties"
    reading.write_text("isolation.level=read_committed\n")
    said = tool(
        cluster, "kafka-verifiable-consumer", "--topic", target, "--group-id", "tools-copies", "--verbose",
        "--max-messages", str(count), "--command-config", str(reading),
    )  # fmt: skip
    seen = [json.loads(line) for line in said.splitlines()]
    copied = [one["value"] for one in seen if one["name"] == "record_data"]
    assert sorted(copied) == sorted(acknowledged)
    assert [record.text for record in topics.read_all(cluster.bootstrap, target)] == copied
