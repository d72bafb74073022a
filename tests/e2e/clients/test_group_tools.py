"""Apache Kafka's own tools of share groups and of streams groups, unmodified."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from confluent_kafka import Producer
from conftest import Cluster
from support import kafka, topics
from support.applications import PROGRAM, Application, Inputs, Outputs
from support.compiled import java_missing
from support.groups import configure_group, table
from support.processes import Running, run, wait_for

pytestmark = pytest.mark.usefixtures("kafka_tools")


def tool(cluster: Cluster, name: str, *arguments: str) -> str:
    return kafka.tool(name, "--bootstrap-server", cluster.bootstrap, *arguments)


def refused(cluster: Cluster, name: str, *arguments: str) -> str:
    """All that a tool says that is refused; some end as if they were not."""
    done = run(kafka.tool_command(name, "--bootstrap-server", cluster.bootstrap, *arguments), expect_exit=None)
    return done.stdout + done.stderr


def produce(cluster: Cluster, topic: str, count: int) -> list[str]:
    producer = Producer({"bootstrap.servers": cluster.bootstrap, **topics.QUIET})
    values = [f"value-{n}" for n in range(count)]
    for value in values:
        producer.produce(topic, value=value, partition=0)
    assert producer.flush(30) == 0
    return values


def consume(cluster: Cluster, topic: str, group: str, count: int) -> list[str]:
    """What the console's share consumer is given."""
    said = tool(
        cluster, "kafka-console-share-consumer", "--topic", topic, "--group", group, "--max-messages", str(count),
        "--timeout-ms", "30000",
    )  # fmt: skip
    return said.split()


def test_a_share_group_is_listed_described_reset_and_deleted(cluster: Cluster) -> None:
    topic = group = "tools-share"
    topics.create(cluster.bootstrap, topic, 1)
    configure_group(cluster.bootstrap, group, {"share.auto.offset.reset": "earliest"})
    sent = produce(cluster, topic, 10)
    assert consume(cluster, topic, group, 10) == sent

    groups = "kafka-share-groups"
    listed = tool(cluster, groups, "--list", "--state")
    assert ["tools-share", "Empty"] in [line.split() for line in listed.splitlines()]
    of_group = ("--group", group)

    def described() -> dict[str, str]:
        [row] = table(tool(cluster, groups, "--describe", *of_group, "--offsets"))
        return row

    # Where it starts is as of its last record of its state, behind what is done with.
    row = described()
    assert (row["TOPIC"], row["PARTITION"], row["LAG"]) == (topic, "0", "0")
    tool(cluster, groups, "--reset-offsets", *of_group, "--topic", topic, "--to-earliest", "--execute")
    row = described()
    assert (row["START-OFFSET"], row["LAG"]) == ("0", "10")
    assert consume(cluster, topic, group, 10) == sent

    said = tool(cluster, groups, "--delete-offsets", *of_group, "--topic", topic)
    assert "Successful" in said or topic in said
    assert table(tool(cluster, groups, "--describe", *of_group, "--offsets")) == []
    assert "is not a share group" in refused(cluster, groups, "--delete", "--group", "no-such-group")
    tool(cluster, groups, "--delete", *of_group)
    assert group not in tool(cluster, groups, "--list").split()


def test_a_live_share_groups_members_are_described_and_it_cannot_be_deleted(cluster: Cluster, folder: Path) -> None:
    """Kafka's own system tests drive this consumer: it acknowledges what it is told of."""
    topic = group = "tools-share-members"
    topics.create(cluster.bootstrap, topic, 1)
    produce(cluster, topic, 200)
    words = kafka.tool_command(
        "kafka-verifiable-share-consumer", "--bootstrap-server", cluster.bootstrap, "--topic", topic, "--group-id",
        group, "--acknowledgement-mode", "sync", "--offset-reset-strategy", "earliest",
    )  # fmt: skip
    member = Running("member", words, folder)

    def acknowledged() -> int:
        told = [json.loads(line) for line in member.lines() if line.startswith("{")]
        return sum(one["count"] for one in told if one["name"] == "offsets_acknowledged")

    wait_for("every record to be acknowledged", lambda: acknowledged() == 200, 60)
    groups = "kafka-share-groups"
    of_group = ("--group", group)
    [row] = table(tool(cluster, groups, "--describe", *of_group, "--members"))
    assert row["ASSIGNMENT"] == f"{topic}:0"
    [row] = table(tool(cluster, groups, "--describe", *of_group, "--state"))
    assert (row["STATE"], row["#MEMBERS"]) == ("Stable", "1")
    assert "GroupNotEmptyException" in refused(cluster, groups, "--delete", *of_group)
    member.end()


def test_a_streams_group_is_listed_described_reset_and_deleted(cluster: Cluster, folder: Path) -> None:
    missing = java_missing(PROGRAM)
    if missing is not None:
        pytest.skip(missing)
    group = "tools-streams"
    configure_group(cluster.bootstrap, group, {"streams.initial.rebalance.delay.ms": 0})
    app = Application(cluster.bootstrap, folder, group, 2, ("group.protocol=streams", "commit.interval.ms=200"))
    app.create_topics()
    instance = app.start("instance")
    with Outputs(app) as outputs:
        with Inputs(app, 200) as inputs:
            app.wait_until_divided([instance], standbys=False)
        outputs.check(inputs.sent)

    groups = "kafka-streams-groups"
    of_group = ("--group", group)

    def described(what: str) -> list[dict[str, str]]:
        return table(tool(cluster, groups, "--describe", *of_group, what))

    assert [group, "Stable"] in [line.split() for line in tool(cluster, groups, "--list", "--state").splitlines()]
    [state] = described("--state")
    assert (state["STATE"], state["#MEMBERS"]) == ("Stable", "1")
    members = tool(cluster, groups, "--describe", *of_group, "--members")
    assert "ACTIVE: 0:[0,1]; 1:[0,1];" in members
    lags = {(row["TOPIC"], row["PARTITION"]): row["OFFSET-LAG"] for row in described("--offsets")}
    read = (app.input, f"{group}-words-repartition")
    assert lags == {(topic, partition): "0" for topic in read for partition in "01"}
    assert "GroupNotEmptyException" in refused(cluster, groups, "--delete", *of_group)
    instance.close()

    assert sum(topics.committed(cluster.bootstrap, group, app.input).values()) == len(inputs.sent)
    tool(
        cluster, groups, "--reset-offsets", *of_group, "--all-input-topics", "--to-earliest",
        "--delete-all-internal-topics", "--execute",
    )  # fmt: skip
    assert topics.committed(cluster.bootstrap, group, app.input) == {0: 0, 1: 0}
    changelog = f"{group}-counts-changelog"
    wait_for("its store's topic to be gone", lambda: not topics.exists(cluster.bootstrap, changelog), 30)
    tool(cluster, groups, "--delete", *of_group)
    assert group not in tool(cluster, groups, "--list").split()
