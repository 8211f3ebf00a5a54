"""The error codes of data contracts."""

from __future__ import annotations

from contracts.faults import Code

_UNREAD = "the contract is not read, and nothing is published"
NOT_YAML = Code(
    "CON-001",
    "not YAML",
    "the text breaks the rules of YAML, is not a mapping, or is too large",
    _UNREAD,
    "mend the text at the named place",
)
DUPLICATE_KEY = Code("CON-002", "duplicate key", "a key stands twice in one mapping", _UNREAD, "keep one of the two")
NOT_ODCS = Code(
    "CON-003",
    "not ODCS",
    "the document breaks the version of the Open Data Contract Standard that it names: an unknown key, a missing one, or a value of the wrong type",
    _UNREAD,
    "compare the place with the standard; quote text that looks like a number",
)
NEWER_THAN_VERSION = Code(
    "CON-004",
    "newer than its version",
    "the document uses a key or value that the version named in `apiVersion` did not have",
    _UNREAD,
    "name the version that has it, e.g. `apiVersion: v3.2.0`, or remove it",
)
TERM_MISSING = Code(
    "CON-005",
    "term missing",
    "a term that a promise to departments needs is not there",
    _UNREAD,
    "add the named term; `docs/formats/contract.md` lists all of them",
)
TERM_WRONG = Code(
    "CON-006",
    "term not understood",
    "a term has a value that has no meaning here",
    _UNREAD,
    "use one of the values in `docs/formats/contract.md`",
)
TYPE_UNSUPPORTED = Code(
    "CON-007",
    "type not supported",
    "the field's logical type, or an option of it, cannot be carried and checked",
    _UNREAD,
    "use a type of `docs/formats/contract.md`, or leave the field out of the contract",
)
NAME_UNUSABLE = Code(
    "CON-008",
    "name not usable",
    "a field's name is not an Avro name, or the dataset's is not lower-case words with dashes",
    _UNREAD,
    "rename it; `physicalName` may keep the store's name",
)
KEY_WRONG = Code(
    "CON-009",
    "key not usable",
    "the dataset has no key, or a key field is not required, nested, or out of order",
    _UNREAD,
    "mark the key fields `primaryKey: true` with `primaryKeyPosition` 1, 2, … and `required: true`",
)
UNTAGGED = Code(
    "CON-010",
    "field not tagged",
    "a field has no confirmed label, and an untagged field cannot flow (DEFAULT-DENY)",
    _UNREAD,
    "tag it, e.g. `not-personal`, `personal`, `pole:person.name`; a `proposed:` tag counts only when the owner confirms it",
)
TAG_UNKNOWN = Code(
    "CON-011",
    "tag unknown",
    "a label is not in the vocabulary, and an unknown label is never shared (DEFAULT-DENY)",
    _UNREAD,
    "use a label of `docs/formats/contract.md`",
)
SUBJECT_WRONG = Code(
    "CON-012",
    "subject not clear",
    "the dataset holds personal data but not exactly one field is tagged `subject`",
    _UNREAD,
    "tag the one field that identifies the person concerned with `subject`",
)
INCOMPATIBLE = Code(
    "CON-013",
    "not compatible",
    "the new version would break readers of an older one with the same major version",
    "the version is not published",
    "raise the version number; what breaks readers needs a new major version, which agreements then name",
)
AMBIGUOUS = Code(
    "CON-014",
    "ambiguous",
    "readers of YAML disagree about this plain word or number, e.g. `no`, `1_000`, `0x1F` or a bare date",
    _UNREAD,
    "quote it if it is text; write numbers in plain digits and truth as `true` or `false`",
)
CODES = (
    NOT_YAML,
    DUPLICATE_KEY,
    NOT_ODCS,
    NEWER_THAN_VERSION,
    TERM_MISSING,
    TERM_WRONG,
    TYPE_UNSUPPORTED,
    NAME_UNUSABLE,
    KEY_WRONG,
    UNTAGGED,
    TAG_UNKNOWN,
    SUBJECT_WRONG,
    INCOMPATIBLE,
    AMBIGUOUS,
)
