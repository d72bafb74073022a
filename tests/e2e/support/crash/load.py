"""Load: a thread that works until it is told to end, and what every client in it is told."""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from typing import Any

from .. import topics

# How long a single thing may take, deaths of the broker included.
PATIENCE_S = 60.0

# Clients that are fenced on purpose say so at the highest level.
_SILENT = logging.Logger("silent")
_SILENT.addHandler(logging.NullHandler())

CLIENT: dict[str, Any] = {
    "reconnect.backoff.ms": 10,
    "reconnect.backoff.max.ms": 200,
    "retry.backoff.ms": 10,
    "retry.backoff.max.ms": 100,
    "topic.metadata.refresh.fast.interval.ms": 50,
    # With one broker, to begin anew with the bootstrap servers costs a second and finds the same one.
    "metadata.recovery.strategy": "none",
    "logger": _SILENT,
    **topics.QUIET,
}


class Load:
    """Works in a thread until it is told to end. An error ends it, and is the failure of the test."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._thread = threading.Thread(target=self._work_guarded, name=name, daemon=True)
        self._ending = threading.Event()
        self._error: BaseException | None = None

    def work(self) -> None:
        """Until `is_ending`, and then to an orderly end."""
        raise NotImplementedError

    def done(self) -> int:
        """How much the broker has said that it has done."""
        raise NotImplementedError

    def summary(self) -> str:
        """What it did, in a few words."""
        raise NotImplementedError

    def start(self) -> None:
        self._thread.start()

    def _work_guarded(self) -> None:
        try:
            self.work()
        except BaseException as error:
            self._error = error

    @property
    def is_ending(self) -> bool:
        return self._ending.is_set()

    def tell_to_end(self) -> None:
        self._ending.set()

    def wait(self) -> None:
        """Until it has ended in order."""
        self._thread.join(2 * PATIENCE_S)
        assert not self._thread.is_alive(), f"{self.name} did not end; it is here:\n{self._where()}"
        self.ensure_well()

    def ensure_well(self) -> None:
        if self._error is not None:
            raise AssertionError(f"{self.name} failed: {self._error!r}") from self._error

    def _where(self) -> str:
        frame = sys._current_frames().get(self._thread.ident or 0)
        return "".join(traceback.format_stack(frame)) if frame else "nowhere"
