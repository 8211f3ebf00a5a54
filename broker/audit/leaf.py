"""The audit leaf: one decision in two parts, each with its own salt, under one hash.

The *recipient's part* may be opened to the department concerned, the *auditors' part* to auditors only; either can be
shown and proved without the other.  `docs/formats/audit-leaf.md` is the format's page:

    commitment = SHA-256(salt16 || canonical JSON of the part)
    leaf hash  = SHA-256(0x00 || recipient's commitment || auditors' commitment)

No part holds personal data: identifiers are pseudonyms, contents are digests inside a salted commitment.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, Literal, NamedTuple

import msgspec

from broker.audit.canonical import Digest, EventTime, Instant, Position, Whole, decode, encode

SALT_BYTES = 16
_DELIVERED = b"concordat/delivered/1\n"
_DELIVERED_KEY = b"concordat/delivered-key/1\n"

OutcomeName = Literal["permit", "redact", "withdraw", "delete", "unchanged", "hold", "deny", "quarantine"]
ModeName = Literal["live", "backfill", "release", "replay", "correction"]
OUTCOMES: tuple[OutcomeName, ...] = (
    "permit",
    "redact",
    "withdraw",
    "delete",
    "unchanged",
    "hold",
    "deny",
    "quarantine",
)
DELIVERED: frozenset[OutcomeName] = frozenset({"permit", "redact", "withdraw", "delete"})
"""The outcomes whose leaf has a record on the share topic (AUDIT-WITH-DELIVERY)."""
REMOVED: frozenset[OutcomeName] = frozenset({"withdraw", "delete"})
"""The delivered outcomes whose record is a tombstone."""


class ReasonPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A reason code, and the clause (`shares[0].rows`) or contract field it comes from."""

    clause: str
    code: str


class RecipientPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """What the recipient may see.  A quarantine concerns no agreement: its texts are empty and its version 0."""

    agreement: str
    """The agreement's reference."""
    content_hash: str
    """The agreement version's content hash, `sha256:<hex>`."""
    delivered: Digest | None
    """`delivered_digest` of the record on the share topic; None when nothing was sent."""
    fields: str
    """The identifier of the set of fields released."""
    key: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}\\Z")] | None
    """`key_digest` of that record: which leaves speak of one key, so that compaction can be told from loss."""
    outcome: OutcomeName
    purpose: str
    reasons: tuple[ReasonPart, ...]
    share: str
    version: Whole
    """The agreement's version."""


class AuditorPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """What only auditors may see: the position decided and every input that is not in the agreement (CITED-POLICY)."""

    counters: str | None
    """The verdict of the limits, where one was consulted."""
    decided_ms: Instant
    event_ms: EventTime | None
    """When the store committed the change, Unix milliseconds; None where it could not be read."""
    key_version: Whole | None
    mode: ModeName
    offset: Whole
    partition: Whole
    plan: str
    """The digest of the compiled plan, hex; empty for a quarantine."""
    register_fingerprint: str
    register_position: Position
    sent: str | None
    """Digest (hex) of what the recipient held under this key: the state the decision depended on."""
    sequence: Whole | None
    subject: str | None
    """The auditors' pseudonym of the person concerned."""
    topic: str


_RECIPIENT = msgspec.json.Decoder(RecipientPart)
_AUDITOR = msgspec.json.Decoder(AuditorPart)


class Leaf(NamedTuple):
    """One leaf as it is stored: the exact bytes of both parts, and their salts."""

    recipient: bytes
    auditor: bytes
    recipient_salt: bytes
    auditor_salt: bytes

    def hash(self) -> bytes:
        """SHA-256(0x00 || recipient's commitment || auditors' commitment)."""
        recipient = sha256(self.recipient_salt + self.recipient).digest()
        auditor = sha256(self.auditor_salt + self.auditor).digest()
        return sha256(b"\x00" + recipient + auditor).digest()

    def line(self) -> bytes:
        """The leaf's line in a segment's body: canonical JSON and LF."""
        return b'{"auditor":%b,"auditor_salt":"%b","recipient":%b,"recipient_salt":"%b"}\n' % (
            self.auditor,
            self.auditor_salt.hex().encode(),
            self.recipient,
            self.recipient_salt.hex().encode(),
        )

    def recipient_part(self) -> RecipientPart:
        """The recipient's part; raises `NotCanonical`."""
        return decode(self.recipient, _RECIPIENT)

    def auditor_part(self) -> AuditorPart:
        """The auditors' part; raises `NotCanonical`."""
        return decode(self.auditor, _AUDITOR)


def make_leaf(recipient: RecipientPart, auditor: AuditorPart, salts: bytes) -> Leaf:
    """The leaf of two parts; `salts` are 32 random bytes, used for nothing else."""
    assert len(salts) == 2 * SALT_BYTES
    return Leaf(encode(recipient), encode(auditor), salts[:SALT_BYTES], salts[SALT_BYTES:])


def delivered_digest(key: bytes | None, value: bytes | None) -> str:
    """The digest of one record of a share topic, hex: over its key and its value, None told from empty."""
    return sha256(_DELIVERED + _framed(key) + _framed(value)).hexdigest()


def key_digest(key: bytes | None) -> str:
    """Sixteen bytes, hex, that are the same for two records of one share exactly when their keys are."""
    return sha256(_DELIVERED_KEY + _framed(key)).hexdigest()[:32]


def _framed(part: bytes | None) -> bytes:
    return b"\x00" if part is None else b"\x01%b%b" % (len(part).to_bytes(4, "big"), part)
