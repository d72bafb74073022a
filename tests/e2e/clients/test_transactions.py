"""Transactions of foreign clients: copied exactly once, whoever is SIGKILLed at moments drawn from a printed seed."""

from __future__ import annotations

import json
import random
import re
import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from conftest import Cluster, require_client
from support import kafka, topics
from support.clients import STATIC_MEMBERSHIP, TRANSACTIONS
from support.headwater import HeadwaterBroker
from support.processes import Running, wait_for
from support.registry import CLIENTS, clients_with

PARTITIONS = 3
PER_PARTITION = 200
CLIENT_KILLS = 2
BROKER_KILLS = 3


def transactional(bootstrap: str, transactional_id: str) -> Producer:
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": transactional_id, **topics.QUIET})
    producer.init_transactions(30)
    return producer


def fill(bootstrap: str, topic: str) -> dict[int, list[str]]:
    """The values that a partition shows to those who read what is committed; something aborted lies between them."""
    topics.create(bootstrap, topic, PARTITIONS)
    values = {partition: [f"{partition}-{n}" for n in range(PER_PARTITION)] for partition in range(PARTITIONS)}
    third = PER_PARTITION // 3
    plain = Producer({"bootstrap.servers": bootstrap, **topics.QUIET})
    filler = transactional(bootstrap, f"{topic}-filler")

    def produce(producer: Producer, first: int, end: int, prefix: str = "") -> None:
        for partition, some in values.items():
            for value in some[first:end]:
                producer.produce(topic, key=value, value=f"{prefix}{value}", partition=partition)
        assert producer.flush(30) == 0

    produce(plain, 0, third)
    filler.begin_transaction()
    produce(filler, 0, third, prefix="aborted-")
    filler.abort_transaction(30)
    filler.begin_transaction()
    produce(filler, third, 2 * third)
    filler.commit_transaction(30)
    # Plain ones last, behind the markers: the last commit of a group stands where a partition ends.
    wait_for("the markers", lambda: len(topics.read_all(bootstrap, topic)) == 2 * third * PARTITIONS, 30)
    produce(plain, 2 * third, PER_PARTITION)
    return values


def outcomes(copier: Running) -> list[str]:
    """How the copier's transactions have ended, in order."""
    return [word for line in copier.lines() if line.startswith("{") for word in json.loads(line)]


def wait_for_work(copier: Running, transactions: int) -> None:
    def has_worked() -> bool:
        assert copier.is_alive(), f"the copier ended by itself:\n{copier.last_words()}"
        return len(outcomes(copier)) >= transactions

    try:
        wait_for(f"{transactions} transactions", has_worked, 60, every_s=0.005)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{copier.last_words()}") from None


def wait_until_copied(bootstrap: str, copier: Running, source: str, group: str) -> None:
    ends = topics.ends(bootstrap, source)
    committed: dict[int, int] = {}

    def is_copied() -> bool:
        committed.update(topics.committed(bootstrap, group, source))
        return committed == ends

    try:
        wait_for("everything to be copied", is_copied, 60)
    except AssertionError as error:
        raise AssertionError(f"{error}: ends {ends}, committed {committed}\n{copier.last_words()}") from None


def check_copied(bootstrap: str, target: str, values: dict[int, list[str]]) -> None:
    """librdkafka reads committed records unless it is told otherwise."""
    copied: dict[int, list[str]] = {partition: [] for partition in values}
    for record in topics.read_all(bootstrap, target):
        assert record.key_text == record.text
        copied[record.partition].append(record.text)
    assert copied == values


def end(copier: Running) -> None:
    code = copier.end()
    assert code == 0, f"exit code {code} after SIGTERM:\n{copier.last_words()}"


@pytest.mark.parametrize("name", clients_with(TRANSACTIONS))
def test_records_are_copied_exactly_once_by_a_client_that_is_killed(
    cluster: Cluster, folder: Path, name: str, moments: random.Random
) -> None:
    """A successor with the same transactional id ends what a killed one has left open, and takes over in its group."""
    require_client(name)
    client = CLIENTS[name](cluster.bootstrap, folder)
    source, target, group = (f"{word}-{name}" for word in ("source", "copies", "copiers"))
    values = fill(cluster.bootstrap, source)
    topics.create(cluster.bootstrap, target, PARTITIONS)

    def start() -> Running:
        return client.copier(source, target, group, f"copier-{name}")

    for _ in range(1 if STATIC_MEMBERSHIP in client.lacks else CLIENT_KILLS):
        copier = start()
        wait_for_work(copier, moments.randint(1, 6))
        time.sleep(moments.uniform(0, 0.05))
        copier.kill()
    copier = start()
    wait_until_copied(cluster.bootstrap, copier, source, group)
    end(copier)
    check_copied(cluster.bootstrap, target, values)


