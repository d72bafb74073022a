"""Members of share groups, by Apache Kafka's Java client (tests/java/ShareDriver.java)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .compiled import java_program
from .processes import Running, wait_for

PROGRAM = "ShareDriver"


@dataclass(frozen=True)
class Received:
    """A record as it was delivered to a member, and how often it had been by then."""

    partition: int
    offset: int
    value: str
    deliveries: int

    @property
    def position(self) -> tuple[int, int]:
        return (self.partition, self.offset)


class ShareMember:
    """A process that is a member of a share group; the driver says what it does in each mode."""

    def __init__(
        self, bootstrap: str, logs: Path, name: str, topic: str, group: str, mode: str, settings: Sequence[str] = ()
    ) -> None:
        self.process = Running(name, [*java_program(PROGRAM), bootstrap, topic, group, mode, *settings], logs)

    def _told(self, what: str) -> list[dict[str, Any]]:
        return [told for line in self.process.lines() if line.startswith("{") and what in (told := json.loads(line))]

    def received(self) -> list[Received]:
        return [Received(**one) for told in self._told("received") for one in told["received"]]

    def values(self) -> list[str]:
        return [one.value for one in self.received()]

    def acknowledged(self) -> list[tuple[int, int]]:
        """The positions whose acknowledgement, of whatever kind, was answered without an error."""
        return [position for position, error in self.answered() if error is None]

    def answered(self) -> list[tuple[tuple[int, int], str | None]]:
        """Positions that it acknowledged, and the error of each."""
        return [
            ((one["partition"], one["offset"]), told["error"])
            for told in self._told("answered")
            for one in told["answered"]
        ]

    def leave(self) -> None:
        """In order: what was decided is acknowledged, what was not is released."""
        code = self.process.end()
        assert code == 0, f"exit code {code} after SIGTERM:\n{self.process.last_words()}"


def wait_until_received(members: Sequence[ShareMember], expected: Iterable[str], timeout_s: float = 30) -> None:
    """Until each of these values was delivered to one of the members."""
    wanted = set(expected)

    def missing() -> set[str]:
        return wanted - {value for member in members for value in member.values()}

    try:
        wait_for("records to be delivered", lambda: not missing(), timeout_s)
    except AssertionError as error:
        words = "\n".join(f"{member.process.name}:\n{member.process.last_words(6)}" for member in members)
        raise AssertionError(f"{error}: {len(missing())} are not, such as {sorted(missing())[:5]}\n{words}") from None
