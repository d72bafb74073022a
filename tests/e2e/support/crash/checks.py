"""The invariants, one class for each topic or pair: records as they are seen, against what was noted.

Each tells what differs in words. Does not know: brokers, clients, deaths.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from .numbers import Acknowledged
from .pairs import Transaction
from .reader import At, Seen
from .transactor import Outcome


class Dense:
    """Number n of a topic of P partitions is at offset n // P of partition n % P: all are there, once and in order."""

    def __init__(self, topic: str, partitions: int) -> None:
        self._topic = topic
        self._partitions = partitions
        self.counts = [0] * partitions
        self._confirmed = 0

    def see(self, partition: int, records: Iterable[Seen]) -> Iterator[str]:
        for seen in records:
            index = self.counts[partition]
            expected = (index, str(partition + index * self._partitions))
            if (seen.offset, seen.value) != expected:
                yield f"{self._topic}-{partition}: (offset, number) is {(seen.offset, seen.value)}, not {expected}"
            self.counts[partition] += 1

    def confirm(self, acknowledged: Sequence[Acknowledged]) -> Iterator[str]:
        """All that was acknowledged before the look; what was confirmed before is not looked at again."""
        for one in acknowledged[self._confirmed :]:
            if one.offset != one.number // self._partitions:
                yield f"{self._topic}-{one.partition}: {one.number} was acknowledged at offset {one.offset}"
            if one.offset >= self.counts[one.partition]:
                count = self.counts[one.partition]
                yield f"{self._topic}-{one.partition}: {one} is lost: there are {count} records"
        self._confirmed = len(acknowledged)


class Copied:
    """The numbers of a dense topic in the same partitions and order, without gap or repetition."""

    def __init__(self, topic: str, partitions: int) -> None:
        self._topic = topic
        self._partitions = partitions
        self.counts = [0] * partitions

    def see(self, partition: int, records: Iterable[Seen]) -> Iterator[str]:
        for seen in records:
            expected = str(partition + self.counts[partition] * self._partitions)
            if seen.value != expected:
                yield f"{self._topic}-{partition}: offset {seen.offset} has {seen.value}, not {expected}"
            self.counts[partition] += 1

    def confirm(self, committed: dict[int, int]) -> Iterator[str]:
        """After the copier has ended; the source is dense, so that its offsets count its records."""
        for partition, count in enumerate(self.counts):
            offset = max(committed.get(partition, 0), 0)
            if count != offset:
                yield f"{self._topic}-{partition}: {count} records were copied, the committed offset is {offset}"


def committed_offsets(
    group: str, told: dict[int, int], reached: dict[int, int], found: dict[int, int]
) -> Iterator[str]:
    """A group's, by partition: not behind what it was told, not ahead of what it has reached."""
    for partition, offset in found.items():
        oldest, newest = told.get(partition, 0), reached.get(partition, 0)
        # There is none as long as the group has committed none.
        if not oldest <= max(offset, 0) <= newest:
            yield f"{group}: partition {partition}: {oldest} was committed, {newest} reached; the broker has {offset}"


class Atomic:
    """Transactions of one transactional id: wholly there or not at all, in order, once."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._last: dict[At, tuple[int, int]] = {}
        # The partition and offset of each value, by number of the transaction.
        self._seen: dict[int, dict[str, tuple[At, int]]] = {}

    def see(self, at: At, records: Iterable[Seen]) -> Iterator[str]:
        for seen in records:
            name, number, index = seen.value.split()
            if name != self._name:
                continue
            order = (int(number), int(index))
            last = self._last.get(at, (-1, -1))
            if order <= last:
                yield f"{at}: offset {seen.offset} has {seen.value} after {last}"
            self._last[at] = order
            self._seen.setdefault(order[0], {})[seen.value] = (at, seen.offset)

    def confirm(self, transactions: Iterable[Transaction], ends: dict[At, int] | None) -> Iterator[str]:
        """Those that had ended before the look, up to `ends`; none: everywhere."""
        for transaction in transactions:
            seen = self._seen.get(transaction.number, {})
            if transaction.outcome is Outcome.ABORTED and seen:
                yield f"{self._name}: an aborted transaction is visible: {transaction}, seen {seen}"
            is_whole = transaction.outcome is Outcome.COMMITTED or (bool(seen) and ends is None)
            yield from self._confirm_records(transaction, seen, is_whole, ends)

    def _confirm_records(
        self, transaction: Transaction, seen: dict[str, tuple[At, int]], is_whole: bool, ends: dict[At, int] | None
    ) -> Iterator[str]:
        for written in transaction.written:
            at = (written.topic, written.partition)
            noted = transaction.offsets.get(written.value)
            found = seen.get(written.value)
            is_due = ends is None or (noted is not None and noted < ends[at])
            if found is None and is_whole and is_due:
                yield f"{self._name}: {written} is missing of {transaction}"
            if found is not None and found != (at, found[1] if noted is None else noted):
                yield f"{self._name}: {written} was acknowledged at {noted} and is at {found}"


class Newest:
    """Numbers that only grow for each key, the newest acknowledged one or one after it in the end."""

    def __init__(self, topic: str) -> None:
        self._topic = topic

    def see(self, partitions: dict[At, list[Seen]], acknowledged: dict[str, int], sent: int) -> Iterator[str]:
        """The whole topic, compacted or not."""
        newest: dict[str, int] = {}
        for at, records in partitions.items():
            for seen in records:
                key, number = seen.key or "", int(seen.value)
                if number <= newest.get(key, -1):
                    yield f"{at}: offset {seen.offset} has {key}={number} after {newest[key]}"
                newest[key] = number
        for key, number in newest.items():
            if number >= sent:
                yield f"{self._topic}: {key}={number} was never sent: there were {sent}"
        for key, number in acknowledged.items():
            if newest.get(key, -1) < number:
                yield f"{self._topic}: {key}={number} was acknowledged, and the newest is {newest.get(key)}"
