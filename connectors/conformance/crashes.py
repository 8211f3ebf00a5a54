"""The promises that are proved by children which die, and by reading again: what a restart may neither lose nor repeat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from connectors.conformance.harness import Capability
from connectors.conformance.jobs import Step
from connectors.conformance.judge import Finding, Wrong, evidence
from connectors.conformance.promises import Broken, MakeWorld, prime
from connectors.conformance.world import Ended, World

_COUNTS: Mapping[Step, tuple[int, ...]] = {
    Step.IN_OPEN: (1, 6, 3, 12),
    Step.IN_POLL: (2, 9, 20, 45),
    Step.IN_DURABLE: (1, 3, 1, 6),
}
_PLAIN_COUNTS = (1, 2, 1, 2)
_POSITIONS_MAX = 10


@dataclass(frozen=True, slots=True)
class Died:
    """What came of the store whose connector died at one step again and again."""

    step: Step
    times: int
    trouble: str | None
    findings: tuple[Finding, ...]


def die(make: MakeWorld, step: Step) -> Died:
    """Two rounds: the connector dies twice at the step, at different moments, and then may end its work.

    The first round is about the rows at the start, the second about changes.
    """
    counts = _COUNTS.get(step, _PLAIN_COUNTS)
    times = 0
    with make() as world:
        ended: Ended | None = None
        for round_number, pair in enumerate((counts[:2], counts[2:])):
            ended = _write_round(world, round_number)
            for count in pair:
                ended = world.carry(step, count)
                times += ended.crashed
                if ended.trouble is not None:
                    return Died(step, times, ended.trouble, tuple(world.findings()))
            ended = world.carry()
            if ended.trouble is not None:
                return Died(step, times, ended.trouble, tuple(world.findings()))
        return Died(step, times, None, tuple(world.findings()))


def _write_round(world: World, round_number: int) -> Ended | None:
    if round_number == 0:
        if Capability.ROWS_AT_START not in world.writable:
            prime(world)
        else:
            world.write(world.create(7))
        return None
    for _ in range(3 if Capability.EVERY_CHANGE in world.writable else 1):
        world.write(world.mix(5))
    return None


def no_loss(deaths: list[Died]) -> str:
    """No change is lost, changed or disordered when the connector dies at any step."""
    kinds = frozenset(Wrong) - {Wrong.REPEATED}
    return _verdict(deaths, kinds, with_trouble=True)


def no_repeat(deaths: list[Died]) -> str:
    """No change is given again when the connector dies at any step."""
    return _verdict(deaths, frozenset({Wrong.REPEATED}), with_trouble=False)


def _verdict(deaths: list[Died], kinds: frozenset[Wrong], *, with_trouble: bool) -> str:
    wrong = []
    for died in deaths:
        found = evidence([one for one in died.findings if one.wrong in kinds])
        parts = [died.trouble if with_trouble else None, found]
        if any(parts):
            wrong.append(f"died {died.step}: {'; '.join(filter(None, parts))}")
    if wrong:
        raise Broken(" | ".join(wrong))
    return f"died {sum(died.times for died in deaths)} times at {len(deaths)} steps"


def durable_only(make: MakeWorld) -> str:
    """The store forgets nothing that was read but never called durable."""
    with make() as world:
        prime(world)
        position = world.position
        began = len(world.expected)
        for _ in range(3 if Capability.EVERY_CHANGE in world.writable else 1):
            world.write(world.mix(3))
        first, second = (world.ask("peek", position, len(world.expected) - began) for _ in range(2))
    for ended in (first, second):
        if ended.trouble is not None:
            raise Broken(f"reading again after what was not durable: {ended.trouble}")
    before, after = (_flat(ended.found) for ended in (first, second))
    gone = [one for one in before if one not in after]
    if gone:
        raise Broken(f"{len(gone)} of {len(before)} changes were gone though never durable")
    return f"{len(before)} changes were read twice, and none had gone"


def every_position(make: MakeWorld) -> str:
    """From every position the same changes follow, in the same order."""
    with make() as world:
        prime(world)
        began, first = len(world.expected), world.position
        places: dict[int, Any] = {}
        ended = None
        for _ in range(4 if Capability.EVERY_CHANGE in world.writable else 1):
            world.write(world.mix(4))
            ended = world.ask("peek", first, len(world.expected) - began)
            if ended.trouble is not None:
                raise Broken(ended.trouble)
            places |= _places(ended.found)
        assert ended is not None
        every = _flat(ended.found)
        for count in sorted(places)[:: max(1, len(places) // _POSITIONS_MAX)]:
            again = world.ask("peek", places[count], len(every) - count)
            if again.trouble is not None:
                raise Broken(f"opened after {count} changes: {again.trouble}")
            if _flat(again.found) != every[count:]:
                raise Broken(_difference(count, every[count:], _flat(again.found)))
        return f"{len(places)} positions among {len(every)} changes"


def _places(batches: list[Any]) -> dict[int, Any]:
    """How many changes each position stands after."""
    counts = accumulate(len(batch["records"]) for batch in batches)
    return {count: batch["position"] for count, batch in zip(counts, batches, strict=True)}


def _difference(count: int, rest: list[Any], again: list[Any]) -> str:
    same = sorted(map(repr, rest)) == sorted(map(repr, again))
    what = "the same changes in another order" if same else f"{len(again)} changes, where {len(rest)} follow"
    return f"opened after {count} changes: {what}"


def _flat(batches: list[Any]) -> list[Any]:
    return [record for batch in batches for record in batch["records"]]
