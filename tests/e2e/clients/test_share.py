"""Share groups (KIP-932) by Apache Kafka's Java client: records divided one by one, acknowledged each by itself."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from confluent_kafka import Producer
from conftest import Cluster, OwnCluster
from support import topics
from support.compiled import java_missing
from support.groups import configure_group, share_lag
from support.processes import wait_for
from support.share import PROGRAM, ShareMember, wait_until_received

# Short, for tests that wait for a lock to be over; long enough for members to be started within it.
LOCK_MS = 4_000
MOST_DELIVERIES = 3
DEFAULTS: dict[str, str | int] = {
    "share.auto.offset.reset": "earliest",
    "share.record.lock.duration.ms": LOCK_MS,
    "share.delivery.count.limit": MOST_DELIVERIES,
    "share.heartbeat.interval.ms": 1000,
}
BROKER_KILLS = 2
PER_KILL = 200


@pytest.fixture(autouse=True)
def program() -> None:
    """Our program of the share consumer, or the test is skipped by name."""
    missing = java_missing(PROGRAM)
    if missing is not None:
        pytest.skip(missing)


class Group:
    """A share group of one topic of its name, of one partition, read from its beginning."""

    def __init__(self, cluster: Cluster, folder: Path, name: str, **config: str | int) -> None:
        """With configurations of its own, their points written as underscores."""
        self._bootstrap = cluster.bootstrap
        self._folder = folder
        self.name = name
        topics.create(cluster.bootstrap, name, 1)
        given = {name.replace("_", "."): value for name, value in config.items()}
        configure_group(cluster.bootstrap, name, DEFAULTS | given)

    def produce(self, values: Iterable[str]) -> list[str]:
        """Each in a batch of its own."""
        producer = Producer({"bootstrap.servers": self._bootstrap, "batch.num.messages": 1, **topics.QUIET})
        sent = list(values)
        for value in sent:
            producer.produce(self.name, value=value)
        assert producer.flush(30) == 0
        return sent

    def join(self, name: str, mode: str, *settings: str) -> ShareMember:
        return ShareMember(self._bootstrap, self._folder, name, self.name, self.name, mode, settings)

    def wait_until_done(self) -> None:
        """Until no record is left to be delivered."""
        wait_for("every record to be done with", lambda: share_lag(self._bootstrap, self.name) == 0, 30)


def times(members: Iterable[ShareMember]) -> Counter[str]:
    return Counter(value for member in members for value in member.values())


def test_more_members_than_partitions_share_the_records_and_each_is_delivered_once(
    cluster: Cluster, folder: Path
) -> None:
    """Acknowledged by the next poll, or each by itself: it makes no difference to the group."""
    group = Group(cluster, folder, "share-divided", share_record_lock_duration_ms=30_000)
    sent = group.produce(f"accept/{n}" for n in range(100))
    few = "max.poll.records=5"
    members = [group.join("first", "implicit", few), group.join("second", "explicit", few)]
    members.append(group.join("third", "implicit", few, "share.acquire.mode=record_limit"))

    def all_have_some() -> bool:
        sent.extend(group.produce(f"accept/{n}" for n in range(len(sent), len(sent) + 20)))
        return all(member.received() for member in members)

    wait_for("every member to be given records", all_have_some, 60)
    wait_until_received(members, sent)
    group.wait_until_done()
    for member in members:
        member.leave()
    assert times(members) == Counter(sent)
    assert {one.deliveries for member in members for one in member.received()} == {1}
    for member in members:
        assert sorted(member.acknowledged()) == sorted(one.position for one in member.received())


def test_records_are_accepted_released_and_rejected_one_by_one(cluster: Cluster, folder: Path) -> None:
    """What nobody accepts is delivered as often as the group allows, and then no more."""
    group = Group(cluster, folder, "share-decided", share_record_lock_duration_ms=30_000)
    kinds = ["accept", "release", "reject", "poison"]
    sent = group.produce(f"{kinds[n % len(kinds)]}/{n}" for n in range(20))
    member = group.join("member", "explicit")
    wait_until_received([member], sent)
    group.wait_until_done()
    member.leave()

    deliveries: dict[str, set[tuple[int, ...]]] = {kind: set() for kind in kinds}
    for value in sent:
        deliveries[value.split("/")[0]].add(tuple(one.deliveries for one in member.received() if one.value == value))
    assert deliveries == {
        "accept": {(1,)},
        "release": {(1, 2)},
        "reject": {(1,)},
        "poison": {tuple(range(1, MOST_DELIVERIES + 1))},
    }
    assert {error for _, error in member.answered()} == {None}


def test_a_renewed_record_is_held_for_longer_than_its_lock(cluster: Cluster, folder: Path) -> None:
    """By itself: while a member renews, its client keeps what it has fetched besides, and whose locks end there."""
    group = Group(cluster, folder, "share-renewed")
    sent = group.produce(f"renew-{LOCK_MS + 2_000}/{n}" for n in range(4))
    member = group.join("member", "explicit")
    wait_until_received([member], sent)
    group.wait_until_done()
    member.leave()

    # It is given again by the member's own client; the broker has delivered it once.
    times_given = times([member])
    assert all(times_given[value] > 2 for value in sent), times_given
    assert {one.deliveries for one in member.received()} == {1}
    assert {error for _, error in member.answered()} == {None}


def test_what_a_frozen_and_a_killed_member_hold_is_delivered_to_another(cluster: Cluster, folder: Path) -> None:
    group = Group(cluster, folder, "share-locked")
    # The first is never done with: what another holds is refused to who held it before, what is done with is not.
    first, *others = sent = group.produce(["renew-100000/0", *(f"accept/{n}" for n in range(1, 20))])
    few = ("max.poll.records=5", "share.acquire.mode=record_limit")
    two = [group.join(name, "late", *few) for name in ("one", "another")]
    wait_for("both to hold records", lambda: all(member.received() for member in two), 30, every_s=0.01)
    frozen, killed = sorted(two, key=lambda member: first not in member.values())
    frozen.process.freeze()
    killed.process.kill()
    held = frozen.values() + killed.values()
    assert len(held) == len(set(held)) and first in held, "each has records of its own"
    assert not frozen.answered() and not killed.answered(), "neither has acknowledged any"

    # Given all at once: a client that renews what it was given first is given that again and again, and fetches no more.
    time.sleep(LOCK_MS / 1000 + 0.5)
    successor = group.join("successor", "explicit")
    wait_until_received([successor], sent)
    deliveries = {one.value: one.deliveries for one in successor.received()}
    assert {deliveries[value] for value in held} == {2}
    # A client that was slow to look has fetched more than it has shown.
    assert {deliveries[value] for value in sent if value not in held} <= {1, 2}

    # What the frozen one held is not its own any more; then it is a member like any other.
    before = len(frozen.received())
    frozen.process.thaw()
    wait_for("it to be told so", lambda: len(frozen.answered()) >= before, 30)
    assert {error for _, error in frozen.answered()[:before]} == {"InvalidRecordStateException"}
    successor.leave()
    again = times([successor])
    assert {again[value] for value in others} == {1}, "each is delivered to it once"
    wait_until_received([frozen], group.produce(f"accept/later-{n}" for n in range(5)))
    group.wait_until_done()
    frozen.leave()
    assert [one.deliveries for one in frozen.received()[before:] if one.value == first] == [MOST_DELIVERIES]


def test_a_group_that_reads_what_is_committed_is_given_nothing_that_was_aborted(cluster: Cluster, folder: Path) -> None:
    group = Group(cluster, folder, "share-committed", share_isolation_level="read_committed")
    producer = Producer({"bootstrap.servers": cluster.bootstrap, "transactional.id": group.name, **topics.QUIET})
    producer.init_transactions(30)
    for number in range(6):
        producer.begin_transaction()
        for nth in range(3):
            producer.produce(group.name, value=f"accept/{number}-{nth}")
        assert producer.flush(30) == 0
        if number % 2 == 0:
            producer.commit_transaction(30)
        else:
            producer.abort_transaction(30)
    committed = [f"accept/{number}-{nth}" for number in (0, 2, 4) for nth in range(3)]
    member = group.join("member", "explicit")
    wait_until_received([member], committed)
    group.wait_until_done()
    member.leave()
    assert times([member]) == Counter(committed)


# Apache Kafka 4.3 has decided on dead letters (KIP-1191), and has none yet.
@pytest.mark.headwater
def test_what_nobody_accepts_is_copied_to_the_dead_letter_topic(cluster: Cluster, folder: Path) -> None:
    letters = "dlq.share-letters"
    group = Group(
        cluster,
        folder,
        "share-letters",
        errors_deadletterqueue_topic_name=letters,
        errors_deadletterqueue_copy_record_enable="true",
    )
    group.produce(["accept/0", "reject/1", "accept/2", "poison/3", "release/4"])
    member = group.join("member", "explicit")

    def are_there() -> bool:
        return topics.exists(cluster.bootstrap, letters) and len(topics.read_all(cluster.bootstrap, letters)) >= 2

    wait_for("both letters", are_there, 30)
    group.wait_until_done()
    member.leave()
    told = {
        record.text: {name.removeprefix("__dlq.errors."): (value or b"").decode() for name, value in record.headers}
        for record in topics.read_all(cluster.bootstrap, letters)
    }
    assert sorted(told) == ["poison/3", "reject/1"]
    for value, offset, deliveries in (("reject/1", "1", "1"), ("poison/3", "3", str(MOST_DELIVERIES))):
        headers = told[value]
        assert headers.pop("message")
        assert headers == {
            "topic": group.name,
            "partition": "0",
            "offset": offset,
            "group": group.name,
            "delivery.count": deliveries,
        }


def test_what_is_acknowledged_is_done_with_though_the_broker_is_killed(
    own_cluster: OwnCluster, folder: Path, moments: random.Random
) -> None:
    group = Group(own_cluster, folder, "share-survives", share_delivery_count_limit=10)
    members = [group.join(name, "explicit", "max.poll.records=5") for name in ("one", "other")]

    def acknowledged() -> Counter[tuple[int, int]]:
        return Counter(position for member in members for position in member.acknowledged())

    for kill in range(BROKER_KILLS):
        group.produce(f"accept/{kill}-{n}" for n in range(PER_KILL))
        enough = len(acknowledged()) + moments.randint(1, PER_KILL)
        wait_for("some to be acknowledged", lambda: len(acknowledged()) >= enough, 60, every_s=0.02)
        own_cluster.kill()
        own_cluster.restart()
    group.produce(["accept/last"])
    wait_until_received(members, ["accept/last"], 60)
    group.wait_until_done()
    for member in members:
        member.leave()
    received = {one.position for member in members for one in member.received()}
    assert received == {(0, offset) for offset in range(topics.ends(own_cluster.bootstrap, group.name)[0])}
    assert max(acknowledged().values()) == 1, "what was done with was delivered again"
