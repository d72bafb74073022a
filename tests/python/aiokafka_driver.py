"""aiokafka behind the driver protocol."""

from __future__ import annotations

import asyncio
from typing import Any

import driver
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic


async def create(bootstrap: str, topic: str, partitions: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        # It asks for a factor: -1 is refused together with a number of partitions.
        answer = await admin.create_topics([NewTopic(topic, partitions, replication_factor=1)])
        for name, code, *why in answer.topic_errors:
            if code != 0:
                raise RuntimeError(f"{name} was not created: error {code} {why}")
        while topic not in await admin.list_topics():
            await asyncio.sleep(0.1)
    finally:
        await admin.close()


async def produce(bootstrap: str, topic: str, codec: str, idempotent: bool) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        compression_type=None if codec == "none" else codec,
        enable_idempotence=idempotent,
        linger_ms=20,
    )
    await producer.start()
    try:
        sent = [
            await producer.send(
                topic,
                value=record.value,
                key=record.key,
                headers=record.headers,
                partition=record.partition,
                timestamp_ms=record.timestamp,
            )
            for record in driver.records()
        ]
        for one in await asyncio.gather(*sent):
            driver.acknowledged(one.partition, one.offset)
    finally:
        await producer.stop()


def show(record: Any) -> None:
    driver.consumed(record.partition, record.offset, record.timestamp, record.key, record.value, record.headers)


async def consume(bootstrap: str, topic: str, group: str) -> None:
    stop = driver.Stop()
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=group,
        session_timeout_ms=driver.SESSION_TIMEOUT_MS,
        heartbeat_interval_ms=driver.HEARTBEAT_MS,
        auto_offset_reset="earliest",
        auto_commit_interval_ms=driver.COMMIT_EVERY_MS,
    )
    await consumer.start()
    try:
        while not stop.has_come:
            for records in (await consumer.getmany(timeout_ms=100)).values():
                for record in records:
                    show(record)
    finally:
        await consumer.stop()


async def read(bootstrap: str, topic: str, timestamp_ms: int) -> None:
    # Without a group, it assigns itself every partition of the topic.
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, enable_auto_commit=False, check_crcs=True)
    await consumer.start()
    try:
        partitions = list(consumer.assignment())
        found = await consumer.offsets_for_times({partition: timestamp_ms for partition in partitions})
        ends = await consumer.end_offsets(partitions)
        unread = {
            partition: ends[partition] for partition, start in found.items() if start and start.offset < ends[partition]
        }
        for partition in unread:
            consumer.seek(partition, found[partition].offset)
        while unread:
            for partition, records in (await consumer.getmany(*unread, timeout_ms=1000)).items():
                for record in records:
                    if record.offset < unread[partition]:
                        show(record)
                if await consumer.position(partition) >= unread[partition]:
                    del unread[partition]
    finally:
        await consumer.stop()


async def copy(bootstrap: str, source: str, target: str, group: str, transactional_id: str) -> None:
    stop = driver.Stop()
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        transactional_id=transactional_id,
        transaction_timeout_ms=driver.TRANSACTION_TIMEOUT_MS,
    )
    consumer = AIOKafkaConsumer(
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
    await producer.start()
    # The first one, empty, ends what a predecessor has left open, before the group's offsets are asked for.
    async with producer.transaction():
        pass
    await consumer.start()
    number = 0
    try:
        while not stop.has_come:
            by_partition = await consumer.getmany(timeout_ms=100, max_records=driver.RECORDS_PER_TRANSACTION)
            records = [record for some in by_partition.values() for record in some]
            if not records:
                continue
            number += 1
            await producer.begin_transaction()
            for record in records:
                await producer.send(target, value=record.value, key=record.key, partition=record.partition)
            if number % driver.ABORTED_EVERY != 0:
                offsets = {partition: some[-1].offset + 1 for partition, some in by_partition.items()}
                await producer.send_offsets_to_transaction(offsets, group)
                await producer.commit_transaction()
                driver.committed(len(records))
            else:
                # What is aborted is to be in the log, not in the producer's queue.
                await producer.flush()
                await producer.abort_transaction()
                for partition in consumer.assignment():
                    consumer.seek(partition, await consumer.committed(partition) or 0)
                driver.aborted(len(records))
    finally:
        await consumer.stop()
        await producer.stop()


if __name__ == "__main__":
    driver.main(
        lambda *arguments: asyncio.run(create(*arguments)),
        lambda *arguments: asyncio.run(produce(*arguments)),
        lambda *arguments: asyncio.run(consume(*arguments)),
        lambda *arguments: asyncio.run(read(*arguments)),
        lambda *arguments: asyncio.run(copy(*arguments)),
    )
