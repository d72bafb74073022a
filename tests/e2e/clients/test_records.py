"""Records of every shape and codec, written by each foreign client and read by all of them, bit for bit."""

from __future__ import annotations

from pathlib import Path

import pytest
from confluent_kafka import Producer
from conftest import Cluster, require_client
from support import kafka, topics
from support.headwater import HeadwaterBroker
from support.processes import run

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
# Long enough to be compressed at all, several batches long, and not ASCII alone.
VALUES = [f"{n:04d} über {'Fluß ' * (n % 40)}" for n in range(300)]


def produce_with_confluent(bootstrap: str, topic: str, codec: str) -> None:
    settings = {"bootstrap.servers": bootstrap, "compression.type": codec, "linger.ms": 20, "batch.num.messages": 100}
    producer = Producer({**settings, **topics.QUIET})
    for value in VALUES:
        producer.produce(topic, key=value[:4], value=value)
    assert producer.flush(60) == 0


def produce_with_kcat(bootstrap: str, topic: str, codec: str) -> None:
    lines = "".join(f"{value[:4]}|{value}\n" for value in VALUES)
    run(["kcat", "-b", bootstrap, "-P", "-t", topic, "-K", "|", "-z", codec, "-X", "linger.ms=20"], stdin=lines)


def produce_with_console(bootstrap: str, topic: str, codec: str) -> None:
    kafka.tool(
        "kafka-console-producer", "--bootstrap-server", bootstrap, "--topic", topic, "--compression-codec", codec,
        "--reader-property", "parse.key=true", "--reader-property", "key.separator=|", "--timeout", "20",
        "--request-timeout-ms", "10000",
        stdin="".join(f"{value[:4]}|{value}\n" for value in VALUES),
    )  # fmt: skip


PRODUCERS = {"confluent": produce_with_confluent, "kcat": produce_with_kcat, "console": produce_with_console}


@pytest.mark.parametrize("client", PRODUCERS)
def test_every_codec_is_read_back_by_every_client(cluster: Cluster, client: str) -> None:
    require_client(client)
    require_client("kcat")
    require_client("console")
    topic = f"codecs-by-{client}"
    # One partition, so that the order of all codecs' records is one order.
    topics.create(cluster.bootstrap, topic, 1)
    for codec in CODECS:
        PRODUCERS[client](cluster.bootstrap, topic, codec)
    expected = VALUES * len(CODECS)

    by_confluent = topics.read_all(cluster.bootstrap, topic)
    assert [record.text for record in by_confluent] == expected
    assert [record.key_text for record in by_confluent] == [value[:4] for value in expected]
    assert [record.offset for record in by_confluent] == list(range(len(expected)))

    # -X check.crcs=true: librdkafka verifies what the broker answers.
    by_kcat = run(["kcat", "-b", cluster.bootstrap, "-C", "-t", topic, "-e", "-q", "-X", "check.crcs=true"]).stdout
    assert by_kcat.splitlines() == expected

    by_console = kafka.tool(
        "kafka-console-consumer", "--bootstrap-server", cluster.bootstrap, "--topic", topic, "--from-beginning",
        "--max-messages", str(len(expected)), "--timeout-ms", "30000",
    )  # fmt: skip
    assert by_console.splitlines() == expected


def test_a_key_goes_to_the_same_partition_by_every_client(cluster: Cluster) -> None:
    """By murmur2, the Java client's choice; librdkafka makes it when asked."""
    require_client("kcat")
    require_client("console")
    topic = "partitions"
    topics.create(cluster.bootstrap, topic, 4)
    keys = [f"key-{n}" for n in range(40)]
    lines = "".join(f"{key}|{key}\n" for key in keys)
    run(
        ["kcat", "-b", cluster.bootstrap, "-P", "-t", topic, "-K", "|", "-X", "topic.partitioner=murmur2_random"],
        stdin=lines,
    )
    kafka.tool(
        "kafka-console-producer", "--bootstrap-server", cluster.bootstrap, "--topic", topic, "--timeout", "20",
        "--reader-property", "parse.key=true", "--reader-property", "key.separator=|", stdin=lines,
    )  # fmt: skip
    partitions: dict[bytes | None, list[int]] = {}
    for record in topics.read_all(cluster.bootstrap, topic):
        partitions.setdefault(record.key, []).append(record.partition)
    assert len(partitions) == len(keys)
    assert all(len(chosen) == 2 and len(set(chosen)) == 1 for chosen in partitions.values())
    assert {chosen[0] for chosen in partitions.values()} == {0, 1, 2, 3}


def test_nulls_empties_and_repeated_headers_are_kept_apart(cluster: Cluster) -> None:
    topic = "shapes"
    topics.create(cluster.bootstrap, topic, 1)
    headers: list[tuple[str, str | bytes | None]] = [
        ("trace", b"1"),
        ("trace", b"2"),
        ("empty", b""),
        ("null", None),
        ("trace", b"1"),
    ]
    shapes = [(b"key", b"value"), (b"key", None), (None, b"value"), (b"", b""), (None, None)]
    producer = Producer({"bootstrap.servers": cluster.bootstrap, "linger.ms": 20, **topics.QUIET})
    for key, value in shapes:
        producer.produce(topic, key=key, value=value, headers=headers)
        producer.produce(topic, key=key, value=value)
    assert producer.flush(30) == 0

    records = topics.read_all(cluster.bootstrap, topic)
    assert [(record.key, record.value) for record in records] == [shape for shape in shapes for _ in range(2)]
    assert [record.headers for record in records] == [headers, []] * len(shapes)


