"""SIGKILL in the middle, at moments drawn from a printed seed: the board comes out the same, and nothing twice."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Cluster, kafka_cluster
from support.flights import (
    YEAR_FLIGHTS,
    assert_board,
    assert_feed,
    january,
    let_run,
    oracle_of,
    progress,
    run_demo,
    start_demo,
)
from support.headwater import HeadwaterBroker
from support.oracle import Oracle
from support.processes import Running, wait_for


def kill_while_publishing(demo: Running, moments: random.Random) -> None:
    """Somewhere within the feed's work on the year, the very start included."""
    flights = moments.uniform(0, 0.8) * YEAR_FLIGHTS
    wait_for("the feed", lambda: not demo.is_alive() or progress(demo).published >= flights, 120, every_s=0.01)
    let_run(demo, moments.uniform(0, 0.5))
    demo.kill()


def until_counting(demo: Running, logs: Path, moments: random.Random, longest_s: float = 0.6) -> bool:
    """Returns somewhere within the microservice's work: soon after its topic, whose log is in `logs`, has grown."""
    before = board_bytes(logs)
    wait_for("the service", lambda: not demo.is_alive() or board_bytes(logs) > before, 180, every_s=0.005)
    return let_run(demo, moments.uniform(0, longest_s))


def kill_while_counting(start: Callable[[], Running], logs: Path, moments: random.Random) -> None:
    """One that was done too soon is killed while it counts all of it again for its stores, with nothing new to tell."""
    demo = start()
    was_counting = until_counting(demo, logs, moments, longest_s=0.1)
    demo.kill()
    for _ in range(4):
        if was_counting:
            return
        demo = start()
        was_counting = let_run(demo, moments.uniform(0.1, 0.6))
        demo.kill()
    raise AssertionError("the service was done four times before it could be killed in the middle")


def board_bytes(logs: Path) -> int:
    """How large the logs of the topic `delay-board` are, anywhere below the folder."""
    return sum(size(segment) for segment in logs.rglob("delay-board-*/*.log"))


def size(segment: Path) -> int:
    """Of a file that may be compacted away meanwhile."""
    try:
        return segment.stat().st_size
    except FileNotFoundError:
        return 0


def assert_outcome(bootstrap: str, oracle: Oracle) -> None:
    assert_feed(bootstrap, oracle)
    assert_board(bootstrap, oracle)


def assert_outcome_of_folder(folder: Path, data_dir: Path, oracle: Oracle) -> None:
    broker = HeadwaterBroker(folder, data_dir).start()
    try:
        assert_outcome(broker.bootstrap, oracle)
    finally:
        broker.stop()


def january_s(folder: Path) -> float:
    """How long January takes undisturbed, here and now, in seconds."""
    started = time.monotonic()
    run_demo(folder / "undisturbed")
    return time.monotonic() - started


@pytest.mark.headwater
def test_january_in_one_process_killed_at_any_time(folder: Path, moments: random.Random) -> None:
    """Service and broker die together, again and again: while opening, creating, publishing, counting."""
    options = ("--data-dir", folder / "data")
    whole_s = january_s(folder)
    for _ in range(6):
        demo = start_demo("demo", folder, *options)
        let_run(demo, moments.uniform(0.02, 0.95) * whole_s)
        demo.kill()
    run_demo(folder / "last", *options)
    assert_outcome_of_folder(folder, folder / "data", january())


@pytest.mark.headwater
def test_the_year_in_one_process(folder: Path, moments: random.Random, year: Path) -> None:
    options = ("--data", year, "--data-dir", folder / "data")
    kill_while_publishing(start_demo("demo", folder, *options), moments)
    kill_while_counting(lambda: start_demo("demo", folder, *options), folder, moments)
    run_demo(folder / "last", *options, timeout_s=300)
    assert_outcome_of_folder(folder, folder / "data", oracle_of(year))


def test_the_service_alone(own_cluster: Cluster, folder: Path, moments: random.Random, year: Path) -> None:
    """The broker stays: the next service meets topics half filled, a dead member and its committed offsets."""
    options = ("--data", year, "--bootstrap", own_cluster.bootstrap)
    kill_while_publishing(start_demo("demo", folder, *options), moments)
    kill_while_counting(lambda: start_demo("demo", folder, *options), folder, moments)
    run_demo(folder / "last", *options, timeout_s=300)
    assert_outcome(own_cluster.bootstrap, oracle_of(year))


@pytest.mark.headwater
def test_the_broker_alone(folder: Path, moments: random.Random, year: Path) -> None:
    """The service rides it out: it goes on by itself once the broker is back on its port."""
    broker = HeadwaterBroker(folder).start()
    try:
        demo = start_demo("demo", folder, "--data", year, "--bootstrap", broker.bootstrap)
        for _ in range(3):
            assert until_counting(demo, folder, moments), "the demo was done before its broker was killed"
            broker.kill()
            time.sleep(moments.uniform(0, 1))
            broker.restart()
        code = demo.wait(300)
        assert code == 0, f"the service did not survive its broker's death:\n{demo.last_words()}"
        assert_outcome(broker.bootstrap, oracle_of(year))
    finally:
        broker.stop()


@pytest.mark.headwater
def test_broker_and_service_by_turns(folder: Path, moments: random.Random) -> None:
    whole_s = january_s(folder)
    broker = HeadwaterBroker(folder).start()
    try:
        options = ("--bootstrap", broker.bootstrap)
        for _ in range(5):
            demo = start_demo("demo", folder, *options)
            let_run(demo, moments.uniform(0.02, 0.95) * whole_s)
            first, second = moments.sample([demo.kill, broker.kill], 2)
            first()
            time.sleep(moments.uniform(0, 0.2))
            second()
            broker.restart()
        run_demo(folder / "last", *options)
        assert_outcome(broker.bootstrap, january())
    finally:
        broker.stop()


@pytest.mark.kafka
def test_a_broker_of_three_on_apache_kafka(folder: Path, moments: random.Random, year: Path) -> None:
    """Three replicas, one broker killed in the middle and started again: our client finds the new leaders."""
    cluster = kafka_cluster(folder / "cluster", nodes=3).start()
    try:
        demo = start_demo("demo", folder, "--data", year, "--bootstrap", cluster.bootstrap)
        assert until_counting(demo, folder, moments), "the demo was done before a broker was killed"
        node = moments.choice([1, 2, 3])
        cluster.kill_node(node)
        let_run(demo, moments.uniform(4, 8))
        cluster.start_node(node)
        code = demo.wait(300)
        assert code == 0, f"the service did not survive a broker's death:\n{demo.last_words()}"
        assert_outcome(cluster.bootstrap, oracle_of(year))
    finally:
        cluster.stop()
