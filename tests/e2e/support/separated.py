"""Records as text with separators: what the clients that are command lines read and print."""

from __future__ import annotations

from collections.abc import Sequence

from .clients import Seen, Sent

# Between a record's parts; no test's data has it.
SEPARATOR = "|"


def to_lines(records: Sequence[Sent]) -> str:
    """Keyed records, a line each. Nothing else can be told so: the scenarios for it leave these clients out."""
    for record in records:
        assert record.key is not None and record.value is not None and record.partition is None, record
        assert not record.headers and record.timestamp_ms is None, record
    return "".join(f"{record.key}{SEPARATOR}{record.value}\n" for record in records)


def from_line(line: str) -> Seen | None:
    """A record printed as partition, offset, key and value; None if the line is something else."""
    parts = line.split(SEPARATOR)
    if len(parts) != 4 or not (parts[0].isdigit() and parts[1].isdigit()):
        return None
    return Seen(int(parts[0]), int(parts[1]), parts[2], parts[3])
