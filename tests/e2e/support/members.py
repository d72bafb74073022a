"""Foreign clients as the group scenario sees them: each can create a topic, produce, and join a group in a process."""

from __future__ import annotations

import json
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Producer

from . import kafka, topics
from .processes import Running, run, wait_for

SESSION_TIMEOUT_MS = 6000
# kcat and the console consumer print these between a record's parts; no test's data has it.
SEPARATOR = "|"


@dataclass(frozen=True)
class Seen:
    """One record as a group member printed it."""

    partition: int
    offset: int
    key: str
    value: str


class Member:
    """A consumer process in a group; what it printed is what it consumed."""

    def __init__(self, client: GroupClient, process: Running) -> None:
        self._client = client
        self.process = process

    def seen(self) -> list[Seen]:
        return [seen for line in self.process.lines() if (seen := self._client.parse(line)) is not None]

    def values(self) -> set[str]:
        return {seen.value for seen in self.seen()}

    def kill(self) -> None:
        self.process.kill()

    def leave(self) -> None:
        """Ends in order: commits what it consumed and leaves the group."""
        self.process.end()


def wait_until_seen(members: list[Member], expected: set[str], timeout_s: float) -> None:
    """Until every one of these values was consumed by one of the members; fails naming some that were not."""

    def missing() -> set[str]:
        return expected - set().union(*(member.values() for member in members))

    try:
        wait_for("the group to consume a wave", lambda: not missing(), timeout_s)
    except AssertionError:
        words = "\n".join(f"{member.process.name}:\n{member.process.last_words(6)}" for member in members)
        raise AssertionError(f"{len(missing())} records missing, such as {sorted(missing())[:5]}\n{words}") from None


class GroupClient(ABC):
    """One kind of foreign client."""

    name: str

    def __init__(self, bootstrap: str, logs: Path) -> None:
        self.bootstrap = bootstrap
        self.logs = logs

    @abstractmethod
    def create_topic(self, topic: str, partitions: int) -> None: ...

    @abstractmethod
    def produce(self, topic: str, records: list[tuple[str, str]]) -> None:
        """Produces keyed records and returns when all are acknowledged."""

    @abstractmethod
    def command(self, topic: str, group: str) -> list[str]:
        """A process that joins the group and prints one line per record, from the earliest, committing by itself."""

    @abstractmethod
    def parse(self, line: str) -> Seen | None: ...

    def join(self, role: str, topic: str, group: str) -> Member:
        return Member(self, Running(f"{role}-{self.name}", self.command(topic, group), self.logs))


class Confluent(GroupClient):
    """confluent-kafka for Python (librdkafka)."""

    name = "confluent"

    def create_topic(self, topic: str, partitions: int) -> None:
        topics.create(self.bootstrap, topic, partitions)

    def produce(self, topic: str, records: list[tuple[str, str]]) -> None:
        producer = Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 5, **topics.QUIET})
        for key, value in records:
            producer.produce(topic, key=key, value=value)
        left = producer.flush(60)
        assert left == 0, f"{left} records were not acknowledged in 60 s"

    def command(self, topic: str, group: str) -> list[str]:
        script = Path(__file__).with_name("confluent_member.py")
        return [sys.executable, str(script), self.bootstrap, group, topic, str(SESSION_TIMEOUT_MS)]

    def parse(self, line: str) -> Seen | None:
        return Seen(**json.loads(line)) if line.startswith("{") else None


class Kcat(GroupClient):
    """kcat (librdkafka); it has no command to create a topic, so it produces to one that does not exist."""

    name = "kcat"

    def create_topic(self, topic: str, partitions: int) -> None:
        # By producing: brokers that allow it create the topic with their default number of partitions. The group
        # scenario needs several, whatever that default is.
        topics.create(self.bootstrap, topic, partitions)

    def produce(self, topic: str, records: list[tuple[str, str]]) -> None:
        lines = "".join(f"{key}{SEPARATOR}{value}\n" for key, value in records)
        run(["kcat", "-b", self.bootstrap, "-P", "-t", topic, "-K", SEPARATOR], stdin=lines)

    def command(self, topic: str, group: str) -> list[str]:
        line = SEPARATOR.join(("%p", "%o", "%k", "%s")) + "\n"
        settings = {
            "session.timeout.ms": SESSION_TIMEOUT_MS,
            "heartbeat.interval.ms": 1000,
            "auto.offset.reset": "earliest",
            "auto.commit.interval.ms": 500,
        }
        options = [word for key, value in settings.items() for word in ("-X", f"{key}={value}")]
        return ["kcat", "-b", self.bootstrap, *options, "-q", "-u", "-f", line, "-G", group, topic]

    def parse(self, line: str) -> Seen | None:
        return _parse_separated(line)


class ConsoleTools(GroupClient):
    """Kafka's own kafka-topics, kafka-console-producer and kafka-console-consumer (the Java client)."""

    name = "console"

    def create_topic(self, topic: str, partitions: int) -> None:
        kafka.tool(
            "kafka-topics", "--bootstrap-server", self.bootstrap, "--create", "--topic", topic,
            "--partitions", str(partitions),
        )  # fmt: skip

    def produce(self, topic: str, records: list[tuple[str, str]]) -> None:
        lines = "".join(f"{key}{SEPARATOR}{value}\n" for key, value in records)
        kafka.tool(
            "kafka-console-producer", "--bootstrap-server", self.bootstrap, "--topic", topic,
            "--reader-property", "parse.key=true", "--reader-property", f"key.separator={SEPARATOR}",
            "--timeout", "5", "--request-timeout-ms", "10000",
            stdin=lines,
        )  # fmt: skip

    def command(self, topic: str, group: str) -> list[str]:
        settings = {
            "session.timeout.ms": SESSION_TIMEOUT_MS,
            "heartbeat.interval.ms": 1000,
            "auto.commit.interval.ms": 500,
        }
        prints = {
            "print.partition": "true",
            "print.offset": "true",
            "print.key": "true",
            "key.separator": SEPARATOR,
        }
        options = [word for key, value in settings.items() for word in ("--command-property", f"{key}={value}")]
        options += [word for key, value in prints.items() for word in ("--formatter-property", f"{key}={value}")]
        return kafka.tool_command(
            "kafka-console-consumer", "--bootstrap-server", self.bootstrap, "--topic", topic, "--group", group,
            "--from-beginning", *options,
        )  # fmt: skip

    def parse(self, line: str) -> Seen | None:
        return _parse_separated(line.replace("Partition:", "", 1).replace("Offset:", "", 1))


def _parse_separated(line: str) -> Seen | None:
    parts = line.split(SEPARATOR)
    if len(parts) != 4 or not (parts[0].isdigit() and parts[1].isdigit()):
        return None
    return Seen(int(parts[0]), int(parts[1]), parts[2], parts[3])


CLIENTS: dict[str, type[GroupClient]] = {client.name: client for client in (Kcat, Confluent, ConsoleTools)}
