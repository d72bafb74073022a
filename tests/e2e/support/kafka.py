"""Apache Kafka from its own jars: a KRaft cluster of one or more nodes, and its command-line tools, unmodified."""

from __future__ import annotations

import base64
import shutil
import uuid
from collections.abc import Iterable
from pathlib import Path

from . import topics
from .paths import KAFKA_LIBS
from .processes import Running, free_port, run, wait_for

# The scripts of Kafka's bin/, each a name for a main class.
TOOLS = {
    "kafka-topics": "org.apache.kafka.tools.TopicCommand",
    "kafka-console-producer": "org.apache.kafka.tools.ConsoleProducer",
    "kafka-console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "kafka-consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "kafka-groups": "org.apache.kafka.tools.GroupsCommand",
    "kafka-streams-groups": "org.apache.kafka.tools.streams.StreamsGroupCommand",
    "kafka-share-groups": "org.apache.kafka.tools.consumer.group.ShareGroupCommand",
    "kafka-console-share-consumer": "org.apache.kafka.tools.consumer.ConsoleShareConsumer",
    "kafka-verifiable-share-consumer": "org.apache.kafka.tools.VerifiableShareConsumer",
    "kafka-configs": "kafka.admin.ConfigCommand",
    "kafka-delete-records": "org.apache.kafka.tools.DeleteRecordsCommand",
    "kafka-log-dirs": "org.apache.kafka.tools.LogDirsCommand",
    "kafka-transactions": "org.apache.kafka.tools.TransactionsCommand",
    # No script starts this one: Kafka's own system tests do.
    "transactional-message-copier": "org.apache.kafka.tools.TransactionalMessageCopier",
    "kafka-verifiable-producer": "org.apache.kafka.tools.VerifiableProducer",
    "kafka-verifiable-consumer": "org.apache.kafka.tools.VerifiableConsumer",
    "kafka-get-offsets": "org.apache.kafka.tools.GetOffsetShell",
    "kafka-producer-perf-test": "org.apache.kafka.tools.ProducerPerformance",
    "kafka-consumer-perf-test": "org.apache.kafka.tools.ConsumerPerformance",
    "kafka-broker-api-versions": "org.apache.kafka.tools.BrokerApiVersionsCommand",
    "kafka-dump-log": "org.apache.kafka.tools.DumpLogSegments",
}

# Short-lived tools: start fast rather than run fast.
_TOOL_JVM = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
_BROKER_JVM = ("-Xms1g", "-Xmx1g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=info")


def missing() -> str | None:
    """What Apache Kafka needs and this machine lacks."""
    if not (any(KAFKA_LIBS.glob("kafka_2.13-*.jar")) and any(KAFKA_LIBS.glob("kafka-tools-*.jar"))):
        return "Apache Kafka's jars are not set up (cargo xtask test fetches them by Maven)"
    return None if shutil.which("java") else "no Java to run Apache Kafka with"


def java(main_class: str, jvm: Iterable[str], arguments: Iterable[str | Path]) -> list[str]:
    return ["java", *jvm, "-cp", f"{KAFKA_LIBS}/*", main_class, *(str(word) for word in arguments)]


def tool(name: str, *arguments: str | Path, stdin: str | None = None, timeout_s: float = 120.0) -> str:
    """Runs one of Kafka's tools to its end and returns its standard output."""
    return run(tool_command(name, *arguments), stdin=stdin, timeout_s=timeout_s).stdout


def tool_command(name: str, *arguments: str | Path) -> list[str]:
    """The command line of one of Kafka's tools, to be started, killed or ended by the caller."""
    return java(TOOLS[name], _TOOL_JVM, arguments)


