"""confluent-kafka (librdkafka) behind the driver protocol."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import driver
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
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
            **driver.membership(),
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


def copy(bootstrap: str, source: str, target: str, group: str, transactional_id: str) -> None:
    stop = driver.Stop()
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "transactional.id": transactional_id,
            "transaction.timeout.ms": driver.TRANSACTION_TIMEOUT_MS,
            # Otherwise, once every broker was away, it may never find the group's coordinator again: librdkafka#5511.
            "metadata.recovery.strategy": "none",
        }
    )
    # Ends what a predecessor has left open, before the group's offsets are asked for.
    producer.init_transactions(60)
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "group.instance.id": transactional_id,
            "session.timeout.ms": driver.SESSION_TIMEOUT_MS,
            "heartbeat.interval.ms": driver.HEARTBEAT_MS,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
        }
    )
    consumer.subscribe([source])
    number = 0
    while not stop.has_come:
        taken = consumer.consume(driver.RECORDS_PER_TRANSACTION, timeout=0.1)
        messages = [message for message in taken if message.error() is None]
        if not messages:
            continue
        number += 1
        producer.begin_transaction()
        for message in messages:
            producer.produce(target, message.value(), message.key(), partition=message.partition())
        if number % driver.ABORTED_EVERY != 0 and commit(producer, consumer, messages):
            driver.committed(len(messages))
        else:
            # What is aborted is to be in the log, not in the producer's queue.
            producer.flush(60)
            abort(producer, consumer)
            driver.aborted(len(messages))
    consumer.close()


def commit(producer: Producer, consumer: Consumer, messages: list[Message]) -> bool:
    """Whether the transaction has ended; if not, it is to be aborted."""
    ends = {message.partition(): message.offset() + 1 for message in messages}
    offsets = [TopicPartition(messages[0].topic(), partition, end) for partition, end in ends.items()]
    members = consumer.consumer_group_metadata()
    return succeeds(lambda: producer.send_offsets_to_transaction(offsets, members, 60)) and succeeds(
        lambda: producer.commit_transaction(60)
    )


def abort(producer: Producer, consumer: Consumer) -> None:
    """Goes back to where the group has committed."""
    if not succeeds(lambda: producer.abort_transaction(60)):
        sys.exit("a transaction that is being aborted cannot be aborted")
    for position in consumer.committed(consumer.assignment(), timeout=60):
        offset = position.offset if position.offset >= 0 else OFFSET_BEGINNING
        consumer.seek(TopicPartition(position.topic, position.partition, offset))


def succeeds(step: Callable[[], None]) -> bool:
    """Tries again as long as that may help; false where the transaction must be aborted."""
    while True:
        try:
            step()
            return True
        except KafkaException as error:
            print(error, file=sys.stderr, flush=True)
            why: KafkaError = error.args[0]
            if why.txn_requires_abort():
                return False
            if not why.retriable():
                raise


if __name__ == "__main__":
    driver.main(create, produce, consume, read, copy)
