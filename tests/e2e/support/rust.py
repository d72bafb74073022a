"""Rust tests that are ignored where no cluster is named."""

from __future__ import annotations

import re

from .paths import REPOSITORY
from .processes import run

# Of our client, in `crates/client/tests/it/transactions.rs`; each with both versions.
TRANSACTIONS = ("what_is_committed", "reading_committed", "what_is_read", "the_newer_of_two", "a_transaction_that_failed")

# Groups whose coordinator divides the partitions, in `crates/client/tests/it/consumer/coordinated.rs` and beside the
# transactions.
COORDINATED = (
    "consumer::coordinated::a_group_of_three",
    "consumer::coordinated::a_static_member",
    "consumer::coordinated::a_pattern",
    "consumer::coordinated::what_the_coordinator_cannot",
    "transactions::members_whose_coordinator",
)

# Classic groups whose members keep what they can while they rebalance, in `crates/client/tests/it/consumer/cooperative.rs`.
COOPERATIVE = (
    "consumer::cooperative::on_a_cluster::members_come_and_go",
    "consumer::cooperative::on_a_cluster::a_rebalance_waits",
    "consumer::cooperative::on_a_cluster::a_static_member",
    "consumer::cooperative::on_a_cluster::two_rolling_restarts",
)


def build(*packages: str) -> None:
    """The tests are built before a broker waits for them."""
    for package in packages:
        run(["cargo", "test", "--package", package, "--test", "it", "--no-run"], timeout_s=900, cwd=REPOSITORY)


def command(package: str, test: str) -> list[str]:
    return ["cargo", "test", "--package", package, "--test", "it", test, "--", "--ignored", "--nocapture"]


def assert_ran(output: str) -> None:
    """A filter that matches nothing passes too."""
    passed = sum(int(number) for number in re.findall(r"^test result: ok\. (\d+) passed", output, re.MULTILINE))
    assert passed > 0, f"no such test:\n{output[-2000:]}"
