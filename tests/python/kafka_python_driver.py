"""kafka-python behind the driver protocol."""

from __future__ import annotations

from typing import Any

import driver
from kafka import KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.admin import KafkaAdminClient


def create(bootstrap: str, topic: str, partitions: int) -> None:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics({topic: {"num_partitions": partitions}}, wait_for_metadata=True)
    admin.close()


def produce(bootstrap: str, topic: str, codec: str, idempotent: bool) -> None:
    producer = KafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        compression_type=None if codec == "none" else codec,
        enable_idempotence=idempotent,
        linger_ms=20,
    )
    sent = [
        producer.send(
            topic,
            value=record.value,
            key=record.key,
            headers=record.headers,
            partition=record.partition,
            timestamp_ms=record.timestamp,
        )
        for record in driver.records()
    ]
    producer.flush(60)
    for one in sent:
        done = one.get(60)
        driver.acknowledged(done.partition, done.offset)
    producer.close()


def show(record: Any) -> None:
    driver.consumed(record.partition, record.offset, record.timestamp, record.key, record.value, record.headers)


def consume(bootstrap: str, topic: str, group: str) -> None:
    stop = driver.Stop()
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=group,
        session_timeout_ms=driver.SESSION_TIMEOUT_MS,
        heartbeat_interval_ms=driver.HEARTBEAT_MS,
        auto_offset_reset="earliest",
        auto_commit_interval_ms=driver.COMMIT_EVERY_MS,
    )
    while not stop.has_come:
        # It returns with the first records. 3.0.12 forgets its assignment when a poll times out between the group's answers
        # to the join and to the sync: the longer it may take, the rarer.
        for records in consumer.poll(timeout_ms=3_000).values():
            for record in records:
                show(record)
    consumer.close()


def read(bootstrap: str, topic: str, timestamp_ms: int) -> None:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, check_crcs=True)
    partitions = [TopicPartition(topic, partition) for partition in consumer.partitions_for_topic(topic)]
    found = consumer.offsets_for_times({partition: timestamp_ms for partition in partitions})
    ends = consumer.end_offsets(partitions)
    unread = {
        partition: ends[partition] for partition, start in found.items() if start and start.offset < ends[partition]
    }
    consumer.assign(list(unread))
    for partition in unread:
        consumer.seek(partition, found[partition].offset)
    while unread:
        for partition, records in consumer.poll(timeout_ms=1000).items():
            end = unread.get(partition, 0)
            for record in records:
                if record.offset < end:
                    show(record)
            if consumer.position(partition) >= end:
                unread.pop(partition, None)
    consumer.close()


def copy(bootstrap: str, source: str, target: str, group: str, transactional_id: str) -> None:
    stop = driver.Stop()
    producer = KafkaProducer(
        bootstrap_servers=bootstrap,
        transactional_id=transactional_id,
        transaction_timeout_ms=driver.TRANSACTION_TIMEOUT_MS,
    )
    # Ends what a predecessor has left open, before the group's offsets are asked for.
    producer.init_transactions()
    consumer = KafkaConsumer(
        source,
        bootstrap_servers=bootstrap,
        group_id=group,
        group_instance_id=transactional_id,
        session_timeout_ms=driver.SESSION_TIMEOUT_MS,
        heartbeat_interval_ms=driver.HEARTBEAT_MS,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
    )
    number = 0
    while not stop.has_come:
        # As in consume: it returns with the first records.
        by_partition = consumer.poll(timeout_ms=3_000, max_records=driver.RECORDS_PER_TRANSACTION)
        records = [record for some in by_partition.values() for record in some]
        if not records:
            continue
        number += 1
        producer.begin_transaction()
        for record in records:
            producer.send(target, value=record.value, key=record.key, partition=record.partition)
        if number % driver.ABORTED_EVERY != 0:
            offsets = {
                partition: OffsetAndMetadata(some[-1].offset + 1, "", -1) for partition, some in by_partition.items()
            }
            producer.send_offsets_to_transaction(offsets, consumer.group_metadata())
            producer.commit_transaction()
            driver.committed(len(records))
        else:
            # What is aborted is to be in the log, not in the producer's queue.
            producer.flush(60)
            producer.abort_transaction()
            for partition in consumer.assignment():
                consumer.seek(partition, consumer.committed(partition) or 0)
            driver.aborted(len(records))
    consumer.close()
    producer.close()


if __name__ == "__main__":
    driver.main(create, produce, consume, read, copy)
