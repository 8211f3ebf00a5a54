"""An envelope in two halves, for who writes its bytes without a general codec.

The number of a change in its source partition (`source.sequence`) is known only where records are made, and it stands in the
middle of the bytes.  So a writer gives what comes before it (the *head*: framing, `before`, `after`, connector, dataset,
position) and what comes after it (the *tail*: transaction, snapshot, `op`, `ts_ms`, `unavailable`); `whole` closes the gap.
`contracts.wire.EnvelopeCodec` is the reference: both write the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from contracts.change import Op
from contracts.longs import long_bytes

NULL, SOME = b"\x00", b"\x02"
"""The two branches of a field that may be null."""
_FALSE, _TRUE = b"\x00", b"\x01"
_UNIX = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def milliseconds(moment: datetime) -> int:
    """A time as an envelope's `ts_ms`: whole Unix milliseconds, the rest cut off."""
    return (moment - _UNIX) // _MILLISECOND


def text_bytes(text: str) -> bytes:
    """An Avro string."""
    data = text.encode()
    return long_bytes(len(data)) + data


def source_opening(connector: str, dataset: str) -> bytes:
    """The beginning of the `source` block, up to the position."""
    return text_bytes(connector) + text_bytes(dataset)


def tail(
    op: Op, transaction: str | None, committed_at: datetime, unavailable: Sequence[str] = (), *, snapshot: bool = False
) -> bytes:
    """Everything after the sequence number."""
    names = long_bytes(len(unavailable)) + b"".join(map(text_bytes, unavailable)) if unavailable else b""
    return b"".join(
        (
            NULL if transaction is None else SOME + text_bytes(transaction),
            _TRUE if snapshot else _FALSE,
            text_bytes(op.value),
            long_bytes(milliseconds(committed_at)),
            names,
            b"\x00",
        )
    )


def whole(head: bytes, sequence: int, tail_: bytes) -> bytes:
    """The framed envelope."""
    return head + long_bytes(sequence) + tail_
