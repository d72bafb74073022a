"""A member of a consumer group by confluent-kafka: prints one JSON line per record, ends in order on SIGTERM."""

from __future__ import annotations

import json
import signal
import sys

from confluent_kafka import Consumer


def main(bootstrap: str, group: str, topic: str, session_timeout_ms: str) -> None:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "session.timeout.ms": int(session_timeout_ms),
            "heartbeat.interval.ms": 1000,
            "auto.offset.reset": "earliest",
            "auto.commit.interval.ms": 500,
        }
    )
    stopped = False

    def stop(_signal: int, _frame: object) -> None:
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGTERM, stop)
    consumer.subscribe([topic])
    while not stopped:
        message = consumer.poll(0.1)
        if message is None:
            continue
        if message.error() is not None:
            print(message.error(), file=sys.stderr, flush=True)
            continue
        seen = {
            "partition": message.partition(),
            "offset": message.offset(),
            "key": (message.key() or b"").decode(),
            "value": (message.value() or b"").decode(),
        }
        print(json.dumps(seen), flush=True)
    consumer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
