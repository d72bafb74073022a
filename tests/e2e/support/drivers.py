"""Clients behind the driver protocol (tests/README.md): one program per client library."""

from __future__ import annotations

import json
import sys
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from .clients import (
    HEADER_ORDER,
    READS_NULL_HEADERS,
    STATIC_MEMBERSHIP,
    WRITES_NOTHING,
    WRITES_NULL_HEADERS,
    Client,
    Seen,
    Sent,
)
from .paths import NODE_CLIENTS, TESTS
from .processes import Running, run


class Driver(Client):
    """A client whose program speaks the driver protocol."""

    @classmethod
    @abstractmethod
    def program(cls) -> list[str | Path]:
        """The program, to be given its arguments."""

    # Seconds that a short run may take.
    timeout_s: ClassVar[float] = 60.0

    def create_topic(self, topic: str, partitions: int) -> None:
        self._run("create", topic, str(partitions))

    def produce(self, topic: str, records: Sequence[Sent], codec: str = "none", idempotent: bool = False) -> None:
        lines = "".join(f"{_line(record)}\n" for record in records)
        done = self._run("produce", topic, codec, "idempotent" if idempotent else "plain", stdin=lines)
        acknowledged = {(line["partition"], line["offset"]) for line in map(json.loads, done.splitlines())}
        assert len(acknowledged) == len(records), f"{len(acknowledged)} of {len(records)} records were acknowledged"

    def command(self, topic: str, group: str) -> list[str]:
        return [*map(str, self.program()), self.bootstrap, "consume", topic, group]

    def copier(self, source: str, target: str, group: str, transactional_id: str) -> Running:
        words = [*self.program(), self.bootstrap, "copy", source, target, group, transactional_id]
        return Running(f"copier-{self.name}", words, self.logs, env=self.env)

    def parse(self, line: str) -> Seen | None:
        if not line.startswith("{"):
            return None
        seen: dict[str, Any] = json.loads(line)
        headers = tuple((name, value) for name, value in seen["headers"])
        return Seen(seen["partition"], seen["offset"], seen["key"], seen["value"], seen["timestamp"], headers)

    def read(self, topic: str, timestamp_ms: int) -> list[Seen]:
        lines = self._run("read", topic, str(timestamp_ms)).splitlines()
        return [seen for line in lines if (seen := self.parse(line)) is not None]

    def _run(self, *arguments: str, stdin: str | None = None) -> str:
        words = [*self.program(), self.bootstrap, *arguments]
        return run(words, stdin=stdin, timeout_s=self.timeout_s, env=self.env).stdout


def _line(record: Sent) -> str:
    line = {
        "partition": record.partition,
        "key": record.key,
        "value": record.value,
        "headers": record.headers,
        "timestamp": record.timestamp_ms,
    }
    return json.dumps(line)


class _Python(Driver):
    script: ClassVar[str]

    @classmethod
    def program(cls) -> list[str | Path]:
        return [sys.executable, TESTS / "python" / cls.script]

    @classmethod
    def missing(cls) -> str | None:
        # Its packages are those of this very process.
        return None


class Confluent(_Python):
    """confluent-kafka for Python (librdkafka)."""

    name = "confluent"
    script = "confluent_driver.py"


class KafkaPython(_Python):
    name = "kafka-python"
    script = "kafka_python_driver.py"
    lacks: ClassVar[Mapping[str, str]] = {
        WRITES_NULL_HEADERS: "it refuses a header whose value is not bytes",
        WRITES_NOTHING: "it refuses a record with neither",
    }


class AioKafka(_Python):
    name = "aiokafka"
    script = "aiokafka_driver.py"
    lacks: ClassVar[Mapping[str, str]] = {WRITES_NOTHING: "it refuses a record with neither"}


class _Node(Driver):
    script: ClassVar[str]
    # What the set-up writes when this client is complete.
    made: ClassVar[str] = "made-from"
    env: ClassVar[Mapping[str, str]] = {"NODE_PATH": str(NODE_CLIENTS / "node_modules")}

    @classmethod
    def program(cls) -> list[str | Path]:
        return [NODE_CLIENTS / "node_modules" / ".bin" / "node", TESTS / "node" / cls.script]

    @classmethod
    def missing(cls) -> str | None:
        if (NODE_CLIENTS / cls.made).exists():
            return None
        return "the Node clients are not set up (cargo xtask test installs them by npm)"


class KafkaJs(_Node):
    """kafkajs; its LZ4 is compiled, so it wants everything of the Node clients' set-up."""

    name = "kafkajs"
    script = "kafkajs_driver.cjs"
    made = "compiled-from"
    lacks: ClassVar[Mapping[str, str]] = {
        STATIC_MEMBERSHIP: "a successor waits for its predecessor's session to end: it is killed once",
        HEADER_ORDER: "headers are an object: values of one name stay in order, names among each other do not",
        WRITES_NULL_HEADERS: "it fails to measure them",
    }


class Platformatic(_Node):
    """@platformatic/kafka."""

    name = "platformatic"
    script = "platformatic_driver.cjs"


class ConfluentJs(_Node):
    """@confluentinc/kafka-javascript (librdkafka, compiled from the package's own sources)."""

    name = "confluent-js"
    script = "confluent_driver.cjs"
    made = "compiled-from"
    lacks: ClassVar[Mapping[str, str]] = {
        READS_NULL_HEADERS: "it gives an empty string",
        WRITES_NULL_HEADERS: "a header's value must be a string or a buffer",
    }


DRIVERS: tuple[type[Driver], ...] = (Confluent, KafkaPython, AioKafka, KafkaJs, Platformatic, ConfluentJs)
