"""Our topologies against Kafka Streams itself: the same records to both test drivers, the same outputs from both.

Keys, values, times, headers and order are compared, record by record. What differs on purpose is listed in
`docs/reference/kafka-streams-differences.md`.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from conftest import shared_folder
from support.compiled import java_missing, java_program
from support.paths import REPOSITORY, TARGET
from support.processes import Conversation, run
from support.topologies import TOPOLOGIES, records

# Topologies of Kafka Streams that we have no counterpart of yet.
NOT_COMPARED: dict[str, str] = {}

COMPARED = [name for name in TOPOLOGIES if name not in NOT_COMPARED]
# More is a nightly part.
USUAL_COUNT = 10_000
USUAL_SEED = 7
COUNT = int(os.environ.get("HEADWATER_TEST_RECORDS", USUAL_COUNT))
SLOWEST_S = 900
# Kafka Streams, told to keep its windows for a day, looks at all of them with each record here: no more than so many.
MOST = {"sliding-on-close": 50_000, "session-on-close": 100_000}
# How many records before the first difference are shown, and how many are fed, at most, to find a few that differ.
SHOWN = 10
MOST_FED = 2_000_000

Ask = Callable[[str, Sequence[str]], list[str]]


@pytest.fixture(scope="session")
def kafka_streams(request: pytest.FixtureRequest) -> Iterator[Ask]:
    """Kafka Streams, one process for all topologies, or the test is skipped by name."""
    missing = java_missing("TopologyOracle")
    if missing is not None:
        pytest.skip(missing)
    with shared_folder(request, "kafka-streams") as folder:
        jvm = ("-Xmx1g", "-XX:TieredStopAtLevel=4", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error")
        program = java_program("TopologyOracle", *jvm, f"-Djava.io.tmpdir={folder}")
        yield from _asked(lambda: Conversation("kafka-streams", [*program, folder / "state"], folder))


@pytest.fixture(scope="session")
def ours(request: pytest.FixtureRequest) -> Iterator[Ask]:
    """Our test driver, one process for all topologies."""
    profile = ["--release"] if COUNT > USUAL_COUNT else []
    words = ["cargo", "build", "--package", "headwater-streams", "--example", "oracle", *profile]
    run(words, timeout_s=1800, cwd=REPOSITORY)
    program = TARGET / ("release" if profile else "debug") / "examples" / "oracle"
    with shared_folder(request, "oracle") as folder:
        yield from _asked(lambda: Conversation("oracle", [program], folder))


def _asked(start: Callable[[], Conversation]) -> Iterator[Ask]:
    """Starts it for the first topology, and again behind one that it did not survive."""
    process: Conversation | None = None

    def ask(name: str, fed: Sequence[str]) -> list[str]:
        nonlocal process
        running = process or start()
        process = None
        answer = running.ask([f"topology {name}", *fed, "end"], "end", SLOWEST_S)
        process = running
        return answer

    yield ask
    if process is not None:
        process.end()


@pytest.fixture(scope="session")
def seed() -> int:
    """The same in the usual form, a new one in the long form; HEADWATER_TEST_SEED repeats a run."""
    drawn = USUAL_SEED if COUNT == USUAL_COUNT else random.SystemRandom().randrange(1 << 32)
    return int(os.environ.get("HEADWATER_TEST_SEED", drawn))


def test_what_is_not_compared_is_a_topology() -> None:
    assert set(NOT_COMPARED) <= set(TOPOLOGIES)


@pytest.mark.parametrize("name", COMPARED)
def test_outputs_are_those_of_kafka_streams(name: str, kafka_streams: Ask, ours: Ask, seed: int, folder: Path) -> None:
    print(f"HEADWATER_TEST_SEED={seed}")
    count = min(COUNT, MOST.get(name, COUNT))
    fed = records(name, seed, count)
    theirs, made = kafka_streams(name, fed), ours(name, fed)
    if theirs == made:
        assert theirs, f"no output of {name} for {count} records of seed {seed}"
        return
    at = _first_difference(theirs, made)
    (folder / "records").write_text("".join(f"{line}\n" for line in fed[: at + 1]))
    small = _smaller(fed[: at + 1], lambda some: kafka_streams(name, some) != ours(name, some))
    pytest.fail(
        f"HEADWATER_TEST_SEED={seed}: {name} differs at record {at} of {count}\n"
        f"{_context(fed, theirs, made, at)}\n\n"
        f"with these {len(small)} records alone:\n{_indented(small)}\n"
        f"Kafka Streams:\n{_indented(kafka_streams(name, small))}\nours:\n{_indented(ours(name, small))}",
        pytrace=False,
    )


def _number(output: str) -> int:
    """Which record made it."""
    return int(output.split(" ", 1)[0])


def _first_difference(theirs: Sequence[str], ours: Sequence[str]) -> int:
    """The number of the first record that they answer differently."""
    for left, right in zip(theirs, ours, strict=False):
        if left != right:
            return min(_number(left), _number(right))
    longer = max(theirs, ours, key=len)
    return _number(longer[min(len(theirs), len(ours))])


def _context(fed: Sequence[str], theirs: Sequence[str], ours: Sequence[str], at: int) -> str:
    before = "\n".join(f"  {number} {fed[number]}" for number in range(max(0, at - SHOWN), at + 1))

    def of(outputs: Sequence[str]) -> str:
        return _indented([output for output in outputs if _number(output) == at]) or "  (nothing)"

    return f"{before}\nKafka Streams:\n{of(theirs)}\nours:\n{of(ours)}"


def _smaller(fed: list[str], differs: Callable[[list[str]], bool]) -> list[str]:
    """Few records that still make a difference: each try leaves a stretch out, later ones shorter stretches."""
    tried = 0
    size = len(fed) // 2
    while size > 0:
        at = 0
        while at < len(fed) and tried < MOST_FED:
            fewer = fed[:at] + fed[at + size :]
            tried += len(fewer)
            if fewer and differs(fewer):
                fed = fewer
            else:
                at += size
        size //= 2
    return fed


def _indented(lines: Sequence[str]) -> str:
    return "\n".join(f"  {line}" for line in lines)
