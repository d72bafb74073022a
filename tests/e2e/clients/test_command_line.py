"""Our own command line against any Kafka cluster: what programs read from it, and what people are told to do."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from conftest import Cluster, require_client, require_kafka
from support import topics
from support.applications import PROGRAM, Application
from support.compiled import java_missing
from support.groups import configure_group
from support.headwater import HeadwaterBroker, headwater, headwater_fails
from support.kafka import tool, tool_command
from support.paths import HEADWATER
from support.processes import Running, free_port, run, wait_for


def objects(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def consume(cluster: Cluster, topic: str, *options: str) -> list[dict[str, Any]]:
    return objects(headwater("consume", topic, *options, "--bootstrap", cluster.bootstrap, "--output", "json"))


def produce(cluster: Cluster, topic: str, *options: str, stdin: str | None = None) -> str:
    return headwater("produce", topic, *options, "--bootstrap", cluster.bootstrap, stdin=stdin)


def test_a_topic_is_created_listed_described_and_deleted(cluster: Cluster) -> None:
    at = ("--bootstrap", cluster.bootstrap)
    topic = "cli-topic"
    headwater("topic", "create", topic, "--partitions", "3", "--config", "cleanup.policy=compact", *at)
    (listed,) = [one for one in objects(headwater("topic", "list", "--output", "json", *at)) if one["topic"] == topic]
    assert listed["partitions"] == 3
    (described,) = objects(headwater("topic", "describe", topic, "--output", "json", *at))
    assert [one["partition"] for one in described["partitions"]] == [0, 1, 2]
    assert [(one["start_offset"], one["end_offset"]) for one in described["partitions"]] == [(0, 0)] * 3
    assert described["configs"]["cleanup.policy"] == "compact"
    assert "cleanup.policy=compact" in headwater("topic", "describe", topic, *at)
    # Other people's clients see the same topic.
    assert len(topics.admin(cluster.bootstrap).list_topics(topic, timeout=10).topics[topic].partitions) == 3

    assert topic in headwater_fails("topic", "create", topic, *at)
    headwater("topic", "delete", topic, *at)
    wait_for("the topic to be gone", lambda: not topics.exists(cluster.bootstrap, topic), 30)
    assert topic in headwater_fails("topic", "describe", topic, *at)
    assert topic in headwater_fails("topic", "delete", topic, *at)


def test_a_topic_is_altered_while_it_is_there(cluster: Cluster) -> None:
    at = ("--bootstrap", cluster.bootstrap)
    topic = "cli-altered"
    headwater("topic", "create", topic, "--config", "segment.ms=60000", *at)
    headwater(
        "topic", "alter", topic, "--partitions", "3", "--config", "retention.ms=-1", "--unset", "segment.ms", *at
    )

    def is_altered() -> bool:
        (described,) = objects(headwater("topic", "describe", topic, "--output", "json", *at))
        configs = described["configs"]
        return len(described["partitions"]) == 3 and (configs["retention.ms"], configs["segment.ms"]) == (
            "-1",
            "604800000",
        )

    wait_for("the cluster to show the alteration", is_altered, 30)
    assert "2 partitions" in headwater_fails("topic", "alter", topic, "--partitions", "2", *at)
    assert "colour" in headwater_fails("topic", "alter", topic, "--config", "colour=red", *at)
    assert "--partitions" in headwater_fails("topic", "alter", topic, *at)


def test_a_record_is_one_json_object_with_everything_in_it(cluster: Cluster) -> None:
    topic = "cli-record"
    topics.create(cluster.bootstrap, topic, 1)
    producer = Producer({"bootstrap.servers": cluster.bootstrap, **topics.QUIET})
    headers: list[tuple[str, str | bytes | None]] = [
        ("from", b"me"),
        ("from", b"you"),
        ("null", None),
        ("binary", b"\xff"),
    ]
    producer.produce(topic, key="k", value='{"a": 1}', headers=headers, timestamp=1_356_998_400_000)
    producer.produce(topic, key=None, value=None, timestamp=1_356_998_400_001)
    producer.produce(topic, key=b"\xff", value="", timestamp=1_356_998_400_002)
    assert producer.flush(30) == 0
    read = headwater(
        "consume", topic, "--from-beginning", "--until-end", "--output", "json", "--bootstrap", cluster.bootstrap
    )
    assert [list(one) for one in objects(read)] == [
        ["topic", "partition", "offset", "timestamp", "key", "value", "headers"]
    ] * 3
    assert objects(read) == [
        {
            "topic": topic, "partition": 0, "offset": 0, "timestamp": 1_356_998_400_000, "key": "k",
            "value": '{"a": 1}',
            "headers": [
                {"key": "from", "value": "me"}, {"key": "from", "value": "you"}, {"key": "null", "value": None},
                {"key": "binary", "value": {"base64": "/w=="}},
            ],
        },
        {
            "topic": topic, "partition": 0, "offset": 1, "timestamp": 1_356_998_400_001, "key": None,
            "value": None, "headers": [],
        },
        {
            "topic": topic, "partition": 0, "offset": 2, "timestamp": 1_356_998_400_002, "key": {"base64": "/w=="},
            "value": "", "headers": [],
        },
    ]  # fmt: skip


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_what_is_produced_is_read_by_others_whatever_the_codec(cluster: Cluster, codec: str) -> None:
    topic = f"cli-{codec}"
    topics.create(cluster.bootstrap, topic, 2)
    lines = [f"key-{n % 5}|{n} {'x' * (n % 300)}" for n in range(1_000)]
    produce(
        cluster, topic, "--key-separator", "|", "--header", "h=1", "--header", "h=2", "--compression", codec,
        stdin="\n".join(lines) + "\n",
    )  # fmt: skip
    records = topics.read_all(cluster.bootstrap, topic)
    assert sorted(f"{one.key_text}|{one.text}" for one in records) == sorted(lines)
    assert all(record.headers == [("h", b"1"), ("h", b"2")] for record in records)
    # Within a key the order is that of the lines.
    for key in {record.key for record in records}:
        numbers = [int(record.text.split()[0]) for record in records if record.key == key]
        assert numbers == sorted(numbers)


def test_a_key_goes_where_other_peoples_clients_put_it(cluster: Cluster) -> None:
    require_client("kcat")
    topic = "cli-partitions"
    topics.create(cluster.bootstrap, topic, 4)
    keys = [f"key-{n}" for n in range(40)] + ["", "ü"]
    lines = "".join(f"{key}|x\n" for key in keys)
    produce(cluster, topic, "--key-separator", "|", stdin=lines)
    run(
        ["kcat", "-b", cluster.bootstrap, "-P", "-t", topic, "-K", "|", "-X", "topic.partitioner=murmur2"],
        stdin=lines,
    )
    partitions: dict[bytes | None, list[int]] = {}
    for record in topics.read_all(cluster.bootstrap, topic):
        partitions.setdefault(record.key, []).append(record.partition)
    differing = {key for key, chosen in partitions.items() if len(chosen) != 2 or len(set(chosen)) != 1}
    assert not differing


def test_reading_from_an_offset_to_the_end_and_so_many(cluster: Cluster) -> None:
    topic = "cli-positions"
    topics.create(cluster.bootstrap, topic, 2)
    produce(cluster, topic, "--partition", "1", stdin="".join(f"{n}\n" for n in range(100)))

    def values(*options: str) -> list[int]:
        return [int(one["value"]) for one in consume(cluster, topic, *options)]

    assert values("--from-beginning", "--until-end") == list(range(100))
    assert values("--partition", "1", "--offset", "90", "--until-end") == list(range(90, 100))
    assert values("--partition", "1", "--offset", "10", "--max", "5") == list(range(10, 15))
    assert values("--partition", "0", "--from-beginning", "--until-end") == []
    assert values("--from-beginning", "--max", "3") == [0, 1, 2]


def test_consuming_waits_for_records_to_come(cluster: Cluster, folder: Path) -> None:
    topic = "cli-live"
    topics.create(cluster.bootstrap, topic, 1)
    produce(cluster, topic, "before")
    command: list[str | Path] = [
        HEADWATER,
        "consume",
        topic,
        "--max",
        "2",
        "--output",
        "json",
        "--bootstrap",
        cluster.bootstrap,
    ]
    consumer = Running("consume", command, folder)

    def produced_until_seen() -> bool:
        produce(cluster, topic, "after")
        return not consumer.is_alive()

    wait_for("the consumer to see two records", produced_until_seen, 30, every_s=0.3)
    assert consumer.exit_code() == 0
    assert [one["value"] for one in objects(consumer.output())] == ["after", "after"]


def test_a_groups_members_offsets_and_lag(cluster: Cluster) -> None:
    at = ("--bootstrap", cluster.bootstrap, "--output", "json")
    topic = group = "cli-group"
    topics.create(cluster.bootstrap, topic, 2)
    produce(cluster, topic, "--partition", "0", stdin="1\n2\n3\n4\n")
    reader = Consumer(
        {
            "bootstrap.servers": cluster.bootstrap, "group.id": group, "client.id": "somebody",
            "enable.auto.commit": False, "auto.offset.reset": "earliest", **topics.QUIET,
        }
    )  # fmt: skip
    reader.subscribe([topic])
    wait_for("an assignment", lambda: reader.consume(1, 0.5) and reader.assignment(), 30)
    reader.commit(offsets=[TopicPartition(topic, 0, 3)], asynchronous=False)
    (listed,) = [one for one in objects(headwater("group", "list", *at)) if one["group"] == group]
    assert listed["protocol_type"] == "consumer"
    (described,) = objects(headwater("group", "describe", group, *at))
    assert described["state"].lower() == "stable"
    (member,) = described["members"]
    assert member["client_id"] == "somebody"
    position = next(one for one in described["partitions"] if one["partition"] == 0)
    assert (position["committed"], position["end"], position["lag"]) == (3, 4, 1)
    assert position["member"] == member["member"]
    assert group in headwater("group", "describe", group, "--bootstrap", cluster.bootstrap)
    for words in (("reset-offsets", group, "--to-earliest"), ("delete", group)):
        refused = headwater_fails("group", *words, "--bootstrap", cluster.bootstrap)
        assert group in refused and "members" in refused
    reader.close()

    def reset(*words: str) -> dict[int, int]:
        done = objects(headwater("group", "reset-offsets", group, *words, *at))
        return {one["partition"]: one["after"] for one in done}

    assert reset("--to-earliest", "--dry-run") == {0: 0}
    assert topics.committed(cluster.bootstrap, group, topic)[0] == 3, "a dry run changes nothing"
    assert reset("--shift-by", "-2") == {0: 1}
    assert reset("--to-offset", "99", "--topic", f"{topic}:0") == {0: 4}
    assert reset("--to-time", "2001-01-01T00:00:00Z", "--topic", topic) == {0: 0, 1: 0}
    assert reset("--to-latest") == {0: 4, 1: 0}
    assert topics.committed(cluster.bootstrap, group, topic) == {0: 4, 1: 0}
    headwater("group", "delete", group, *at)
    assert group not in headwater("group", "list", *at)
    assert group in headwater_fails("group", "delete", group, "--bootstrap", cluster.bootstrap)
    assert "no-such-group" in headwater_fails("group", "describe", "no-such-group", "--bootstrap", cluster.bootstrap)


def test_a_share_group_is_described_reset_and_deleted(cluster: Cluster, folder: Path) -> None:
    require_kafka()
    at = ("--bootstrap", cluster.bootstrap, "--output", "json")
    topic = group = "cli-share"
    topics.create(cluster.bootstrap, topic, 2)
    produce(cluster, topic, "--partition", "0", stdin="1\n2\n3\n4\n")
    tool(
        "kafka-configs", "--bootstrap-server", cluster.bootstrap, "--alter", "--entity-type", "groups",
        "--entity-name", group, "--add-config", "share.auto.offset.reset=earliest",
    )  # fmt: skip
    words = tool_command(
        "kafka-console-share-consumer", "--bootstrap-server", cluster.bootstrap, "--topic", topic, "--group", group
    )
    sharer = Running("sharer", words, folder)

    def describe() -> dict[str, Any]:
        (described,) = objects(headwater("group", "describe", group, *at))
        return described

    def starts() -> dict[int, int]:
        return {one["partition"]: one["start"] for one in describe()["partitions"] if "start" in one}

    def is_done() -> bool:
        # Apache Kafka writes down that the group's start has moved with the next change only: its lag tells.
        lags = {one["partition"]: one["lag"] for one in describe()["partitions"] if "start" in one}
        return lags.get(0) == 0

    wait_for("the member to have read something", lambda: len(sharer.output().split()) == 4, 60)
    wait_for("all to be accepted", is_done, 60)
    (listed,) = [one for one in objects(headwater("group", "list", *at)) if one["group"] == group]
    assert listed["type"].lower() == "share"
    described = describe()
    assert (described["type"], described["state"].lower()) == ("share", "stable")
    assert described["epoch"] >= 1 and described["assignment_epoch"] >= 1
    (member,) = described["members"]
    assert member["assignment"] == [f"{topic}-0", f"{topic}-1"]
    first = described["partitions"][0]
    assert (first["end"], first["lag"], first["members"], first["gone"]) == (4, 0, [member["member"]], False)
    assert member["member"] in headwater("group", "describe", group, "--bootstrap", cluster.bootstrap)
    for words in (["reset-offsets", group, "--to-earliest", "--dry-run"], ["delete", group]):
        refused = headwater_fails("group", *words, "--bootstrap", cluster.bootstrap)
        assert group in refused and "members" in refused
    sharer.end()
    wait_for("the member to be gone", lambda: not describe()["members"], 60)

    def reset(*words: str) -> dict[int, int]:
        done = objects(headwater("group", "reset-offsets", group, *words, *at))
        return {one["partition"]: one["after"] for one in done}

    before = starts()
    assert reset("--to-latest", "--topic", topic, "--dry-run") == {0: 4, 1: 0}
    assert starts() == before, "a dry run changes nothing"
    assert reset("--to-latest", "--topic", topic) == {0: 4, 1: 0}
    assert starts() == {0: 4, 1: 0}
    assert reset("--shift-by", "-3", "--topic", f"{topic}:0") == {0: 1}
    assert starts() == {0: 1, 1: 0}
    assert reset("--to-time", "2001-01-01T00:00:00Z") == {0: 0, 1: 0}
    headwater("group", "delete", group, *at)
    assert group not in headwater("group", "list", *at)
    assert group in headwater_fails("group", "describe", group, "--bootstrap", cluster.bootstrap)


def test_a_streams_group_is_described_and_reset_only_when_nobody_is_a_member(cluster: Cluster, folder: Path) -> None:
    missing = java_missing(PROGRAM)
    if missing is not None:
        pytest.skip(missing)
    at = ("--bootstrap", cluster.bootstrap, "--output", "json")
    app = Application(cluster.bootstrap, folder, "cli-streams", 2, ("group.protocol=streams", "commit.interval.ms=200"))
    configure_group(cluster.bootstrap, app.id, {"streams.initial.rebalance.delay.ms": 0})
    app.create_topics()
    produce(cluster, app.input, "--partition", "0", stdin="a/1\nb/2\na/3\n")
    instance = app.start("only")
    app.wait_until_divided([instance], standbys=False)

    def describe() -> dict[str, Any]:
        (described,) = objects(headwater("group", "describe", app.id, *at))
        return described

    def committed() -> int | None:
        positions = {(one["topic"], one["partition"]): one["committed"] for one in describe()["partitions"]}
        return positions.get((app.input, 0))

    wait_for("what was read to be committed", lambda: committed() == 3, 60)
    described = describe()
    assert (described["type"], described["state"].lower()) == ("streams", "stable")
    before, behind = described["topology"]["subtopologies"]
    assert before["source_topics"] == [app.input] and before["repartition_sinks"] == behind["repartition_sources"]
    (member,) = described["members"]
    assert sorted(member["streams"]["tasks"]["active"]) == app.tasks()
    position = next(one for one in described["partitions"] if (one["topic"], one["partition"]) == (app.input, 0))
    assert (position["lag"], position["member"], position["gone"]) == (0, member["member"], False)
    shown = headwater("group", "describe", app.id, "--bootstrap", cluster.bootstrap)
    assert ",".join(app.tasks()) in shown
    for words in (["--to-earliest", "--dry-run"], ["--to-earliest"]):
        refused = headwater_fails("group", "reset-offsets", app.id, *words, "--bootstrap", cluster.bootstrap)
        assert app.id in refused and "members" in refused
    instance.close()
    wait_for("the member to be gone", lambda: not describe()["members"], 60)

    def reset(*words: str) -> dict[int, int]:
        done = objects(headwater("group", "reset-offsets", app.id, "--topic", app.input, *words, *at))
        return {one["partition"]: one["after"] for one in done}

    assert reset("--to-earliest", "--dry-run") == {0: 0, 1: 0}
    assert committed() == 3, "a dry run changes nothing"
    assert reset("--to-offset", "1") == {0: 1, 1: 0}
    assert committed() == 1
    headwater("group", "delete", app.id, *at)
    assert app.id not in headwater("group", "list", *at)


def test_a_missing_topic_is_named(cluster: Cluster) -> None:
    complaint = headwater_fails("consume", "cli-missing", "--from-beginning", "--bootstrap", cluster.bootstrap)
    assert complaint.startswith("error: ") and "cli-missing" in complaint
    assert not topics.exists(cluster.bootstrap, "cli-missing"), "asking created it"


@pytest.mark.headwater
def test_an_unreachable_cluster_is_named() -> None:
    address = f"127.0.0.1:{free_port()}"
    complaint = headwater_fails("topic", "list", "--bootstrap", address, timeout_s=60)
    assert complaint.startswith("error: ") and address in complaint


@pytest.mark.headwater
def test_a_busy_port_is_named(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        complaint = headwater_fails("up", "--data-dir", folder / "data", "--kafka-port", str(port), timeout_s=30)
    assert complaint.startswith("error: ") and str(port) in complaint


@pytest.mark.headwater
def test_a_folder_that_cannot_be_written_is_named(folder: Path) -> None:
    file = folder / "a-file"
    file.write_text("not a folder")
    complaint = headwater_fails("up", "--data-dir", file / "data", "--kafka-port", "0", timeout_s=30)
    assert complaint.startswith("error: ") and str(file) in complaint


@pytest.mark.headwater
def test_a_folder_in_use_is_refused_with_its_owner(folder: Path) -> None:
    broker = HeadwaterBroker(folder).start()
    try:
        complaint = headwater_fails("up", "--data-dir", broker.data_dir, "--kafka-port", "0", timeout_s=30)
        assert complaint.startswith("error: ")
        assert str(broker.data_dir) in complaint and str(broker.process.pid) in complaint
    finally:
        broker.stop()
    # Free again once its owner has ended.
    broker.start()
    broker.stop()


@pytest.mark.headwater
def test_both_durabilities_keep_what_was_acknowledged_through_a_kill(folder: Path) -> None:
    for durability in ("fsync", "os"):
        broker = HeadwaterBroker(folder / durability, options=("--durability", durability)).start()
        try:
            topics.create(broker.bootstrap, "kept", 1)
            produce(broker, "kept", stdin="".join(f"{n}\n" for n in range(1_000)))
            broker.kill()
            broker.restart()
            kept = [int(record.text) for record in topics.read_all(broker.bootstrap, "kept")]
            assert kept == list(range(1_000))
        finally:
            broker.stop()


@pytest.mark.headwater
def test_topics_have_the_defaults_of_the_broker_and_come_about_only_if_it_lets_them(folder: Path) -> None:
    options = ("--auto-create-topics", "false", "--topic-default", "retention.ms=86400000")
    broker = HeadwaterBroker(folder, options=options).start()
    try:
        outcomes: list[str] = []
        producer = Producer({"bootstrap.servers": broker.bootstrap, "message.timeout.ms": 3_000, **topics.QUIET})
        producer.produce("nobodys", b"v", on_delivery=lambda error, _: outcomes.append(error.name() if error else ""))
        assert producer.flush(30) == 0 and outcomes[0] in ("UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC", "_MSG_TIMED_OUT")
        topics.create(broker.bootstrap, "t", 1)
        described = headwater("topic", "describe", "t", "--bootstrap", broker.bootstrap, "--output", "json")
        assert "nobodys" not in headwater("topic", "list", "--bootstrap", broker.bootstrap)
        configs = json.loads(described.splitlines()[0])["configs"]
        assert "86400000" in json.dumps(configs)
    finally:
        broker.stop()
    wrong = ("--topic-default", "retention.parsecs=1")
    complaint = headwater_fails("up", "--data-dir", folder / "other", "--kafka-port", "0", *wrong, timeout_s=30)
    assert complaint.startswith("error: ") and "retention.parsecs" in complaint
