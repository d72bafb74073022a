"""Foreign clients whose broker is SIGKILLed, at moments drawn from a printed seed, and started again on its port."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from confluent_kafka import Producer
from conftest import require_client
from support import topics
from support.headwater import HeadwaterBroker
from support.clients import Sent
from support.members import wait_until_seen
from support.registry import CLIENTS

pytestmark = pytest.mark.headwater


def test_an_idempotent_producer_outlives_the_broker(folder: Path, moments: random.Random) -> None:
    """librdkafka resends what a killed broker left unanswered: all of it is there, once, in order."""
    broker = HeadwaterBroker(folder).start()
    try:
        topics.create(broker.bootstrap, "outlived", 1)
        failures: list[str] = []

        def note(error: object, _message: object) -> None:
            if error is not None:
                failures.append(str(error))

        producer = Producer(
            {
                "bootstrap.servers": broker.bootstrap, "enable.idempotence": True, "linger.ms": 1,
                "batch.num.messages": 50, "reconnect.backoff.max.ms": 200, **topics.QUIET,
            }
        )  # fmt: skip
        sent = 0
        for _ in range(4):
            until = time.monotonic() + moments.uniform(0.3, 0.8)
            while time.monotonic() < until:
                producer.produce("outlived", value=str(sent), on_delivery=note)
                sent += 1
                producer.poll(0)
                time.sleep(0.0001)
            broker.kill()
            broker.restart()
        assert producer.flush(60) == 0 and not failures, failures[:3]
        values = [int(record.text) for record in topics.read_all(broker.bootstrap, "outlived")]
        assert values == list(range(sent))
    finally:
        broker.stop()


# Not kcat: it ends by itself as soon as no broker can be reached.
@pytest.mark.parametrize("client", ["confluent", "console"])
def test_a_group_outlives_the_broker(folder: Path, client: str, moments: random.Random) -> None:
    """Members find their group again, its commits are what they were, and nothing is consumed from the start."""
    require_client(client)
    broker = HeadwaterBroker(folder).start()
    try:
        ours = CLIENTS[client](broker.bootstrap, folder)
        topic = group = "group"
        ours.create_topic(topic, 4)
        member = ours.join("member", topic, group)
        sent: set[str] = set()
        for attempt in range(4):
            wave = [Sent(f"key-{n % 17}", f"{attempt}-{n}") for n in range(50)]
            sent |= {record.value for record in wave if record.value is not None}
            ours.produce(topic, wave)
            wait_until_seen([member], sent, 60)
            # Longer than the members' commit interval, so that the newest commit covers the wave.
            time.sleep(1 + moments.uniform(0, 0.5))
            broker.kill()
            broker.restart()
        assert len(member.seen()) == len(sent), "something was consumed twice although it was committed"
        member.leave()

        successor = ours.join("successor", topic, group)
        ours.produce(topic, [Sent("key", "last")])
        wait_until_seen([successor], {"last"}, 60)
        assert successor.values() == {"last"}
        successor.leave()
    finally:
        broker.stop()
