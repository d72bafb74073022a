"""The application by Kafka Streams (tests/java/StreamsApplication.java): its instances, its inputs and outputs."""

from __future__ import annotations

import json
import threading
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from . import topics
from .compiled import java_program
from .processes import Running, wait_for

PROGRAM = "StreamsApplication"
WORDS = 13


@dataclass(frozen=True)
class Tasks:
    """How an instance is, and the tasks that it has."""

    state: str
    active: list[str]
    standby: list[str]


class Instance:
    """One process of an application, with a state directory of its own name."""

    def __init__(self, application: Application, name: str, settings: Sequence[str] = ()) -> None:
        at = application
        # Where its store unpacks its library: one that is killed leaves that behind.
        program = java_program(PROGRAM, f"-Djava.io.tmpdir={at.folder}")
        words = [*program, at.bootstrap, at.id, at.input, at.output, at.folder / f"state-{name}"]
        self.process = Running(name, [*words, *at.settings, *settings], at.folder)

    def _told(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.process.lines() if line.startswith("{")]

    def now(self) -> Tasks:
        """How it is, as it told last."""
        assert self.process.is_alive(), f"{self.process.name} ended by itself:\n{self.process.last_words()}"
        told = self._told()
        return Tasks(**told[-1]) if told else Tasks("CREATED", [], [])

    def states(self) -> list[str]:
        """The states that it went through, as far as they lasted long enough to be told."""
        return [one["state"] for one in self._told()]

    def kill(self) -> None:
        self.process.kill()

    def close(self) -> None:
        """In order: it commits, and leaves the group."""
        code = self.process.end()
        assert code == 0, f"exit code {code} after SIGTERM:\n{self.process.last_words()}"


@dataclass(frozen=True)
class Application:
    """An application between two topics of one cluster; its group is of its name."""

    bootstrap: str
    folder: Path
    id: str
    partitions: int
    settings: Sequence[str] = ()

    @property
    def input(self) -> str:
        return f"{self.id}-input"

    @property
    def output(self) -> str:
        return f"{self.id}-output"

    def create_topics(self) -> None:
        for topic in (self.input, self.output):
            topics.create(self.bootstrap, topic, self.partitions)

    def start(self, name: str, *settings: str) -> Instance:
        return Instance(self, name, settings)

    def tasks(self) -> list[str]:
        """All: of the part before the repartition, and of that behind it."""
        return [f"{part}_{partition}" for part in (0, 1) for partition in range(self.partitions)]

    def wait_until_divided(self, instances: Sequence[Instance], standbys: bool, timeout_s: float = 60) -> None:
        """Until each runs and has a part of the tasks, none has another's, and each store has its standby elsewhere."""
        stores = self.tasks()[self.partitions :] if standbys and len(instances) > 1 else []

        def is_divided() -> bool:
            all_now = [instance.now() for instance in instances]
            active = [task for one in all_now for task in one.active]
            standby = [task for one in all_now for task in one.standby]
            return (
                all(one.state == "RUNNING" and one.active for one in all_now)
                and sorted(active) == self.tasks()
                and sorted(standby) == stores
                and not any(set(one.active) & set(one.standby) for one in all_now)
            )

        try:
            wait_for(f"{len(instances)} instances to divide the tasks", is_divided, timeout_s)
        except AssertionError as error:
            told = "\n".join(f"{one.process.name}: {one.now()}\n{one.process.last_words(8)}" for one in instances)
            raise AssertionError(f"{error}:\n{told}") from None


class Inputs:
    """Inputs produced one after another until the end of the `with`, so that any that is lost can be named."""

    def __init__(self, application: Application, per_second: int) -> None:
        self._application = application
        self._pause_s = 1 / per_second
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._produce)
        self._failed: list[KafkaError] = []
        self.sent: list[str] = []

    def __enter__(self) -> Inputs:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()
        if error is None:
            assert not self._failed, self._failed[:3]

    def _produce(self) -> None:
        settings = {"bootstrap.servers": self._application.bootstrap, "enable.idempotence": True, "linger.ms": 5}
        producer = Producer({**settings, **topics.QUIET})
        while not self._is_over.wait(self._pause_s):
            number = len(self.sent)
            value = f"word-{number % WORDS}/{number}"
            producer.produce(self._application.input, key=str(number), value=value, on_delivery=self._delivered)
            self.sent.append(value)
            producer.poll(0)
        assert producer.flush(30) == 0

    def _delivered(self, error: KafkaError | None, _message: object) -> None:
        if error is not None:
            self._failed.append(error)


class Outputs:
    """What the application has committed, read as it comes: each word's counts are 1, 2, 3 ..., whoever counted."""

    def __init__(self, application: Application) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": application.bootstrap,
                "group.id": "outputs",
                "enable.auto.commit": False,
                **topics.QUIET,
            }
        )
        partitions = range(application.partitions)
        self._consumer.assign([TopicPartition(application.output, partition, 0) for partition in partitions])
        self._counted: dict[str, list[str]] = defaultdict(list)

    def __enter__(self) -> Outputs:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def count(self) -> int:
        return sum(map(len, self._counted.values()))

    def _read(self, timeout_s: float) -> None:
        for message in self._consumer.consume(num_messages=1000, timeout=timeout_s):
            failed = message.error()
            if failed is not None:
                raise KafkaException(failed)
            self._take(topics.record(message))

    def _take(self, record: topics.Record) -> None:
        count, _, value = record.text.partition(" ")
        counted = self._counted[record.key_text]
        counted.append(value)
        assert value.split("/")[0] == record.key_text, f"{record} is of another word"
        assert int(count) == len(counted), f"{record} is not the next of its word, after {counted[-3:-1]}"

    def wait_for(self, count: int, timeout_s: float = 60) -> None:
        """Until so many are committed."""

        def are_there() -> bool:
            self._read(0.1)
            return self.count() >= count

        try:
            wait_for(f"{count} outputs", are_there, timeout_s, every_s=0)
        except AssertionError as error:
            raise AssertionError(f"{error}: there are {self.count()}") from None

    def check(self, inputs: list[str]) -> None:
        """Each input was counted, and once."""
        self.wait_for(len(inputs))
        # One that is late would be one too many.
        self._read(1)
        counted = Counter(value for values in self._counted.values() for value in values)
        lost, repeated = Counter(inputs) - counted, counted - Counter(inputs)
        assert not lost and not repeated, f"lost: {sorted(lost)[:5]}, counted again: {sorted(repeated)[:5]}"
