"""Kafka's own kafka-topics, kafka-console-producer and kafka-console-consumer (the Java client)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from . import kafka, topics
from .clients import (
    COMMIT_EVERY_MS,
    HEARTBEAT_MS,
    SESSION_TIMEOUT_MS,
    SHAPES,
    TIME,
    TRANSACTIONS,
    Client,
    Seen,
    Sent,
)
from .processes import run
from .separated import SEPARATOR, from_line, to_lines


class ConsoleTools(Client):
    name = "console"
    lacks: ClassVar[Mapping[str, str]] = {
        SHAPES: "parsed from text with one set of options for a whole run: test_records.py tries them",
        TRANSACTIONS: "the console producer has none; test_kafka_tools.py runs Kafka's own copier",
        TIME: "cannot set a record's timestamp; kafka-get-offsets looks them up in test_kafka_tools.py",
    }
    # As Java ends after SIGTERM.
    exit_codes = (0, 143)

    @classmethod
    def missing(cls) -> str | None:
        return kafka.missing()

    def create_topic(self, topic: str, partitions: int) -> None:
        kafka.tool(
            "kafka-topics", "--bootstrap-server", self.bootstrap, "--create", "--topic", topic,
            "--partitions", str(partitions),
        )  # fmt: skip

    def produce(self, topic: str, records: Sequence[Sent], codec: str = "none", idempotent: bool = False) -> None:
        kafka.tool(
            "kafka-console-producer", "--bootstrap-server", self.bootstrap, "--topic", topic,
            "--compression-codec", codec, "--command-property", f"enable.idempotence={str(idempotent).lower()}",
            "--reader-property", "parse.key=true", "--reader-property", f"key.separator={SEPARATOR}",
            "--timeout", "20", "--request-timeout-ms", "10000",
            stdin=to_lines(records),
        )  # fmt: skip

    def command(self, topic: str, group: str) -> list[str]:
        settings = {
            "session.timeout.ms": SESSION_TIMEOUT_MS,
            "heartbeat.interval.ms": HEARTBEAT_MS,
            "auto.commit.interval.ms": COMMIT_EVERY_MS,
        }
        properties = [word for key, value in settings.items() for word in ("--command-property", f"{key}={value}")]
        return self._consumer(topic, "--group", group, *properties)

    def parse(self, line: str) -> Seen | None:
        return from_line(line.replace("Partition:", "", 1).replace("Offset:", "", 1))

    def read(self, topic: str, timestamp_ms: int) -> list[Seen]:
        assert timestamp_ms == 0, self.lacks[TIME]
        count = sum(topics.ends(self.bootstrap, topic).values())
        words = self._consumer(topic, "--max-messages", str(count), "--timeout-ms", "30000")
        return [seen for line in run(words).stdout.splitlines() if (seen := self.parse(line)) is not None]

    def _consumer(self, topic: str, *arguments: str) -> list[str]:
        prints = {
            "print.partition": "true",
            "print.offset": "true",
            "print.key": "true",
            "key.separator": SEPARATOR,
        }
        formatter = [word for key, value in prints.items() for word in ("--formatter-property", f"{key}={value}")]
        return kafka.tool_command(
            "kafka-console-consumer", "--bootstrap-server", self.bootstrap, "--topic", topic, "--from-beginning",
            *arguments, *formatter,
        )  # fmt: skip
