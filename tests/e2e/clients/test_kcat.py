"""kcat, unmodified: topics made by producing, listing, and reading by offset and by time."""

from __future__ import annotations

import json

import pytest
from conftest import Cluster
from support import topics
from support.processes import run

pytestmark = pytest.mark.usefixtures("kcat")


def kcat(cluster: Cluster, *options: str, stdin: str | None = None) -> str:
    return run(["kcat", "-b", cluster.bootstrap, *options], stdin=stdin, timeout_s=60).stdout


def test_producing_to_a_topic_that_nobody_created_creates_it(cluster: Cluster) -> None:
    kcat(cluster, "-P", "-t", "made-by-kcat", stdin="one\ntwo\n")
    listing = json.loads(kcat(cluster, "-L", "-J", "-t", "made-by-kcat"))
    (topic,) = listing["topics"]
    assert topic["topic"] == "made-by-kcat" and topic["partitions"]
    assert all(partition["leader"] >= 0 for partition in topic["partitions"])
    values = kcat(cluster, "-C", "-t", "made-by-kcat", "-e", "-q").split()
    assert sorted(values) == ["one", "two"]


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_what_is_to_be_compressed_is_sent_compressed(cluster: Cluster, codec: str) -> None:
    """librdkafka quietly sends everything uncompressed to a broker that it thinks understands no compression.

    Each line is worth compressing alone: librdkafka may put a single one in a batch, and sends that as it is when
    compressing makes it no smaller.
    """
    options = ["kcat", "-b", cluster.bootstrap, "-P", "-t", f"compressed-{codec}", "-z", codec, "-d", "msg"]
    told = run(options, stdin=("the same words again " * 20 + "\n") * 500, timeout_s=60).stderr
    assert "not compressing" not in told
    assert "Produce MessageSet" in told and ", uncompressed)" not in told


def test_reading_by_offset_from_the_end_and_by_time(cluster: Cluster) -> None:
    topic = "kcat-positions"
    topics.create(cluster.bootstrap, topic, 1)
    kcat(cluster, "-P", "-t", topic, "-X", "enable.idempotence=true", stdin="".join(f"{n}\n" for n in range(50)))
    stamps = [record.timestamp_ms for record in topics.read_all(cluster.bootstrap, topic)]
    first_after = next((n for n, stamp in enumerate(stamps) if stamp >= stamps[25]), None)

    def read(*options: str) -> list[int]:
        return [int(line) for line in kcat(cluster, "-C", "-t", topic, "-p", "0", "-e", "-q", *options).split()]

    assert read("-o", "beginning") == list(range(50))
    assert read("-o", "17") == list(range(17, 50))
    assert read("-o", "-3") == [47, 48, 49]
    assert read("-o", "17", "-c", "4") == [17, 18, 19, 20]
    assert read("-o", f"s@{stamps[25]}") == list(range(first_after or 0, 50))
    assert read("-o", "s@0", "-o", f"e@{stamps[0]}") == []
    queried = kcat(cluster, "-Q", "-t", f"{topic}:0:{stamps[0]}")
    assert queried.strip() == f"{topic} [0] offset 0"
