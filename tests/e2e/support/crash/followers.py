"""A group of two that reads a topic and commits what it has read, through one rebalance after the other, by either protocol.

Nobody is given a record below what the group was told is committed, nor one after a gap. The first member stays. The
second is static, and comes back with another subscription: one that left while the broker was down would be waited for
until its session has expired, and sessions begin anew with each restart.
"""

from __future__ import annotations

import random
from itertools import cycle

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from .copier import after
from .load import CLIENT, Load

Settings = dict[str, str | int]

# By the newer protocol times are the broker's.
CLASSIC: Settings = {"session.timeout.ms": 10_000, "heartbeat.interval.ms": 100}
NEWER: Settings = {"group.protocol": "consumer"}
_STATIC: Settings = {"group.instance.id": "second"}
_BATCH = 500
_WAIT_S = 0.02
_RETURNS = 0.03


class Followers(Load):
    def __init__(self, name: str, protocol: Settings, bootstrap: str, topics: list[str], dice: random.Random) -> None:
        """Reads the first of the topics, and now and then the second."""
        super().__init__(name)
        self._protocol = protocol
        self._bootstrap = bootstrap
        topic, another = topics
        self._topic = topic
        self._subscriptions = cycle([[topic], [topic, another]])
        self._dice = dice
        self._returns = 0
        # By partition: what follows everything that was read, and what was told to be committed.
        self.reached: dict[int, int] = {}
        self.committed: dict[int, int] = {}

    def work(self) -> None:
        first = self._member({})
        second = self._member(_STATIC)
        while not self.is_ending:
            self._follow(first)
            has_read = self._follow(second)
            if has_read and self._dice.random() < _RETURNS:
                second.close()
                second = self._member(_STATIC)
                self._returns += 1
        first.close()
        second.close()

    def done(self) -> int:
        return sum(self.committed.values())

    def summary(self) -> str:
        return f"{self.name}: {self.done()} records committed, the second member came back {self._returns} times"

    def _member(self, identity: Settings) -> Consumer:
        consumer = Consumer(
            {
                "bootstrap.servers": self._bootstrap,
                "group.id": self.name,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                **self._protocol,
                **identity,
                "fetch.wait.max.ms": 50,
                "fetch.error.backoff.ms": 20,
                **CLIENT,
            }
        )
        subscription = next(self._subscriptions) if identity else [self._topic]
        consumer.subscribe(subscription, on_assign=_nothing, on_revoke=_nothing)
        return consumer

    def _follow(self, member: Consumer) -> bool:
        """Whether there was something to read, of either topic."""
        given = [message for message in member.consume(_BATCH, _WAIT_S) if message.error() is None]
        messages = [message for message in given if message.topic() == self._topic]
        for message in messages:
            self._note(message)
        if messages:
            self._commit(member, messages)
        return bool(given)

    def _note(self, message: Message) -> None:
        partition, offset = message.partition(), message.offset()
        assert partition is not None and offset is not None
        oldest, newest = self.committed.get(partition, 0), self.reached.get(partition, 0)
        place = f"{self._topic}-{partition}: offset {offset}"
        assert offset >= oldest, f"{place} is given again, {oldest} was committed"
        assert offset <= newest, f"{place} is given after a gap: {newest} was to come"
        self.reached[partition] = max(newest, offset + 1)

    def _commit(self, member: Consumer, messages: list[Message]) -> None:
        """A commit that fails may have been done or not."""
        try:
            done = member.commit(offsets=after(messages), asynchronous=False)
        except KafkaException:
            return
        for one in done or []:
            if one.error is None:
                self.committed[one.partition] = one.offset


def _nothing(_consumer: Consumer, _partitions: list[TopicPartition]) -> None:
    """With callbacks, assignments change within `consume` alone, never between a batch and its commit."""
