"""A group that copies `plain` to `copied` exactly once, whose instances are thrown away without being closed."""

from __future__ import annotations

import random
import time

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from .load import CLIENT, PATIENCE_S, Load
from .transactor import Outcome, Transactor, error_of, retried

GROUP = "copier"
_BATCH = 200
_WAIT_S = 0.05
_THROWN_AWAY = 0.04


class Copier(Load):
    def __init__(self, bootstrap: str, source: str, target: str, dice: random.Random) -> None:
        super().__init__(GROUP)
        self._bootstrap = bootstrap
        self._source = source
        self._target = target
        self._dice = dice
        # By partition: what follows everything that was sent to be committed, and what was committed.
        self.reached: dict[int, int] = {}
        self.committed: dict[int, int] = {}
        self._outcomes: list[Outcome] = []
        # Thrown away, and held here as what nobody holds is closed.
        self._graves: list[tuple[Consumer, Transactor]] = []

    def work(self) -> None:
        consumer, transactor = self._instance()
        while not self.is_ending:
            messages = _batch(consumer)
            if not messages:
                continue
            self._ensure_committed(consumer)
            is_copied = self._copy(consumer, transactor, messages)
            if is_copied and self._dice.random() >= _THROWN_AWAY:
                self._end(consumer, transactor, messages)
            elif is_copied:
                consumer, transactor = self._throw_away(consumer, transactor)
        consumer.close()

    def done(self) -> int:
        return self._outcomes.count(Outcome.COMMITTED)

    def summary(self) -> str:
        count = {outcome: self._outcomes.count(outcome) for outcome in Outcome}
        outcomes = ", ".join(f"{number} {outcome.value}" for outcome, number in count.items())
        return f"{self.name}: {outcomes}, {len(self._graves)} thrown away"

    def _instance(self) -> tuple[Consumer, Transactor]:
        """A static member: its successor has its partitions at once, and whoever was it before is fenced."""
        transactor = Transactor(self._bootstrap, self.name)
        consumer = Consumer(
            {
                "bootstrap.servers": self._bootstrap,
                "group.id": GROUP,
                "group.instance.id": self.name,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "session.timeout.ms": 10_000,
                "heartbeat.interval.ms": 500,
                "fetch.wait.max.ms": 50,
                "fetch.error.backoff.ms": 20,
                **CLIENT,
            }
        )
        consumer.subscribe([self._source], on_assign=_nothing, on_revoke=_nothing)
        return consumer, transactor

    def _ensure_committed(self, consumer: Consumer) -> None:
        """What it has committed, and nothing of those that were thrown away: nobody else commits in its group."""
        for one in _committed(consumer):
            expected = self.committed.get(one.partition, 0)
            found = max(one.offset, 0)
            assert found == expected, f"partition {one.partition}: {expected} was committed; the broker has {found}"

    def _copy(self, consumer: Consumer, transactor: Transactor, messages: list[Message]) -> bool:
        """Whether everything is written, with the offsets; otherwise the transaction was aborted."""
        producer = transactor.producer
        try:
            producer.begin_transaction()
            for message in messages:
                producer.produce(self._target, value=message.value(), partition=message.partition())
            offsets = after(messages)
            self.reached |= {one.partition: max(one.offset, self.reached.get(one.partition, 0)) for one in offsets}
            retried(
                lambda timeout: producer.send_offsets_to_transaction(
                    offsets, consumer.consumer_group_metadata(), timeout
                )
            )
        except KafkaException:
            transactor.abort()
            self._outcomes.append(Outcome.ABORTED)
            _go_back(consumer)
            return False
        return True

    def _end(self, consumer: Consumer, transactor: Transactor, messages: list[Message]) -> None:
        outcome = transactor.commit()
        self._outcomes.append(outcome)
        if outcome is Outcome.COMMITTED:
            self.committed |= {one.partition: one.offset for one in after(messages)}
        else:
            _go_back(consumer)

    def _throw_away(self, consumer: Consumer, transactor: Transactor) -> tuple[Consumer, Transactor]:
        """In the middle of its transaction, which it cannot commit any more once its successor has begun."""
        self._graves.append((consumer, transactor))
        successor = self._instance()
        try:
            retried(transactor.producer.commit_transaction)
        except KafkaException as exception:
            assert error_of(exception).fatal() or error_of(exception).txn_requires_abort(), exception
            return successor
        raise AssertionError("a transaction was committed by a producer that had a successor")


def _nothing(_consumer: Consumer, _partitions: list[TopicPartition]) -> None:
    """With callbacks, assignments change within `consume` alone, never while a batch is being copied."""


def _batch(consumer: Consumer) -> list[Message]:
    """What there is; errors are those of a dead broker, and are over with it."""
    return [message for message in consumer.consume(_BATCH, _WAIT_S) if message.error() is None]


def after(messages: list[Message]) -> list[TopicPartition]:
    """The offsets that follow these messages."""
    offsets: dict[tuple[str, int], int] = {}
    for message in messages:
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        assert topic is not None and partition is not None and offset is not None
        offsets[topic, partition] = offset + 1
    return [TopicPartition(topic, partition, offset) for (topic, partition), offset in offsets.items()]


def _committed(consumer: Consumer) -> list[TopicPartition]:
    """What the group has committed in the consumer's partitions, once a broker can be asked."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return consumer.committed(consumer.assignment(), 2)
        except KafkaException:
            if time.monotonic() > deadline:
                raise


def _go_back(consumer: Consumer) -> None:
    """To what the group has committed."""
    for one in _committed(consumer):
        consumer.seek(TopicPartition(one.topic, one.partition, max(one.offset, 0)))
