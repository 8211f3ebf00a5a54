"""The HTTP connector that asks: page after page of a feed, each item once.

ONCE: a position is the page to ask for and how many of its items were read, with a digest of them.  A page may grow; one that
holds other items than were read ends the connector.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

from connectors.codes import FEED_CHANGED, FEED_WRONG, OPTION_UNFIT, POSITION_UNREADABLE, UNKNOWN_SIGNAL
from connectors.http.client import Answer, Later, ask
from connectors.http.options import HttpPollOptions, at
from connectors.items import Shaper
from connectors.protocol import Batch, Change, CheckReport, Options, Position, Signal
from connectors.typed import Unreadable, json_of
from contracts.faults import Failure, Refused
from contracts.model import Contract

_FIRST_WAIT_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class _State:
    """The page to ask for, by `cursor` or `link`; `read` of its items are out, with the digest `digest`."""

    cursor: str | None = None
    link: str | None = None
    read: int = 0
    digest: str = ""
    number: int = 0


class HttpPollConnector:
    """A JSON feed over HTTP, asked page by page.  It emits one dataset."""

    name: ClassVar[str] = "http-poll"
    description: ClassVar[str] = "a JSON feed over HTTP that is asked page by page: cursor, Link header, ETag"
    options_model: ClassVar[type[Options]] = HttpPollOptions
    conformance_harness: ClassVar[str] = "connectors.http.harness:PollHarness"

    def __init__(self, name: str, options: Options, contracts: Sequence[Contract]) -> None:
        assert isinstance(options, HttpPollOptions)
        self._name, self._options, self._contracts = name, options, tuple(contracts)
        ignore = options.on_unknown_member == "ignore"
        self._shapers = [Shaper(contract, ignore_unknown=ignore) for contract in contracts]
        self._state = _State()
        self._etag: str | None = None
        self._not_before = 0.0
        self._failures = 0

    def check(self) -> CheckReport:
        """Whether the feed answers, and with a list of items."""
        try:
            self._one_dataset()
            self._items(ask(self._options, self._options.url, None, None))
        except Failure as failure:
            return CheckReport(failure.faults)
        return CheckReport(())

    def discover(self) -> Sequence[str]:
        """None: an answer does not say what may be in the next."""
        return ()

    def open(self, position: Position | None) -> None:
        """Continue after `position`; the feed is asked by `poll`."""
        self._one_dataset()
        self._etag = None
        try:
            self._state = _State() if position is None else _State(**json.loads(position.text))
        except (ValueError, TypeError):
            raise Refused(POSITION_UNREADABLE.fault(self._name)) from None

    def poll(self, timeout_seconds: float) -> Batch | None:
        """The new items of one page; raises `Away` when the store cannot answer now, and waits as long as it asks."""
        wait = self._not_before - time.monotonic()
        if wait > 0:
            time.sleep(min(wait, timeout_seconds))
            if wait > timeout_seconds:
                return None
        try:
            answer = ask(self._options, self._state.link or self._options.url, self._state.cursor, self._etag)
        except Later as later:
            own = _FIRST_WAIT_SECONDS * 2 ** min(self._failures, 20)
            self._failures += 1
            self._leave_alone(min(own if later.seconds is None else later.seconds, self._options.back_off_seconds_max))
            raise
        self._failures = 0
        return self._page(answer)

    def durable(self, position: Position) -> None:
        """The feed is not told."""

    def signal(self, signal: Signal) -> None:
        """Takes none."""
        raise Refused(UNKNOWN_SIGNAL.fault(signal.name))

    def close(self) -> None:
        """Every request is closed with its answer."""

    def _page(self, answer: Answer) -> Batch | None:
        items = None if answer.body is None else self._items(answer)
        if items is None:
            self._leave_alone(self._options.interval_seconds)
            return None
        content, state = answer.body, self._state
        assert content is not None
        if len(items) < state.read or (state.read and _digest(items[: state.read]) != state.digest):
            raise Refused(FEED_CHANGED.fault(f"the page after {state.number} items"))
        new = items[state.read :]
        moved = self._after(json_of(content), items, answer.link)
        if not new and moved == replace(state, digest=moved.digest):
            self._etag = answer.etag
            self._leave_alone(self._options.interval_seconds)
            return None
        moved = replace(moved, number=state.number + len(new))
        changes = tuple(self._change(item, state.number + i, answer) for i, item in enumerate(new, 1))
        if (moved.cursor, moved.link) != (state.cursor, state.link):
            self._etag = None
        self._state = moved
        return Batch(changes, Position(json.dumps(asdict(moved), separators=(",", ":"))))

    def _after(self, document: Any, items: list[Any], link: str | None) -> _State:
        """Where to go on after a page: the page that it names, or the same, of which all items are read."""
        state, options = self._state, self._options
        cursor: object = None
        if options.next_cursor is not None:
            cursor = at(options.next_cursor, document)
        elif options.item_cursor is not None and items:
            cursors = [at(options.item_cursor, item) for item in items]
            if (
                None in cursors
                or state.cursor in [_text(one) for one in cursors]
                or len(set(map(_text, cursors))) < len(cursors)
            ):
                raise Refused(FEED_CHANGED.fault(f"a cursor is missing or repeated after {state.number} items"))
            cursor = cursors[-1]
        if cursor is not None and _text(cursor) != state.cursor:
            return replace(state, cursor=_text(cursor), read=0, digest="")
        if link is not None and link != state.link:
            return replace(state, link=link, read=0, digest="")
        return replace(state, read=len(items), digest=_digest(items))

    def _items(self, answer: Answer) -> list[Any]:
        try:
            found = at(self._options.items, json_of(answer.body or b""))
        except Unreadable as unreadable:
            raise Refused(FEED_WRONG.fault(f"the answer is {unreadable}")) from None
        if not isinstance(found, list):
            raise Refused(FEED_WRONG.fault(f"there is no list at {self._options.items or 'the top'}"))
        return found

    def _change(self, item: Any, number: int, answer: Answer) -> Change:
        return change_of(self._shapers[0], item, self._options, Position(f"item:{number}"), answer.at)

    def _one_dataset(self) -> None:
        if len(self._contracts) != 1:
            raise Refused(OPTION_UNFIT.fault("a feed emits one dataset; give each dataset a connector of its own"))

    def _leave_alone(self, seconds: float) -> None:
        self._not_before = time.monotonic() + seconds


def change_of(shaper: Shaper, item: Any, options: Any, position: Position, moment: Any) -> Change:
    """The change that an item stands for, under the options `row` and `operation`."""
    operation = None if options.operation is None else (at(options.operation, item) or "")
    row = at(options.row, item)
    if options.row == "" and options.operation is not None and isinstance(row, dict):
        first = options.operation.split("/")[1]
        row = {name: value for name, value in row.items() if name != first}
    return shaper.change(row, position, moment, operation)


def _text(cursor: object) -> str:
    return cursor if isinstance(cursor, str) else json.dumps(cursor, default=str)


def _digest(items: list[Any]) -> str:
    return hashlib.sha256(json.dumps(items, default=str, sort_keys=True).encode()).hexdigest()[:32]
