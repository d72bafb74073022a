"""The real binary when things fail: a full disk, damaged segments, an end under load, a folder in use."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from support import topics
from support.headwater import HeadwaterBroker, headwater_fails
from support.processes import wait_for

pytestmark = pytest.mark.headwater

MEGABYTE = 1 << 20
LARGE = 900_000


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 48 MB, or the test is skipped by name."""
    path = folder / "small-disk"
    path.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", path]).returncode != 0:
        pytest.skip("a small file system cannot be mounted (it wants root)")
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


def produce(bootstrap: str, topic: str, count: int, size: int, timeout_ms: int = 120_000) -> list[KafkaError | None]:
    """What became of each record, in order."""
    outcomes: dict[int, KafkaError | None] = {}
    settings = {"bootstrap.servers": bootstrap, "message.timeout.ms": timeout_ms, "linger.ms": 0, **topics.QUIET}
    producer = Producer(settings)
    for number in range(count):
        value = f"{number}:".encode().ljust(size, b"x")
        producer.produce(
            topic, value=value, partition=0, on_delivery=lambda error, _, n=number: outcomes.__setitem__(n, error)
        )
        # One at a time, so that those after a failure are not the failure of those before.
        producer.flush(60)
    return [outcomes[number] for number in range(count)]


def read_numbers(bootstrap: str, topic: str) -> list[int]:
    return [int(record.text.split(":")[0]) for record in topics.read_all(bootstrap, topic)]


def test_a_full_disk_leaves_everything_readable_and_is_over_when_there_is_room(small_disk: Path, folder: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"\0" * (16 * MEGABYTE))
    broker = HeadwaterBroker(folder, data_dir=small_disk / "data").start()
    try:
        at = broker.bootstrap
        topics.create(at, "filled", 1)
        topics.create(at, "other", 1)
        assert produce(at, "other", 3, 100) == [None] * 3
        outcomes = produce(at, "filled", 60, LARGE, timeout_ms=1_000)
        acknowledged = [number for number, error in enumerate(outcomes) if error is None]
        refused = [error for error in outcomes if error is not None]
        assert 10 < len(acknowledged) < 50 and refused, "32 MB hold so many large ones"

        # Everything that was acknowledged is there, from a broker that goes on; nothing else can be lost now.
        assert set(acknowledged) <= set(read_numbers(at, "filled"))
        assert read_numbers(at, "other") == [0, 1, 2]
        assert topics.broker_count(at) == 1

        # Restarted on a full disk it serves the same.
        broker.stop()
        broker.restart()
        assert set(acknowledged) <= set(read_numbers(at, "filled"))

        ballast.unlink()
        assert produce(at, "filled", 5, LARGE) == [None] * 5, "there is room, and nobody restarted it"
        assert produce(at, "other", 2, 100) == [None] * 2
        topics.create(at, "new", 1)
        assert produce(at, "new", 1, 100) == [None]
    finally:
        broker.stop()


def test_room_that_comes_back_is_used_without_a_restart(small_disk: Path, folder: Path) -> None:
    ballast = small_disk / "ballast"
    broker = HeadwaterBroker(folder, data_dir=small_disk / "data").start()
    try:
        at = broker.bootstrap
        topics.create(at, "t", 1)
        group = Consumer({"bootstrap.servers": at, "group.id": "g", "enable.auto.commit": False, **topics.QUIET})
        group.commit(offsets=[TopicPartition("t", 0, 1)], asynchronous=False)
        free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
        ballast.write_bytes(b"\0" * free)
        (error,) = produce(at, "t", 1, 100_000, timeout_ms=1_000)
        assert error is not None
        assert "full" in broker.process.errors() or "No space" in broker.process.errors()
        ballast.unlink()
        assert produce(at, "t", 3, 100_000) == [None] * 3
        group.commit(offsets=[TopicPartition("t", 0, 2)], asynchronous=False)
        assert group.committed([TopicPartition("t", 0)], timeout=10)[0].offset == 2
        group.close()
    finally:
        broker.stop()


