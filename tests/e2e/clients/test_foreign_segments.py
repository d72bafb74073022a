"""Folders of Apache Kafka's are taken in by `headwater topic import`, and served as Kafka served them."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from confluent_kafka import Producer
from conftest import kafka_cluster
from support import kafka, topics
from support.headwater import HeadwaterBroker, headwater, headwater_fails

pytestmark = pytest.mark.headwater

TOPIC = "moved"
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


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[topics.Record]]:
    """Where Apache Kafka left its folders, and what it had served from them."""
    folder = tmp_path_factory.mktemp("kafka")
    cluster = kafka_cluster(folder).start()
    try:
        topics.create(cluster.bootstrap, TOPIC, PARTITIONS, {"segment.bytes": str(SEGMENT_BYTES)})
        for number, codec in enumerate(CODECS):
            produce(cluster.bootstrap, codec, number * PER_CODEC)
        served = topics.read_all(cluster.bootstrap, TOPIC)
    finally:
        # Killed: its marks of an orderly end are nothing to us.
        cluster.stop()
    assert len(served) == PER_CODEC * len(CODECS)
    data = folder / "data-1"
    for partition in range(PARTITIONS):
        segments = list((data / f"{TOPIC}-{partition}").glob("*.log"))
        assert len(segments) > 2, f"several segments were wanted: {segments}"
    return data, served


def take_in(data_dir: Path, source: Path, *more: str) -> Sequence[str | Path]:
    return ["topic", "import", TOPIC, "--from", source, "--data-dir", data_dir, *more]


def test_a_folder_of_kafkas_segments_is_served_bit_for_bit_and_written_on(
    folder: Path, moved: tuple[Path, list[topics.Record]]
) -> None:
    source, served = moved
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


def test_a_damaged_folder_is_refused_by_file_and_byte_and_nothing_is_left_of_it(
    folder: Path, moved: tuple[Path, list[topics.Record]]
) -> None:
    source, _ = moved
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
