"""`headwater demo causes` against SQL: each departure with its weather and aircraft, and what they add up to."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from . import topics
from .flights import january_csv
from .oracle import COLUMNS
from .paths import FLIGHTS_JANUARY, HEADWATER
from .processes import Running

APPLICATION = "delay-causes"

_WEATHER = {
    "origin": "VARCHAR", "year": "BIGINT", "month": "BIGINT", "day": "BIGINT", "hour": "BIGINT", "temp": "DOUBLE",
    "dewp": "DOUBLE", "humid": "DOUBLE", "wind_dir": "BIGINT", "wind_speed": "DOUBLE", "wind_gust": "DOUBLE",
    "precip": "DOUBLE", "pressure": "DOUBLE", "visib": "DOUBLE", "time_hour": "VARCHAR",
}  # fmt: skip

# The newest weather at or before the scheduled departure, and the aircraft of that tail number, if there is one.
_FLOWN = """
CREATE TABLE flown AS
SELECT rows.carrier, rows.flight, rows.time_hour, rows.origin, rows.dest, rows.tailnum, rows.dep_time, rows.dep_delay,
       weather.time_hour AS observed, weather.temp, weather.wind_speed, weather.precip, weather.visib,
       planes.manufacturer, planes.model, planes.year AS built, planes.seats,
       CASE WHEN weather.origin IS NULL THEN 'unknown'
            WHEN weather.visib < 3 THEN 'fog'
            WHEN weather.precip > 0 THEN 'wet'
            WHEN weather.wind_speed >= 20 THEN 'windy'
            ELSE 'fair' END AS sky
FROM (SELECT *, strptime(time_hour, '%Y-%m-%dT%H:%M:%SZ') + to_minutes(minute) AS scheduled_at FROM rows) AS rows
ASOF LEFT JOIN (SELECT *, strptime(time_hour, '%Y-%m-%dT%H:%M:%SZ') AS observed_at FROM weather) AS weather
    ON rows.origin = weather.origin AND rows.scheduled_at >= weather.observed_at
LEFT JOIN planes ON rows.tailnum = planes.tailnum
"""

_CAUSES = """
SELECT sky, manufacturer, count(*), count(*) FILTER (dep_time IS NULL), count(*) FILTER (dep_delay >= 15),
       coalesce(sum(dep_delay), 0)::BIGINT
FROM flown GROUP BY ALL
"""

Rows = dict[tuple[Any, ...], tuple[Any, ...]]


class CausesOracle:
    """What must come out of these files."""

    def __init__(self, flights: Path, weather: Path, planes: Path) -> None:
        self._sql = duckdb.connect()
        self._sql.execute("SET threads = 2")
        for table, file, columns in (("rows", flights, COLUMNS), ("weather", weather, _WEATHER)):
            self._sql.execute(
                f"CREATE TABLE {table} AS SELECT * FROM read_csv(?, header = true, nullstr = 'NA', columns = ?)",
                [str(file), columns],
            )
        self._sql.execute(
            "CREATE TABLE planes AS SELECT * FROM read_csv(?, header = true, nullstr = 'NA')", [str(planes)]
        )
        self._sql.execute(_FLOWN)

    def departures(self) -> Rows:
        """Each flight's row by carrier, number and hour."""
        rows = self._sql.execute("SELECT * EXCLUDE (sky) FROM flown").fetchall()
        return {row[:3]: row for row in rows}

    def causes(self) -> Rows:
        """Scheduled, cancelled, delayed, minutes; by weather and manufacturer."""
        return {row[:2]: row[2:] for row in self._sql.execute(_CAUSES).fetchall()}


@cache
def oracle_of(flights: Path, weather: Path) -> CausesOracle:
    (planes,) = FLIGHTS_JANUARY.glob("planes.csv*")
    return CausesOracle(flights, weather, planes)


def january() -> CausesOracle:
    (weather,) = FLIGHTS_JANUARY.glob("weather*.csv.gz")
    return oracle_of(january_csv(), weather)


def start_causes(logs: Path, *options: str | Path) -> Running:
    return Running("causes", [HEADWATER, "demo", "causes", *options], logs)


def run_causes(logs: Path, *options: str | Path, timeout_s: float = 180.0) -> str:
    """Runs the batch to its end and returns its output."""
    batch = start_causes(logs, *options)
    code = batch.wait(timeout_s)
    assert code == 0, f"the batch ended with exit code {code}:\n{batch.last_words()}"
    return batch.output()


def assert_departures(bootstrap: str, oracle: CausesOracle) -> None:
    """The newest value of each flight is the oracle's row, and there is no other."""
    departures: Rows = {}
    for record in topics.read_all(bootstrap, "departures"):
        row = _flown(_json(record.value))
        assert _fields(_json(record.key), "carrier flight time_hour") == row[:3], record
        departures[row[:3]] = row
    _assert_equal("departures", departures, oracle.departures())


def assert_causes(bootstrap: str, oracle: CausesOracle) -> None:
    """The newest values of both topics are the oracle's rows, and there is no other."""
    assert_departures(bootstrap, oracle)
    causes: Rows = {}
    for record in topics.read_all(bootstrap, APPLICATION):
        sums = _fields(_json(record.value), "scheduled cancelled delayed_15 total_delay_minutes")
        causes[_fields(_json(record.key), "sky manufacturer")] = sums
    # What has lost all its flights to another cause stays, with nothing.
    _assert_equal("causes", {key: sums for key, sums in causes.items() if any(sums)}, oracle.causes())


def _assert_equal(what: str, found: Rows, expected: Rows) -> None:
    missing, extra = expected.keys() - found.keys(), found.keys() - expected.keys()
    wrong = [(row, found[key]) for key, row in expected.items() if key in found and found[key] != row]
    assert not (missing or extra or wrong), (
        f"{len(missing)} {what} missing, such as {list(missing)[:2]}\n{len(extra)} too many, such as {list(extra)[:2]}\n"
        f"{len(wrong)} wrong; (expected, found) such as {wrong[:2]}"
    )


def _flown(row: dict[str, Any]) -> tuple[Any, ...]:
    flight = _fields(row, "carrier flight time_hour origin dest tailnum dep_time dep_delay")
    weather = _fields(row["weather"] or {}, "time_hour temp wind_speed precip visib")
    return flight + weather + _fields(row["aircraft"] or {}, "manufacturer model year seats")


def _fields(row: dict[str, Any], names: str) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in names.split())


def _json(data: bytes | None) -> dict[str, Any]:
    assert data is not None, "a record without JSON"
    read: dict[str, Any] = json.loads(data)
    return read


def forget(bootstrap: str) -> None:
    """Makes the application begin anew over the same events: its group, its own topics and its results are deleted."""
    admin = topics.admin(bootstrap)
    for deleted in admin.delete_consumer_groups([APPLICATION]).values():
        deleted.result()
    known = admin.list_topics(timeout=10).topics
    topics.delete(bootstrap, [name for name in known if name.startswith(APPLICATION) or name == "departures"])