@pytest.mark.usefixtures("kcat")
def test_nulls_and_repeated_headers_by_kcat(cluster: Cluster) -> None:
    topic = "shapes-by-kcat"
    topics.create(cluster.bootstrap, topic, 1)
    # -Z: an empty value or key becomes null.
    run(
        ["kcat", "-b", cluster.bootstrap, "-P", "-t", topic, "-K", "|", "-Z", "-H", "h=1", "-H", "h=2", "-H", "null"],
        stdin="key|\n|value\n",
    )
    headers = [("h", b"1"), ("h", b"2"), ("null", None)]
    records = topics.read_all(cluster.bootstrap, topic)
    assert [(record.key, record.value, record.headers) for record in records] == [
        (b"key", None, headers),
        (None, b"value", headers),
    ]
    seen = run(["kcat", "-b", cluster.bootstrap, "-C", "-t", topic, "-e", "-q", "-Z", "-f", "%k|%s|%h\n"]).stdout
    assert seen.splitlines() == ["key|NULL|h=1,h=2,null=NULL", "NULL|value|h=1,h=2,null=NULL"]


@pytest.mark.usefixtures("kafka_tools")
def test_nulls_and_repeated_headers_by_the_console_tools(cluster: Cluster) -> None:
    topic = "shapes-by-console"
    topics.create(cluster.bootstrap, topic, 1)
    kafka.tool(
        "kafka-console-producer", "--bootstrap-server", cluster.bootstrap, "--topic", topic, "--timeout", "20",
        "--reader-property", "parse.key=true", "--reader-property", "parse.headers=true",
        "--reader-property", "null.marker=NULL", "--request-timeout-ms", "10000",
        stdin="h:1,h:2\tkey\tNULL\nNULL\tNULL\tvalue\n",
    )  # fmt: skip
    records = topics.read_all(cluster.bootstrap, topic)
    assert [(record.key, record.value, record.headers) for record in records] == [
        (b"key", None, [("h", b"1"), ("h", b"2")]),
        (None, b"value", []),
    ]
    seen = kafka.tool(
        "kafka-console-consumer", "--bootstrap-server", cluster.bootstrap, "--topic", topic, "--from-beginning",
        "--max-messages", "2", "--timeout-ms", "30000", "--formatter-property", "print.key=true",
        "--formatter-property", "print.headers=true", "--formatter-property", "print.offset=true",
    )  # fmt: skip
    assert seen.splitlines() == ["Offset:0\th:1,h:2\tkey\tnull", "Offset:1\tNO_HEADERS\tnull\tvalue"]


def test_a_record_of_nearly_a_megabyte_and_one_too_large(cluster: Cluster) -> None:
    topic = "large"
    topics.create(cluster.bootstrap, topic, 1)
    outcomes: list[str] = []
    settings = {"bootstrap.servers": cluster.bootstrap, "message.max.bytes": 3_000_000, **topics.QUIET}
    producer = Producer(settings)
    for size in (1_000_000, 2_000_000, 10):
        producer.produce(
            topic, value=b"x" * size, on_delivery=lambda error, _: outcomes.append(error.name() if error else "")
        )
        assert producer.flush(30) == 0
    assert outcomes == ["", "MSG_SIZE_TOO_LARGE", ""]
    assert [len(record.text) for record in topics.read_all(cluster.bootstrap, topic)] == [1_000_000, 10]


@pytest.mark.headwater
@pytest.mark.usefixtures("kafka_tools")
def test_the_log_on_disk_is_read_by_kafkas_own_dump(folder: Path) -> None:
    """Our segments are Kafka's: DumpLogSegments reads them whole and finds no fault."""
    broker = HeadwaterBroker(folder).start()
    topics.create(broker.bootstrap, "dumped", 1)
    for codec in CODECS:
        produce_with_confluent(broker.bootstrap, "dumped", codec)
    broker.stop()
    partition = broker.data_dir / "broker" / "dumped-0"
    segments = sorted(partition.glob("*.log"))
    assert segments, f"no segment in {partition}"
    dumped = kafka.tool(
        "kafka-dump-log", "--deep-iteration", "--print-data-log", "--files", ",".join(map(str, segments))
    )
    assert dumped.count("| offset: ") == len(VALUES) * len(CODECS)
    assert "isvalid: false" not in dumped and dumped.count("isvalid: true") > 0
    for codec in CODECS:
        assert f"compresscodec: {codec} " in dumped.lower()
    for kind in ("index", "timeindex"):
        files = ",".join(str(path) for path in sorted(partition.glob(f"*.{kind}")))
        if files:
            assert "mismatch" not in kafka.tool("kafka-dump-log", "--files", files).lower()
