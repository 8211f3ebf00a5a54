"""The segment header: the signed statement that a worker makes about one source partition's part of a transaction.

Headers of one source partition form a chain: numbers are dense from 0, each names its predecessor's hash, and its
`start` is its predecessor's `end`.  `docs/formats/audit-segment.md` is the format's page:

    entry       = canonical JSON of the header || LF || Ed25519 signature in hex || LF
    signed      = "concordat/segment-header/1" || LF || canonical JSON of the header
    header hash = SHA-256(0x00 || entry), the leaf hash that the entry has in the outer log
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal, NamedTuple

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from broker.audit import tree
from broker.audit.canonical import Digest, EventTime, Instant, NotCanonical, Position, Whole, decode, encode
from broker.audit.leaf import ModeName, OutcomeName

FORMAT: Literal["concordat/segment/1"] = "concordat/segment/1"
DOMAIN = b"concordat/segment-header/1\n"
ENTRY_BYTES_MAX = 65_535
"""What one entry of the outer log may hold (C2SP tlog-tiles)."""
_SIGNATURE_HEX = 128


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a worker signs about one segment.  Times are Unix milliseconds; `start` and `end` are consumer positions.

    A job's segment (`mode` other than live) stands in the same chain and does not move the position: `start == end`.
    """

    decided_ms: Instant
    directory_root: Digest
    """RFC 6962 root over the directory's entries."""
    end: Whole
    """The committed source offset: last visible record + 1."""
    event_ms_max: EventTime | None
    event_ms_min: EventTime | None
    format: Literal["concordat/segment/1"]
    job: Whole | None
    """The register position of the act that asked for the job; None for live."""
    leaf_root: Digest
    leaves: Whole
    mode: ModeName
    number: Whole
    outcomes: dict[OutcomeName, Whole]
    """How many leaves have each outcome; outcomes without a leaf are not named."""
    partition: Whole
    parts: tuple[Digest, ...]
    """SHA-256 of every body part, in order."""
    previous: Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{64})?\\Z")]
    """The previous header's hash; empty for number 0."""
    records: Whole
    """How many source records were decided."""
    records_digest: Digest
    """SHA-256 of the canonical list of their offsets and sequences."""
    register_fingerprint: str
    register_position: Position
    sequence_max: Whole | None
    sequence_min: Whole | None
    start: Whole
    """The committed source offset before; the predecessor's `end`."""
    topic: str
    worker: str

    @property
    def segment(self) -> str:
        """The segment's identifier, `<source topic>/<partition>/<number>`."""
        return segment_identifier(self.topic, self.partition, self.number)


_HEADER = msgspec.json.Decoder(Header)


class SignedHeader(NamedTuple):
    """A header and the exact bytes it stands in."""

    header: Header
    entry: bytes

    @property
    def hash(self) -> str:
        """The header hash, hex: what the next header of the partition names."""
        return tree.leaf_hash(self.entry).hex()

    def is_signed_by(self, public_key: str) -> bool:
        """Whether `public_key` (Ed25519, hex) has signed these bytes."""
        text, signature = self.entry[: -_SIGNATURE_HEX - 2], self.entry[-_SIGNATURE_HEX - 1 : -1]
        try:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
            key.verify(bytes.fromhex(signature.decode()), DOMAIN + text)
        except (InvalidSignature, ValueError):
            return False
        return True


def sign_header(header: Header, sign: Callable[[bytes], bytes]) -> SignedHeader:
    """The entry of a header; `sign` gives the worker's Ed25519 signature.  Raises `ValueError` when it is too large."""
    text = encode(header)
    entry = text + b"\n" + sign(DOMAIN + text).hex().encode() + b"\n"
    if len(entry) > ENTRY_BYTES_MAX:
        raise ValueError(f"a segment header of {len(entry)} bytes; {ENTRY_BYTES_MAX} is the most an entry may have")
    return SignedHeader(header, entry)


def read_header(entry: bytes) -> SignedHeader:
    """The header in an entry, its form checked but not its signature.  Raises `NotCanonical`."""
    text, line, signature = (
        entry[: -_SIGNATURE_HEX - 2],
        entry[-_SIGNATURE_HEX - 2 : -_SIGNATURE_HEX - 1],
        entry[-_SIGNATURE_HEX - 1 :],
    )
    if line != b"\n" or signature[-1:] != b"\n" or not set(signature[:-1]) <= set(b"0123456789abcdef"):
        raise NotCanonical("not a header and its signature")
    header = decode(text, _HEADER)
    if list(header.outcomes) != sorted(header.outcomes):
        raise NotCanonical("not in its canonical spelling")
    return SignedHeader(header, entry)


def segment_identifier(topic: str, partition: int, number: int) -> str:
    """`<source topic>/<partition>/<segment number>`; a topic's name holds no slash."""
    return f"{topic}/{partition}/{number}"
