"""All the load at once, its topics, and who writes what."""

from __future__ import annotations

import random

from .. import topics
from . import pairs
from .bookmark import Bookmark
from .copier import Copier
from .followers import CLASSIC, NEWER, Followers
from .load import Load
from .numbers import Numbers, Place
from .pairs import Pairs

PLAIN_PARTITIONS = 3
LATEST = "latest"
LATEST_PARTITIONS = 2
_KEYS = 50
# Rolled and cleaned as often as a broker can be told to.
_COMPACTED = {
    "cleanup.policy": "compact",
    "min.cleanable.dirty.ratio": "0.01",
    "max.compaction.lag.ms": "200",
    "segment.bytes": str(1 << 20),
    "segment.ms": "150",
}


def key_of(number: int) -> str:
    return f"k{number * 7 % _KEYS}"


def create_topics(bootstrap: str) -> None:
    for topic in ("plain", "copied"):
        topics.create(bootstrap, topic, PLAIN_PARTITIONS)
    for topic in pairs.TOPICS:
        topics.create(bootstrap, topic, pairs.PARTITIONS)
    topics.create(bootstrap, LATEST, LATEST_PARTITIONS, _COMPACTED)


class Loads:
    """Started together, told to end together."""

    def __init__(self, bootstrap: str, dice: random.Random) -> None:
        self.plain = Numbers(bootstrap, "plain", _by_turns)
        self.latest = Numbers(bootstrap, LATEST, _by_key)
        self.pairs = [Pairs(bootstrap, f"pairs-{index}", random.Random(dice.random())) for index in range(2)]
        self.copier = Copier(bootstrap, "plain", "copied", random.Random(dice.random()))
        protocols = {"followers": CLASSIC, "followers-848": NEWER}
        self.followers = [
            Followers(name, protocol, bootstrap, ["plain", "copied"], random.Random(dice.random()))
            for name, protocol in protocols.items()
        ]
        self.bookmark = Bookmark(bootstrap, "plain")

    @property
    def groups(self) -> dict[str, Copier | Followers]:
        """Those that read `plain`, by the group's name."""
        return {group.name: group for group in (self.copier, *self.followers)}

    def start(self) -> Loads:
        for load in self._all():
            load.start()
        return self

    def ensure_well(self) -> None:
        for load in self._all():
            load.ensure_well()

    def tell_to_end(self) -> None:
        for load in self._all():
            load.tell_to_end()

    def end(self) -> None:
        self.tell_to_end()
        for load in self._all():
            load.wait()

    def done(self) -> dict[str, int]:
        """How much of each the broker has said that it has done."""
        return {load.name: load.done() for load in self._all()}

    def ensure_busy(self) -> None:
        """That none of it idled: a check of nothing proves nothing."""
        assert all(self.done().values()), f"something did nothing: {self.done()}"

    def summary(self) -> str:
        return "\n".join(load.summary() for load in self._all())

    def _all(self) -> list[Load]:
        return [self.plain, self.latest, *self.pairs, self.copier, *self.followers, self.bookmark]


def _by_turns(number: int) -> Place:
    return Place(number % PLAIN_PARTITIONS)


def _by_key(number: int) -> Place:
    return Place(number % LATEST_PARTITIONS, key_of(number))
