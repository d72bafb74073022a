"""Rust tests that need a broker in a process of its own: our client's transactions over ours, SIGKILLed under them."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import shared_folder
from support.headwater import HeadwaterBroker
from support.paths import REPOSITORY
from support.processes import Running, run
from support.rust import TRANSACTIONS, assert_ran, build, command

pytestmark = pytest.mark.headwater


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    build("headwater-client")


@pytest.fixture(scope="module")
def broker(request: pytest.FixtureRequest) -> Iterator[HeadwaterBroker]:
    with shared_folder(request, "transactions") as folder:
        broker = HeadwaterBroker(folder).start()
        try:
            yield broker
        finally:
            broker.stop()


@pytest.mark.parametrize("test", TRANSACTIONS)
def test_transactions(broker: HeadwaterBroker, test: str) -> None:
    at = {"HEADWATER_TEST_BOOTSTRAP": broker.bootstrap}
    assert_ran(run(command("headwater-client", f"transactions::{test}"), env=at, timeout_s=120, cwd=REPOSITORY).stdout)


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
