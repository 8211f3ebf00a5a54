"""The conformance kit: which promises a connector keeps, in the order in which they are proved.

A promise that rests on a broken one is not judged, and what is broken already is left out of later stores, so that one fault
of a connector has one name.
"""

from __future__ import annotations

import importlib
import inspect
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from connectors.conformance import crashes, promises
from connectors.conformance.codes import HARNESS_FAILED, HARNESS_MISSING, NOT_A_CONNECTOR, NOT_WHOLE
from connectors.conformance.harness import Capability, Harness, NotSupported
from connectors.conformance.jobs import Step
from connectors.conformance.nursery import Nursery
from connectors.conformance.promises import Broken
from connectors.conformance.world import World
from contracts.faults import Unusable

_C = Capability
_MEMBERS = (
    *("name", "description", "options_model"),
    *("check", "discover", "open", "poll", "durable", "signal", "close"),
)
"""What `connectors.protocol.Connector` asks of a class."""


class Verdict(StrEnum):
    """What became of a promise."""

    KEPT = "kept"
    BROKEN = "broken"
    NOT_APPLICABLE = "not applicable"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One promise: what was found, and how."""

    promise: str
    verdict: Verdict
    evidence: str


@dataclass(frozen=True, slots=True)
class Promise:
    """One promise: how it is proved, which capabilities it is about, and which promises it rests on."""

    name: str
    prove: Callable[[_Stage], str]
    about: frozenset[Capability] = frozenset()
    rests_on: tuple[str, ...] = ()
    withholds: frozenset[Capability] = frozenset()
    """What later stores do without when the promise is broken."""

    @property
    def says(self) -> str:
        """The promise in one sentence."""
        return (self.prove.__doc__ or "").strip()


@dataclass(frozen=True, slots=True)
class Report:
    """Every promise with its outcome, in order."""

    connector: str
    outcomes: tuple[Outcome, ...]

    @property
    def broken(self) -> tuple[Outcome, ...]:
        """The promises that are broken; a connector passes when there are none."""
        return tuple(outcome for outcome in self.outcomes if outcome.verdict is Verdict.BROKEN)


class _Stage:
    """Makes the stores of one run."""

    def __init__(self, path: str, settings: Mapping[str, str], directory: Path, nursery: Nursery) -> None:
        self._path, self._settings, self._directory, self._nursery = path, settings, directory, nursery
        self._harness = harness_at(path)
        self.capabilities = self._harness.capabilities
        self._worlds = 0
        self._deaths: list[crashes.Died] | None = None

    def world(self) -> World:
        """A new, empty store."""
        self._worlds += 1
        directory = self._directory / f"store-{self._worlds}"
        directory.mkdir()
        return World(self._harness(directory, self._settings), self._path, self._nursery, self.capabilities)

    def place_in_harness(self, error: Exception) -> str | None:
        """Where an exception comes from, in the harness's own file; None when it comes from elsewhere."""
        file = inspect.getfile(self._harness)
        lines = [one.lineno for one in traceback.extract_tb(error.__traceback__) if one.filename == file]
        if isinstance(error, NotSupported):
            return Path(file).name
        return f"{Path(file).name}:{lines[-1]}" if lines else None

    def deaths(self) -> list[crashes.Died]:
        """What came of dying at every step; done once, judged twice."""
        if self._deaths is None:
            self._deaths = [crashes.die(self.world, step) for step in Step]
        return self._deaths


def _on_worlds(name: str, prove: Callable[[promises.MakeWorld], str], *about: Capability, **more: Any) -> Promise:
    def proof(stage: _Stage) -> str:
        return prove(stage.world)

    proof.__doc__ = prove.__doc__
    return Promise(name, proof, frozenset(about), **more)


def _on_deaths(name: str, prove: Callable[[list[crashes.Died]], str], **more: Any) -> Promise:
    def proof(stage: _Stage) -> str:
        return prove(stage.deaths())

    proof.__doc__ = prove.__doc__
    return Promise(name, proof, **more)


_PLAIN = ("each-change-once",)
_CRASH = (*_PLAIN, "durable-only-after-commit")
_RESTART = (*_CRASH, "no-loss", "no-repeat")

