"""The judge: looks at what the broker has, and compares it with what the load has noted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from ..processes import wait_for
from . import checks
from .checks import Atomic, Copied, Dense, Newest
from .copier import GROUP as COPIER
from .loads import LATEST, LATEST_PARTITIONS, PLAIN_PARTITIONS, Loads, key_of
from .pairs import PARTITIONS as PAIR_PARTITIONS
from .pairs import TOPICS as PAIR_TOPICS
from .pairs import Transaction
from .reader import At, Look, Reader, committed_offsets, consumer, stable_offsets

_NAMED = 8
_PLAIN = [("plain", partition) for partition in range(PLAIN_PARTITIONS)]
_COPIED = [("copied", partition) for partition in range(PLAIN_PARTITIONS)]
_PAIRS: list[At] = [(topic, partition) for topic in PAIR_TOPICS for partition in range(PAIR_PARTITIONS)]
_LATEST = [(LATEST, partition) for partition in range(LATEST_PARTITIONS)]


class Judge:
    """Looks again and again, each time at what is new; a new judge begins with the first records."""

    def __init__(self, bootstrap: str, loads: Loads) -> None:
        self._bootstrap = bootstrap
        self._loads = loads
        self._consumer = consumer(bootstrap)
        self._reader = Reader(self._consumer, [*_PLAIN, *_COPIED, *_PAIRS])
        self._groups = {group: consumer(bootstrap, group=group) for group in loads.groups}
        self._plain = Dense("plain", PLAIN_PARTITIONS)
        self._copied = Copied("copied", PLAIN_PARTITIONS)
        self._pairs = [Atomic(pairs.name) for pairs in loads.pairs]
        self._newest = Newest(LATEST)
        # Transactions that have not ended, or are not all below the last stable offsets, by who writes them.
        self._open: list[dict[int, Transaction]] = [{} for _ in loads.pairs]
        self._known = [0 for _ in loads.pairs]

    def look(self) -> None:
        """While the load goes on."""
        _fail_if_any(self._differences(is_over=False))

    def look_at_the_end(self) -> None:
        """After the load has ended in order: no transaction is open, and offsets are exact."""
        self._wait_for_transactions_to_end()
        _fail_if_any(self._differences(is_over=True))

    def _wait_for_transactions_to_end(self) -> None:
        uncommitted = consumer(self._bootstrap, "read_uncommitted")
        partitions = [*_COPIED, *_PAIRS]
        seen: dict[str, dict[At, int]] = {}

        def have_ended() -> bool:
            seen["stable"] = stable_offsets(self._consumer, partitions)
            seen["ends"] = stable_offsets(uncommitted, partitions)
            return seen["stable"] == seen["ends"]

        try:
            wait_for("all transactions to end", have_ended, 30)
        except AssertionError as error:
            raise AssertionError(f"{error}: {seen}") from None

    def _differences(self, is_over: bool) -> Iterator[str]:
        acknowledged = list(self._loads.plain.acknowledged)
        ended = [self._ended(index) for index in range(len(self._pairs))]
        look = self._reader.look()
        for topic, partition in _PLAIN:
            yield from self._plain.see(partition, look.records[topic, partition])
        yield from self._plain.confirm(acknowledged)
        for topic, partition in _COPIED:
            yield from self._copied.see(partition, look.records[topic, partition])
        if is_over:
            found = committed_offsets(self._groups[COPIER], _PLAIN)
            yield from self._copied.confirm({partition: found[topic, partition] for topic, partition in _PLAIN})
        for index, transactions in enumerate(ended):
            yield from self._differences_of_pairs(index, transactions, look, is_over)
        yield from self._differences_of_latest()
        yield from self._differences_of_groups()

    def _ended(self, index: int) -> list[Transaction]:
        """Those that have ended by now and were not confirmed to be where they should be."""
        transactions = self._loads.pairs[index].transactions
        fresh = transactions[self._known[index] :]
        self._known[index] += len(fresh)
        self._open[index] |= {transaction.number: transaction for transaction in fresh}
        return [transaction for transaction in self._open[index].values() if transaction.outcome is not None]

    def _differences_of_pairs(
        self, index: int, transactions: list[Transaction], look: Look, is_over: bool
    ) -> Iterator[str]:
        check = self._pairs[index]
        for at in _PAIRS:
            yield from check.see(at, look.records[at])
        yield from check.confirm(transactions, None if is_over else look.ends)
        for transaction in transactions:
            if _is_below(transaction, look.ends):
                del self._open[index][transaction.number]

    def _differences_of_groups(self) -> Iterator[str]:
        for name, asker in self._groups.items():
            group = self._loads.groups[name]
            told = dict(group.committed)
            found = committed_offsets(asker, _PLAIN)
            reached = dict(group.reached)
            offsets = {partition: found[topic, partition] for topic, partition in _PLAIN}
            yield from checks.committed_offsets(name, told, reached, offsets)

    def _differences_of_latest(self) -> Iterator[str]:
        noted = {key_of(one.number): one.number for one in list(self._loads.latest.acknowledged)}
        records = Reader(self._consumer, _LATEST).look().records
        yield from self._newest.see(records, noted, self._loads.latest.sent)


def _is_below(transaction: Transaction, ends: dict[At, int]) -> bool:
    """Whether all of it is where nothing changes any more."""
    offsets = transaction.offsets
    return all(
        written.value in offsets and offsets[written.value] < ends[written.topic, written.partition]
        for written in transaction.written
    )


def _fail_if_any(differences: Iterable[str]) -> None:
    found = list(differences)
    if found:
        listed = "\n".join(islice(found, _NAMED))
        raise AssertionError(f"{len(found)} differences, such as\n{listed}")
