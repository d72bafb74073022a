"""Rust tests that are ignored where no cluster is named."""

from __future__ import annotations

import re

from .paths import REPOSITORY
from .processes import run

# Of our client, in `crates/client/tests/it/transactions.rs`, with both versions.
TRANSACTIONS = (
    "transactions::what_is_committed",
    "transactions::reading_committed",
    "transactions::what_is_read",
    "transactions::the_newer_of_two",
    "transactions::a_transaction_that_failed",
    "transactions::members_whose_coordinator",
)
# In `consumer/coordinated.rs`: groups whose coordinator divides the partitions.
COORDINATED = (
    "consumer::coordinated::a_group_of_three",
    "consumer::coordinated::a_static_member",
    "consumer::coordinated::a_pattern",
    "consumer::coordinated::what_the_coordinator_cannot",
)
# In `consumer/cooperative.rs`: classic groups whose members keep what they can while they rebalance.
COOPERATIVE = (
    "consumer::cooperative::on_a_cluster::members_come_and_go",
    "consumer::cooperative::on_a_cluster::a_rebalance_waits",
    "consumer::cooperative::on_a_cluster::a_static_member",
    "consumer::cooperative::on_a_cluster::two_rolling_restarts",
)
# In `share.rs`: groups whose members share records.
SHARING = (
    "share::on_a_cluster::members_share",
    "share::on_a_cluster::what_is_released",
    "share::on_a_cluster::closing_tells",
    "share::on_a_cluster::where_a_share_group",
)
# In `streams_group.rs`: groups whose members divide tasks.
STREAMS = (
    "streams_group::on_a_cluster::members_come_and_go",
    "streams_group::on_a_cluster::a_member_is_told",
    "streams_group::on_a_cluster::who_does_not_poll",
)
# Of the cooperative ones, one that sits still for just longer than it may: beside others it would not be told from one that is held up.
BY_ITSELF = ("consumer::cooperative::on_a_cluster::who_does_not_poll",)
ON_ANY_CLUSTER = {
    "transactions": TRANSACTIONS,
    "coordinated": COORDINATED,
    "cooperative": COOPERATIVE,
    "sharing": SHARING,
    "streams": STREAMS,
    "by itself": BY_ITSELF,
}


def build(*packages: str) -> None:
    """The tests are built before a broker waits for them."""
    for package in packages:
        run(["cargo", "test", "--package", package, "--test", "it", "--no-run"], timeout_s=900, cwd=REPOSITORY)


def command(package: str, *tests: str) -> list[str]:
    """All the tests side by side: they wait for a cluster more than they work."""
    words = ["cargo", "test", "--package", package, "--test", "it", "--"]
    return [*words, *tests, "--ignored", "--nocapture", f"--test-threads={len(tests)}"]


def assert_ran(output: str, tests: int = 1) -> None:
    """A filter that matches nothing passes too."""
    passed = sum(int(number) for number in re.findall(r"^test result: ok\. (\d+) passed", output, re.MULTILINE))
    assert passed >= tests, f"{passed} of {tests} tests ran:\n{output[-2000:]}"
