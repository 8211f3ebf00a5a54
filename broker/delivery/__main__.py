"""The worker process that `concordat enforce` keeps running: `python -m broker.delivery [--state DIR] [--watch FD]`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import FrameType

from agreements.signing import Signer
from agreements.snapshot import ContractEntry, Snapshot
from broker import observe
from broker.cluster.client import ClusterFatal, Fenced, OffsetsLost
from broker.cluster.connect import connection
from broker.cluster.principals import OPERATOR, WORKER
from broker.cluster.reader import Reader
from broker.delivery.codes import FENCED, NOT_ENROLLED, OFFSETS_LOST, OUTCOME_UNKNOWN
from broker.delivery.conditions import Conditions
from broker.delivery.identity import Identity, open_identity
from broker.delivery.quarantine import KeySealer
from broker.delivery.routes import Routes, compile_coverage
from broker.delivery.supervisor import Ending, watch_supervisor
from broker.delivery.transaction import OutcomeUnknown
from broker.delivery.worker import Worker
from broker.keys import KeyProvider, installed
from broker.pipeline import Ground
from broker.policy.engine import Engine
from broker.policy.plan import Plan
from broker.policy.reference import ReferenceEngine, subject_key
from broker.proofs.prove import check_every_mechanism
from broker.register.checkpoints import Checkpoints
from broker.register.enrolment import enrol_worker
from broker.register.follow import RegisterReader
from broker.register.keyfiles import signing_key
from broker.register.limiting import reach_limit
from broker.settings import Settings, load
from contracts import topics
from contracts.faults import Failure, Refused

_WAIT_SECONDS = 25.0
"""Longer than a worker may take to end when its supervisor is gone."""


def make_worker(settings: Settings, state: Path) -> Worker:
    """A worker on the settings' cluster with its identity in `state`; raises a `Failure` with what is missing."""
    check_every_mechanism()
    cluster = connection(settings, WORKER)
    with Reader(cluster) as reader:
        identity = open_identity(state, reader.cluster_identifier(), wait_seconds=_WAIT_SECONDS)
        partitions = reader.partitions(topics.AUDIT_SEGMENTS), reader.partitions(topics.QUARANTINE)
    checkpoints = Checkpoints(state, identity.cluster)
    register = RegisterReader(cluster, checkpoints.load())
    checkpoints.save(register.catch_up())
    enrol(settings, identity, register.snapshot)
    keys = installed(settings)
    return Worker(
        cluster,
        identity,
        register,
        lambda count: Routes(compile_coverage, _engine_maker(keys), count),
        _ground_maker(identity, keys, *partitions),
        Conditions(
            transaction_milliseconds=settings.transaction_milliseconds,
            transaction_events_max=settings.transaction_events_max,
            snapshot_age_milliseconds_max=settings.snapshot_age_milliseconds_max,
        ),
        trip=lambda reference, limit, period: reach_limit(
            cluster, Signer(f"worker/{identity.worker}", identity.key), reference, limit=limit, period=period
        ),
    )


def enrol(settings: Settings, identity: Identity, snapshot: Snapshot) -> None:
    """See that the register knows this worker's key; where the operator's key is on this machine, make it known.

    Raises `Refused` otherwise: nobody could verify what the worker signs.
    """
    known = snapshot.workers.get(identity.worker)
    if known is not None and known.public_key == identity.public_key:
        return
    operator = settings.directory / "keys" / "operator.key"
    if not operator.exists():
        raise Refused(NOT_ENROLLED.fault(f"{identity.worker} with public key {identity.public_key}"))
    enrol_worker(
        connection(settings, OPERATOR), Signer("operator", signing_key(operator)), identity.worker, identity.public_key
    )


def main(arguments: list[str]) -> int:
    """Run until stopped; every fatal end leaves the process at once with the status its supervisor understands."""
    options = _options(arguments)
    settings = load()
    observe.configure(settings.log_level)
    log = observe.logger("concordat.enforce")
    try:
        worker = make_worker(settings, options.state or settings.directory / "worker")
        _listen(worker, options.watch)
        observe.serve_metrics(settings)
        worker.run()
    except Failure as failure:
        for fault in failure.faults:
            log.warning("worker_refused", code=fault.code.identifier, reason=str(fault))
        return failure.exit_status
    except ClusterFatal as fatal:
        ending, code = _ending(fatal)
        log.critical("worker_fatal", code=code, reason=str(fatal), status=int(ending))
        os._exit(ending)  # nothing is flushed, closed or left in order: what is open is fenced by the next process
    except Exception as error:  # noqa: BLE001 - its message may quote a record, so only its kind and place are told
        frame = traceback.extract_tb(error.__traceback__)[-1]
        log.critical("worker_failed", kind=type(error).__name__, path=f"{frame.filename}:{frame.lineno}")
        os._exit(Ending.CRASHED)
    return Ending.STOPPED


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m broker.delivery", description=__doc__)
    parser.add_argument("--state", type=Path, help="the worker's own directory")
    parser.add_argument("--watch", type=int, help="a pipe's end that closes when the supervisor is gone")
    return parser.parse_args(arguments)


def _listen(worker: Worker, watch: int | None) -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        worker.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    if watch is not None:
        watch_supervisor(watch, worker.stop)


def _ending(fatal: ClusterFatal) -> tuple[Ending, str]:
    if isinstance(fatal, OffsetsLost):
        return Ending.OFFSETS_LOST, OFFSETS_LOST.identifier
    if isinstance(fatal, OutcomeUnknown):
        return Ending.OUTCOME_UNKNOWN, OUTCOME_UNKNOWN.identifier
    return (Ending.FENCED if isinstance(fatal, Fenced) else Ending.CLIENT_FATAL), FENCED.identifier


def _engine_maker(keys: KeyProvider) -> Callable[[Snapshot, ContractEntry, tuple[Plan, ...]], Engine]:
    def make(snapshot: Snapshot, entry: ContractEntry, plans: tuple[Plan, ...]) -> Engine:
        return ReferenceEngine(entry, plans, snapshot.schemas, keys)

    return make


def _ground_maker(
    identity: Identity,
    keys: KeyProvider,
    segment_partitions: int,
    quarantine_partitions: int,
) -> Callable[[Snapshot, datetime], Ground]:
    sealer = KeySealer(keys)
    ensured: set[int] = set()

    def make(snapshot: Snapshot, now: datetime) -> Ground:
        known = snapshot.workers.get(identity.worker)
        if known is None or known.public_key != identity.public_key:  # what this key signs now, nobody could verify
            raise Refused(NOT_ENROLLED.fault(f"{identity.worker}: its key was replaced by another"))
        if now.year not in ensured:  # the auditors' pseudonyms have a key of each year, made when it is first needed
            keys.ensure(subject_key(now.year))
            keys.ensure(subject_key(now.year + 1))
            ensured.add(now.year)
        return Ground(
            snapshot,
            now,
            identity.worker,
            identity.sign,
            os.urandom,
            sealer,
            segment_partitions,
            quarantine_partitions,
        )

    return make


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
