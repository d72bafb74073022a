"""Where things lie, relative to the repository; every path can be replaced by an environment variable."""

from __future__ import annotations

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]


def _path(variable: str, default: Path) -> Path:
    return Path(os.environ[variable]).resolve() if variable in os.environ else default


TARGET = REPOSITORY / "target"
# The drivers of foreign clients, in folders by language.
TESTS = REPOSITORY / "tests"
# The binary under test.
HEADWATER = _path("HEADWATER_TEST_BINARY", TARGET / "release" / "headwater")
# Drivers that the set-up compiles (tests/java, tests/go), in folders by language.
COMPILED = _path("HEADWATER_TEST_COMPILED", TARGET / "xtask")
# Drivers in Rust (bench/crates/conformance).
BENCH_RELEASE = _path("HEADWATER_TEST_BENCH", REPOSITORY / "bench" / "target" / "release")
# Apache Kafka's jars (tests/kafka/pom.xml).
KAFKA_LIBS = _path("HEADWATER_TEST_KAFKA_LIBS", TARGET / "xtask" / "kafka" / "libs")
# npm's packages (tests/node/package.json), and the Node that runs them.
NODE_CLIENTS = _path("HEADWATER_TEST_NODE_CLIENTS", TARGET / "xtask" / "node")
# A folder for each test: logs and data, kept if it fails.
ARTIFACTS = _path("HEADWATER_TEST_ARTIFACTS", TARGET / "xtask" / "e2e")
# January, in the repository.
FLIGHTS_JANUARY = REPOSITORY / "examples" / "flights" / "data"
# The whole year, beside the repository.
SHARED_DATA = _path("HEADWATER_TEST_SHARED_DATA", REPOSITORY.parent / "shared" / "data")
