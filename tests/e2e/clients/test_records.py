"""Records of every shape and codec, written by each foreign client and read by all of them, bit for bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka import Producer
from conftest import Cluster, require_client
from support import kafka, topics
from support.clients import (
    CODECS,
    HEADER_ORDER,
    IDEMPOTENCE,
    READS_NULL_HEADERS,
    SHAPES,
    WRITES_NOTHING,
    WRITES_NULL_HEADERS,
    Client,
    Headers,
    Seen,
    Sent,
)
from support.headwater import HeadwaterBroker
from support.processes import run
from support.registry import CLIENTS, clients_with
from support.segments import batches

# Long enough to be compressed at all, several batches long, and not ASCII alone.
VALUES = [f"{n:04d} über {'Fluß ' * (n % 40)}" for n in range(300)]


def produce_with_confluent(bootstrap: str, topic: str, codec: str) -> None:
    settings = {"bootstrap.servers": bootstrap, "compression.type": codec, "linger.ms": 20, "batch.num.messages": 100}
    producer = Producer({**settings, **topics.QUIET})
    for value in VALUES:
        producer.produce(topic, key=value[:4], value=value)
    assert producer.flush(60) == 0


def has_codec(client: str, codec: str) -> bool:
    return codec not in CLIENTS[client].lacks


@pytest.mark.parametrize("name", CLIENTS)
def test_every_codec_is_written_and_read_by_every_client(cluster: Cluster, folder: Path, name: str) -> None:
    """With idempotence where the client has it, and once without."""
    require_client(name)
    client = CLIENTS[name](cluster.bootstrap, folder)
    topic = f"codecs-by-{name}"
    # One partition, so that the order of all codecs' records is one order.
    client.create_topic(topic, 1)
    is_idempotent = IDEMPOTENCE not in client.lacks
    codecs = [codec for codec in CODECS if has_codec(name, codec)]
    records = [Sent(value[:4], value) for value in VALUES]
    runs = [(codec, is_idempotent) for codec in codecs] + [("none", False)]
    for codec, idempotent in runs:
        client.produce(topic, records, codec, idempotent)
    expected = VALUES * len(runs)

    by_confluent = topics.read_all(cluster.bootstrap, topic)
    assert [record.text for record in by_confluent] == expected
    assert [record.key_text for record in by_confluent] == [value[:4] for value in expected]
    assert [record.offset for record in by_confluent] == list(range(len(expected)))

    # What no consumer tells: that it was compressed at all, and under a producer id.
    written = batches(cluster.partition_folder(topic, 0))
    for number, (codec, idempotent) in enumerate(runs):
        first, end = number * len(VALUES), (number + 1) * len(VALUES)
        run = [batch for batch in written if first <= batch.first_offset < end]
        assert {batch.codec for batch in run} == {codec}
        assert all((batch.producer_id >= 0) == idempotent for batch in run), f"{codec}: {run}"

    by_itself = client.read(topic, 0)
    assert [seen.value for seen in by_itself] == expected
    assert [seen.offset for seen in by_itself] == list(range(len(expected)))


@pytest.mark.parametrize("name", CLIENTS)
def test_every_codec_of_another_client_is_read_by_every_client(cluster: Cluster, folder: Path, name: str) -> None:
    require_client(name)
    topic = f"codecs-for-{name}"
    topics.create(cluster.bootstrap, topic, 1)
    codecs = [codec for codec in CODECS if has_codec(name, codec)]
    for codec in codecs:
        produce_with_confluent(cluster.bootstrap, topic, codec)
    read = CLIENTS[name](cluster.bootstrap, folder).read(topic, 0)
    assert [(seen.key, seen.value) for seen in read] == [(value[:4], value) for value in VALUES * len(codecs)]


SHAPED = [
    Sent(key, value, partition=0, headers=headers)
    for key, value in [("key", "value"), ("key", None), (None, "value"), ("", ""), (None, None)]
    for headers in [
        (),
        (("trace", "1"), ("trace", "2"), ("empty", ""), ("null", None), ("trace", "1")),
        (("straße", "ü"),),
    ]
]


def writable(client: Client) -> list[Sent]:
    """The shapes that the client can write."""
    shapes = SHAPED
    if WRITES_NULL_HEADERS in client.lacks:
        shapes = [
            replace(one, headers=tuple(header for header in one.headers if header[1] is not None)) for one in shapes
        ]
    if WRITES_NOTHING in client.lacks:
        shapes = [one for one in shapes if (one.key, one.value) != (None, None)]
    return shapes


def by_name(headers: Headers) -> Headers:
    """Each name's values together, where the name came first: what is left by a client that lacks the order."""
    order = list(dict.fromkeys(name for name, _ in headers))
    return tuple(sorted(headers, key=lambda header: order.index(header[0])))


@pytest.mark.parametrize("name", clients_with(SHAPES))
def test_nulls_empties_and_repeated_headers_are_kept_apart_by_every_client(
    cluster: Cluster, folder: Path, name: str
) -> None:
    require_client(name)
    client = CLIENTS[name](cluster.bootstrap, folder)
    topic = f"shapes-by-{name}"
    client.create_topic(topic, 1)
    written = writable(client)
    client.produce(topic, written)
    as_kept = by_name if HEADER_ORDER in client.lacks else lambda headers: headers

    def text(data: bytes | None) -> str | None:
        return None if data is None else data.decode()

    by_confluent = [
        (text(one.key), text(one.value), tuple((header, text(data)) for header, data in one.headers))
        for one in topics.read_all(cluster.bootstrap, topic)
    ]
    assert by_confluent == [(sent.key, sent.value, as_kept(sent.headers)) for sent in written]

    # It reads this, and all that another client wrote.
    CLIENTS["confluent"](cluster.bootstrap, folder).produce(topic, SHAPED)

    def shape(one: Sent | Seen) -> tuple[str | None, str | None, Headers]:
        headers = as_kept(one.headers)
        if READS_NULL_HEADERS in client.lacks:
            headers = tuple((header, data or "") for header, data in headers)
        return one.key, one.value, headers

    assert [shape(seen) for seen in client.read(topic, 0)] == [shape(sent) for sent in written + SHAPED]


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
