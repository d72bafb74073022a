"""Child processes: started with their output in files, never outliving the tests, killed or ended on demand."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    """This process's environment without Headwater's own settings, which a developer may have."""
    return {key: value for key, value in os.environ.items() if not key.startswith("HEADWATER_")} | dict(extra or {})


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(what: str, check: Callable[[], T | None], timeout_s: float, every_s: float = 0.1) -> T:
    """The first truthy answer of `check`; fails, naming `what`, when none comes in time."""
    deadline = time.monotonic() + timeout_s
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s:.0f} s for {what}")
        time.sleep(every_s)


def _labels(name: str) -> Iterator[str]:
    """The name, then the name with numbers: processes of one name keep their outputs apart."""
    yield name
    yield from (f"{name}-{number}" for number in count(2))


class Running:
    """A started process. Its standard output and error are the files `NAME.out` and `NAME.err` in `logs`."""

    def __init__(
        self,
        name: str,
        command: Iterable[str | Path],
        logs: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self.name = next(label for label in _labels(name) if not (logs / f"{label}.out").exists())
        self.command = [str(word) for word in command]
        self.out_path = logs / f"{self.name}.out"
        self.err_path = logs / f"{self.name}.err"
        with self.out_path.open("xb") as out, self.err_path.open("xb") as err:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=_environment(env),
                cwd=cwd,
                preexec_fn=_die_with_parent,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def output(self) -> str:
        return self.out_path.read_text(errors="replace")

    def lines(self) -> list[str]:
        """The complete lines written so far; a line still being written is left out."""
        return [line.rstrip("\n") for line in self.output().splitlines(keepends=True) if line.endswith("\n")]

    def errors(self) -> str:
        return self.err_path.read_text(errors="replace")

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def exit_code(self) -> int | None:
        return self._process.poll()

    def kill(self) -> None:
        """SIGKILL: the process gets no chance to say or write anything."""
        if self.is_alive():
            self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """Stops it where it is; it keeps its connections and what it holds."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def end(self, timeout_s: float = 30.0) -> int:
        """SIGTERM, then waits; a process that does not end is killed and is a failure."""
        if self.is_alive():
            self._process.terminate()
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end within {timeout_s:.0f} s of SIGTERM") from None

    def wait(self, timeout_s: float) -> int:
        """The exit code of a process that ends by itself; killed, and a failure, when it does not."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(
                f"{self.name} still ran after {timeout_s:.0f} s; its last words:\n{self.last_words()}"
            ) from None

    def last_words(self, lines: int = 25) -> str:
        """The end of both outputs, for failure messages."""
        tail = (self.output().splitlines()[-lines:]) + (self.errors().splitlines()[-lines:])
        return "\n".join(tail)


def run(
    command: Iterable[str | Path],
    stdin: str | bytes | None = None,
    timeout_s: float = 120.0,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    expect_exit: int | None = 0,
) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end and returns its outputs as text; any other exit code than `expect_exit` fails."""
    words = [str(word) for word in command]
    data = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(
        words,
        input=data if data is not None else b"",
        capture_output=True,
        timeout=timeout_s,
        env=_environment(env),
        cwd=cwd,
        preexec_fn=_die_with_parent,
        check=False,
    )
    text = subprocess.CompletedProcess(
        words, done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    )
    if expect_exit is not None and text.returncode != expect_exit:
        raise AssertionError(
            f"exit code {text.returncode} (expected {expect_exit}) of: {' '.join(words)}\n"
            f"{text.stdout[-3000:]}\n{text.stderr[-3000:]}"
        )
    return text


class Conversation:
    """A started process that is told lines and answers with lines.

    Its standard error is the file `NAME.err` in `logs`.
    """

    def __init__(self, name: str, command: Iterable[str | Path], logs: Path) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self.name = name
        self._err_path = logs / f"{name}.err"
        with self._err_path.open("wb") as err:
            self._process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=err,
                env=_environment(None),
                text=True,
                encoding="utf-8",
                preexec_fn=_die_with_parent,
            )

    def ask(self, lines: Iterable[str], last: str, timeout_s: float) -> list[str]:
        """Tells it some lines, and gives its answer without the line that ends it."""
        told, answer = self._process.stdin, self._process.stdout
        assert told is not None and answer is not None

        def tell() -> None:
            try:
                told.writelines(f"{line}\n" for line in lines)
                told.flush()
            except BrokenPipeError:
                # It has ended: what it did not say tells so.
                pass

        # It answers while it is told: neither waits for the other to empty a pipe.
        telling = threading.Thread(target=tell)
        slowness = threading.Timer(timeout_s, self._process.kill)
        telling.start()
        slowness.start()
        try:
            answered: list[str] = []
            for line in answer:
                if line == f"{last}\n":
                    return answered
                answered.append(line.rstrip("\n"))
        finally:
            slowness.cancel()
            telling.join()
        code = self._process.wait()
        raise AssertionError(f"{self.name} ended with {code} instead of answering:\n{self._last_words()}")

    def end(self) -> None:
        """Tells it that there is no more, and waits."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _last_words(self, lines: int = 25) -> str:
        return "\n".join(self._err_path.read_text(errors="replace").splitlines()[-lines:])
