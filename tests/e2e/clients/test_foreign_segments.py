"""Folders of Apache Kafka's are taken in by `headwater topic import`, and served as Kafka served them."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka import Producer
from conftest import kafka_cluster
from support import kafka, topics
from support.headwater import HeadwaterBroker, headwater, headwater_fails

pytestmark = pytest.mark.headwater

TOPIC = "moved"
LEDGER = "ledger"
PARTITIONS = 2
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
PER_CODEC = 200
START_MS = 1_700_000_000_000
HEADERS: list[tuple[str, str | bytes | None]] = [("trace", b"1"), ("trace", b"2"), ("null", None), ("empty", b"")]
# The smallest segments that Kafka makes.
SEGMENT_BYTES = 1 << 20


def produce(bootstrap: str, codec: str, first: int) -> None:
    """Records of every shape with times of their own, by an idempotent producer."""
    settings = {"compression.type": codec, "enable.idempotence": True, "linger.ms": 5, "batch.num.messages": 20}
    producer = Producer({"bootstrap.servers": bootstrap, **settings, **topics.QUIET})
    noise = random.Random(first)
    for n in range(first, first + PER_CODEC):
        # What cannot be compressed fills segments.
        value = noise.randbytes(20_000) if n % 2 else f"{n} über {'Fluß ' * (n % 40)}".encode()
        producer.produce(
            TOPIC, key=f"{codec}-{n}" if n % 7 else None, value=value if n % 11 else None,
            headers=HEADERS if n % 3 else [], partition=(n // 2) % PARTITIONS, timestamp=START_MS + n,
        )  # fmt: skip
    assert producer.flush(60) == 0


def transact(bootstrap: str) -> None:
    """Transactions of two producers that overlap, committed or aborted by chance."""
    chance = random.Random(7)
    producers = [
        Producer({"bootstrap.servers": bootstrap, "transactional.id": f"ledger-{number}", **topics.QUIET})
        for number in range(2)
    ]
    for producer in producers:
        producer.init_transactions(60)
    within: set[Producer] = set()
    for n in range(300):
        producer = chance.choice(producers)
        if producer not in within:
            producer.begin_transaction()
            within.add(producer)
        producer.produce(LEDGER, key=str(n), value=chance.randbytes(20_000), partition=chance.randrange(PARTITIONS))
        if chance.random() < 0.3:
            end(producer, commit=chance.random() < 0.5)
            within.remove(producer)
    for producer in within:
        end(producer, commit=True)


def end(producer: Producer, *, commit: bool) -> None:
    # What is aborted is to be in the log, not in the producer's queue.
    assert producer.flush(60) == 0
    if commit:
        producer.commit_transaction(60)
    else:
        producer.abort_transaction(60)


@dataclass(frozen=True)
class Moved:
    """Where Apache Kafka left its folders, and what it had served from them, topic by topic."""

    folder: Path
    records: list[topics.Record]
    committed: list[topics.Record]


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Moved:
    folder = tmp_path_factory.mktemp("kafka")
    cluster = kafka_cluster(folder).start()
    try:
        topics.create(cluster.bootstrap, TOPIC, PARTITIONS, {"segment.bytes": str(SEGMENT_BYTES)})
        for number, codec in enumerate(CODECS):
            produce(cluster.bootstrap, codec, number * PER_CODEC)
        served = topics.read_all(cluster.bootstrap, TOPIC)
        topics.create(cluster.bootstrap, LEDGER, PARTITIONS, {"segment.bytes": str(SEGMENT_BYTES)})
        transact(cluster.bootstrap)
        # librdkafka reads committed records unless it is told otherwise.
        committed = topics.read_all(cluster.bootstrap, LEDGER)
    finally:
        # Killed: its marks of an orderly end are nothing to us.
        cluster.stop()
    assert len(served) == PER_CODEC * len(CODECS)
    data = folder / "data-1"
    for partition in range(PARTITIONS):
        for topic in (TOPIC, LEDGER):
            segments = list((data / f"{topic}-{partition}").glob("*.log"))
            assert len(segments) > 2, f"several segments were wanted: {segments}"
    return Moved(data, served, committed)


def take_in(data_dir: Path, source: Path, *more: str) -> Sequence[str | Path]:
    return ["topic", "import", TOPIC, "--from", source, "--data-dir", data_dir, *more]


def test_a_folder_of_kafkas_segments_is_served_bit_for_bit_and_written_on(
    folder: Path, moved: Moved
) -> None:
    source, served = moved.folder, moved.records
    data_dir = folder / "data"
    printed = headwater(*take_in(data_dir, source, "--config", "retention.ms=-1", "--output", "json"))
    told = [json.loads(line) for line in printed.splitlines()]
    assert [(one["partition"], one["start_offset"]) for one in told] == [(0, 0), (1, 0)]
    assert sum(one["end_offset"] for one in told) == len(served)

    broker = HeadwaterBroker(folder, data_dir).start()
    try:
        assert topics.read_all(broker.bootstrap, TOPIC) == served
        # The Java client checks every batch's checksum, and finds by time through indexes that were made anew.
        read = kafka.tool(
            "kafka-console-consumer", "--bootstrap-server", broker.bootstrap, "--topic", TOPIC, "--from-beginning",
            "--max-messages", str(len(served)), "--timeout-ms", "30000", "--formatter-property", "print.value=false",
            "--formatter-property", "print.key=true", "--formatter-property", "null.literal=NULL",
        )  # fmt: skip
        keys = ["NULL" if record.key is None else record.key_text for record in served]
        assert sorted(read.split()) == sorted(keys)
        asked = START_MS + 500
        first = kafka.tool(
            "kafka-get-offsets", "--bootstrap-server", broker.bootstrap, "--topic", TOPIC, "--time", str(asked)
        )
        for partition in range(PARTITIONS):
            expected = next(r.offset for r in served if r.partition == partition and r.timestamp_ms >= asked)
            assert f"{TOPIC}:{partition}:{expected}" in first.split()

        produce(broker.bootstrap, "zstd", PER_CODEC * len(CODECS))
        broker.kill()
        broker.restart()
        now = topics.read_all(broker.bootstrap, TOPIC)
    finally:
        broker.stop()
    assert len(now) == len(served) + PER_CODEC
    for partition in range(PARTITIONS):
        offsets = [record.offset for record in now if record.partition == partition]
        assert offsets == list(range(len(offsets)))
    written = {(record.partition, record.offset): record for record in now}
    assert all(written[record.partition, record.offset] == record for record in served)


def aborted(partition: Path) -> dict[str, bytes]:
    """The transaction indexes of a partition's segments."""
    files = {path.name: path.read_bytes() for path in partition.glob("*.txnindex")}
    return {name: data for name, data in files.items() if data}


