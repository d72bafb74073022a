"""The whole delay board, window by window, against SQL over the CSV: January and the year, here and on Apache Kafka."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pytest
from conftest import Cluster
from support import topics
from support.flights import (
    JANUARY_FLIGHTS,
    JANUARY_WINDOWS,
    YEAR_FLIGHTS,
    YEAR_WINDOWS,
    YEAR_WORKERS,
    assert_board,
    assert_feed,
    assert_topics,
    january,
    january_csv,
    oracle_of,
    run_demo,
)
from support.headwater import HeadwaterBroker


def test_the_oracle_knows_the_data_and_that_none_of_it_is_late(year: Path) -> None:
    """Facts of the data set, counted by hand once, so that an oracle that sees nothing cannot agree with a demo."""
    assert (january().flights, len(january().board()), january().late) == (JANUARY_FLIGHTS, JANUARY_WINDOWS, 0)
    whole = oracle_of(year)
    board = whole.board()
    assert (whole.flights, len(board), whole.late) == (YEAR_FLIGHTS, YEAR_WINDOWS, 0)
    assert {key: board[key] for key in january().board()} == january().board()


@pytest.mark.headwater
def test_january_over_the_embedded_broker(folder: Path) -> None:
    """As the README runs it, its log then served by `headwater up`."""
    data = folder / "data"
    output = run_demo(folder, "--data-dir", data)
    assert "27,004" in output, output
    broker = HeadwaterBroker(folder, data).start()
    try:
        assert_topics(broker.bootstrap, january())
        assert_feed(broker.bootstrap, january())
        assert_board(broker.bootstrap, january())
    finally:
        broker.stop()

    # Once more over the same folder: the feed has nothing left to publish, the board stays as it is.
    run_demo(folder, "--data-dir", data)
    broker = HeadwaterBroker(folder, data).start()
    try:
        assert_feed(broker.bootstrap, january())
        assert_board(broker.bootstrap, january())
    finally:
        broker.stop()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_january_on_a_cluster(own_cluster: Cluster, folder: Path, workers: str) -> None:
    run_demo(folder, "--bootstrap", own_cluster.bootstrap, "--workers", workers)
    assert_topics(own_cluster.bootstrap, january())
    assert_feed(own_cluster.bootstrap, january())
    assert_board(own_cluster.bootstrap, january())


@pytest.mark.headwater
@pytest.mark.parametrize("workers", YEAR_WORKERS)
def test_the_whole_year_over_the_embedded_broker(folder: Path, year: Path, workers: str) -> None:
    data = folder / "data"
    run_demo(folder, "--data", year, "--data-dir", data, "--workers", workers, timeout_s=400)
    broker = HeadwaterBroker(folder, data).start()
    try:
        assert_feed(broker.bootstrap, oracle_of(year))
        assert_board(broker.bootstrap, oracle_of(year))
    finally:
        broker.stop()


# On ours, the year over `headwater up` is run with kills (test_kill.py).
@pytest.mark.kafka
@pytest.mark.parametrize("workers", YEAR_WORKERS)
def test_the_whole_year_on_a_cluster(own_cluster: Cluster, folder: Path, year: Path, workers: str) -> None:
    run_demo(folder, "--data", year, "--bootstrap", own_cluster.bootstrap, "--workers", workers, timeout_s=400)
    assert_feed(own_cluster.bootstrap, oracle_of(year))
    assert_board(own_cluster.bootstrap, oracle_of(year))


@pytest.mark.headwater
def test_departures_beyond_grace_are_counted_and_left_out(folder: Path) -> None:
    """Two days late: their windows closed a day ago, whatever partition they are in."""
    with gzip.open(january_csv(), "rt", newline="") as source:
        rows = list(csv.DictReader(source))
    late = []
    for row in rows:
        if row["day"] == "10" and row["dep_delay"] != "NA" and row["flight"].endswith("7"):
            row["dep_delay"] = str(2 * 24 * 60 + int(row["minute"]))
            late.append(row)
    # And some at the very edge: left 23 hours after their schedule, so always within grace.
    for row in rows:
        if row["day"] == "20" and row["dep_delay"] != "NA" and row["flight"].endswith("3"):
            row["dep_delay"] = str(23 * 60)
    assert len(late) > 20
    changed = folder / "late.csv"
    with changed.open("w", newline="") as target:
        writer = csv.DictWriter(target, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    oracle = oracle_of(changed)
    assert oracle.late == len(late)

    data = folder / "data"
    output = run_demo(folder, "--data", changed, "--data-dir", data)
    assert any("late" in line.lower() and str(len(late)) in line for line in output.splitlines()), output
    broker = HeadwaterBroker(folder, data).start()
    try:
        assert_board(broker.bootstrap, oracle)
        assert topics.exists(broker.bootstrap, "delay-board")
    finally:
        broker.stop()
