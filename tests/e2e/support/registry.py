"""All foreign clients by name, and which scenarios leave which of them out."""

from __future__ import annotations

from .clients import Client
from .compiled import COMPILED_DRIVERS, Java
from .console import ConsoleTools
from .drivers import DRIVERS, Confluent
from .kcat import Kcat

CLIENTS: dict[str, type[Client]] = {client.name: client for client in (Kcat, ConsoleTools, *DRIVERS, *COMPILED_DRIVERS)}

_BY_THE_NEWER_PROTOCOL = {"GROUP_PROTOCOL": "consumer"}


class JavaByTheNewerProtocol(Java):
    """Java's client as a member of groups whose coordinator divides the partitions (KIP-848)."""

    env = _BY_THE_NEWER_PROTOCOL


class ConfluentByTheNewerProtocol(Confluent):
    """librdkafka as one."""

    env = _BY_THE_NEWER_PROTOCOL


# Members of groups, where else the clients are as they are.
MEMBERS: dict[str, type[Client]] = CLIENTS | {
    "java-848": JavaByTheNewerProtocol,
    "confluent-848": ConfluentByTheNewerProtocol,
}


def clients_with(*abilities: str) -> list[str]:
    """The names of the clients that lack none of these."""
    return [name for name, client in CLIENTS.items() if not any(ability in client.lacks for ability in abilities)]


def left_out() -> list[str]:
    """What the clients lack, a line each: printed at the end of every run, so that nothing is left out silently."""
    return [f"{name}: no {ability}: {why}" for name, client in CLIENTS.items() for ability, why in client.lacks.items()]
