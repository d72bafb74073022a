"""Apache Kafka's own command-line tools, unmodified (the Java client)."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from confluent_kafka import Producer
from conftest import Cluster
from support import kafka, topics
from support.processes import wait_for

pytestmark = pytest.mark.usefixtures("kafka_tools")


def tool(cluster: Cluster, name: str, *arguments: str, stdin: str | None = None) -> str:
    return kafka.tool(name, "--bootstrap-server", cluster.bootstrap, *arguments, stdin=stdin)


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


def test_a_groups_offsets_are_described_and_reset_by_time(cluster: Cluster) -> None:
    topic = group = "tools-groups"
    topics.create(cluster.bootstrap, topic, 1)
    start = datetime(2013, 1, 1, tzinfo=UTC)
    start_ms = int(start.timestamp() * 1000)
    producer = Producer({"bootstrap.servers": cluster.bootstrap, **topics.QUIET})
    for n in range(30):
        producer.produce(topic, value=str(n), partition=0, timestamp=start_ms + n * 60_000)
    assert producer.flush(30) == 0
    consume = ("kafka-console-consumer", "--topic", topic, "--group", group, "--timeout-ms", "30000")
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
