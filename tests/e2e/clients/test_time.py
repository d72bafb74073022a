"""Reading from a time on, by every foreign client: its own offsets-for-times, its own seek."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Cluster, require_client
from support.clients import TIME, Sent
from support.registry import CLIENTS, clients_with

PARTITIONS = 3
RECORDS = 100
START_MS = 1_356_998_400_000
EVERY_MS = 1_000


@pytest.mark.parametrize("name", clients_with(TIME))
def test_every_client_reads_from_a_time_on(cluster: Cluster, folder: Path, name: str) -> None:
    require_client(name)
    client = CLIENTS[name](cluster.bootstrap, folder)
    topic = f"time-by-{name}"
    client.create_topic(topic, PARTITIONS)
    sent = [
        Sent(f"key-{n}", str(n), partition=n % PARTITIONS, timestamp_ms=START_MS + EVERY_MS * n) for n in range(RECORDS)
    ]
    client.produce(topic, sent)

    def expected(at_ms: int) -> list[tuple[int, int, int | None, str | None]]:
        young = [(n, record) for n, record in enumerate(sent) if (record.timestamp_ms or 0) >= at_ms]
        return sorted((n % PARTITIONS, n // PARTITIONS, record.timestamp_ms, record.value) for n, record in young)

    # Exactly a record's time, just after one's, a time that only one partition still has, and one beyond all.
    for n, and_ms, count in [(41, 0, 59), (41, 1, 58), (98, 1, 1), (99, 1, 0)]:
        at_ms = START_MS + EVERY_MS * n + and_ms
        read = [(seen.partition, seen.offset, seen.timestamp_ms, seen.value) for seen in client.read(topic, at_ms)]
        assert len(read) == count
        # In order within each partition, whatever the order of the partitions.
        assert sorted(read, key=lambda one: one[0]) == expected(at_ms)
