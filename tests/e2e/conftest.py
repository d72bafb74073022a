"""Fixtures: the cluster under test (ours, or Apache Kafka), and a folder for each test that is kept if it fails."""

from __future__ import annotations

import os
import random
import re
import shutil
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pytest
from support import kafka
from support.headwater import SHORT_SESSIONS, HeadwaterBroker
from support.kafka import KafkaCluster
from support.paths import ARTIFACTS, HEADWATER, SHARED_DATA
from support.registry import MEMBERS, left_out

CLUSTERS = ("headwater", "kafka")


class Cluster(Protocol):
    """Where a test's clients connect to."""

    name: str

    @property
    def bootstrap(self) -> str: ...

    def partition_folder(self, topic: str, partition: int) -> Path: ...


class OwnCluster(Cluster, Protocol):
    """A cluster of one test alone, which may kill it."""

    def kill(self) -> None: ...

    def restart(self) -> None: ...


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--cluster", choices=(*CLUSTERS, "both"), default="both", help="the cluster under test")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    chosen = metafunc.config.getoption("--cluster")
    names = CLUSTERS if chosen == "both" else (chosen,)
    if "cluster" in metafunc.fixturenames:
        metafunc.parametrize("cluster", names, indirect=True, scope="session")
    if "own_cluster" in metafunc.fixturenames:
        metafunc.parametrize("own_cluster", names, indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests of one cluster alone (marked with its name) run only where it is chosen."""
    chosen = config.getoption("--cluster")
    if chosen == "both":
        return
    others = [name for name in CLUSTERS if name != chosen]
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        (dropped if any(item.get_closest_marker(name) for name in others) else kept).append(item)
    config.hook.pytest_deselected(items=dropped)
    items[:] = kept


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    del call
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
        item.session.stash[_FAILED] = True
    return report


_FAILED = pytest.StashKey[bool]()


def _fresh_folder(name: str) -> Path:
    folder = ARTIFACTS / re.sub(r"[^A-Za-z0-9.-]+", "_", name).strip("_")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def folder(request: pytest.FixtureRequest) -> Iterator[Path]:
    """An empty folder for logs and data: removed when the test passes, kept and named when it fails."""
    path = _fresh_folder(request.node.name)
    yield path
    if request.node.stash.get(_FAILED, False):
        print(f"logs and data are kept in {path}", file=sys.stderr)
    else:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def shared_folder(request: pytest.FixtureRequest, name: str) -> Iterator[Path]:
    """An empty folder for what several tests share, kept if any test failed."""
    path = _fresh_folder(name)
    yield path
    if not request.session.stash.get(_FAILED, False):
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """One broker for the whole run, or for each of its processes; tests keep apart by topics' and groups' names."""
    name = request.param
    process = os.environ.get("PYTEST_XDIST_WORKER", "")
    with shared_folder(request, f"cluster-{name}{process}") as path:
        started = new_cluster(name, path).start()
        try:
            yield started
        finally:
            started.stop()


def new_cluster(name: str, path: Path) -> HeadwaterBroker | KafkaCluster:
    return HeadwaterBroker(path, options=SHORT_SESSIONS) if name == "headwater" else kafka_cluster(path)


@pytest.fixture
def own_cluster(request: pytest.FixtureRequest, folder: Path) -> Iterator[OwnCluster]:
    """An empty broker for one test, whose topics' names are not its to choose, or which kills it."""
    path = folder / "cluster"
    started = new_cluster(request.param, path).start()
    try:
        yield started
    finally:
        started.stop()


@pytest.fixture
def kafka_tools() -> None:
    """Kafka's command-line tools, or the test is skipped by name."""
    require_kafka()


@pytest.fixture
def kcat() -> None:
    """kcat, or the test is skipped by name."""
    require_client("kcat")


@pytest.fixture
def moments() -> random.Random:
    """Where to kill; HEADWATER_TEST_SEED repeats a run."""
    seed = int(os.environ.get("HEADWATER_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"HEADWATER_TEST_SEED={seed}")
    return random.Random(seed)


@pytest.fixture
def year() -> Path:
    """The whole year's flights, or the test is skipped by name."""
    return _shared("flights.csv.gz")


@pytest.fixture
def year_of_weather() -> Path:
    """The whole year's weather, or the test is skipped by name."""
    return _shared("weather.csv.gz")


def _shared(name: str) -> Path:
    path = SHARED_DATA / name
    if not path.exists():
        pytest.skip(f"the whole year's {name} is not in ../shared/data")
    return path


def require_client(client: str) -> None:
    """Skips the test by name where this foreign client is not set up."""
    missing = MEMBERS[client].missing()
    if missing is not None:
        pytest.skip(f"{client}: {missing}")


def require_kafka() -> None:
    missing = kafka.missing()
    if missing is not None:
        pytest.skip(missing)


def kafka_cluster(path: Path, nodes: int = 1) -> KafkaCluster:
    """Apache Kafka, not yet started, or the test is skipped by name."""
    require_kafka()
    return KafkaCluster(path, nodes)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "headwater: a test of our own broker alone")
    config.addinivalue_line("markers", "kafka: a test of Apache Kafka alone")


def pytest_report_header() -> str:
    return f"headwater: {HEADWATER if HEADWATER.exists() else 'not built'}; CI={os.environ.get('CI', '')}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section("left out of scenarios, client by client")
    for line in left_out():
        terminalreporter.write_line(line)
