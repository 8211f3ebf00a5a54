"""Connectors that write: a change may come as bytes already, where that is what the store is fast at.

A small addition to the protocol.  The runtime tells a connector that has `write_with` the schemas of its datasets, once,
before `open`.  From then on its batches may hold `Written` beside `Change`.  A connector writes only what is *plain*: a change
that has a key, breaks nothing and can be encoded.  Everything else it gives as a `Change`, so that one place decides about
quarantine.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol, runtime_checkable

from connectors.protocol import Change, Position, Written
from contracts.halves import whole
from contracts.wire import EnvelopeCodec


class SchemaIds(NamedTuple):
    """Under which schemas the keys and envelopes of a dataset are written (`contracts.wire.frame`)."""

    key: int
    value: int


@runtime_checkable
class WritesEnvelopes(Protocol):
    """A connector that can write envelopes; the runtime calls `write_with` once, before `open`."""

    def write_with(self, schemas: Mapping[str, SchemaIds]) -> None:
        """Write the changes of these datasets where they are plain."""
        ...


def read_back(written: Written, codec: EnvelopeCodec) -> Change:
    """The change that `written` stands for; raises `WireError` where it is not what `codec` would have written."""
    envelope = codec.decode(whole(written.head, 0, written.tail))
    return Change(
        dataset=written.dataset,
        op=envelope.op,
        key=codec.decode_key(written.key),
        before=envelope.before,
        after=envelope.after,
        position=Position(envelope.source.position),
        committed_at=written.committed_at,
        transaction=envelope.source.transaction,
        snapshot=envelope.source.snapshot,
        unavailable=envelope.unavailable,
    )
