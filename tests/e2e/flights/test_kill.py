"""SIGKILL in the middle, at moments drawn from a printed seed: the board comes out the same, and nothing twice."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from conftest import Cluster, kafka_cluster
from support.flights import assert_board, assert_feed, january, january_csv, oracle_of, run_demo, start_demo
from support.headwater import HeadwaterBroker
from support.oracle import Oracle
from support.processes import Running

# How much of an undisturbed run a process is given before it is killed.
EARLIEST, LATEST = 0.05, 0.95


@pytest.fixture(params=["january", "year"])
def data(request: pytest.FixtureRequest) -> Path:
    return january_csv() if request.param == "january" else request.getfixturevalue("year")


def timed_run(folder: Path, data: Path, *options: str | Path) -> float:
    """How long an undisturbed run takes here and now, in seconds."""
    started = time.monotonic()
    run_demo(folder / "undisturbed", "--data", data, *options, timeout_s=400)
    return time.monotonic() - started


def let_run(process: Running, seconds: float) -> bool:
    """Whether the process still ran when its time was over."""
    deadline = time.monotonic() + seconds
    while process.is_alive() and time.monotonic() < deadline:
        time.sleep(0.005)
    return process.is_alive()


def finish(folder: Path, *options: str | Path) -> None:
    run_demo(folder / "last", *options, timeout_s=400)


def assert_outcome(bootstrap: str, oracle: Oracle) -> None:
    assert_feed(bootstrap, oracle)
    assert_board(bootstrap, oracle)


@pytest.mark.headwater
def test_service_and_broker_in_one_process(folder: Path, data: Path, moments: random.Random) -> None:
    whole_s = timed_run(folder, data)
    broker_data = folder / "data"
    options = ("--data", data, "--data-dir", broker_data)
    killed = 0
    for _ in range(6):
        demo = start_demo("demo", folder, *options)
        # Each attempt repeats what the one before it got through, so the moments spread over the whole of it.
        if let_run(demo, moments.uniform(EARLIEST, LATEST) * whole_s):
            killed += 1
        demo.kill()
    assert killed >= 2, "the demo was too fast to be killed in the middle"
    finish(folder, *options)
    broker = HeadwaterBroker(folder, broker_data).start()
    try:
        assert_outcome(broker.bootstrap, oracle_of(data))
    finally:
        broker.stop()


def test_the_service_alone(own_cluster: Cluster, folder: Path, moments: random.Random, year: Path) -> None:
    """The broker stays: the next service meets topics half filled and committed offsets of a dead one."""
    whole_s = timed_run(folder, year)
    options = ("--data", year, "--bootstrap", own_cluster.bootstrap)
    for _ in range(4):
        demo = start_demo("demo", folder, *options)
        let_run(demo, moments.uniform(EARLIEST, LATEST) * whole_s)
        demo.kill()
    finish(folder, *options)
    assert_outcome(own_cluster.bootstrap, oracle_of(year))


@pytest.mark.headwater
def test_the_broker_alone(folder: Path, moments: random.Random, year: Path) -> None:
    """The service rides it out: it goes on by itself once the broker is back on its port."""
    whole_s = timed_run(folder, year)
    broker = HeadwaterBroker(folder).start()
    try:
        demo = start_demo("demo", folder, "--data", year, "--bootstrap", broker.bootstrap)
        for _ in range(3):
            if not let_run(demo, moments.uniform(0.1, 0.5) * whole_s):
                break
            broker.kill()
            time.sleep(moments.uniform(0, 1))
            broker.restart()
        code = demo.wait(400)
        assert code == 0, f"the service did not survive its broker's death:\n{demo.last_words()}"
        assert_outcome(broker.bootstrap, oracle_of(year))
    finally:
        broker.stop()


@pytest.mark.headwater
def test_broker_and_service_by_turns(folder: Path, moments: random.Random) -> None:
    whole_s = timed_run(folder, january_csv())
    broker = HeadwaterBroker(folder).start()
    try:
        options = ("--data", january_csv(), "--bootstrap", broker.bootstrap)
        for _ in range(5):
            demo = start_demo("demo", folder, *options)
            let_run(demo, moments.uniform(EARLIEST, LATEST) * whole_s)
            first, second = moments.sample([demo.kill, broker.kill], 2)
            first()
            time.sleep(moments.uniform(0, 0.2))
            second()
            broker.restart()
        finish(folder, *options)
        assert_outcome(broker.bootstrap, january())
    finally:
        broker.stop()


@pytest.mark.kafka
def test_a_broker_of_three_on_apache_kafka(folder: Path, moments: random.Random, year: Path) -> None:
    """Three replicas, one broker killed in the middle and started again: our client finds the new leaders."""
    cluster = kafka_cluster(folder / "cluster", nodes=3).start()
    try:
        demo = start_demo("demo", folder, "--data", year, "--bootstrap", cluster.bootstrap)
        for node in moments.sample([1, 2, 3], 2):
            if not let_run(demo, moments.uniform(2, 5)):
                break
            cluster.kill_node(node)
            let_run(demo, moments.uniform(4, 8))
            cluster.start_node(node)
            cluster.wait_until_ready()
        code = demo.wait(400)
        assert code == 0, f"the service did not survive a broker's death:\n{demo.last_words()}"
        assert_outcome(cluster.bootstrap, oracle_of(year))
    finally:
        cluster.stop()
