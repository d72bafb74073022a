"""A transactional id and whoever produces with it now; errors handled as librdkafka's manual says."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum

from confluent_kafka import KafkaError, KafkaException, Producer

from .load import CLIENT, PATIENCE_S

_TRY_S = 2.0


class Outcome(Enum):
    COMMITTED = "committed"
    ABORTED = "aborted"
    # The producer vanished while it committed.
    UNKNOWN = "unknown"


def error_of(exception: KafkaException) -> KafkaError:
    error: KafkaError = exception.args[0]
    return error


def retried(call: Callable[[float], None]) -> None:
    """Until it has succeeded, or fails in a way that trying again does not help."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            call(_TRY_S)
            return
        except KafkaException as exception:
            if not error_of(exception).retriable():
                raise
            if time.monotonic() > deadline:
                raise AssertionError(f"still tried after {PATIENCE_S:.0f} s: {exception}") from exception


class Transactor:
    """Begins as a new producer, which fences whoever had the id before."""

    def __init__(self, bootstrap: str, transactional_id: str) -> None:
        self._settings = {
            "bootstrap.servers": bootstrap,
            "transactional.id": transactional_id,
            "linger.ms": 1,
            **CLIENT,
        }
        # Held, as what nobody holds is closed.
        self._vanished: list[Producer] = []
        self.renew()

    def renew(self) -> None:
        self.producer = Producer(self._settings)
        retried(self.producer.init_transactions)

    def commit(self) -> Outcome:
        """Other errors fail the test: the death of a broker is no reason for a fatal one."""
        try:
            retried(self.producer.commit_transaction)
        except KafkaException as exception:
            if not error_of(exception).txn_requires_abort():
                raise
            self.abort()
            return Outcome.ABORTED
        return Outcome.COMMITTED

    def commit_and_vanish(self, after_s: float) -> Outcome:
        """Replaced by a new producer in the middle of the commit, if that takes longer."""
        try:
            self.producer.commit_transaction(after_s)
        except KafkaException as exception:
            assert not error_of(exception).fatal(), exception
            self._vanished.append(self.producer)
            self.renew()
            return Outcome.UNKNOWN
        return Outcome.COMMITTED

    def abort(self) -> None:
        """Not before its records are answered: librdkafka drops those that are to be sent again, and gives their
        sequence numbers to the next, though a broker that died may have written them.
        """
        self.producer.flush(PATIENCE_S)
        retried(self.producer.abort_transaction)
