"""The promises that are proved while nothing dies: what a connector gives, and what it must not do."""

from __future__ import annotations

import random
from collections.abc import Callable

from connectors.conformance.harness import Capability, Write
from connectors.conformance.judge import Finding, evidence
from connectors.conformance.world import Ended, World
from contracts.change import Op

LARGE_CHARACTERS = 200_000
_OUT_OF_LINE_CHARACTERS = 20_000
_POSITION_BYTES_MAX = 64 * 1024
_POLL_SECONDS_MAX = 5.0

MakeWorld = Callable[[], World]


class Broken(Exception):
    """A promise is not kept; the message is the evidence."""


def hold(ended: Ended, findings: list[Finding]) -> None:
    """Raise `Broken` unless a child ended well and nothing is wrong with what it gave."""
    if ended.trouble is not None:
        raise Broken("; ".join(filter(None, (ended.trouble, evidence(findings)))))
    if findings:
        raise Broken(evidence(findings))


def prime(world: World, count: int = 4, *, large: Callable[[int], str | None] = lambda _: None) -> None:
    """A store with rows, all of them read by a connector that then ended in good order."""
    rows = world.create(count, large=large)
    if Capability.ROWS_AT_START in world.writable:
        world.write(rows)
        hold(world.carry(), [])
    else:
        hold(world.live(lambda: rows), [])


def unknown_option(make: MakeWorld) -> str:
    """`options_model` refuses an option that it does not have."""
    with make() as world:
        ended = world.ask("options")
    if ended.trouble is not None:
        raise Broken(ended.trouble)
    if "extra_forbidden" not in ended.found:
        raise Broken("the option `no_such_option` was taken without a word")
    return "`no_such_option` was refused"


def unknown_signal(make: MakeWorld) -> str:
    """`signal` raises `Refused` for a signal that it does not know."""
    with make() as world:
        ended = world.ask("signal")
    if ended.trouble is not None or not ended.found:
        raise Broken(ended.trouble or "an unknown signal was taken without a word")
    return "an unknown signal was refused"


def check_is_harmless(make: MakeWorld) -> str:
    """`check` passes on a store that can be read, says the same twice, and leaves it as it is."""
    with make() as world:
        world.write(world.create(3))
        before = world.harness.fingerprint()
        asked = [world.ask("check"), world.ask("check")]
        after = world.harness.fingerprint()
    for ended in asked:
        if ended.trouble is not None or not ended.found["passed"]:
            raise Broken(ended.trouble or f"it found fault with a good store: {ended.found['faults']}")
    if before != after:
        raise Broken("the store is not as it was before `check`")
    return "two checks passed, and the store is as it was"


def close_twice(make: MakeWorld) -> str:
    """`close` may be called before `open` and again after itself, and the object opened again."""
    with make() as world:
        ended = world.ask("close")
    if ended.trouble is not None:
        raise Broken(ended.trouble)
    return "closed five times, opened twice"


def keeps_time(make: MakeWorld) -> str:
    """`poll` comes back when its time is over, though nothing happens."""
    with make() as world:
        prime(world)
        ended = world.ask("idle", position=world.position)
    if ended.trouble is not None:
        raise Broken(ended.trouble)
    if max(ended.found) > _POLL_SECONDS_MAX:
        raise Broken(f"an idle poll took {max(ended.found):.1f} s")
    return f"idle polls took at most {max(ended.found):.2f} s"


def rows_at_start(make: MakeWorld) -> str:
    """Rows that were there before the first start are given once."""
    with make() as world:
        for _ in range(3):
            world.write(world.create(4))
        hold(world.carry(), world.findings())
        return f"{len(world.expected)} rows read"


def each_once(make: MakeWorld) -> str:
    """Every create and update is given once, with the store's values."""
    with make() as world:
        prime(world)
        keys = sorted(world.rows)
        changes = [(lambda k=key: [world.update(k)]) for key in keys] if Capability.UPDATES in world.writable else []
        hold(world.live(lambda: world.create(5), *changes, lambda: world.create(1)), world.findings())
        return f"{len(world.expected)} changes"


def order(make: MakeWorld) -> str:
    """The changes of one key come in the order of the store."""
    with make() as world:
        prime(world)
        keys = sorted(world.rows)[:3]
        steps = [(lambda k=key: [world.update(k)]) for _ in range(6) for key in keys]
        hold(world.live(*steps), world.findings())
        return f"{len(steps)} changes of {len(keys)} keys"


