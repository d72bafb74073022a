"""Kafka Connect, unmodified: the lines of a file go through a topic into another file, whichever worker is killed."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType

import pytest
from conftest import Cluster
from support import connect, topics
from support.connect import Worker
from support.processes import wait_for

CONNECTORS = ["lines-in", "lines-out"]


@pytest.fixture(autouse=True)
def jars() -> None:
    """Kafka Connect, or the test is skipped by name."""
    missing = connect.missing()
    if missing is not None:
        pytest.skip(missing)


class Lines:
    """A file to which numbered lines are appended, one after another, until the end of the `with`."""

    def __init__(self, path: Path, per_second: int) -> None:
        self._path = path
        self._pause_s = 1 / per_second
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self.written: list[str] = []
        path.touch()

    def __enter__(self) -> Lines:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def _write(self) -> None:
        with self._path.open("a") as file:
            while not self._is_over.wait(self._pause_s):
                line = f"line-{len(self.written)}"
                file.write(f"{line}\n")
                file.flush()
                self.written.append(line)


def wait_until_arrived(file: Path, lines: Lines, count: int | None = None, timeout_s: float = 60) -> None:
    """Until the first so many lines have come out, or all of them, however often."""
    wanted = len(lines.written) if count is None else count

    def missing() -> int:
        arrived = set(file.read_text().splitlines()) if file.exists() else set()
        return wanted - len(arrived & set(lines.written[:wanted]))

    try:
        wait_for(f"{wanted} lines to arrive", lambda: not missing(), timeout_s)
    except AssertionError as error:
        raise AssertionError(f"{error}: {missing()} are missing") from None


def test_a_worker_by_itself_is_killed_and_its_successor_goes_on(cluster: Cluster, folder: Path) -> None:
    topic = "connect-standalone"
    topics.create(cluster.bootstrap, topic, 1)
    source, sink = folder / "in.txt", folder / "out.txt"
    connectors = {"alone-in": connect.source(source, topic), "alone-out": connect.sink(topic, sink)}
    with Lines(source, 100) as lines:
        worker = connect.standalone(cluster.bootstrap, folder, connectors)
        wait_until_arrived(sink, lines, 100)
        before = len(lines.written)
        worker.kill()
        worker = connect.standalone(cluster.bootstrap, folder, connectors)
        wait_until_arrived(sink, lines, before + 100)
    wait_until_arrived(sink, lines)
    assert set(sink.read_text().splitlines()) == set(lines.written)
    code = worker.end()
    assert code in (0, 143), worker.last_words()


def test_the_tasks_of_a_killed_worker_go_on_at_another(cluster: Cluster, folder: Path) -> None:
    """The source is exactly once: in the topic is each line once, in order."""
    topic = group = "connect-distributed"
    topics.create(cluster.bootstrap, topic, 1)
    source, sink = folder / "in.txt", folder / "out.txt"
    # By default its topics ask for three replicas, which a broker by itself has not, unless it is ours.
    kinds = ("config", "offset", "status") if cluster.name == "kafka" else ()
    settings = {f"{kind}.storage.replication.factor": 1 for kind in kinds}
    workers = [Worker(cluster.bootstrap, folder, group, name, settings) for name in ("one", "two")]
    with Lines(source, 100) as lines:
        for worker in workers:
            worker.wait_until_ready()
        workers[0].create(CONNECTORS[0], connect.source(source, topic))
        workers[1].create(CONNECTORS[1], connect.sink(topic, sink))
        wait_until_arrived(sink, lines, 100)

        running = workers[0].workers_of(CONNECTORS)
        assert sorted(running) == CONNECTORS
        victim = next(worker for worker in workers if worker.address == running[CONNECTORS[0]])
        survivor = next(worker for worker in workers if worker is not victim)
        before = len(lines.written)
        victim.process.kill()
        at_survivor = {name: survivor.address for name in CONNECTORS}
        wait_for("its tasks to go on", lambda: survivor.workers_of(CONNECTORS) == at_survivor, 60)
        wait_until_arrived(sink, lines, before + 100)
    wait_until_arrived(sink, lines)
    assert set(sink.read_text().splitlines()) == set(lines.written)
    assert [record.text for record in topics.read_all(cluster.bootstrap, topic)] == lines.written
    code = survivor.process.end()
    assert code in (0, 143), survivor.process.last_words()
