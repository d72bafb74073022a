"""The oracle: the flights feed and the delay board computed from the CSV in SQL, sharing nothing with the Rust code."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

# JSON with its field order: what the oracle and the topics are compared as.
Fields = tuple[tuple[str, Any], ...]

COLUMNS = {
    "year": "BIGINT", "month": "BIGINT", "day": "BIGINT", "dep_time": "BIGINT", "sched_dep_time": "BIGINT",
    "dep_delay": "BIGINT", "arr_time": "BIGINT", "sched_arr_time": "BIGINT", "arr_delay": "BIGINT",
    "carrier": "VARCHAR", "flight": "BIGINT", "tailnum": "VARCHAR", "origin": "VARCHAR", "dest": "VARCHAR",
    "air_time": "BIGINT", "distance": "BIGINT", "hour": "BIGINT", "minute": "BIGINT", "time_hour": "VARCHAR",
}  # fmt: skip

# A flight's event time is its scheduled departure; it is published when it really left, a cancelled one when it
# should have. Stream time is the greatest event time published so far.
_FEED = """
CREATE TABLE feed AS
SELECT *,
       row_number() OVER (ORDER BY left_at, file_row) AS position,
       max(scheduled_at) OVER (ORDER BY left_at, file_row ROWS UNBOUNDED PRECEDING) AS stream_time
FROM (
    SELECT *,
           strptime(time_hour, '%Y-%m-%dT%H:%M:%SZ') AS window_start,
           window_start + INTERVAL 1 HOUR AS window_end,
           window_start + to_minutes(minute) AS scheduled_at,
           scheduled_at + to_minutes(coalesce(dep_delay, 0)) AS left_at
    FROM (SELECT row_number() OVER () AS file_row, * FROM rows)
)
"""

# Late beyond grace: the window has closed, 24 hours of stream time after its end.
_ON_TIME = "window_end + INTERVAL 24 HOUR > stream_time"

_BOARD = f"""
WITH on_time AS (SELECT * FROM feed WHERE {_ON_TIME}),
counts AS (
    SELECT origin, window_start, window_end,
           count(*) AS scheduled,
           count(*) FILTER (dep_time IS NOT NULL) AS departed,
           count(*) FILTER (dep_time IS NULL) AS cancelled,
           count(*) FILTER (dep_delay >= 15) AS delayed_15,
           coalesce(sum(dep_delay) FILTER (dep_time IS NOT NULL), 0)::BIGINT AS total_delay_minutes
    FROM on_time GROUP BY ALL
),
worst AS (
    SELECT origin, window_start, carrier, name AS airline, flight, dest, dep_delay AS delay_minutes
    FROM on_time LEFT JOIN airlines USING (carrier)
    WHERE dep_time IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY origin, window_start ORDER BY dep_delay DESC, carrier, flight) = 1
)
SELECT origin,
       strftime(window_start, '%Y-%m-%dT%H:%M:%SZ'), strftime(window_end, '%Y-%m-%dT%H:%M:%SZ'),
       scheduled, departed, cancelled, delayed_15, total_delay_minutes,
       carrier, airline, flight, dest, delay_minutes
FROM counts LEFT JOIN worst USING (origin, window_start)
"""


@dataclass(frozen=True)
class Event:
    """One record of the topic `flights`."""

    origin: str
    timestamp_ms: int
    value: Fields


class Oracle:
    """What must come out of one CSV of flights."""

    def __init__(self, flights: Path, airlines: Path) -> None:
        self._sql = duckdb.connect()
        self._sql.execute("SET threads = 2")
        self._sql.execute(
            "CREATE TABLE rows AS SELECT * FROM read_csv(?, header = true, nullstr = 'NA', columns = ?)",
            [str(flights), COLUMNS],
        )
        self._sql.execute(
            "CREATE TABLE airlines AS SELECT carrier, name FROM read_csv(?, header = true, all_varchar = true)",
            [str(airlines)],
        )
        self._sql.execute(_FEED)

    def _count(self, condition: str = "true") -> int:
        answer = self._sql.execute(f"SELECT count(*) FROM feed WHERE {condition}").fetchone()
        assert answer is not None
        return int(answer[0])

    @property
    def flights(self) -> int:
        return self._count()

    @property
    def late(self) -> int:
        """Events beyond grace, if all of them went through one task; a task that sees fewer has no more."""
        return self._count(f"NOT ({_ON_TIME})")

    def feed(self) -> list[Event]:
        """The topic `flights` in the order in which it is published, partitions aside."""
        names = list(COLUMNS)
        rows = self._sql.execute(
            f"SELECT epoch_ms(scheduled_at), {', '.join(names)} FROM feed ORDER BY position"
        ).fetchall()
        origin = names.index("origin")
        return [Event(row[1 + origin], row[0], tuple(zip(names, row[1:], strict=True))) for row in rows]

    def board(self) -> dict[Fields, Fields]:
        """Every window: key and value of the topic `delay-board`."""
        return dict(_window(row) for row in self._sql.execute(_BOARD).fetchall())

    def airlines(self) -> dict[str, str]:
        return dict(self._sql.execute("SELECT carrier, name FROM airlines").fetchall())


def _window(row: tuple[Any, ...]) -> tuple[Fields, Fields]:
    origin, start, end, scheduled, departed, cancelled, delayed, total, carrier, airline, flight, dest, delay = row
    worst: Fields | None = None
    if departed:
        worst = (
            ("carrier", carrier), ("airline", airline), ("flight", flight), ("dest", dest), ("delay_minutes", delay),
        )  # fmt: skip
    key = (("origin", origin), ("window_start", start))
    value = (
        *key, ("window_end", end), ("scheduled", scheduled), ("departed", departed), ("cancelled", cancelled),
        ("delayed_15", delayed), ("total_delay_minutes", total), ("worst", worst),
    )  # fmt: skip
    return key, value


def fields(data: bytes | None) -> Fields:
    """JSON bytes as fields in order, so that two values are equal only if their field order is."""
    assert data is not None, "a record without JSON"
    read: Fields = json.loads(data, object_pairs_hook=tuple)
    return read