def deletes(make: MakeWorld) -> str:
    """A delete is given as a delete, and a row that comes back as a create."""
    with make() as world:
        prime(world)
        first, second, *_ = sorted(world.rows)
        back = world.rows[first]
        again = Write(Op.CREATE, {**back, "name": "back"})
        hold(
            world.live(lambda: [world.delete(first)], lambda: [again], lambda: [world.delete(second)]), world.findings()
        )
        return "two deletes, one row that came back"


def key_changes(make: MakeWorld) -> str:
    """A change of key is a delete of the old key and a create of the new one."""
    with make() as world:
        prime(world)
        first, second, *_ = sorted(world.rows)
        hold(world.live(lambda: [world.move(first)], lambda: [world.move(second)]), world.findings())
        return "two changes of key"


def unavailable(make: MakeWorld) -> str:
    """A value that the store did not give is named in `unavailable`; it is never null."""
    with make() as world:
        prime(world, large=lambda i: text(i, _OUT_OF_LINE_CHARACTERS))
        keys = sorted(world.rows)
        hold(world.live(*((lambda k=key: [world.update(k)]) for key in keys)), world.findings())
        return f"{len(keys)} updates that left a value of {_OUT_OF_LINE_CHARACTERS} characters alone"


def large_values(make: MakeWorld) -> str:
    """A value of 200,000 characters arrives whole."""
    with make() as world:
        prime(world)
        hold(world.live(lambda: world.create(2, large=lambda i: text(i, LARGE_CHARACTERS))), world.findings())
        return f"two values of {LARGE_CHARACTERS} characters"


def large_batch(make: MakeWorld) -> str:
    """A large transaction arrives whole, in order."""
    with make() as world:
        prime(world)
        hold(world.live(lambda: world.create(world.harness.large_rows)), world.findings())
        return f"{world.harness.large_rows} rows in one transaction, {len(world.commits)} batches"


def slow_sink(make: MakeWorld) -> str:
    """Nothing is lost or repeated while commits take long and the last position is confirmed again and again."""
    with make() as world:
        prime(world)
        hold(world.live(*[lambda: world.create(3)] * 12, slow_seconds=0.06), world.findings())
        return f"{len(world.commits)} commits of 60 ms each"


def positions_are_text(make: MakeWorld) -> str:
    """A position is text that another process can open at, and no two batches with changes share one."""
    with make() as world:
        prime(world)
        hold(world.live(lambda: world.create(3), lambda: world.create(3)), [])
        positions = [commit.position for commit in world.commits if commit.records]
    for position in positions:
        if not isinstance(position, str) or not position:
            raise Broken(f"a position is {type(position).__name__}, not text")
        if len(position.encode()) > _POSITION_BYTES_MAX:
            raise Broken(f"a position has {len(position.encode())} bytes")
    if len(set(positions)) != len(positions):
        raise Broken("two batches with changes have the same position")
    return f"{len(positions)} positions, at most {max(len(position.encode()) for position in positions)} bytes"


def added_column(make: MakeWorld) -> str:
    """A column that the contract does not know changes nothing, or ends the connector with a reason."""
    with make() as world:
        prime(world)
        ended = world.live(lambda: world.create(1), lambda: world.create(2), between=world.harness.add_column)
        if ended.refused:
            return f"ended with {', '.join(ended.refused)}"
        hold(ended, world.findings())
        return "the new column is left out"


def dropped_column(make: MakeWorld) -> str:
    """A contracted column that is gone is never given as null: it is unavailable, a problem, or ends the connector."""
    with make() as world:
        prime(world)
        ended = world.live(
            lambda: world.create(1),
            lambda: world.create(2, large=lambda i: text(i, 20)),
            between=world.harness.drop_column,
        )
        if ended.refused:
            return f"ended with {', '.join(ended.refused)}"
        excused = {record.key for commit in world.commits for record in commit.records if record.problem}
        hold(ended, [one for one in world.findings() if not any(f"id {key}" in one.what for key in excused)])
        return "the missing column is named"


def store_restart(make: MakeWorld) -> str:
    """A store that is stopped and started while it is read loses and repeats nothing."""
    with make() as world:
        prime(world)
        steps = [lambda: world.create(2)] * 4
        hold(world.live(*steps, between=world.harness.restart), world.findings())
        return "restarted once while it was read"


def text(number: int, characters: int) -> str:
    """A text that does not compress well; the same for the same number."""
    return f"{random.Random(number).getrandbits(characters * 4):0{characters}x}"  # noqa: S311 - content, not a secret
