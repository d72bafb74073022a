"""The judge of the crash tests notices what it is there for: each kind of damage to what would be right."""

from __future__ import annotations

import pytest
from support.crash.checks import Atomic, Copied, Dense, Newest, committed_offsets
from support.crash.numbers import Acknowledged
from support.crash.pairs import Transaction, Written
from support.crash.reader import Seen
from support.crash.transactor import Outcome


def seen(*records: tuple[int, str]) -> list[Seen]:
    return [Seen(offset, None, value) for offset, value in records]


@pytest.mark.parametrize(
    ("records", "is_right"),
    [
        (seen((0, "1"), (1, "3")), True),
        (seen((0, "1")), False),
        (seen((0, "1"), (1, "1"), (2, "3")), False),
        (seen((0, "3"), (1, "1")), False),
        (seen((0, "1"), (2, "3")), False),
    ],
    ids=["right", "lost", "doubled", "in another order", "elsewhere"],
)
def test_acknowledged_numbers(records: list[Seen], is_right: bool) -> None:
    check = Dense("plain", 2)
    differences = [*check.see(1, records), *check.confirm([Acknowledged(1, 1, 0), Acknowledged(3, 1, 1)])]
    assert (not differences) == is_right, differences


@pytest.mark.parametrize(
    ("records", "committed", "is_right"),
    [
        (seen((0, "0"), (2, "2")), 2, True),
        (seen((0, "0"), (2, "2")), 1, False),
        (seen((0, "0"), (2, "2")), 3, False),
        (seen((0, "0"), (2, "0"), (4, "2")), 3, False),
        (seen((0, "0"), (2, "4")), 2, False),
    ],
    ids=["right", "offset behind", "offset ahead", "copied twice", "skipped"],
)
def test_copied_numbers(records: list[Seen], committed: int, is_right: bool) -> None:
    check = Copied("copied", 2)
    differences = [*check.see(0, records), *check.confirm({0: committed})]
    assert (not differences) == is_right, differences


@pytest.mark.parametrize(
    ("offset", "is_right"), [(5, True), (6, True), (7, True), (4, False), (8, False), (-1001, False)]
)
def test_offsets_of_groups(offset: int, is_right: bool) -> None:
    differences = list(committed_offsets("group", {0: 5}, {0: 7}, {0: offset}))
    assert (not differences) == is_right, differences


def transaction(outcome: Outcome) -> Transaction:
    written = [Written("a", 0, "p 0 0"), Written("b", 0, "p 0 1")]
    return Transaction(0, written, {"p 0 0": 0, "p 0 1": 4}, outcome)


WHOLE = {("a", 0): seen((0, "p 0 0")), ("b", 0): seen((4, "p 0 1"))}
HALF = {("a", 0): seen((0, "p 0 0"))}
MOVED = {("a", 0): seen((1, "p 0 0")), ("b", 0): seen((4, "p 0 1"))}
TWICE = {("a", 0): seen((0, "p 0 0"), (1, "p 0 0")), ("b", 0): seen((4, "p 0 1"))}


@pytest.mark.parametrize(
    ("outcome", "records", "is_right"),
    [
        (Outcome.COMMITTED, WHOLE, True),
        (Outcome.COMMITTED, HALF, False),
        (Outcome.COMMITTED, {}, False),
        (Outcome.COMMITTED, MOVED, False),
        (Outcome.COMMITTED, TWICE, False),
        (Outcome.ABORTED, {}, True),
        (Outcome.ABORTED, WHOLE, False),
        (Outcome.ABORTED, HALF, False),
        (Outcome.UNKNOWN, {}, True),
        (Outcome.UNKNOWN, WHOLE, True),
        (Outcome.UNKNOWN, HALF, False),
    ],
)
def test_transactions(outcome: Outcome, records: dict[tuple[str, int], list[Seen]], is_right: bool) -> None:
    check = Atomic("p")
    differences = [difference for at in records for difference in check.see(at, records[at])]
    differences += check.confirm([transaction(outcome)], None)
    assert (not differences) == is_right, differences


def test_a_transaction_is_due_only_below_the_last_stable_offsets() -> None:
    check = Atomic("p")
    assert not list(check.see(("a", 0), HALF["a", 0]))
    committed = [transaction(Outcome.COMMITTED)]
    assert not list(check.confirm(committed, {("a", 0): 1, ("b", 0): 4}))
    assert list(check.confirm(committed, {("a", 0): 1, ("b", 0): 5}))


@pytest.mark.parametrize(
    ("numbers", "is_right"),
    [([1, 5], True), ([5], True), ([7], True), ([1], False), ([], False), ([5, 1], False), ([5, 9], False)],
)
def test_newest_values(numbers: list[int], is_right: bool) -> None:
    records = {("latest", 0): [Seen(offset, "k", str(number)) for offset, number in enumerate(numbers)]}
    differences = list(Newest("latest").see(records, {"k": 5}, sent=8))
    assert (not differences) == is_right, differences
