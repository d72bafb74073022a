"""kcat (librdkafka): it has no command to create a topic, and options for all records of a run, not for each."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from typing import ClassVar

from . import topics
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

_FORMAT = SEPARATOR.join(("%p", "%o", "%k", "%s")) + "\n"


class Kcat(Client):
    name = "kcat"
    lacks: ClassVar[Mapping[str, str]] = {
        SHAPES: "nulls and headers are options for a whole run: test_records.py tries them",
        TRANSACTIONS: "it ends after one, without a group's offsets",
        TIME: "cannot set a record's timestamp; test_kcat.py reads from a time on",
    }

    @classmethod
    def missing(cls) -> str | None:
        return None if shutil.which("kcat") else "kcat is not installed (Debian package kcat)"

    def create_topic(self, topic: str, partitions: int) -> None:
        # By producing, which test_kcat.py does: a broker that allows it creates the topic with its own number of
        # partitions. The scenarios say how many.
        topics.create(self.bootstrap, topic, partitions)

    def produce(self, topic: str, records: Sequence[Sent], codec: str = "none", idempotent: bool = False) -> None:
        settings = {"linger.ms": 20, "acks": "all", "enable.idempotence": "true" if idempotent else "false"}
        command = ["kcat", "-b", self.bootstrap, "-P", "-t", topic, "-K", SEPARATOR, "-z", codec]
        run([*command, *_options(settings)], stdin=to_lines(records))

    def command(self, topic: str, group: str) -> list[str]:
        settings = {
            "session.timeout.ms": SESSION_TIMEOUT_MS,
            "heartbeat.interval.ms": HEARTBEAT_MS,
            "auto.offset.reset": "earliest",
            "auto.commit.interval.ms": COMMIT_EVERY_MS,
        }
        return ["kcat", "-b", self.bootstrap, *_options(settings), "-q", "-u", "-f", _FORMAT, "-G", group, topic]

    def parse(self, line: str) -> Seen | None:
        return from_line(line)

    def read(self, topic: str, timestamp_ms: int) -> list[Seen]:
        start = f"s@{timestamp_ms}"
        # check.crcs: librdkafka verifies what the broker answers.
        command = ["kcat", "-b", self.bootstrap, "-C", "-t", topic, "-o", start, "-e", "-q", "-f", _FORMAT]
        printed = run([*command, *_options({"check.crcs": "true"})]).stdout
        return [seen for line in printed.splitlines() if (seen := self.parse(line)) is not None]


def _options(settings: Mapping[str, object]) -> list[str]:
    return [word for key, value in settings.items() for word in ("-X", f"{key}={value}")]
