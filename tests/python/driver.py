"""The driver protocol, for clients in Python: a command, JSON lines in, JSON lines out (tests/README.md)."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

SESSION_TIMEOUT_MS = 6000
HEARTBEAT_MS = 1000
COMMIT_EVERY_MS = 500
TRANSACTION_TIMEOUT_MS = 10_000
RECORDS_PER_TRANSACTION = 20
# A copier gives up every so many-th transaction.
ABORTED_EVERY = 3


def membership() -> dict[str, str | int]:
    """Of librdkafka's settings those of a group's protocol: the classic one, if nothing else is asked for."""
    protocol = os.environ.get("GROUP_PROTOCOL")
    if protocol is None:
        return {"session.timeout.ms": SESSION_TIMEOUT_MS, "heartbeat.interval.ms": HEARTBEAT_MS}
    return {"group.protocol": protocol}


@dataclass(frozen=True)
class ToSend:
    """A record to produce."""

    partition: int | None
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    timestamp: int | None


def to_bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


def _to_text(data: bytes | None) -> str | None:
    return None if data is None else data.decode()


def records() -> Iterator[ToSend]:
    """What standard input has to produce."""
    for line in sys.stdin:
        one = json.loads(line)
        headers = [(name, to_bytes(value)) for name, value in one["headers"]]
        yield ToSend(one["partition"], to_bytes(one["key"]), to_bytes(one["value"]), headers, one["timestamp"])


def acknowledged(partition: int, offset: int) -> None:
    print(json.dumps({"partition": partition, "offset": offset}), flush=True)


def consumed(
    partition: int,
    offset: int,
    timestamp: int,
    key: bytes | None,
    value: bytes | None,
    headers: Iterable[tuple[str, bytes | None]],
) -> None:
    seen = {
        "partition": partition,
        "offset": offset,
        "timestamp": timestamp,
        "key": _to_text(key),
        "value": _to_text(value),
        "headers": [[name, _to_text(data)] for name, data in headers],
    }
    print(json.dumps(seen), flush=True)


def committed(records: int) -> None:
    print(json.dumps({"committed": records}), flush=True)


def aborted(records: int) -> None:
    print(json.dumps({"aborted": records}), flush=True)


class Stop:
    """Whether SIGTERM has come."""

    def __init__(self) -> None:
        self.has_come = False
        signal.signal(signal.SIGTERM, self._come)

    def _come(self, _signal: int, _frame: object) -> None:
        self.has_come = True


def main(
    create: Callable[[str, str, int], None],
    produce: Callable[[str, str, str, bool], None],
    consume: Callable[[str, str, str], None],
    read: Callable[[str, str, int], None],
    copy: Callable[[str, str, str, str, str], None],
) -> None:
    """Runs the command that the program's arguments name."""
    match sys.argv[1:]:
        case [bootstrap, "create", topic, partitions]:
            create(bootstrap, topic, int(partitions))
        case [bootstrap, "produce", topic, codec, "idempotent" | "plain" as mode]:
            produce(bootstrap, topic, codec, mode == "idempotent")
        case [bootstrap, "consume", topic, group]:
            consume(bootstrap, topic, group)
        case [bootstrap, "read", topic, timestamp_ms]:
            read(bootstrap, topic, int(timestamp_ms))
        case [bootstrap, "copy", source, target, group, transactional_id]:
            copy(bootstrap, source, target, group, transactional_id)
        case words:
            sys.exit(f"no such command: {' '.join(words)}")
