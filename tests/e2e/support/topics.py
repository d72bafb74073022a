"""Topics through confluent-kafka: created, produced to, and read to their present end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, OffsetSpec

from .processes import wait_for

# Failures print the client's own errors; its chatter while a broker starts or is down would bury them.
QUIET: dict[str, Any] = {"log_level": 2, "error_cb": lambda _error: None}


@dataclass(frozen=True)
class Record:
    """One record as a consumer sees it."""

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]

    @property
    def key_text(self) -> str:
        assert self.key is not None, f"{self} has no key"
        return self.key.decode()

    @property
    def text(self) -> str:
        assert self.value is not None, f"{self} has no value"
        return self.value.decode()


def record(message: Message) -> Record:
    partition, offset = message.partition(), message.offset()
    assert partition is not None and offset is not None, "a message without a position"
    headers: Any = message.headers()
    return Record(partition, offset, message.timestamp()[1], message.key(), message.value(), headers or [])


def admin(bootstrap: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": bootstrap, **QUIET})


def broker_count(bootstrap: str) -> int:
    """How many brokers the cluster has now; 0 while none answers."""
    try:
        return len(admin(bootstrap).list_topics(timeout=2).brokers)
    except KafkaException:
        return 0


def create(bootstrap: str, topic: str, partitions: int, config: dict[str, str] | None = None) -> None:
    """Creates the topic and waits until its partitions have leaders."""
    client = admin(bootstrap)
    new = NewTopic(topic, num_partitions=partitions, replication_factor=-1, config=config or {})
    client.create_topics([new])[topic].result(30)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        described = client.list_topics(timeout=10).topics.get(topic)
        leaders = [partition.leader for partition in described.partitions.values()] if described else []
        if len(leaders) == partitions and all(leader >= 0 for leader in leaders):
            return
        time.sleep(0.1)
    raise AssertionError(f"topic {topic} has no leaders after 30 s")


def delete(bootstrap: str, names: list[str]) -> None:
    """Deletes topics, and waits until no broker knows them."""
    client = admin(bootstrap)
    for deleted in client.delete_topics(names).values():
        deleted.result(30)
    wait_for("the deletion", lambda: not client.list_topics(timeout=10).topics.keys() & set(names), 30)


def exists(bootstrap: str, topic: str) -> bool:
    return topic in admin(bootstrap).list_topics(timeout=10).topics


def config(bootstrap: str, topic: str) -> dict[str, str]:
    """The topic's settings, defaults included."""
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    # Held in a variable: an admin client that nobody holds is closed, and its answers with it.
    client = admin(bootstrap)
    described = client.describe_configs([resource])[resource].result(30)
    return {name: entry.value for name, entry in described.items()}


# Brokers that have not heard yet of whom a partition, new perhaps, is led by.
_UNSETTLED = (
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_LEADER_EPOCH,
)


def ends(bootstrap: str, topic: str) -> dict[int, int]:
    """Where each partition ends."""
    client = admin(bootstrap)
    partitions = client.list_topics(topic, timeout=10).topics[topic].partitions
    asked = {TopicPartition(topic, partition): OffsetSpec.latest() for partition in partitions}

    def ask() -> dict[int, int] | None:
        found = client.list_offsets(asked)
        try:
            return {one.partition: end.result(10).offset for one, end in found.items()}
        except KafkaException as error:
            if error.args[0].code() in _UNSETTLED:
                return None
            raise

    return wait_for("every partition to have a leader", ask, 30)


def committed(bootstrap: str, group: str, topic: str) -> dict[int, int]:
    """The offsets that a group has committed in a topic."""
    client = admin(bootstrap)
    asked = [ConsumerGroupTopicPartitions(group)]
    found = client.list_consumer_group_offsets(asked)[group].result(10).topic_partitions
    return {one.partition: one.offset for one in found if one.topic == topic}


def group_state(bootstrap: str, group: str) -> str:
    """The state of a consumer group, such as STABLE or EMPTY."""
    client = admin(bootstrap)
    state: str = client.describe_consumer_groups([group])[group].result(10).state.name
    return state


def group_type(bootstrap: str, group: str) -> str:
    """By whose protocol a group of consumers works: CLASSIC or CONSUMER."""
    client = admin(bootstrap)
    kind: str = client.describe_consumer_groups([group])[group].result(10).type.name
    return kind


def read_all(bootstrap: str, topic: str, timeout_s: float = 120.0) -> list[Record]:
    """Every record from the earliest to the end that each partition has now, partition by partition in order."""
    by_partition: dict[int, list[Record]] = {}
    for message in _messages(bootstrap, topic, timeout_s):
        one = record(message)
        by_partition.setdefault(one.partition, []).append(one)
    return [one for partition in sorted(by_partition) for one in by_partition[partition]]


def _messages(bootstrap: str, topic: str, timeout_s: float) -> Iterator[Message]:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "reader",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "check.crcs": True,
            "fetch.error.backoff.ms": 50,
            **QUIET,
        }
    )
    try:
        described = consumer.list_topics(topic, timeout=10).topics[topic]
        if described.error is not None:
            raise KafkaException(described.error)
        pending: set[int] = set()
        assignment = []
        for partition in described.partitions:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)
            if high > low:
                pending.add(partition)
                assignment.append(TopicPartition(topic, partition, low))
        consumer.assign(assignment)
        deadline = time.monotonic() + timeout_s
        while pending:
            if time.monotonic() > deadline:
                raise AssertionError(f"{topic}: partitions {sorted(pending)} not read to their end in {timeout_s} s")
            for message in consumer.consume(num_messages=5000, timeout=0.5):
                error = message.error()
                if error is None:
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:
                    pending.discard(message.partition())
                else:
                    raise KafkaException(error)
    finally:
        consumer.close()
