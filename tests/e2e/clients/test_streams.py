"""An application by Kafka Streams, unmodified: a store behind a repartition, exactly once, by either group protocol."""

from __future__ import annotations

import random
import shutil
import time
from pathlib import Path

import pytest
from conftest import Cluster, OwnCluster
from support.applications import PROGRAM, Application, Inputs, Instance, Outputs
from support.compiled import java_missing
from support.groups import configure_group

PARTITIONS = 4
PER_SECOND = 400
# Long enough to die in.
COMMIT_INTERVAL_MS = 500
BROKER_KILLS = 2
# A member that is killed is missed soon. What the classic group is told by its members, the streams group is by its
# own configuration.
SESSION = {"session.timeout.ms": 6000, "heartbeat.interval.ms": 1000}
CLASSIC = ("group.protocol=classic", *(f"main.consumer.{name}={value}" for name, value in SESSION.items()))


@pytest.fixture(autouse=True)
def program() -> None:
    """Our program of Kafka Streams, or the test is skipped by name."""
    missing = java_missing(PROGRAM)
    if missing is not None:
        pytest.skip(missing)


def application(cluster: Cluster, folder: Path, protocol: str, name: str, standbys: int = 0) -> Application:
    name = f"{name}-{protocol}"
    if protocol == "classic":
        settings = (*CLASSIC, f"num.standby.replicas={standbys}")
    else:
        settings = (f"group.protocol={protocol}",)
        configure_group(
            cluster.bootstrap,
            name,
            {
                **{f"streams.{name}": value for name, value in SESSION.items()},
                "streams.num.standby.replicas": standbys,
                "streams.initial.rebalance.delay.ms": 0,
            },
        )
    settings = (*settings, f"commit.interval.ms={COMMIT_INTERVAL_MS}")
    made = Application(cluster.bootstrap, folder, name, PARTITIONS, settings)
    made.create_topics()
    return made


@pytest.mark.parametrize("protocol", ["classic", "streams"])
def test_an_application_counts_exactly_once_while_instances_come_leave_and_die(
    cluster: Cluster, folder: Path, protocol: str, moments: random.Random
) -> None:
    app = application(cluster, folder, protocol, "counting", standbys=1)
    with Outputs(app) as outputs:
        with Inputs(app, PER_SECOND) as inputs:
            first = app.start("first")
            app.wait_until_divided([first], standbys=True)
            outputs.wait_for(len(inputs.sent))

            others = [app.start("second"), app.start("third")]
            app.wait_until_divided([first, *others], standbys=True)
            outputs.wait_for(len(inputs.sent))

            # One leaves in order, and one dies between two commits.
            second, third = others
            second.close()
            app.wait_until_divided([first, third], standbys=True)
            outputs.wait_for(len(inputs.sent))
            time.sleep(moments.uniform(0.2, 0.8) * COMMIT_INTERVAL_MS / 1000)
            third.kill()
            app.wait_until_divided([first], standbys=True)
        outputs.check(inputs.sent)
    first.close()


@pytest.mark.parametrize("protocol", ["classic", "streams"])
def test_an_application_counts_exactly_once_though_the_broker_is_killed(
    own_cluster: OwnCluster, folder: Path, protocol: str, moments: random.Random
) -> None:
    app = application(own_cluster, folder, protocol, "surviving")
    with Outputs(app) as outputs:
        with Inputs(app, PER_SECOND) as inputs:
            instances = [app.start("first"), app.start("second")]
            app.wait_until_divided(instances, standbys=False)
            for _ in range(BROKER_KILLS):
                outputs.wait_for(len(inputs.sent))
                time.sleep(moments.uniform(0.2, 0.8) * COMMIT_INTERVAL_MS / 1000)
                own_cluster.kill()
                own_cluster.restart()
        outputs.check(inputs.sent)
    for instance in instances:
        instance.close()


def test_a_static_instance_that_comes_back_in_time_has_its_tasks_and_the_others_have_theirs(
    cluster: Cluster, folder: Path
) -> None:
    """Classic groups alone: Kafka Streams refuses a static instance of a streams group."""
    app = application(cluster, folder, "classic", "static")

    def start(name: str) -> Instance:
        return app.start(name, f"main.consumer.group.instance.id={name}", "main.consumer.session.timeout.ms=20000")

    with Outputs(app) as outputs:
        with Inputs(app, PER_SECOND) as inputs:
            stays, dies = start("stays"), start("dies")
            app.wait_until_divided([stays, dies], standbys=False)
            outputs.wait_for(len(inputs.sent))
            its, told = dies.now(), len(stays.states())
            dies.kill()
            # Kafka Streams asks for a rebalance itself where it finds its stores as a kill has left them ("corrupted").
            shutil.rmtree(folder / "state-dies")
            dies = start("dies")
            app.wait_until_divided([stays, dies], standbys=False)
            assert dies.now() == its
            assert len(stays.states()) == told, "nothing was taken from the other, or given to it"
        outputs.check(inputs.sent)
    for instance in (stays, dies):
        instance.close()
