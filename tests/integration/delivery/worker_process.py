"""A worker in a process of its own: `python worker_process.py CONFIGURATION`, as tests kill, stop and wake it.

The configuration is JSON: bootstrap_servers, properties, directory, register, group; `inside_seconds`, how long to stand
still with everything sent and nothing committed, and `after_seconds`, how long between a commit and the writing of the state.
While it stands there, a file `inside` or `committed` says so: that is how a test hits these moments.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from broker.cluster.client import ClusterFatal, Connection, Fenced
from broker.delivery.conditions import Conditions
from broker.delivery.identity import open_identity
from broker.delivery.routes import Routes
from broker.delivery.supervisor import Ending
from broker.delivery.worker import Worker
from broker.pipeline import Ground
from tests.integration.delivery.scenario import FileRegister, PortEngine, PortPlan


class Plain:
    """Quarantined content stays as it is."""

    def seal(self, dataset, content):
        return content

    def open(self, dataset, sealed):
        return sealed


def build(configuration, inside, after_commit):
    connection = Connection(configuration["bootstrap_servers"], configuration["properties"])
    identity = open_identity(Path(configuration["directory"]), "test")

    def compile_plan(snapshot, entry, coverage):
        return PortPlan(coverage.entry.agreement.reference, coverage.share.rows)

    def make_engine(snapshot, entry, plans):
        return PortEngine(entry.contract.kind, [(plan.reference, plan.port) for plan in plans])

    def ground(snapshot, now):
        return Ground(snapshot, now, identity.worker, identity.sign, os.urandom, Plain(), 4, 4)

    register = SlowRegister(Path(configuration["register"]))
    register.pause = inside
    return Worker(
        connection,
        identity,
        register,
        lambda partitions: Routes(compile_plan, make_engine, partitions),
        ground,
        Conditions(
            group=configuration["group"],
            transaction_milliseconds=configuration.get("transaction_milliseconds", 30),
            transaction_events_max=configuration.get("transaction_events_max", 10_000),
            transaction_timeout_milliseconds=configuration.get("transaction_timeout_milliseconds", 10_000),
            session_timeout_milliseconds=2_000,
        ),
        trip=lambda reference, limit, period: tripped(Path(configuration["register"]), reference, limit, period),
        after_commit=after_commit,
    )


def tripped(register, reference, limit, period):
    """The breaker's act, for the test to see."""
    with register.with_suffix(".tripped").open("a") as file:
        file.write(json.dumps([reference, limit, period]) + "\n")


class SlowRegister(FileRegister):
    """Asked for its age last before every commit: there it takes its time."""

    pause = staticmethod(lambda: None)

    def age_milliseconds(self):
        self.pause()
        return super().age_milliseconds()


def paused(place, seconds):
    def pause():
        if seconds:
            place.touch()
            time.sleep(random.uniform(0, 2 * seconds))
            place.unlink(missing_ok=True)

    return pause


def main():
    configuration = json.loads(Path(sys.argv[1]).read_text())
    directory = Path(configuration["directory"])
    try:
        worker = build(
            configuration,
            paused(directory / "inside", configuration.get("inside_seconds", 0)),
            paused(directory / "committed", configuration.get("after_seconds", 0)),
        )
        signal.signal(signal.SIGTERM, lambda *_: worker.stop())
        worker.run()
    except Fenced as fault:
        sys.stderr.write(f"fenced: {fault}\n")
        sys.stderr.flush()
        os._exit(Ending.FENCED)
    except ClusterFatal as fault:
        sys.stderr.write(f"fatal: {fault}\n")
        sys.stderr.flush()
        os._exit(Ending.CLIENT_FATAL)


if __name__ == "__main__":
    main()
