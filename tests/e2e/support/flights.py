"""Runs `headwater demo flights` and compares what it left in the topics with the oracle, record by record."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from . import topics
from .oracle import Fields, Oracle, fields
from .paths import FLIGHTS_JANUARY, HEADWATER
from .processes import Running

JANUARY_FLIGHTS = 27_004
JANUARY_WINDOWS = 1_642
YEAR_FLIGHTS = 336_776
YEAR_WINDOWS = 19_486

PARTITIONS = 4

# By how many workers the year is worked off: one number, or each of them in the long form.
YEAR_WORKERS = ("7", "2", "1")[: int(os.environ.get("HEADWATER_TEST_SCALE", "1"))]


def january_csv() -> Path:
    (path,) = FLIGHTS_JANUARY.glob("flights*.csv.gz")
    return path


def airlines_csv() -> Path:
    (path,) = FLIGHTS_JANUARY.glob("airlines.csv*")
    return path


@cache
def oracle_of(flights: Path) -> Oracle:
    return Oracle(flights, airlines_csv())


def january() -> Oracle:
    return oracle_of(january_csv())


def start_demo(label: str, logs: Path, *options: str | Path) -> Running:
    """Starts `headwater demo flights --until-done`; its output is plain progress lines, not a terminal's."""
    return Running(label, [HEADWATER, "demo", "flights", "--until-done", *options], logs)


def let_run(process: Running, seconds: float) -> bool:
    """Whether the process still ran when its time was over."""
    deadline = time.monotonic() + seconds
    while process.is_alive() and time.monotonic() < deadline:
        time.sleep(0.005)
    return process.is_alive()


def run_demo(logs: Path, *options: str | Path, timeout_s: float = 180.0) -> str:
    """Runs the demo to its end and returns its output."""
    demo = start_demo("demo", logs, *options)
    code = demo.wait(timeout_s)
    assert code == 0, f"the demo ended with exit code {code}:\n{demo.last_words()}"
    return demo.output()


@dataclass(frozen=True)
class Progress:
    """How far a demo is, by its newest line."""

    published: int
    counted: int


def progress(demo: Running) -> Progress:
    found = re.findall(r"^published ([\d,]+) of [\d,]+, counted ([\d,]+)", demo.output(), re.MULTILINE)
    published, counted = found[-1] if found else ("0", "0")
    return Progress(int(published.replace(",", "")), int(counted.replace(",", "")))


def assert_feed(bootstrap: str, oracle: Oracle) -> None:
    """Each partition of `flights` holds its origins' events in the order of publication, each of them once."""
    by_partition: dict[int, list[topics.Record]] = {}
    for record in topics.read_all(bootstrap, "flights"):
        by_partition.setdefault(record.partition, []).append(record)
    expected = oracle.feed()
    read = sum(map(len, by_partition.values()))
    assert read == len(expected), f"{read} records in flights, {len(expected)} rows in the file"
    owners: dict[bytes | None, int] = {}
    for partition, records in by_partition.items():
        origins = {record.key for record in records}
        for origin in origins:
            assert owners.setdefault(origin, partition) == partition, f"{origin!r} is in two partitions"
        events = [event for event in expected if event.origin.encode() in origins]
        assert len(records) == len(events)
        for record, event in zip(records, events, strict=True):
            assert (record.key, record.timestamp_ms) == (event.origin.encode(), event.timestamp_ms), record
            assert fields(record.value) == event.value, f"offset {record.offset} of partition {partition}"


def read_board(bootstrap: str) -> dict[Fields, Fields]:
    """The newest value per key of `delay-board`."""
    board: dict[Fields, Fields] = {}
    owners: dict[Fields, int] = {}
    for record in topics.read_all(bootstrap, "delay-board"):
        key = fields(record.key)
        assert owners.setdefault(key, record.partition) == record.partition, f"{key} is in two partitions"
        board[key] = fields(record.value)
    return board


def assert_board(bootstrap: str, oracle: Oracle) -> None:
    """Every window of the board is the oracle's, and there is no other."""
    expected = oracle.board()
    board = read_board(bootstrap)
    missing = sorted(expected.keys() - board.keys())
    extra = sorted(board.keys() - expected.keys())
    wrong = [(value, board[key]) for key, value in expected.items() if key in board and board[key] != value]
    assert not (missing or extra or wrong), (
        f"{len(missing)} windows missing, such as {missing[:2]}\n{len(extra)} too many, such as {extra[:2]}\n"
        f"{len(wrong)} wrong; (expected, found) such as {wrong[:2]}"
    )


def assert_topics(bootstrap: str, oracle: Oracle) -> None:
    """The topics' partitions and settings, and the entities that stand before the first flight."""
    described = topics.admin(bootstrap).list_topics(timeout=10).topics
    assert len(described["flights"].partitions) == PARTITIONS
    flights = topics.config(bootstrap, "flights")
    assert flights["retention.ms"] == "-1" and flights["cleanup.policy"] == "delete"
    for name in ("airlines", "airports", "planes", "delay-board"):
        assert "compact" in topics.config(bootstrap, name)["cleanup.policy"], name
    first_flight_ms = min(event.timestamp_ms for event in oracle.feed())
    for name, count in (("airlines", 16), ("airports", 1_458), ("planes", 3_322)):
        entities = topics.read_all(bootstrap, name)
        assert len({record.key for record in entities}) == count, name
        assert all(record.timestamp_ms < first_flight_ms for record in entities), name
    airlines = [dict(fields(record.value)) for record in topics.read_all(bootstrap, "airlines")]
    assert {airline["carrier"]: airline["name"] for airline in airlines} == oracle.airlines()
