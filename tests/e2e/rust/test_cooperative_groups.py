"""Rust tests on either cluster: classic groups whose members keep what they can, of our client alone and with others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer
from conftest import Cluster, require_kafka
from support import topics
from support.kafka import tool_command
from support.paths import REPOSITORY
from support.processes import Running, wait_for
from support.rust import assert_ran, build, command

PARTITIONS = 6
# How many records our member publishes: while it shares the topic, and when it has left.
SHARED, ALONE = 600, 600


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    build("headwater-client")


def start(cluster: Cluster, folder: Path, test: str, topic: str = "") -> Running:
    at = {"HEADWATER_TEST_BOOTSTRAP": cluster.bootstrap, "HEADWATER_TEST_TOPIC": topic}
    return Running("ours", command("headwater-client", test), folder, at, REPOSITORY)


def assert_passes(running: Running) -> None:
    code = running.wait(180)
    assert code == 0, running.last_words(60)
    assert_ran(running.output())


class Java:
    """Apache Kafka's verifiable consumer."""

    def __init__(self, cluster: Cluster, folder: Path, topic: str) -> None:
        require_kafka()
        words = tool_command(
            "kafka-verifiable-consumer", "--bootstrap-server", cluster.bootstrap, "--topic", topic,
            "--group-id", f"{topic}-readers", "--reset-policy", "earliest", "--group-protocol", "classic",
            "--assignment-strategy", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
        )  # fmt: skip
        self._running = Running("java", words, folder)

    def _events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._running.lines() if line.startswith("{")]

    def has(self, count: int) -> bool:
        changes = {"partitions_assigned": 1, "partitions_revoked": -1}
        told = [event for event in self._events() if event["name"] in changes]
        return sum(changes[event["name"]] * len(event["partitions"]) for event in told) == count

    def consumed(self) -> int:
        return sum(event["count"] for event in self._events() if event["name"] == "records_consumed")

    def end(self) -> None:
        self._running.end()


class Librdkafka:
    """confluent-kafka, in this very process."""

    def __init__(self, cluster: Cluster, _folder: Path, topic: str) -> None:
        self._consumed = 0
        self._consumer = Consumer(
            {
                "bootstrap.servers": cluster.bootstrap,
                "group.id": f"{topic}-readers",
                "partition.assignment.strategy": "cooperative-sticky",
                "auto.offset.reset": "earliest",
                "auto.commit.interval.ms": 500,
                **topics.QUIET,
            }
        )
        self._consumer.subscribe([topic])

    def _poll(self) -> None:
        messages = self._consumer.consume(1_000, timeout=0.1)
        self._consumed += sum(message.error() is None for message in messages)

    def has(self, count: int) -> bool:
        self._poll()
        return len(self._consumer.assignment()) == count

    def consumed(self) -> int:
        self._poll()
        return self._consumed

    def end(self) -> None:
        self._consumer.close()


OTHERS = pytest.mark.parametrize("other", [Java, Librdkafka])


def shares_and_goes_on_alone(cluster: Cluster, theirs: Java | Librdkafka, ours: Running, topic: str) -> None:
    """Our member reads its half, commits and leaves; theirs reads the rest, and nothing that ours has committed."""
    everything = dict.fromkeys(range(PARTITIONS), (SHARED + ALONE) // PARTITIONS)

    # Either way theirs is asked as well, since librdkafka is polled by that.
    def is_done() -> bool:
        return theirs.consumed() >= 0 and not ours.is_alive()

    def is_through() -> bool:
        theirs.consumed()
        return topics.committed(cluster.bootstrap, f"{topic}-readers", topic) == everything

    wait_for("our member to be done", is_done, 120)
    assert_passes(ours)
    wait_for("the other member to have read the rest", is_through, 60)
    assert theirs.consumed() == SHARED // 2 + ALONE
    theirs.end()


@OTHERS
def test_ours_joins_a_group_that_another_clients_member_leads(
    cluster: Cluster, folder: Path, other: type[Java | Librdkafka]
) -> None:
    topic = f"led-by-{other.__name__}".lower()
    topics.create(cluster.bootstrap, topic, PARTITIONS)
    theirs = other(cluster, folder, topic)
    wait_for("the other member to have all partitions", lambda: theirs.has(PARTITIONS), 60)
    ours = start(cluster, folder, "cooperative::on_a_cluster::another_clients_group", topic)
    shares_and_goes_on_alone(cluster, theirs, ours, topic)


@OTHERS
def test_another_clients_member_joins_a_group_that_ours_leads(
    cluster: Cluster, folder: Path, other: type[Java | Librdkafka]
) -> None:
    topic = f"joined-by-{other.__name__}".lower()
    topics.create(cluster.bootstrap, topic, PARTITIONS)
    ours = start(cluster, folder, "cooperative::on_a_cluster::another_clients_member", topic)
    wait_for("ours to have all partitions", lambda: "there to be joined" in ours.output(), 60)
    theirs = other(cluster, folder, topic)
    shares_and_goes_on_alone(cluster, theirs, ours, topic)