def test_transactions_are_taken_in_with_their_outcomes(folder: Path, moved: Moved) -> None:
    data_dir = folder / "data"
    headwater("topic", "import", LEDGER, "--from", moved.folder, "--data-dir", data_dir)
    for partition in range(PARTITIONS):
        name = f"{LEDGER}-{partition}"
        kafkas = aborted(moved.folder / name)
        assert len(kafkas) > 1, "transactions were to be aborted in several segments"
        assert aborted(data_dir / "broker" / name) == kafkas, "our transaction index is not Kafka's"

    broker = HeadwaterBroker(folder, data_dir).start()
    try:
        for _ in range(2):
            assert topics.read_all(broker.bootstrap, LEDGER) == moved.committed
            keys = read_keys(broker.bootstrap, "read_committed", len(moved.committed))
            assert sorted(keys) == sorted(record.key_text for record in moved.committed)
            assert len(read_keys(broker.bootstrap, "read_uncommitted", 300)) == 300 > len(moved.committed)
            broker.kill()
            broker.restart()
    finally:
        broker.stop()


def read_keys(bootstrap: str, isolation: str, count: int) -> list[str]:
    """The keys that Java's consumer reads."""
    read = kafka.tool(
        "kafka-console-consumer", "--bootstrap-server", bootstrap, "--topic", LEDGER, "--from-beginning",
        "--max-messages", str(count), "--timeout-ms", "30000", "--isolation-level", isolation,
        "--formatter-property", "print.value=false", "--formatter-property", "print.key=true",
    )  # fmt: skip
    return read.split()


def test_a_damaged_folder_is_refused_by_file_and_byte_and_nothing_is_left_of_it(
    folder: Path, moved: Moved
) -> None:
    source = moved.folder
    damaged = folder / "damaged"
    for partition in range(PARTITIONS):
        there = damaged / f"{TOPIC}-{partition}"
        there.mkdir(parents=True)
        for segment in (source / there.name).glob("*.log"):
            (there / segment.name).write_bytes(segment.read_bytes())
    first = sorted((damaged / f"{TOPIC}-1").glob("*.log"))[0]
    data = bytearray(first.read_bytes())
    data[len(data) // 2] ^= 1
    first.write_bytes(data)

    data_dir = folder / "data"
    said = headwater_fails(*take_in(data_dir, damaged))
    assert str(first) in said and "byte" in said and "partition 1" in said, said
    broker = HeadwaterBroker(folder, data_dir).start()
    try:
        assert not topics.exists(broker.bootstrap, TOPIC)
        in_use = headwater_fails(*take_in(data_dir, source))
        assert "in use" in in_use, in_use
    finally:
        broker.stop()
    assert not list((data_dir / "broker").glob(f"{TOPIC}*"))
    headwater(*take_in(data_dir, source))
