"""The real binary: `headwater up` as a broker that can be killed and restarted, and its client commands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from . import topics
from .paths import HEADWATER
from .processes import Running, run, wait_for


# Members of groups of the newer protocols that are dead are missed soon, as on the Apache Kafka of the tests; those of
# share and streams groups by what their tests set for a group.
SHORT_SESSIONS = (
    "--group-setting", "group.consumer.session.timeout.ms=8000",
    "--group-setting", "group.consumer.heartbeat.interval.ms=1000",
    "--group-setting", "group.share.min.session.timeout.ms=6000",
    "--group-setting", "group.share.min.heartbeat.interval.ms=500",
    "--group-setting", "group.share.min.record.lock.duration.ms=1000",
    "--group-setting", "group.streams.min.session.timeout.ms=6000",
    "--group-setting", "group.streams.min.heartbeat.interval.ms=500",
)  # fmt: skip


class HeadwaterBroker:
    """`headwater up` over a data folder. After the first start it keeps its port, so that clients find it again."""

    name = "headwater"

    def __init__(self, folder: Path, data_dir: Path | None = None, options: Sequence[str] = ()) -> None:
        self._folder = folder
        self.data_dir = data_dir or folder / "data"
        self._options = options
        self._address: str | None = None
        self._running: Running | None = None

    @property
    def bootstrap(self) -> str:
        assert self._address is not None, "the broker was never started"
        return self._address

    def launch(self) -> Running:
        """Started, and not yet waited for."""
        port = self._address.rsplit(":", 1)[1] if self._address else "0"
        command: list[str | Path] = [HEADWATER, "up", "--kafka-port", port, "--output", "json"]
        command += ["--data-dir", self.data_dir, *self._options]
        self._running = Running("headwater", command, self._folder)
        return self._running

    def start(self) -> HeadwaterBroker:
        running = self.launch()

        def address() -> str | None:
            if not running.is_alive():
                raise AssertionError(f"headwater up ended by itself:\n{running.last_words()}")
            return next((json.loads(line)["kafka"] for line in running.lines() if line.startswith("{")), None)

        self._address = wait_for("the address line of `headwater up`", address, 60, every_s=0.02)
        return self

    @property
    def process(self) -> Running:
        assert self._running is not None, "the broker was never started"
        return self._running

    def partition_folder(self, topic: str, partition: int) -> Path:
        """Where it keeps a partition's segments."""
        return self.data_dir / "broker" / f"{topic}-{partition}"

    def kill(self) -> None:
        self.process.kill()

    def restart(self) -> None:
        """Started again over the same folder, on the same port."""
        self.start()
        wait_for("the restarted broker", lambda: topics.broker_count(self.bootstrap), 30)

    def stop(self) -> None:
        if self._running is not None:
            self._running.end()


def headwater(*arguments: str | Path, stdin: str | None = None, timeout_s: float = 120.0) -> str:
    """Runs a command of the binary to its end and returns its standard output."""
    return run([HEADWATER, *arguments], stdin=stdin, timeout_s=timeout_s).stdout


def headwater_fails(*arguments: str | Path, timeout_s: float = 120.0) -> str:
    """Runs a command that must fail; returns what it wrote on standard error."""
    done = run([HEADWATER, *arguments], timeout_s=timeout_s, expect_exit=None)
    assert done.returncode not in (0, 101), f"exit code {done.returncode}: {done.stdout}\n{done.stderr}"
    return done.stderr
