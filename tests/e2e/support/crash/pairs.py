"""Transactions of a few records over two topics: most committed, some aborted, each with what became of it."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field

from confluent_kafka import KafkaError, KafkaException, Message

from .load import Load
from .transactor import Outcome, Transactor

TOPICS = ("tx-a", "tx-b")
PARTITIONS = 2
_RECORDS = 5
_ABORTED = 0.2
_VANISHING = 0.02
# Of those that stay open for a while, with some records written.
_SLOW = 0.2


@dataclass(frozen=True)
class Written:
    """Where a record of a transaction goes."""

    topic: str
    partition: int
    value: str


@dataclass
class Transaction:
    """What was asked, and once it has ended, what came of it."""

    number: int
    written: list[Written]
    # By value; of those that were acknowledged.
    offsets: dict[str, int] = field(default_factory=dict)
    outcome: Outcome | None = None


class Pairs(Load):
    def __init__(self, bootstrap: str, name: str, dice: random.Random) -> None:
        super().__init__(name)
        self._bootstrap = bootstrap
        self._dice = dice
        self.transactions: list[Transaction] = []

    def work(self) -> None:
        transactor = Transactor(self._bootstrap, self.name)
        while not self.is_ending:
            transaction = self._plan()
            self.transactions.append(transaction)
            transaction.outcome = self._run(transactor, transaction)
            time.sleep(self._dice.uniform(0, 0.005))

    def done(self) -> int:
        return sum(one.outcome is Outcome.COMMITTED for one in self.transactions)

    def summary(self) -> str:
        count = {outcome: sum(one.outcome is outcome for one in self.transactions) for outcome in Outcome}
        outcomes = ", ".join(f"{number} {outcome.value}" for outcome, number in count.items())
        return f"{self.name}: {outcomes}"

    def _plan(self) -> Transaction:
        number = len(self.transactions)
        written = [
            Written(self._dice.choice(TOPICS), self._dice.randrange(PARTITIONS), f"{self.name} {number} {index}")
            for index in range(self._dice.randint(1, _RECORDS))
        ]
        return Transaction(number, written)

    def _run(self, transactor: Transactor, transaction: Transaction) -> Outcome:
        try:
            transactor.producer.begin_transaction()
            self._write(transactor, transaction)
        except KafkaException:
            transactor.abort()
            return Outcome.ABORTED
        if self._dice.random() < _ABORTED:
            transactor.abort()
            return Outcome.ABORTED
        if self._dice.random() < _VANISHING:
            return transactor.commit_and_vanish(self._dice.uniform(0, 0.01))
        return transactor.commit()

    def _write(self, transactor: Transactor, transaction: Transaction) -> None:
        is_slow = self._dice.random() < _SLOW
        for written in transaction.written:

            def note(error: KafkaError | None, message: Message, value: str = written.value) -> None:
                offset = message.offset()
                if error is None and offset is not None:
                    transaction.offsets[value] = offset

            transactor.producer.produce(
                written.topic, value=written.value, partition=written.partition, on_delivery=note
            )
            if is_slow:
                transactor.producer.poll(self._dice.uniform(0, 0.02))
