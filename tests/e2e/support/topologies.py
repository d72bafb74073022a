"""The topologies that are compared with Kafka Streams: what each reads, and random records for that, made from a seed.

A record is a line, `TOPIC KEY=VALUE @TIME #HEADER=VALUE`, as both programs and the tests of `crates/streams` read it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

_NULL = "~"
_LETTERS = "abcd"
# Keys are what values begin with, too, so that what is keyed by values meets what is keyed.
_KEYS = (*_LETTERS, "e")


@dataclass(frozen=True)
class Input:
    """A topic that a topology reads."""

    topic: str
    # How many of its records there are for each of the others'.
    weight: float = 1
    null_keys: float = 0.03
    null_values: float = 0.12
    # False: its records with a null are never the newest so far.
    nulls_are_newest: bool = True


_IN = Input("in")
_OTHER = Input("other")
_TABLE = Input("table", null_values=0.25)
_TABLE2 = Input("table2", null_values=0.25)
_GLOBAL = Input("global", weight=0.5, null_values=0.25)
# Our windows follow the time of every record that the task reads, Kafka Streams' that of records that the operator does
# not leave out: here no other record is ahead of those.
_TIMED = replace(_IN, nulls_are_newest=False)
_TIMED_OTHER = replace(_OTHER, nulls_are_newest=False)
_TIMED_TABLE = replace(_TABLE, nulls_are_newest=False)
_WINDOWED = replace(_TIMED, null_values=0)
_WINDOWED_OTHER = replace(_TIMED_OTHER, null_values=0)

# By name, as in `tests/java/OracleTopologies.java`.
TOPOLOGIES: dict[str, tuple[Input, ...]] = {
    "filter": (_IN,),
    "filter-not": (_IN,),
    "map": (_IN,),
    "map-values": (_IN,),
    "flat-map-values": (_IN,),
    "flat-map": (_IN,),
    "select-key": (_IN,),
    # By itself, Kafka Streams' leaves out null keys, which null values become there.
    "repartition": (replace(_IN, null_values=0),),
    "fan-out": (_IN,),
    "split": (_IN,),
    "split-without-default": (_IN,),
    "merge": (_IN, _OTHER),
    "extracted": (_IN,),
    # What is left out for its null key has a time here, and one that was extracted there.
    "extracted-tumbling-count": (replace(_IN, null_keys=0, null_values=0),),
    "extracted-table": (replace(_TABLE, null_keys=0),),
    "count": (_IN,),
    "count-rekeyed": (_IN,),
    "reduce": (_IN,),
    "reduce-rekeyed": (_IN,),
    "aggregate": (_IN,),
    "two-aggregates": (_IN,),
    "cogroup": (_IN, _OTHER),
    "tumbling-count": (_TIMED,),
    "tumbling-reduce": (_WINDOWED,),
    "tumbling-aggregate": (_WINDOWED,),
    # Behind a repartition every record reaches the operator.
    "tumbling-count-rekeyed": (replace(_IN, null_values=0),),
    "tumbling-cogroup": (_WINDOWED, _WINDOWED_OTHER),
    "hopping-count": (_TIMED,),
    "hopping-aggregate": (_WINDOWED,),
    "hopping-cogroup": (_WINDOWED, _WINDOWED_OTHER),
    "sliding-count": (_TIMED,),
    "sliding-reduce": (_WINDOWED,),
    "sliding-aggregate": (_WINDOWED,),
    "sliding-cogroup": (_WINDOWED, _WINDOWED_OTHER),
    "session-count": (_TIMED,),
    "session-reduce": (_WINDOWED,),
    "session-aggregate": (_WINDOWED,),
    "session-cogroup": (_WINDOWED, _WINDOWED_OTHER),
    "tumbling-on-close": (_WINDOWED,),
    "hopping-on-close": (_WINDOWED,),
    "sliding-on-close": (_WINDOWED,),
    "session-on-close": (_WINDOWED,),
    "table-to-stream": (_TABLE,),
    "count-of-changes": (_TABLE,),
    "to-table": (_IN,),
    "to-table-rekeyed": (_IN,),
    "table-filter": (_TABLE,),
    "table-filter-not": (_TABLE,),
    "table-map-values": (_TABLE,),
    "table-filter-map-filter": (_TABLE,),
    "count-filter": (_IN,),
    "table-group-by-count": (_TABLE,),
    "table-group-by-reduce": (_TABLE,),
    "table-group-by-aggregate": (_TABLE,),
    "table-filter-group-by": (_TABLE,),
    "count-group-by": (_IN,),
    "suppress-tumbling": (_WINDOWED,),
    "suppress-hopping": (_WINDOWED,),
    "suppress-session": (_WINDOWED,),
    "suppress-time-limit": (_TIMED,),
    "suppress-table": (_TIMED_TABLE,),
    "suppress-early": (_TIMED,),
    "stream-table-join": (_IN, _TABLE),
    "stream-table-left-join": (_IN, _TABLE),
    "rekeyed-table-join": (_IN, _TABLE),
    "rekeyed-table-left-join": (_IN, _TABLE),
    "repartition-left-join": (_IN, _TABLE),
    "stream-global-join": (_IN, _GLOBAL),
    "stream-global-left-join": (_IN, _GLOBAL),
    "join-with-own-count": (_IN,),
    "join-with-own-windows": (_WINDOWED,),
    "versioned-table-join-grace": (_TIMED, _TABLE),
    "stream-stream-join": (_TIMED, _TIMED_OTHER),
    "stream-stream-left-join": (_TIMED, _TIMED_OTHER),
    "stream-stream-outer-join": (_TIMED, _TIMED_OTHER),
    "stream-stream-join-lopsided": (_TIMED, _TIMED_OTHER),
    "stream-stream-left-join-lopsided": (_TIMED, _TIMED_OTHER),
    "stream-stream-outer-join-lopsided": (_TIMED, _TIMED_OTHER),
    "stream-stream-join-rekeyed": (_TIMED, _TIMED_OTHER),
    "table-table-join": (_TABLE, _TABLE2),
    "table-table-left-join": (_TABLE, _TABLE2),
    "table-table-outer-join": (_TABLE, _TABLE2),
    "filtered-table-table-join": (_TABLE, _TABLE2),
    "table-table-join-group-by": (_TABLE, _TABLE2),
    "foreign-key-join": (_TABLE, _TABLE2),
    "foreign-key-left-join": (_TABLE, _TABLE2),
    "process-store-timer": (_IN,),
    "processors-share-store": (_IN, _OTHER),
    # Their window store goes by the times of what was put.
    "process-window-store": (_TIMED,),
    "process-values": (replace(_IN, null_values=0),),
}


def records(name: str, seed: int, count: int) -> list[str]:
    """Records for a topology; the first ones of a longer list are those of a shorter one."""
    chance = random.Random(f"{seed} {name}")
    inputs = TOPOLOGIES[name]
    weights = [one.weight for one in inputs]
    times = _times(chance)
    lines: list[str] = []
    newest = -1
    for _ in range(count):
        one = chance.choices(inputs, weights)[0]
        key = _NULL if chance.random() < one.null_keys else chance.choice(_KEYS)
        value = _NULL if chance.random() < one.null_values else _word(chance)
        time = next(times)
        if _NULL in (key, value) and not one.nulls_are_newest:
            time = min(time, max(newest, 0))
        newest = max(newest, time)
        lines.append(f"{one.topic} {key}={value} @{time}{_headers(chance)}")
    return lines


def _times(chance: random.Random) -> Iterator[int]:
    """Event times as they come in: mostly forward, often equal, some out of order or late, with jumps, from 0 on."""
    now = 0
    while True:
        kind = chance.random()
        if kind < 0.5:
            now += chance.randint(0, 3)
        elif kind < 0.62:
            now += chance.randint(3, 12)
        elif kind < 0.63:
            now += chance.randint(12, 100)
        elif kind < 0.631:
            now += chance.randint(1_000, 100_000)
        elif kind < 0.85:
            yield max(0, now - chance.randint(0, 12))
            continue
        elif kind < 0.9:
            yield max(0, now - chance.randint(12, 60))
            continue
        yield now


def _word(chance: random.Random) -> str:
    return "".join(chance.choices(_LETTERS, k=chance.choice((1, 2, 2, 3))))


def _headers(chance: random.Random) -> str:
    """None as a rule; else one or two, perhaps of one name, perhaps null."""
    count = chance.choices((0, 1, 2), (6, 2, 1))[0]
    values = (*_LETTERS, _NULL)
    return "".join(f" #{chance.choice('xy')}={chance.choice(values)}" for _ in range(count))