class KafkaCluster:
    """Apache Kafka in KRaft mode, default settings except where a cluster this small needs others."""

    name = "kafka"

    def __init__(self, folder: Path, nodes: int = 1) -> None:
        self._folder = folder
        self._node_ids = range(1, nodes + 1)
        self._ports = {node: (free_port(), free_port()) for node in self._node_ids}
        self._running: dict[int, Running] = {}
        # The first letter is given: a minus sign there would be an option of the tool that formats.
        cluster_id = "h" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]
        for node in self._node_ids:
            self._format(node, cluster_id)

    @property
    def bootstrap(self) -> str:
        return ",".join(f"127.0.0.1:{client}" for client, _ in self._ports.values())

    def start(self) -> KafkaCluster:
        for node in self._node_ids:
            self.start_node(node)
        self.wait_until_ready()
        return self

    def start_node(self, node: int) -> None:
        command = java("kafka.Kafka", _BROKER_JVM, [self._properties_path(node)])
        self._running[node] = Running(f"kafka-{node}", command, self._folder)

    def kill_node(self, node: int) -> None:
        self._running[node].kill()

    def kill(self) -> None:
        for node in self._node_ids:
            self.kill_node(node)

    def restart(self) -> None:
        """Started again over the same folders, on the same ports."""
        self.start()

    def end_node(self, node: int) -> None:
        """An orderly end: the node hands its partitions over first."""
        self._running[node].end(60)

    def partition_folder(self, topic: str, partition: int) -> Path:
        """Where its first node keeps a partition's segments."""
        return self._folder / "data-1" / f"{topic}-{partition}"

    def wait_until_ready(self, timeout_s: float = 120.0) -> None:
        """Until every node that runs is registered and the others are fenced."""
        expected = sum(process.is_alive() for process in self._running.values())

        def ready() -> bool:
            for process in self._running.values():
                if process.exit_code() not in (None, -9, 143, -15):
                    raise AssertionError(f"Apache Kafka did not start:\n{process.last_words()}")
            return topics.broker_count(self.bootstrap) == expected

        wait_for(f"{expected} Kafka brokers", ready, timeout_s, every_s=0.3)

    def stop(self) -> None:
        # SIGKILL: nobody needs these logs again, and a clean stop of a controller takes seconds.
        for process in self._running.values():
            process.kill()

    def _properties_path(self, node: int) -> Path:
        return self._folder / f"node-{node}.properties"

    def _format(self, node: int, cluster_id: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        client_port, controller_port = self._ports[node]
        voters = ",".join(f"{n}@127.0.0.1:{self._ports[n][1]}" for n in self._node_ids)
        replicas = min(len(self._node_ids), 3)
        settings = {
            "process.roles": "broker,controller",
            "node.id": node,
            "controller.quorum.voters": voters,
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://127.0.0.1:{client_port},CONTROLLER://127.0.0.1:{controller_port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": self._folder / f"data-{node}",
            "default.replication.factor": replicas,
            "offsets.topic.replication.factor": replicas,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": 1,
            "transaction.state.log.num.partitions": 4,
            "share.coordinator.state.topic.replication.factor": replicas,
            "share.coordinator.state.topic.min.isr": 1,
            "num.partitions": 4,
            # Kafka's own server.properties sets this for development.
            "group.initial.rebalance.delay.ms": 0,
            # A killed member of a consumer group is noticed in seconds, not in the default 45.
            "group.consumer.min.session.timeout.ms": 6000,
            "group.consumer.session.timeout.ms": 8000,
            "group.consumer.min.heartbeat.interval.ms": 500,
            "group.consumer.heartbeat.interval.ms": 1000,
            # So are those of share and streams groups, by what their tests set for a group.
            "group.share.min.session.timeout.ms": 6000,
            "group.share.min.heartbeat.interval.ms": 500,
            "group.share.min.record.lock.duration.ms": 1000,
            "group.streams.min.session.timeout.ms": 6000,
            "group.streams.min.heartbeat.interval.ms": 500,
            # A killed broker is noticed in seconds, not in the default nine.
            "broker.session.timeout.ms": 6000,
            "broker.heartbeat.interval.ms": 1000,
        }
        path = self._properties_path(node)
        path.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        run(java("kafka.tools.StorageTool", _TOOL_JVM, ["format", "--cluster-id", cluster_id, "--config", path]))
