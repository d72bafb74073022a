"""One offset that a group commits again and again, and asks for before each time: what was told is still so."""

from __future__ import annotations

import time

from confluent_kafka import Consumer, KafkaException, TopicPartition

from .load import CLIENT, Load

# Longer than a commit takes, so that most deaths find it with nothing under way.
_PAUSE_S = 0.03
_TRY_S = 2


class Bookmark(Load):
    """Nobody else commits in its group, so that it knows exactly; a commit that failed may have been done or not."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        super().__init__("bookmark")
        self._bootstrap = bootstrap
        self._at = (topic, 0)
        self._committed = 0
        self._tried = 0

    def work(self) -> None:
        settings = {"bootstrap.servers": self._bootstrap, "group.id": self.name, "enable.auto.commit": False, **CLIENT}
        consumer = Consumer(settings)
        while not self.is_ending:
            try:
                self._check(consumer)
                self._commit(consumer)
            except KafkaException:
                # The broker is dead, or loads its groups.
                pass
            time.sleep(_PAUSE_S)
        consumer.close()

    def done(self) -> int:
        return self._committed

    def summary(self) -> str:
        return f"{self.name}: {self._committed} of {self._tried} committed"

    def _check(self, consumer: Consumer) -> None:
        (found,) = consumer.committed([TopicPartition(*self._at)], _TRY_S)
        if found.error is not None:
            raise KafkaException(found.error)
        offset = max(found.offset, 0)
        told = f"{self._committed} was committed, {self._tried} tried"
        assert self._committed <= offset <= self._tried, f"{self.name}: {told}; the broker has {offset}"

    def _commit(self, consumer: Consumer) -> None:
        self._tried += 1
        (done,) = consumer.commit(offsets=[TopicPartition(*self._at, self._tried)], asynchronous=False)
        if done.error is None:
            self._committed = self._tried
