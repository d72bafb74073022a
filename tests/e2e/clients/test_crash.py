"""The real binary is SIGKILLed at random points under load from librdkafka; nothing it said was so is otherwise after.

Moments and load come from a printed seed. `HEADWATER_TEST_KILLS` is how many rounds a run has.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest
from conftest import Cluster
from support.crash.judge import Judge
from support.crash.loads import Loads, create_topics
from support.headwater import HeadwaterBroker

KILLS = int(os.environ.get("HEADWATER_TEST_KILLS", "25"))
# Of the rounds, those in which it is killed again as it comes up.
TWICE = 0.3


def test_the_load_undisturbed(own_cluster: Cluster, moments: random.Random) -> None:
    """What the tests below expect is so on any broker that does not die."""
    create_topics(own_cluster.bootstrap)
    loads = Loads(own_cluster.bootstrap, moments).start()
    try:
        judge = Judge(own_cluster.bootstrap, loads)
        for _ in range(3):
            time.sleep(1)
            loads.ensure_well()
            judge.look()
        assert_kept(own_cluster.bootstrap, loads, judge)
    finally:
        loads.tell_to_end()


@pytest.mark.headwater
def test_nothing_is_lost_doubled_or_half_done_by_deaths(folder: Path, moments: random.Random) -> None:
    durability = moments.choice(["fsync", "os"])
    print(f"durability {durability}")
    options = ("--durability", durability, "--group-setting", "group.consumer.heartbeat.interval.ms=100")
    broker = HeadwaterBroker(folder, options=options).start()
    create_topics(broker.bootstrap)
    loads = Loads(broker.bootstrap, moments).start()
    try:
        judge = Judge(broker.bootstrap, loads)
        for number in range(KILLS):
            time.sleep(moments.uniform(0.2, 0.8))
            started = time.monotonic()
            die(broker, moments)
            broker.restart()
            restarted = time.monotonic()
            judge.look()
            loads.ensure_well()
            took = f"restart {restarted - started:.2f} s, look {time.monotonic() - restarted:.2f} s"
            print(f"round {number + 1} of {KILLS}: {took}; {loads.done()}")
        assert_kept(broker.bootstrap, loads, judge)
        broker.stop()
    finally:
        loads.tell_to_end()
        # Not in order: what it has on disk is the evidence.
        broker.kill()


def die(broker: HeadwaterBroker, moments: random.Random) -> None:
    broker.kill()
    if moments.random() < TWICE:
        broker.launch()
        time.sleep(moments.uniform(0, 0.08))
        broker.kill()


def assert_kept(bootstrap: str, loads: Loads, judge: Judge) -> None:
    """The load ends in order; then everything is looked at, by a judge who saw nothing before too."""
    loads.end()
    print(loads.summary())
    judge.look_at_the_end()
    Judge(bootstrap, loads).look_at_the_end()
    loads.ensure_busy()
