"""Clients whose drivers the set-up compiles: Java's, franz-go, and Rust's."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import ClassVar

from . import kafka
from .drivers import Driver
from .paths import BENCH_RELEASE, COMPILED, KAFKA_LIBS

# Starts fast rather than runs fast.
_JVM = (
    "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)  # fmt: skip


def java_program(main_class: str, *jvm: str) -> list[str | Path]:
    """One of the programs of tests/java, to be given its arguments."""
    classes = f"{COMPILED / 'java'}:{KAFKA_LIBS}/*"
    return ["java", *_JVM, *jvm, "-cp", classes, main_class]


def java_missing(main_class: str) -> str | None:
    """What it needs and this machine lacks."""
    if not (COMPILED / "java" / f"{main_class}.class").exists():
        return f"{main_class} is not compiled (cargo xtask test does it with javac)"
    return kafka.missing()


class Java(Driver):
    """Apache Kafka's own client, its classic group protocol."""

    name = "java"

    @classmethod
    def program(cls) -> list[str | Path]:
        return java_program("Driver")

    @classmethod
    def missing(cls) -> str | None:
        return java_missing("Driver")


class _Binary(Driver):
    binary: ClassVar[Path]
    # What builds it.
    builder: ClassVar[str]

    @classmethod
    def program(cls) -> list[str | Path]:
        return [cls.binary]

    @classmethod
    def missing(cls) -> str | None:
        if shutil.which(cls.binary):
            return None
        return f"its driver is not built (cargo xtask test does it with {cls.builder})"


class FranzGo(_Binary):
    name = "franz-go"
    binary = COMPILED / "go" / "driver"
    builder = "go"


class Rdkafka(_Binary):
    """librdkafka by the crate rdkafka."""

    name = "rdkafka"
    binary = BENCH_RELEASE / "rdkafka-driver"
    builder = "cargo"


class Krafka(_Binary):
    name = "krafka"
    binary = BENCH_RELEASE / "krafka-driver"
    builder = "cargo"


COMPILED_DRIVERS: tuple[type[Driver], ...] = (Java, FranzGo, Rdkafka, Krafka)
