"""Departures joined with weather and aircraft, row by row, against SQL over the CSV; by one worker and by several."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from conftest import Cluster
from support.causes import assert_causes, assert_departures, forget, january, oracle_of, run_causes, start_causes
from support.flights import YEAR_FLIGHTS, YEAR_WORKERS, let_run
from support.headwater import HeadwaterBroker
from support.processes import wait_for


def test_the_oracle_knows_the_data(year: Path, year_of_weather: Path) -> None:
    """Facts of the data set, counted once by other means, so that an oracle that sees nothing cannot agree."""
    whole = oracle_of(year, year_of_weather)
    departures = whole.departures()
    assert len(departures) == YEAR_FLIGHTS
    assert sum(1 for row in departures.values() if row[13] is not None) == 284_170, "with an aircraft that is known"
    assert sum(sums[0] for sums in whole.causes().values()) == YEAR_FLIGHTS
    weather = {row[8] for row in departures.values()}
    assert None not in weather and max(weather) == "2013-12-30T23:00:00Z"


def test_january_by_one_worker_and_by_several(own_cluster: Cluster, folder: Path) -> None:
    for workers in ("1", "2", "7"):
        run_causes(folder, "--bootstrap", own_cluster.bootstrap, "--workers", workers)
        assert_causes(own_cluster.bootstrap, january())
        forget(own_cluster.bootstrap)


@pytest.mark.parametrize("workers", YEAR_WORKERS)
def test_the_whole_year(
    own_cluster: Cluster, folder: Path, year: Path, year_of_weather: Path, workers: str
) -> None:
    files = ("--data", year, "--weather", year_of_weather)
    run_causes(folder, *files, "--bootstrap", own_cluster.bootstrap, "--workers", workers, timeout_s=400)
    assert_causes(own_cluster.bootstrap, oracle_of(year, year_of_weather))


@pytest.mark.headwater
def test_a_batch_goes_on_where_one_was_killed(folder: Path, moments: random.Random) -> None:
    """Broker and all. Sums may count twice what was sent twice, so the departures are compared, row by row."""
    data = folder / "data"
    killed = 0
    while killed < 3:
        batch = start_causes(folder, "--data-dir", data, "--workers", "2")
        wait_for("the feed", lambda: not batch.is_alive() or "published" in batch.output(), 60, every_s=0.01)
        killed += let_run(batch, moments.uniform(0, 1.5))
        batch.kill()
    run_causes(folder, "--data-dir", data)
    broker = HeadwaterBroker(folder, data).start()
    try:
        assert_departures(broker.bootstrap, january())
    finally:
        broker.stop()
