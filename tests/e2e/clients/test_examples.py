"""The library's examples, run as a newcomer would, against any cluster."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Cluster
from support import topics
from support.paths import TARGET
from support.processes import run

EXAMPLES = TARGET / "debug" / "examples"


def example(name: str) -> Path:
    path = EXAMPLES / name
    if not path.exists():
        pytest.skip(f"the example {name} is not built (cargo build -p headwater --examples)")
    return path


def test_what_the_first_example_publishes_the_second_one_reads_and_commits(cluster: Cluster) -> None:
    topic = "examples"
    produced = run([example("produce"), cluster.bootstrap, topic]).stdout
    assert [line.split(" is at offset ")[0] for line in produced.splitlines()] == ["Ada", "Grace", "Edsger", "Barbara"]
    assert len(topics.read_all(cluster.bootstrap, topic)) == 4

    consume = [example("consume"), cluster.bootstrap, topic, "examples-group"]
    first = run(consume).stdout.splitlines()
    assert first[0] == "reading 3 partitions"
    greetings = sorted(line.rsplit(": ", 1)[1] for line in first[1:])
    assert greetings == ["hello, Ada", "hello, Barbara", "hello, Edsger", "hello, Grace"]
    assert run(consume).stdout.splitlines() == ["reading 3 partitions"], "it goes on behind what was committed"