PROMISES: tuple[Promise, ...] = (
    _on_worlds("unknown-option-refused", promises.unknown_option),
    _on_worlds("unknown-signal-refused", promises.unknown_signal),
    _on_worlds("check-changes-nothing", promises.check_is_harmless),
    _on_worlds("close-twice", promises.close_twice),
    _on_worlds("rows-at-start", promises.rows_at_start, _C.ROWS_AT_START, withholds=frozenset({_C.ROWS_AT_START})),
    _on_worlds("each-change-once", promises.each_once),
    _on_worlds("poll-keeps-its-time", promises.keeps_time, rests_on=_PLAIN),
    _on_worlds(
        "order-per-key",
        promises.order,
        _C.UPDATES,
        _C.EVERY_CHANGE,
        rests_on=_PLAIN,
        withholds=frozenset({_C.EVERY_CHANGE}),
    ),
    _on_worlds(
        "deletes", promises.deletes, _C.DELETES, rests_on=_PLAIN, withholds=frozenset({_C.DELETES, _C.KEY_CHANGES})
    ),
    _on_worlds(
        "key-changes",
        promises.key_changes,
        _C.KEY_CHANGES,
        rests_on=(*_PLAIN, "deletes"),
        withholds=frozenset({_C.KEY_CHANGES}),
    ),
    _on_worlds("large-values", promises.large_values, _C.LARGE_VALUES, rests_on=_PLAIN),
    _on_worlds("unavailable-never-null", promises.unavailable, _C.LARGE_VALUES, _C.UPDATES, rests_on=_PLAIN),
    _on_worlds("large-batch", promises.large_batch, rests_on=_PLAIN),
    _on_worlds("slow-sink", promises.slow_sink, rests_on=_PLAIN),
    _on_worlds("positions-are-text", promises.positions_are_text, rests_on=_PLAIN),
    _on_worlds("added-column", promises.added_column, _C.ADDED_COLUMN, rests_on=_PLAIN),
    _on_worlds("dropped-column", promises.dropped_column, _C.DROPPED_COLUMN, rests_on=_PLAIN),
    _on_worlds("durable-only-after-commit", crashes.durable_only, rests_on=_PLAIN),
    _on_deaths("no-loss", crashes.no_loss, rests_on=(*_CRASH, "positions-are-text", "slow-sink")),
    _on_deaths("no-repeat", crashes.no_repeat, rests_on=(*_CRASH, "positions-are-text", "slow-sink")),
    _on_worlds("restart-from-every-position", crashes.every_position, rests_on=_RESTART),
    _on_worlds("store-restart", promises.store_restart, _C.RESTART, rests_on=_RESTART),
)


def prove(path: str, settings: Mapping[str, str] | None = None) -> Iterator[Outcome]:
    """Prove the promises of the connector at `path` (`MODULE:CLASS`, or its harness), one after the other."""
    broken: set[str] = set()
    path = path_of(harness_at(path))
    with tempfile.TemporaryDirectory(prefix="conformance-") as directory, Nursery(path) as nursery:
        stage = _Stage(path, settings or {}, Path(directory), nursery)
        declared = stage.capabilities
        for promise in PROMISES:
            outcome = _outcome(promise, stage, declared, broken)
            if outcome.verdict is Verdict.BROKEN:
                broken.add(promise.name)
                stage.capabilities -= promise.withholds
            yield outcome


def report(path: str, settings: Mapping[str, str] | None = None) -> Report:
    """Every outcome for the harness at `path`."""
    connector = harness_at(path).connector
    return Report(f"{connector.__module__}:{connector.__qualname__}", tuple(prove(path, settings)))


def _outcome(promise: Promise, stage: _Stage, declared: Iterable[Capability], broken: set[str]) -> Outcome:
    result = Outcome(promise.name, Verdict.KEPT, "")
    lacking = sorted(promise.about.difference(declared))
    if lacking:
        return replace(result, verdict=Verdict.NOT_APPLICABLE, evidence=f"not declared: {', '.join(lacking)}")
    resting = [name for name in promise.rests_on if name in broken]
    resting += sorted(promise.about - stage.capabilities) if not resting else []
    if resting:
        return replace(result, verdict=Verdict.NOT_JUDGED, evidence=f"rests on {', '.join(resting)}, which is broken")
    try:
        return replace(result, evidence=promise.prove(stage))
    except Broken as found:
        return replace(result, verdict=Verdict.BROKEN, evidence=str(found))
    except Exception as error:  # the connector runs in children: what is raised here is the harness's, or the kit's own
        place = stage.place_in_harness(error)
        if place is None:
            raise
        raise Unusable(HARNESS_FAILED.fault(f"{place}: {type(error).__name__}: {error}")) from error


def harness_at(path: str) -> type[Harness]:
    """The harness at `MODULE:CLASS`, or that of the connector which is there.

    Raises `Unusable` where there is none, or where its connector lacks something of the protocol.
    """
    found = _class_at(path)
    if not (isinstance(found, type) and issubclass(found, Harness)):
        named = getattr(found, "conformance_harness", None)
        if not isinstance(named, str):
            raise Unusable(HARNESS_MISSING.fault(f"{path} is no Harness and names none in `conformance_harness`"))
        found = _class_at(named)
        if not (isinstance(found, type) and issubclass(found, Harness)):
            raise Unusable(HARNESS_MISSING.fault(f"{named} is no Harness"))
    connector = getattr(found, "connector", None)
    lacking = [name for name in _MEMBERS if not hasattr(connector, name)]
    if lacking:
        raise Unusable(NOT_WHOLE.fault(f"{getattr(connector, '__name__', connector)} has no {', '.join(lacking)}"))
    return found


def path_of(harness: type[Harness]) -> str:
    """Where children find a harness: `MODULE:CLASS`."""
    return f"{harness.__module__}:{harness.__qualname__}"


def _class_at(path: str) -> Any:
    module, separator, name = path.partition(":")
    if not (module and separator and name):
        raise Unusable(NOT_A_CONNECTOR.fault(f"{path!r} is not MODULE:CLASS"))
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise Unusable(NOT_A_CONNECTOR.fault(f"{path}: {error}")) from error
    return found
