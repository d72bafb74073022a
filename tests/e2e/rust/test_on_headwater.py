"""Rust tests that need a broker in a process of its own: our client over ours, which is killed under it."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import shared_folder
from support.headwater import SHORT_SESSIONS, HeadwaterBroker
from support.paths import REPOSITORY
from support.processes import Running, run
from support.rust import ON_ANY_CLUSTER, assert_ran, build, command

pytestmark = pytest.mark.headwater


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    build("headwater-client")


@pytest.fixture(scope="module")
def broker(request: pytest.FixtureRequest) -> Iterator[HeadwaterBroker]:
    with shared_folder(request, "broker") as folder:
        broker = HeadwaterBroker(folder, options=SHORT_SESSIONS).start()
        try:
            yield broker
        finally:
            broker.stop()


@pytest.mark.parametrize("which", ON_ANY_CLUSTER)
def test_the_client(broker: HeadwaterBroker, which: str) -> None:
    at = {"HEADWATER_TEST_BOOTSTRAP": broker.bootstrap}
    tests = ON_ANY_CLUSTER[which]
    done = run(command("headwater-client", *tests), env=at, timeout_s=300, cwd=REPOSITORY)
    assert_ran(done.stdout, len(tests))


def test_transactions_while_the_broker_dies(broker: HeadwaterBroker, folder: Path, moments: random.Random) -> None:
    at = {"HEADWATER_TEST_BOOTSTRAP": broker.bootstrap, "HEADWATER_TEST_SECONDS": "10"}
    test = "transactions::a_transaction_is_whole"
    running = Running("transactions", command("headwater-client", test), folder, at, REPOSITORY)
    for _ in range(4):
        time.sleep(moments.uniform(0.5, 2))
        broker.kill()
        broker.restart()
    code = running.wait(180)
    assert code == 0, running.last_words(60)
    assert_ran(running.output())
