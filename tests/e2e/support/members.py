"""Consumer groups of foreign clients, watched from outside."""

from __future__ import annotations

from collections import Counter

from . import topics
from .clients import Member
from .processes import wait_for


def wait_until_seen(members: list[Member], expected: set[str], timeout_s: float) -> None:
    """Until every one of these values was consumed by one of the members; fails naming some that were not."""

    def missing() -> set[str]:
        return expected - set().union(*(member.values() for member in members))

    try:
        wait_for("the group to consume a wave", lambda: not missing(), timeout_s)
    except AssertionError:
        words = "\n".join(f"{member.process.name}:\n{member.process.last_words(6)}" for member in members)
        raise AssertionError(f"{len(missing())} records missing, such as {sorted(missing())[:5]}\n{words}") from None


class Settled:
    """What a group has consumed and committed: nobody may consume it again, whatever happens to the group."""

    def __init__(self, bootstrap: str, topic: str, group: str) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._group = group
        self._times: dict[str, int] = {}

    def wait(self, members: list[Member]) -> None:
        """Until the group has committed everything that is in the topic; what was consumed until now is settled."""
        ends = topics.ends(self._bootstrap, self._topic)
        committed: dict[int, int] = {}

        def is_settled() -> bool:
            committed.update(topics.committed(self._bootstrap, self._group, self._topic))
            return all(committed.get(partition, 0) == end for partition, end in ends.items())

        try:
            wait_for("everything to be committed", is_settled, 20)
        except AssertionError as error:
            raise AssertionError(f"{error}: ends {ends}, committed {committed}") from None
        self._times = _times(members)

    def check(self, members: list[Member]) -> None:
        now = _times(members)
        repeated = [value for value, count in self._times.items() if now[value] != count]
        assert not repeated, f"{len(repeated)} committed records were consumed again, such as {repeated[:5]}"


def _times(members: list[Member]) -> Counter[str]:
    return Counter(seen.value for member in members for seen in member.seen() if seen.value is not None)
