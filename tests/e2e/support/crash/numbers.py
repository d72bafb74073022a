"""Increasing numbers by an idempotent producer, each noted once it is acknowledged."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from confluent_kafka import KafkaError, Message, Producer

from .load import CLIENT, PATIENCE_S, Load

# More than this many unanswered wait for the broker.
_UNANSWERED = 2_000
_PAUSE_S = 0.002


@dataclass(frozen=True)
class Acknowledged:
    """A number that the broker said it has, and where."""

    number: int
    partition: int
    offset: int


@dataclass(frozen=True)
class Place:
    partition: int
    key: str | None = None


class Numbers(Load):
    """0, 1, 2, … into one topic; `place` says where each goes."""

    def __init__(self, bootstrap: str, topic: str, place: Callable[[int], Place]) -> None:
        super().__init__(topic)
        self._topic = topic
        self._place = place
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "linger.ms": 2,
                "batch.num.messages": 50,
                **CLIENT,
            }
        )
        self._failures: list[str] = []
        self.sent = 0
        self.acknowledged: list[Acknowledged] = []

    def work(self) -> None:
        while not self.is_ending:
            if self.sent - len(self.acknowledged) < _UNANSWERED:
                self._send()
            self._producer.poll(0)
            self._ensure_no_failure()
            time.sleep(_PAUSE_S)
        left = self._producer.flush(PATIENCE_S)
        assert left == 0, f"{left} records of {self._topic} were not acknowledged"
        self._ensure_no_failure()

    def done(self) -> int:
        return len(self.acknowledged)

    def summary(self) -> str:
        return f"{self.name}: {len(self.acknowledged)} of {self.sent} acknowledged"

    def _send(self) -> None:
        number = self.sent
        place = self._place(number)
        self.sent += 1

        def note(error: KafkaError | None, message: Message) -> None:
            offset = message.offset()
            if error is None and offset is not None:
                self.acknowledged.append(Acknowledged(number, place.partition, offset))
            else:
                self._failures.append(f"{number}: {error}")

        self._producer.produce(
            self._topic, value=str(number), key=place.key, partition=place.partition, on_delivery=note
        )

    def _ensure_no_failure(self) -> None:
        """An idempotent producer outlives its broker without losing a record."""
        assert not self._failures, f"not acknowledged: {self._failures[:3]}"
