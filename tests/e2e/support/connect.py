"""Kafka Connect from its own jars, unmodified: a worker by itself, or several together, and the connectors of files."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import kafka
from .paths import KAFKA_LIBS
from .processes import Running, free_port, wait_for

_JVM = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=info")
_WORKER = {
    "key.converter": "org.apache.kafka.connect.storage.StringConverter",
    "value.converter": "org.apache.kafka.connect.storage.StringConverter",
    "offset.flush.interval.ms": 500,
    # A sink whose worker is killed is missed soon.
    "consumer.session.timeout.ms": 6000,
    "consumer.heartbeat.interval.ms": 1000,
    # Its plug-ins say themselves what they are; searching every jar takes seconds.
    "plugin.discovery": "service_load",
}


def missing() -> str | None:
    """What Kafka Connect needs and this machine lacks."""
    if not (any(KAFKA_LIBS.glob("connect-runtime-*.jar")) and any(KAFKA_LIBS.glob("connect-file-*.jar"))):
        return "Kafka Connect's jars are not set up (cargo xtask test fetches them by Maven)"
    return kafka.missing()


def source(file: Path, topic: str) -> dict[str, str]:
    """The lines of a file, as they come, to a topic."""
    return {"connector.class": "FileStreamSource", "tasks.max": "1", "file": str(file), "topic": topic}


def sink(topic: str, file: Path) -> dict[str, str]:
    """The records of a topic to a file, a line each."""
    return {"connector.class": "FileStreamSink", "tasks.max": "1", "topics": topic, "file": str(file)}


def _write(path: Path, properties: Mapping[str, Any]) -> Path:
    path.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
    return path


def standalone(bootstrap: str, folder: Path, connectors: Mapping[str, Mapping[str, str]]) -> Running:
    """A worker by itself: where its sources are is in a file of its own."""
    worker = {
        **_WORKER,
        "bootstrap.servers": bootstrap,
        "listeners": f"http://127.0.0.1:{free_port()}",
        "offset.storage.file.filename": folder / "standalone.offsets",
    }
    files = [_write(folder / "standalone.properties", worker)]
    for name, config in connectors.items():
        files.append(_write(folder / f"{name}.properties", {"name": name, **config}))
    return Running("standalone", kafka.java("org.apache.kafka.connect.cli.ConnectStandalone", _JVM, files), folder)


class Worker:
    """One of several workers of a group, which keep everything in topics."""

    def __init__(self, bootstrap: str, folder: Path, group: str, name: str, settings: Mapping[str, Any]) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        worker = {
            **_WORKER,
            "bootstrap.servers": bootstrap,
            "listeners": f"http://{self.address}",
            "group.id": group,
            **{f"{kind}.storage.topic": f"{group}-{kind}" for kind in ("config", "offset", "status")},
            "offset.storage.partitions": 2,
            "status.storage.partitions": 2,
            "exactly.once.source.support": "enabled",
            # A worker that is killed is missed soon, and what was its is not kept for it.
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 1000,
            "scheduled.rebalance.max.delay.ms": 0,
            **settings,
        }
        path = _write(folder / f"{name}.properties", worker)
        command = kafka.java("org.apache.kafka.connect.cli.ConnectDistributed", _JVM, [path])
        self.process = Running(name, command, folder)

    def get(self, path: str) -> Any:
        """What it answers; none while it cannot."""
        assert self.process.is_alive(), f"{self.process.name} ended by itself:\n{self.process.last_words()}"
        try:
            with urllib.request.urlopen(f"http://{self.address}/{path}", timeout=10) as answer:
                return json.load(answer)
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return None

    def create(self, name: str, config: Mapping[str, str]) -> None:
        """Creates a connector; a worker that does not lead asks the one that does."""
        request = urllib.request.Request(
            f"http://{self.address}/connectors",
            data=json.dumps({"name": name, "config": config}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.status == 201

    def workers_of(self, connectors: Sequence[str]) -> dict[str, str]:
        """Which worker runs the task of each connector; of those alone that run."""
        found = {}
        for name in connectors:
            status = self.get(f"connectors/{name}/status")
            tasks = status["tasks"] if status else []
            found |= {name: task["worker_id"] for task in tasks if task["state"] == "RUNNING"}
        return found

    def wait_until_ready(self) -> None:
        wait_for(f"{self.process.name} to answer", lambda: self.get("connectors") is not None, 60, every_s=0.2)
