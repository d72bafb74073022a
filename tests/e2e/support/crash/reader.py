"""What committed readers see: everything new below the last stable offsets as they are now."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicPartition

from .load import CLIENT, PATIENCE_S

At = tuple[str, int]


@dataclass(frozen=True)
class Seen:
    offset: int
    key: str | None
    value: str


@dataclass(frozen=True)
class Look:
    """One look at partitions: what is new in each, and up to where all was read."""

    records: dict[At, list[Seen]]
    ends: dict[At, int]


class Reader:
    """Goes on where it has read to, in every partition."""

    def __init__(self, consumer: Consumer, partitions: list[At]) -> None:
        self._consumer = consumer
        self._positions = dict.fromkeys(partitions, 0)

    def look(self) -> Look:
        ends = stable_offsets(self._consumer, list(self._positions))
        behind = {at: end for at, end in ends.items() if end < self._positions[at]}
        assert not behind, f"there was more below the last stable offsets before: {behind} of {self._positions}"
        wanted = {at: position for at, position in self._positions.items() if ends[at] > position}
        records: dict[At, list[Seen]] = {at: [] for at in self._positions}
        self._consumer.assign([TopicPartition(*at, position) for at, position in wanted.items()])
        for at, seen in _read(self._consumer, {at: ends[at] for at in wanted}):
            records[at].append(seen)
        self._consumer.unassign()
        self._positions = {at: max([end, *(seen.offset + 1 for seen in records[at][-1:])]) for at, end in ends.items()}
        return Look(records, dict(self._positions))


def consumer(bootstrap: str, isolation: str = "read_committed", group: str = "judge") -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "isolation.level": isolation,
            "check.crcs": True,
            "fetch.wait.max.ms": 10,
            "fetch.error.backoff.ms": 20,
            **CLIENT,
        }
    )


def stable_offsets(asker: Consumer, partitions: list[At]) -> dict[At, int]:
    """The last stable offsets; the ends, for a consumer that reads uncommitted records."""
    asked = [TopicPartition(*at, OFFSET_END) for at in partitions]
    return _offsets(_answer(asker, lambda: asker.offsets_for_times(asked, 2)))


def committed_offsets(asker: Consumer, partitions: list[At]) -> dict[At, int]:
    """Those of the asker's group; below zero where there is none."""
    asked = [TopicPartition(*at) for at in partitions]
    return _offsets(_answer(asker, lambda: asker.committed(asked, 2)))


def _offsets(answer: list[TopicPartition]) -> dict[At, int]:
    for one in answer:
        assert one.error is None, f"{one.topic}-{one.partition}: {one.error}"
    return {(one.topic, one.partition): one.offset for one in answer}


def _answer(asker: Consumer, ask: Callable[[], list[TopicPartition]]) -> list[TopicPartition]:
    """A client that knew the broker before its death learns of the new leader epochs first."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return ask()
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            asker.list_topics(timeout=PATIENCE_S)


def _read(consumer: Consumer, ends: dict[At, int]) -> Iterator[tuple[At, Seen]]:
    """Until each partition has been read to its end."""
    pending = dict(ends)
    deadline = time.monotonic() + PATIENCE_S
    while pending:
        assert time.monotonic() < deadline, f"not read up to these offsets in {PATIENCE_S:.0f} s: {pending}"
        for message in consumer.consume(5000, 0.03):
            at, offset = _position(message)
            error = message.error()
            if error is None:
                yield at, _seen(message, offset)
                offset += 1
            elif error.code() != KafkaError._PARTITION_EOF:
                raise KafkaException(error)
            if offset >= pending.get(at, offset + 1):
                del pending[at]


def _position(message: Message) -> tuple[At, int]:
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None and partition is not None and offset is not None, f"without a position: {message.error()}"
    return (topic, partition), offset


def _seen(message: Message, offset: int) -> Seen:
    key, value = message.key(), message.value()
    assert value is not None, f"a record without value at {offset} of {message.topic()}"
    return Seen(offset, None if key is None else bytes(key).decode(), value.decode())
