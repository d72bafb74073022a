"""A consumer group of two through a join and a death, by every foreign client, and by two kinds in one group."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Cluster, require_client
from support import topics
from support.clients import Member, Seen, Sent
from support.members import Settled, wait_until_seen
from support.processes import wait_for
from support.registry import MEMBERS

PARTITIONS = 4
WAVE = 60

# Two of a kind, and kinds that know an assignor in common; of the protocols two of the newer, and one of each.
PAIRS = [(name, name) for name in MEMBERS] + [
    ("confluent", "console"),
    ("kafka-python", "confluent"),
    ("java-848", "confluent-848"),
    ("java", "java-848"),
    ("confluent-848", "confluent"),
]


class Waves:
    """Numbered records, so that any that is lost can be named."""

    def __init__(self) -> None:
        self._next = 0

    def next(self) -> list[Sent]:
        first, self._next = self._next, self._next + WAVE
        return [Sent(f"key-{n % 23}", f"value-{n}") for n in range(first, self._next)]


def values(wave: list[Sent]) -> set[str]:
    return {record.value for record in wave if record.value is not None}


def partitions_of(member: Member, wave: set[str]) -> set[int]:
    return {seen.partition for seen in member.seen() if seen.value in wave}


def assert_one_log(seen: list[Seen]) -> None:
    """All members read the same log: an offset of a partition is always the same record."""
    by_position: dict[tuple[int, int], str | None] = {}
    for one in seen:
        assert by_position.setdefault((one.partition, one.offset), one.value) == one.value


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_a_group_of_two_survives_a_join_and_a_death_and_resumes(
    cluster: Cluster, folder: Path, first: str, second: str
) -> None:
    for client in (first, second):
        require_client(client)
    ours = MEMBERS[first](cluster.bootstrap, folder)
    theirs = MEMBERS[second](cluster.bootstrap, folder)
    topic = group = f"group-of-{first}-{second}"
    ours.create_topic(topic, PARTITIONS)
    assert sorted(topics.ends(cluster.bootstrap, topic)) == list(range(PARTITIONS))
    settled = Settled(cluster.bootstrap, topic, group)
    waves = Waves()

    # One member has every partition.
    wave = waves.next()
    sent = values(wave)
    ours.produce(topic, wave)
    survivor = ours.join("survivor", topic, group)
    wait_until_seen([survivor], sent, 60)
    settled.wait([survivor])

    # Another joins: from then on both get records. It takes one by the newer protocol to make the group one.
    victim = theirs.join("victim", topic, group)
    both = [survivor, victim]

    def both_have_partitions() -> bool:
        wave = waves.next()
        sent.update(values(wave))
        before = len(survivor.seen())
        theirs.produce(topic, wave)
        wait_until_seen(both, sent, 60)
        return len(victim.seen()) > 0 and len(survivor.seen()) > before

    wait_for("both members to have partitions", both_have_partitions, 90, every_s=0.3)
    settled.check(both)
    newer = any(name.endswith("-848") for name in (first, second))
    assert topics.group_type(cluster.bootstrap, group) == ("CONSUMER" if newer else "CLASSIC")
    wave = waves.next()
    sent |= values(wave)
    ours.produce(topic, wave)
    wait_until_seen(both, sent, 60)
    for member in both:
        assert member.process.is_alive(), f"{member.process.name} ended:\n{member.process.last_words()}"
    mine, its = (partitions_of(member, values(wave)) for member in both)
    assert (len(mine), len(its)) == (2, 2) and not mine & its, "each member has its half"
    settled.wait(both)

    # It dies without a word: after its session the survivor has everything again, and what was not committed at most
    # twice.
    wave = waves.next()
    sent |= values(wave)
    ours.produce(topic, wave)
    victim.kill()
    wave = waves.next()
    sent |= values(wave)
    ours.produce(topic, wave)
    wait_until_seen([survivor], values(wave), 60)
    wait_until_seen(both, sent, 5)
    settled.check(both)

    # The survivor leaves in order; who comes next resumes where it committed.
    survivor.leave()
    wait_for("the group to be left", lambda: topics.group_state(cluster.bootstrap, group) == "EMPTY", 4)
    successor = theirs.join("successor", topic, group)
    wave = waves.next()
    theirs.produce(topic, wave)
    wait_until_seen([successor], values(wave), 60)
    assert successor.values() == values(wave), "the successor consumed again what had been committed"
    successor.leave()

    settled.check([survivor, victim, successor])
    assert_one_log(survivor.seen() + victim.seen() + successor.seen())
