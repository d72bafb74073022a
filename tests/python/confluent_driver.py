"""confluent-kafka (librdkafka) behind the driver protocol."""

from __future__ import annotations

import sys
import time

import driver
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic


def create(bootstrap: str, topic: str, partitions: int) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, num_partitions=partitions, replication_factor=-1)])[topic].result(30)
    deadline = time.monotonic() + 30
    while topic not in admin.list_topics(timeout=10).topics:
        if time.monotonic() > deadline:
            sys.exit(f"topic {topic} is not known after 30 s")
        time.sleep(0.1)


def produce(bootstrap: str, topic: str, codec: str, idempotent: bool) -> None:
    failed: list[KafkaError] = []

    def delivered(error: KafkaError | None, message: Message) -> None:
        if error is not None:
            failed.append(error)
        else:
            driver.acknowledged(message.partition(), message.offset())

    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "acks": "all",
            "compression.type": codec,
            "enable.idempotence": idempotent,
            "linger.ms": 20,
            "batch.num.messages": 100,
        }
    )
    for record in driver.records():
        placed = {"partition": record.partition} if record.partition is not None else {}
        stamped = {"timestamp": record.timestamp} if record.timestamp is not None else {}
        producer.produce(
            topic, record.value, record.key, headers=record.headers, on_delivery=delivered, **placed, **stamped
        )
    left = producer.flush(60)
    if left or failed:
        sys.exit(f"{left} records were not acknowledged in 60 s, and others failed: {failed[:3]}")


def show(message: Message) -> None:
    driver.consumed(
        message.partition(),
        message.offset(),
        message.timestamp()[1],
        message.key(),
        message.value(),
        message.headers() or [],
    )


def consume(bootstrap: str, topic: str, group: str) -> None:
    stop = driver.Stop()
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "session.timeout.ms": driver.SESSION_TIMEOUT_MS,
            "heartbeat.interval.ms": driver.HEARTBEAT_MS,
            "auto.offset.reset": "earliest",
            "auto.commit.interval.ms": driver.COMMIT_EVERY_MS,
            # Nothing is committed that was not printed.
            "enable.auto.offset.store": False,
        }
    )
    consumer.subscribe([topic])
    while not stop.has_come:
        message = consumer.poll(0.1)
        if message is None:
            continue
        if message.error() is not None:
            print(message.error(), file=sys.stderr, flush=True)
            continue
        show(message)
        consumer.store_offsets(message)
    consumer.close()


def read(bootstrap: str, topic: str, timestamp_ms: int) -> None:
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": "unused", "enable.auto.commit": False, "check.crcs": True}
    )
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    asked = [TopicPartition(topic, partition, timestamp_ms) for partition in partitions]
    ends: dict[int, int] = {}
    starts = []
    for found in consumer.offsets_for_times(asked, timeout=10):
        _, end = consumer.get_watermark_offsets(TopicPartition(topic, found.partition), timeout=10)
        # librdkafka answers the end (-1) where no record is that young.
        if 0 <= found.offset < end:
            ends[found.partition] = end
            starts.append(found)
    consumer.assign(starts)
    while ends:
        message = consumer.poll(1)
        if message is None:
            continue
        if message.error() is not None:
            raise KafkaException(message.error())
        end = ends.get(message.partition())
        if end is None:
            continue
        show(message)
        if message.offset() + 1 >= end:
            del ends[message.partition()]
    consumer.close()


if __name__ == "__main__":
    driver.main(create, produce, consume, read)