# The Java client ends its transactions in the newer way, librdkafka in the older.
@pytest.mark.headwater
@pytest.mark.parametrize("name", ["confluent", "java"])
def test_records_are_copied_exactly_once_though_the_broker_is_killed(
    folder: Path, name: str, moments: random.Random
) -> None:
    require_client(name)
    broker = HeadwaterBroker(folder).start()
    try:
        values = fill(broker.bootstrap, "source")
        topics.create(broker.bootstrap, "copies", PARTITIONS)
        copier = CLIENTS[name](broker.bootstrap, folder).copier("source", "copies", "copiers", "copier")
        for _ in range(BROKER_KILLS):
            wait_for_work(copier, len(outcomes(copier)) + moments.randint(1, 6))
            time.sleep(moments.uniform(0, 0.05))
            broker.kill()
            broker.restart()
        wait_until_copied(broker.bootstrap, copier, "source", "copiers")
        end(copier)
        check_copied(broker.bootstrap, "copies", values)
    finally:
        broker.stop()


def test_a_producer_is_fenced_by_a_second_one_of_its_transactional_id(cluster: Cluster) -> None:
    topics.create(cluster.bootstrap, "doubles", 1)
    first = transactional(cluster.bootstrap, "double")
    first.begin_transaction()
    first.produce("doubles", value="aborted")
    assert first.flush(30) == 0
    second = transactional(cluster.bootstrap, "double")
    second.begin_transaction()
    second.produce("doubles", value="committed")
    second.commit_transaction(30)
    with pytest.raises(KafkaException) as failed:
        first.commit_transaction(30)
    why: KafkaError = failed.value.args[0]
    assert why.fatal() and why.code() == KafkaError._FENCED, why
    wait_for("what is committed", lambda: topics.read_all(cluster.bootstrap, "doubles"), 30)
    assert [record.text for record in topics.read_all(cluster.bootstrap, "doubles")] == ["committed"]


@pytest.mark.headwater
@pytest.mark.usefixtures("kafka_tools")
def test_transactions_on_disk_are_read_by_kafkas_own_dump(folder: Path) -> None:
    """Our records of transactions, and of offsets within them, are Kafka's."""
    broker = HeadwaterBroker(folder).start()
    try:
        topics.create(broker.bootstrap, "dumped", 1)
        group = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "dumped", **topics.QUIET})
        producer = transactional(broker.bootstrap, "dumped")
        for offset in (1, 2):
            producer.begin_transaction()
            producer.produce("dumped", value="value", partition=0)
            # In the log even if it is to be aborted.
            assert producer.flush(30) == 0
            members = group.consumer_group_metadata()
            producer.send_offsets_to_transaction([TopicPartition("dumped", 0, offset)], members, 30)
            if offset == 1:
                producer.commit_transaction(30)
            else:
                producer.abort_transaction(30)
        group.close()
        wait_for("the markers", lambda: topics.committed(broker.bootstrap, "dumped", "dumped") == {0: 1}, 30)
    finally:
        broker.stop()

    states = dump(broker, "__transaction_state", "--transaction-log-decoder")
    assert set(re.findall('"transactionalId":"([^"]+)"', states)) == {"dumped"}
    # Empty; ongoing with one partition, then two; prepared to commit, committed; the same again, aborted.
    assert re.findall('"transactionStatus":([0-9])', states) == list("011241135")
    assert '{"topic":"__consumer_offsets","partitionIds":[' in states
    assert '{"topic":"dumped","partitionIds":[0]}' in states

    offsets = dump(broker, "__consumer_offsets", "--offsets-decoder")
    assert offsets.count("isTransactional: true isControl: false") == 2
    assert re.findall('"offset":([0-9]+)', offsets) == ["1", "2"]
    for dumped in (offsets, dump(broker, "dumped", "--print-data-log")):
        assert re.findall("endTxnMarker: ([A-Z]+)", dumped) == ["COMMIT", "ABORT"]


def dump(broker: HeadwaterBroker, topic: str, *arguments: str) -> str:
    """What Kafka's tool reads in the topic's segments, in which it finds no fault."""
    segments = sorted((broker.data_dir / "broker").glob(f"{topic}-*/*.log"))
    assert segments, f"no segment of {topic} in {broker.data_dir}"
    dumped = kafka.tool("kafka-dump-log", *arguments, "--files", ",".join(map(str, segments)))
    assert "isvalid: true" in dumped and "isvalid: false" not in dumped
    return dumped
