"""Connectors that each break one promise, on purpose; the conformance kit must name it."""

from __future__ import annotations

import io
import os
import random
import sys
from contextlib import redirect_stdout
from dataclasses import replace

from pydantic import ConfigDict

from connectors.conformance.harness import Harness
from connectors.conformance.memory import MemoryHarness
from connectors.memory import MemoryChange, MemoryConnector, MemoryOptions
from connectors.protocol import Batch, Connector, Options, Position
from connectors.template.connector import TemplateConnector
from connectors.template.harness import TemplateHarness
from contracts.change import Op

PENDING_MAX = 100


class LosesOnCrash(MemoryConnector):
    """Reads ahead, and gives the position of what it has read for what it has given."""

    promise = "no-loss"

    def open(self, position):
        self.ahead = []
        super().open(position)

    def poll(self, timeout_seconds):
        if not self.ahead:
            batch = super().poll(timeout_seconds)
            if batch is None:
                return None
            self.ahead = list(batch.changes)
        changes, self.ahead = self.ahead[:2], self.ahead[2:]
        # One less than what was read, so that two batches do not share it; still more than what was given.
        return Batch(tuple(changes), Position(str(self._read - (len(self.ahead) > 1))))


class Repeats(MemoryConnector):
    """While there is more to come, its position is one change too low."""

    promise = "no-repeat"

    def poll(self, timeout_seconds):
        batch = super().poll(timeout_seconds)
        if batch is not None and self._ask({"after": self._read, "limit": 1})["changes"]:
            return replace(batch, position=Position(str(self._read - 1)))
        return batch


class WrongOrder(MemoryConnector):
    """Gives the changes of a batch backwards."""

    promise = "order-per-key"

    def poll(self, timeout_seconds):
        batch = super().poll(timeout_seconds)
        return batch and replace(batch, changes=batch.changes[::-1])


class NullForUnavailable(MemoryConnector):
    """Does not say which values the store left out."""

    promise = "unavailable-never-null"

    def poll(self, timeout_seconds):
        batch = super().poll(timeout_seconds)
        return batch and replace(batch, changes=tuple(replace(one, unavailable=()) for one in batch.changes))


class ConfirmsEarly(MemoryConnector):
    """Lets the store forget what was polled."""

    promise = "durable-only-after-commit"

    def poll(self, timeout_seconds):
        batch = super().poll(timeout_seconds)
        if batch is not None:
            self.durable(batch.position)
        return batch


class ForgetsDeletes(MemoryConnector):
    """Gives rows only."""

    promise = "deletes"

    def poll(self, timeout_seconds):
        batch = super().poll(timeout_seconds)
        return batch and replace(batch, changes=tuple(one for one in batch.changes if one.op is not Op.DELETE))


class AnotherOrderEachTime(MemoryConnector):
    """The order of the keys in a batch is another one in every process."""

    promise = "restart-from-every-position"

    def poll(self, timeout_seconds):
        batch = super().poll(timeout_seconds)
        rank = random.Random(os.getpid())
        ranks = {key: rank.random() for key in range(10_000)}
        return batch and replace(batch, changes=tuple(sorted(batch.changes, key=lambda one: ranks[one.key["id"]])))


class LenientOptions(MemoryOptions):
    model_config = ConfigDict(extra="ignore")


class SwallowsOptions(MemoryConnector):
    """Takes options that it does not have."""

    promise = "unknown-option-refused"
    options_model: type[Options] = LenientOptions


class SwallowsSignals(MemoryConnector):
    """Takes signals that it does not know."""

    promise = "unknown-signal-refused"

    def signal(self, signal):
        pass


class ChecksWithTraces(MemoryConnector):
    """Its check takes something out of the store."""

    promise = "check-changes-nothing"

    def check(self):
        self._connect()
        self._ask({"forget": 1})
        return super().check()


class ClosesOnce(MemoryConnector):
    """Cannot be closed when it is closed."""

    promise = "close-twice"
    opening = False

    def open(self, position):
        self.opening = True
        super().open(position)
        self.opening = False

    def close(self):
        if not self.opening:
            self._socket.close()
        super().close()


class NumbersForPositions(MemoryConnector):
    """Its positions are not text."""

    promise = "positions-are-text"

    def poll(self, timeout_seconds):
        batch = super().poll(timeout_seconds)
        return batch and replace(batch, position=Position(self._read))


class CountsDurable(MemoryConnector):
    """Expects to hear of each position once."""

    promise = "slow-sink"

    def open(self, position):
        self.given = []
        super().open(position)

    def poll(self, timeout_seconds):
        batch = super().poll(timeout_seconds)
        if batch is not None:
            self.given.append(batch.position)
        return batch

    def durable(self, position):
        self.given.remove(position)
        super().durable(position)


