"""What `concordat up` runs: a Kafka, a register, the broker's processes; and Kafka kept as the register says."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from agreements.signing import Signer
from agreements.snapshot import Snapshot
from broker import clock
from broker.cluster import provision
from broker.cluster.admin import Admin
from broker.cluster.client import Connection
from broker.cluster.connect import connection, kafka_directory
from broker.cluster.local import LocalKafka, running_pid
from broker.cluster.plan import plan
from broker.codes import ALREADY_UP
from broker.processes import Processes
from broker.register.commands import initialise
from broker.register.follow import RegisterReader, read_snapshot
from broker.register.keyfiles import new_key, signing_key
from broker.settings import Settings, child_environment
from contracts.faults import Refused, Unavailable

_LOOK_SECONDS = 1.0
Say = Callable[[str], None]


@contextmanager
def kafka_of(settings: Settings) -> Iterator[Connection]:
    """The configured cluster, the local one that runs already, or one started here and stopped at the end."""
    place = kafka_directory(settings)
    with ExitStack() as stack:
        if settings.bootstrap_servers is None and running_pid(place) is None:
            cache, repository = settings.cache_directory, settings.maven_repository
            stack.enter_context(LocalKafka(place, cache_directory=cache, repository=repository))
        yield connection(settings)


def found(settings: Settings, cluster: Connection) -> bool:
    """See that there is a register; whether it was made now, with its operator's key in the state directory."""
    provision.make_base_topics(Admin(cluster), settings)
    if read_snapshot(cluster).operator_key is not None:
        return False
    key = settings.directory / "keys" / "operator.key"
    if not key.exists():
        new_key(key)
    initialise(cluster, Signer("operator", signing_key(key)))
    return True


def make_as_said(settings: Settings, cluster: Connection, snapshot: Snapshot) -> int:
    """Make Kafka as the register says now; how many steps that took."""
    admin = Admin(cluster)
    steps = plan(snapshot, provision.observe(admin), provision.shape(settings), clock.now())
    provision.apply(steps, admin, settings)
    return len(steps)


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """The only `concordat up` of a state directory: two would stop each other's processes.  Raises `Refused`."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (directory / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Refused(ALREADY_UP.fault(str(directory))) from error
        yield


def keep_up(settings: Settings, connectors: Sequence[Path], say: Say) -> None:
    """Run everything until interrupted.  Raises `Unavailable` when a process ends by itself, `Refused` when all runs already."""
    with _alone(settings.directory), kafka_of(settings) as cluster:
        say(f"Kafka: {cluster.bootstrap_servers}")
        if found(settings, cluster):
            say(f"a new register; the operator's key is {settings.directory / 'keys' / 'operator.key'}")
        environment = child_environment() | {"CONCORDAT_DIRECTORY": str(settings.directory.absolute())}
        with RegisterReader(cluster) as register, Processes(settings.directory / "processes", environment) as running:
            make_as_said(settings, cluster, register.catch_up())
            running.start("worker", ["enforce", "--state", str(settings.directory.absolute() / "worker")])
            running.start("service", ["serve"])
            for config in connectors:
                running.start(f"connector-{config.stem}", ["connector", "run", str(config.absolute())])
            say(f"running: a worker, the service at http://{settings.serve_host}:{settings.serve_port}; Ctrl-C ends it")
            _follow(settings, cluster, register, running, say)


def _follow(settings: Settings, cluster: Connection, register: RegisterReader, running: Processes, say: Say) -> None:
    """Whenever the register has moved, make Kafka as it says; agreements begin and end by the day, so ask for that too."""
    made_for = (register.snapshot.position, clock.now().date())
    while True:
        running.check()
        try:
            wanted = (register.catch_up().position, clock.now().date())
            if wanted != made_for:
                steps = make_as_said(settings, cluster, register.snapshot)
                made_for = wanted
                if steps:
                    say(f"register position {wanted[0]}: {steps} {'change' if steps == 1 else 'changes'} made on Kafka")
        except Unavailable as failure:
            say(f"{failure}; trying again")
        time.sleep(_LOOK_SECONDS)  # between two looks
