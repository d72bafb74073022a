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