class ConfirmsWhatItRead(MemoryConnector):
    """Lets the store forget what was read, whatever was durable."""

    promise = "no-loss"

    def durable(self, position):
        super().durable(Position(str(self._read)))


class DropsTheMiddle(MemoryConnector):
    """Has room for a hundred changes, and lets go of the oldest when there are more."""

    promise = "large-batch"

    def poll(self, timeout_seconds):
        pending = self._ask({"after": self._read, "limit": 0})["last"] - self._read
        self._read += max(0, pending - PENDING_MAX)
        return super().poll(timeout_seconds)


class LeavesOutAfterRestart(MemoryConnector):
    """When the store comes back, begins with what is new."""

    promise = "store-restart"
    been_open = False

    def open(self, position):
        super().open(position)
        if self.been_open:
            self._read = self._ask({"after": 0, "limit": 0})["last"]
        self.been_open = True


class CutsLargeValues(MemoryConnector):
    """Gives the first 100,000 characters of a text."""

    promise = "large-values"

    def poll(self, timeout_seconds):
        batch = super().poll(timeout_seconds)
        return batch and replace(batch, changes=tuple(_cut(one) for one in batch.changes))


def _cut(change):
    if not change.after or not change.after["large"]:
        return change
    return replace(change, after={**change.after, "large": change.after["large"][:100_000]})


class SleepsTooLong(MemoryConnector):
    """Comes back from an idle poll when it likes."""

    promise = "poll-keeps-its-time"

    def poll(self, timeout_seconds):
        return super().poll(5.2 if timeout_seconds == 0.25 else timeout_seconds)


class BeginsWithWhatIsNew(MemoryConnector):
    """Takes no notice of the rows that were there before its first start."""

    promise = "rows-at-start"

    def open(self, position):
        super().open(position)
        if position is None:
            self._read = self._ask({"after": 0, "limit": 0})["last"]


class LeavesOutUpdates(MemoryConnector):
    """Gives what comes and what goes."""

    promise = "each-change-once"

    def poll(self, timeout_seconds):
        batch = super().poll(timeout_seconds)
        return batch and replace(batch, changes=tuple(one for one in batch.changes if one.op is not Op.UPDATE))


class UpdatesOfKeysHarness(MemoryHarness):
    """A store that tells of a change of key as of any other update."""

    def write(self, writes):
        moves = [one for one in writes if one.op is Op.UPDATE and one.row["id"] != one.was["id"]]
        super().write([one for one in writes if one not in moves])
        self._store.write([MemoryChange("items", Op.UPDATE, {"id": one.row["id"]}, one.was, one.row) for one in moves])


class KeepsTheOldKey(MemoryConnector):
    """Gives a change of key as the store tells of it: the row under the old key stays for ever."""

    promise = "key-changes"
    store = UpdatesOfKeysHarness


class GivesEveryColumn(TemplateConnector):
    """Gives columns that the contract does not know."""

    promise = "added-column"
    store = TemplateHarness

    def _change(self, found, position):
        change = super()._change(found, position)
        return replace(change, after=found["after"] and {**change.after, **found["after"]})


class NullForDroppedColumn(TemplateConnector):
    """Gives null for a column that is gone."""

    promise = "dropped-column"
    store = TemplateHarness

    def _change(self, found, position):
        return replace(super()._change(found, position), unavailable=())


def _harness(broken: type[Connector]) -> type[Harness]:
    values = {"connector": broken, "patience_seconds": 0.3, "large_rows": 400, "__module__": __name__}
    return type(f"{broken.__name__}Harness", (vars(broken).get("store", MemoryHarness),), values)


BROKEN = [kind for kind in list(globals().values()) if isinstance(kind, type) and "promise" in vars(kind)]
for one in BROKEN:
    globals()[f"{one.__name__}Harness"] = _harness(one)
PATHS = {f"{__name__}:{one.__name__}Harness": one.promise for one in BROKEN}


def conformance(path: str) -> tuple[int, str]:
    """How `concordat connector conformance PATH --json` ends, and what it prints; for a process of its own."""
    from broker.cli.app import main  # noqa: PLC0415 - the kit's children, which import this module, have no use for it

    sys.argv = ["concordat", "connector", "conformance", path, "--json"]
    with redirect_stdout(io.StringIO()) as printed:
        try:
            main()
        except SystemExit as ended:
            return int(ended.code or 0), printed.getvalue()
