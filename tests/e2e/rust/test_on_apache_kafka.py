"""Rust tests that need Apache Kafka, ignored without it: our client over three brokers that are killed and restarted."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import kafka_cluster, shared_folder
from support import topics
from support.kafka import KafkaCluster, tool_command
from support.paths import KAFKA_LIBS, REPOSITORY
from support.processes import Running, run, wait_for
from support.rust import ON_ANY_CLUSTER, assert_ran, build, command

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    build("headwater-client", "headwater-log")


@pytest.fixture(scope="module")
def three(request: pytest.FixtureRequest) -> Iterator[KafkaCluster]:
    with shared_folder(request, "three-brokers") as folder:
        cluster = kafka_cluster(folder, nodes=3).start()
        try:
            yield cluster
        finally:
            cluster.stop()


@pytest.mark.parametrize("which", [*ON_ANY_CLUSTER, "others"])
def test_the_client(three: KafkaCluster, which: str) -> None:
    """Not all at once: times that are short for a quiet cluster are too short for three brokers on few cores."""
    at = {"HEADWATER_TEST_BOOTSTRAP": three.bootstrap, "HEADWATER_BOOTSTRAP": three.bootstrap}
    tests = ON_ANY_CLUSTER.get(which, ("kafka::admin_calls", "consumer::cluster::a_group_of_two"))
    done = run(command("headwater-client", *tests), env=at, timeout_s=300, cwd=REPOSITORY)
    assert_ran(done.stdout, len(tests))


@pytest.mark.parametrize("group_protocol", ["consumer", "classic"])
def test_a_group_is_shared_with_javas_client_by_either_protocol(
    three: KafkaCluster, folder: Path, group_protocol: str
) -> None:
    topic = f"shared-with-java-{group_protocol}"
    topics.create(three.bootstrap, topic, 6)
    words = tool_command(
        "kafka-verifiable-consumer", "--bootstrap-server", three.bootstrap, "--topic", topic,
        "--group-id", f"{topic}-readers", "--reset-policy", "earliest", "--group-protocol", group_protocol,
    )  # fmt: skip
    java = Running("java", words, folder)
    wait_for("Java to have all partitions", lambda: "partitions_assigned" in java.output(), 60)
    at = {"HEADWATER_TEST_BOOTSTRAP": three.bootstrap, "HEADWATER_TEST_TOPIC": topic}
    test = "consumer::coordinated::another_clients_member"
    assert_ran(run(command("headwater-client", test), env=at, timeout_s=120, cwd=REPOSITORY).stdout)

    def committed() -> bool:
        return topics.committed(three.bootstrap, f"{topic}-readers", topic) == dict.fromkeys(range(6), 200)

    wait_for("Java to have read the rest", committed, 60)
    java.end()
    events = [json.loads(line) for line in java.lines()]
    assert sum(event["count"] for event in events if event["name"] == "records_consumed") == 300 + 600


def test_transactions_while_brokers_and_with_them_coordinators_die(
    three: KafkaCluster, folder: Path, moments: random.Random
) -> None:
    at = {"HEADWATER_TEST_BOOTSTRAP": three.bootstrap, "HEADWATER_TEST_SECONDS": "15"}
    test = "transactions::a_transaction_is_whole"
    running = Running("transactions", command("headwater-client", test), folder, at, REPOSITORY)
    # Each leads some partitions and coordinates some transactions: two of three are met in any case.
    for node in moments.sample([1, 2, 3], 2):
        time.sleep(moments.uniform(2, 4))
        moments.choice([three.kill_node, three.end_node])(node)
        time.sleep(moments.uniform(0, 3))
        three.start_node(node)
        three.wait_until_ready()
    code = running.wait(180)
    assert code == 0, running.last_words(60)
    assert_ran(running.output())


def test_the_producer_while_a_broker_dies_and_comes_back(
    three: KafkaCluster, folder: Path, moments: random.Random
) -> None:
    at = {"HEADWATER_TEST_BOOTSTRAP": three.bootstrap, "HEADWATER_TEST_SECONDS": "20"}
    test = Running("producer", command("headwater-client", "kafka::what_the_producer"), folder, at, REPOSITORY)
    time.sleep(moments.uniform(3, 6))
    node = moments.choice([1, 2, 3])
    three.kill_node(node)
    time.sleep(moments.uniform(3, 8))
    three.start_node(node)
    code = test.wait(180)
    assert code == 0, test.last_words(60)
    assert_ran(test.output())


@pytest.mark.parametrize(
    ("group_protocol", "share"), [("classic", 1 / 3), ("cooperative", 1 / 3), ("consumer", 1 / 3)]
)
def test_nothing_is_lost_doubled_or_reordered_while_brokers_come_and_go(
    three: KafkaCluster, folder: Path, moments: random.Random, group_protocol: str, share: float
) -> None:
    """Three minutes (HEADWATER_TEST_SECONDS: longer) of kills and orderly restarts, one node at a time, and cut connections.

    Every node leads some partitions and coordinates some groups: the first round takes each in turn, killed and ended in
    order, so that leaders and the group's coordinator are among them.
    """
    seconds = round(share * int(os.environ.get("HEADWATER_TEST_SECONDS", "180")))
    at = {
        "HEADWATER_TEST_BOOTSTRAP": three.bootstrap,
        "HEADWATER_TEST_SECONDS": str(seconds),
        "HEADWATER_TEST_SEED": str(moments.randrange(1 << 60)),
        "HEADWATER_TEST_GROUP_PROTOCOL": group_protocol,
    }
    test = Running("soak", command("headwater-client", "soak::nothing_is_lost"), folder, at, REPOSITORY)
    until = time.monotonic() + seconds
    turns = [(node, how) for node in (1, 2, 3) for how in (three.kill_node, three.end_node)]
    moments.shuffle(turns)
    while time.monotonic() < until - 15 and test.is_alive():
        time.sleep(moments.uniform(1, 5))
        node, how = turns.pop() if turns else (moments.choice([1, 2, 3]), three.kill_node)
        how(node)
        time.sleep(moments.uniform(0, 6))
        three.start_node(node)
        three.wait_until_ready()
    code = test.wait(240)
    assert code == 0, test.last_words(60)
    assert_ran(test.output())


def test_the_log_is_read_by_kafkas_own_dump() -> None:
    at = {"HEADWATER_KAFKA_LIBS": str(KAFKA_LIBS)}
    assert_ran(run(command("headwater-log", "kafkas_own_tool"), env=at, timeout_s=180, cwd=REPOSITORY).stdout)
