"""A foreign client as the scenarios see it: it creates topics, produces, joins a group, and reads from a time on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from .processes import Running

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
SESSION_TIMEOUT_MS = 6000
HEARTBEAT_MS = 1000
COMMIT_EVERY_MS = 500

Headers = tuple[tuple[str, str | None], ...]

# What a client may lack (`Client.lacks`), each with its reason; codecs go by their names.
IDEMPOTENCE = "idempotence"
# Keys, values and headers of any shape, record by record.
SHAPES = "shapes"
HEADER_ORDER = "header order"
# Shapes that some clients cannot write or tell apart.
READS_NULL_HEADERS = "reading of null headers"
WRITES_NULL_HEADERS = "writing of null headers"
WRITES_NOTHING = "writing of records without key and value"
# Reading from a time on.
TIME = "time"
# Copying from topic to topic exactly once.
TRANSACTIONS = "transactions"
# Taking the place of a killed member at once.
STATIC_MEMBERSHIP = "static membership"


@dataclass(frozen=True)
class Sent:
    """One record to produce; without a partition the client chooses one."""

    key: str | None
    value: str | None
    partition: int | None = None
    headers: Headers = ()
    timestamp_ms: int | None = None


@dataclass(frozen=True)
class Seen:
    """One record as a client printed it; what it does not print is left at its default."""

    partition: int
    offset: int
    key: str | None
    value: str | None
    timestamp_ms: int | None = None
    headers: Headers = ()


class Client(ABC):
    """One kind of foreign client, connected to one cluster."""

    name: ClassVar[str]
    # What it cannot do, and why: the scenarios for that leave it out.
    lacks: ClassVar[Mapping[str, str]] = {}
    # How it ends after SIGTERM.
    exit_codes: ClassVar[Sequence[int]] = (0,)
    env: ClassVar[Mapping[str, str]] = {}

    def __init__(self, bootstrap: str, logs: Path) -> None:
        self.bootstrap = bootstrap
        self.logs = logs

    @classmethod
    @abstractmethod
    def missing(cls) -> str | None:
        """What it needs and this machine lacks."""

    @abstractmethod
    def create_topic(self, topic: str, partitions: int) -> None: ...

    @abstractmethod
    def produce(self, topic: str, records: Sequence[Sent], codec: str = "none", idempotent: bool = False) -> None:
        """Produces the records in their order and returns when all are acknowledged."""

    @abstractmethod
    def command(self, topic: str, group: str) -> list[str]:
        """A process that joins the group and prints one line per record, from the earliest, committing by itself."""

    @abstractmethod
    def parse(self, line: str) -> Seen | None: ...

    @abstractmethod
    def read(self, topic: str, timestamp_ms: int) -> list[Seen]:
        """Every record from the first at or after that time in each partition, to the ends as they are now."""

    def copier(self, source: str, target: str, group: str, transactional_id: str) -> Running:
        """A process that copies from topic to topic exactly once; of clients that do not lack transactions."""
        raise NotImplementedError

    def join(self, role: str, topic: str, group: str) -> Member:
        command = self.command(topic, group)
        return Member(self, Running(f"{role}-{self.name}", command, self.logs, env=self.env))


class Member:
    """A consumer process in a group; what it printed is what it consumed."""

    def __init__(self, client: Client, process: Running) -> None:
        self._client = client
        self.process = process

    def seen(self) -> list[Seen]:
        return [seen for line in self.process.lines() if (seen := self._client.parse(line)) is not None]

    def values(self) -> set[str]:
        return {seen.value for seen in self.seen() if seen.value is not None}

    def kill(self) -> None:
        self.process.kill()

    def leave(self) -> None:
        """Ends in order: commits what it consumed and leaves the group."""
        code = self.process.end()
        assert code in self._client.exit_codes, f"exit code {code} after SIGTERM:\n{self.process.last_words()}"