def test_damage_takes_one_partition_offline_and_names_file_and_byte(folder: Path) -> None:
    broker = HeadwaterBroker(folder).start()
    try:
        at = broker.bootstrap
        for topic in ("damaged", "sound"):
            topics.create(at, topic, 1)
            assert produce(at, topic, 50, 1_000) == [None] * 50
        # Killed, so that the next start looks at every batch since the last orderly end.
        broker.kill()
        segment = broker.data_dir / "broker" / "damaged-0" / f"{0:020}.log"
        content = bytearray(segment.read_bytes())
        content[len(content) // 2] ^= 0x40
        segment.write_bytes(content)
        broker.restart()
        assert read_numbers(at, "sound") == list(range(50))
        assert produce(at, "sound", 1, 10) == [None]
        said = broker.process.errors()
        line = next(line for line in said.splitlines() if "damaged-0" in line and "offline" in line)
        assert segment.name in line and any(word.isdigit() for word in line.replace(",", " ").split()), line
        described = topics.admin(at).list_topics("damaged", timeout=10).topics["damaged"].partitions[0]
        assert described.leader == -1
        (error,) = produce(at, "damaged", 1, 10, timeout_ms=2_000)
        assert error is not None
        assert segment.read_bytes() == bytes(content), "nobody touches what a person has to look at"
    finally:
        broker.stop()


def test_an_end_under_load_is_soon_and_loses_nothing_acknowledged(folder: Path) -> None:
    broker = HeadwaterBroker(folder).start()
    topics.create(broker.bootstrap, "t", 4)
    acknowledged: list[bytes] = []
    producer = Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 1, **topics.QUIET})

    def note(error: KafkaError | None, message: object) -> None:
        if error is None:
            acknowledged.append(message.value())  # type: ignore[attr-defined]

    def load(seconds: float, number: int) -> int:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                producer.produce("t", value=str(number), on_delivery=note)
                number += 1
                producer.poll(0)
            except BufferError:
                producer.poll(0.01)
        return number

    number = load(1, 0)
    broker.process._process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    load(0.5, number)
    assert broker.process.end(15) == 0
    assert time.monotonic() - started < 10
    producer.poll(0)
    broker.restart()
    kept = {record.text.encode() for record in topics.read_all(broker.bootstrap, "t")}
    assert acknowledged and set(acknowledged) <= kept
    broker.stop()


def test_a_second_broker_on_the_folder_is_refused_and_told_by_whom(folder: Path) -> None:
    broker = HeadwaterBroker(folder).start()
    try:
        second = headwater_fails("up", "--kafka-port", "0", "--data-dir", broker.data_dir)
        assert str(broker.data_dir) in second and str(broker.process.pid) in second
        port = broker.bootstrap.rsplit(":", 1)[1]
        taken = headwater_fails("up", "--kafka-port", port, "--data-dir", folder / "another")
        assert port in taken and "in use" in taken
    finally:
        broker.stop()


def test_garbage_closes_its_own_connection_with_one_line_each(folder: Path) -> None:
    def frame(payload: bytes) -> bytes:
        return len(payload).to_bytes(4, "big") + payload

    header = b"\0\0\0\7\0\1c"
    garbage = [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "larger than the"),
        (b"\x16\3\1\2\0\1\0\1\xfc\3\3", "larger than the"),
        (b"\xff\xff\xff\xff", "below zero"),
        (frame(b""), "no legal header"),
        (frame(b"\3\xe7\0\0" + header), "API 999"),
        (frame(b"\0\3\0\x63" + header + b"\0"), "version 99 of Metadata"),
        (frame(b"\0\3\0\1" + header + b"\x7f\xff\xff\xff"), "Metadata request of version 1 is malformed"),
    ]
    broker = HeadwaterBroker(folder).start()
    try:
        topics.create(broker.bootstrap, "t", 1)
        host, port = broker.bootstrap.rsplit(":", 1)
        for sent, _ in garbage:
            with socket.create_connection((host, int(port)), timeout=10) as connection:
                connection.sendall(sent)
                assert connection.recv(1) == b"", f"{sent!r} was answered"
            assert produce(broker.bootstrap, "t", 1, 10) == [None]

        def lines() -> list[str]:
            return [line for line in broker.process.errors().splitlines() if "WARN" in line]

        wait_for("a line for each", lambda: len(lines()) >= len(garbage), 10)
        assert len(lines()) == len(garbage), lines()
        for line, (_, reason) in zip(lines(), garbage, strict=True):
            assert reason in line and "peer=127.0.0.1:" in line, line
    finally:
        broker.stop()


def test_claims_without_bytes_take_no_memory(folder: Path) -> None:
    """A thousand connections that each claim a request of 100 MB and send nothing of it."""
    broker = HeadwaterBroker(folder).start()
    try:
        host, port = broker.bootstrap.rsplit(":", 1)
        claims = [socket.create_connection((host, int(port))) for _ in range(1_000)]
        for claim in claims:
            claim.sendall((100 * MEGABYTE).to_bytes(4, "big") + b"\0\3")

        def resident() -> int:
            status = Path(f"/proc/{broker.process.pid}/status").read_text()
            return int(status.split("VmRSS:")[1].split()[0]) * 1024

        wait_for("the broker to have seen the claims", lambda: topics.broker_count(broker.bootstrap) == 1, 30)
        time.sleep(1)
        assert resident() < 200 * MEGABYTE, f"{resident() // MEGABYTE} MB"
        for claim in claims:
            claim.close()
    finally:
        broker.stop()


