"""The batches of a log on disk, by their headers: what a client really sent, which no other client shows."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from .clients import CODECS

# offset, length, leader epoch, magic, checksum, attributes, last offset delta, two timestamps, producer id, producer
# epoch, first sequence, count
_HEADER = struct.Struct(">qiibIhiqqqhii")
# The length counts from after itself.
_BEFORE_LENGTH = 12


@dataclass(frozen=True)
class Batch:
    first_offset: int
    codec: str
    producer_id: int
    count: int


def batches(partition: Path) -> list[Batch]:
    """All whole batches of a partition's segments."""
    found: list[Batch] = []
    for segment in sorted(partition.glob("*.log")):
        data = segment.read_bytes()
        at = 0
        while at + _HEADER.size <= len(data):
            first_offset, length, _, _, _, attributes, _, _, _, producer_id, _, _, count = _HEADER.unpack_from(data, at)
            if length <= 0:
                # Room that was set aside and not written yet.
                break
            found.append(Batch(first_offset, CODECS[attributes & 7], producer_id, count))
            at += _BEFORE_LENGTH + length
    return found
