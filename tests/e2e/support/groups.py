"""Groups of the newer kinds, by Kafka's own tools."""

from __future__ import annotations

from collections.abc import Mapping

from . import kafka


def configure_group(bootstrap: str, group: str, config: Mapping[str, str | int]) -> None:
    """Sets configurations of one group, which need not exist yet."""
    added = ",".join(f"{name}={value}" for name, value in config.items())
    kafka.tool(
        "kafka-configs", "--bootstrap-server", bootstrap, "--alter", "--entity-type", "groups",
        "--entity-name", group, "--add-config", added,
    )  # fmt: skip


def table(said: str) -> list[dict[str, str]]:
    """The rows of a table as Kafka's tools print it, by the names of their columns; its cells are words."""
    lines = [line.split() for line in said.splitlines() if line.strip()]
    header = next((line for line in lines if line[0] == "GROUP"), [])
    return [dict(zip(header, line, strict=True)) for line in lines if line != header and len(line) == len(header)]


def share_lag(bootstrap: str, group: str) -> int | None:
    """How many records a share group has not done with; none while it is not told."""
    said = kafka.tool(
        "kafka-share-groups", "--bootstrap-server", bootstrap, "--describe", "--group", group, "--offsets"
    )
    lags = [row["LAG"] for row in table(said)]
    return sum(map(int, lags)) if lags and all(lag.isdigit() for lag in lags) else None
