"""The vocabulary of labels: what an owner may say about a field, and what follows from it.

A label also means those below it: `special-category` covers `special-category:health`, `pole:person.contact` covers
`pole:person.contact.email`.  `docs/formats/contract.md` is the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from contracts.codes import SUBJECT_WRONG, TAG_UNKNOWN, UNTAGGED
from contracts.faults import Code
from contracts.model import Contract, Field, TypeName

NOT_PERSONAL = "not-personal"
SPECIAL_CATEGORY = "special-category"
CRIMINAL_OFFENCE = "criminal-offence"
SUBJECT_CATEGORY = "le:subject-category"
"""The law-enforcement category of the person that a record is about (DPA 2018 section 38)."""
PROTECTED = "protected"
"""Marks of people whom sharing may harm: `protected:child`, `protected:opt-out`."""
ALWAYS_PROTECTED = "protected:always"
"""A mark that no agreement can set aside."""
UNMARKED = "none"
"""The value of an enum that marks nobody; a boolean mark says `false`."""
_TAG = re.compile(
    r"identifier|not-personal|personal|subject|free-text|le:subject-category"
    r"|(special-category|criminal-offence)(:[a-z0-9-]+)?|protected:[a-z0-9-]+"
    r"|pole:(person|object|location|event)(\.[a-z0-9_]+)+",
)
_PERSONAL = re.compile(r"personal|subject|(criminal-offence|special-category|protected|le)(:.*)?|pole:person\..*")
_GUARDING = re.compile(r"protected:.*|le:subject-category")


def covers(word: str, tag: str) -> bool:
    """Whether `tag` is `word`, or stands below it."""
    return tag == word or tag.startswith((f"{word}:", f"{word}."))


def carried(word: str, field: Field) -> tuple[str, ...]:
    """The labels of a field that `word` covers, sorted."""
    return tuple(sorted(tag for tag in field.tags if covers(word, tag)))


def labelled(contract: Contract, word: str) -> tuple[str, ...]:
    """The dotted paths of the leaf fields that carry `word` or a label below it, in the order of the contract."""
    return tuple(path for path, field in contract.leaves() if carried(word, field))


def guarding(field: Field) -> frozenset[str]:
    """The labels of a field on which it depends whether a record may be shared at all."""
    return frozenset(tag for tag in field.tags if _GUARDING.fullmatch(tag))


def label_faults(leaves: Sequence[tuple[str, Field]]) -> Iterator[tuple[Code, str, Field | None]]:
    """What is wrong with the labels of a dataset's leaf fields: code, message, and the field, None for all together."""
    for path, field in leaves:
        yield from ((code, message, field) for code, message in _of_one(path, field))
    subjects = [path for path, field in leaves if "subject" in field.tags]
    personal = any(_PERSONAL.fullmatch(tag) for _, field in leaves for tag in field.tags)
    if len(subjects) > 1 or (personal and not subjects):
        yield SUBJECT_WRONG, f"fields tagged `subject`: {_listed(subjects)}", None
    categories = [path for path, field in leaves if SUBJECT_CATEGORY in field.tags]
    if len(categories) > 1:
        yield SUBJECT_WRONG, f"fields tagged `{SUBJECT_CATEGORY}`: {_listed(categories)}; at most one is", None


def _of_one(path: str, field: Field) -> Iterator[tuple[Code, str]]:
    confirmed = sorted(tag for tag in field.tags if not tag.startswith("proposed:"))
    for tag in confirmed:
        if not _TAG.fullmatch(tag):
            yield TAG_UNKNOWN, f"`{tag}` on `{path}`"
    if not confirmed:
        yield UNTAGGED, f"`{path}`"
    if NOT_PERSONAL in confirmed and any(_PERSONAL.fullmatch(tag) for tag in confirmed):
        yield TAG_UNKNOWN, f"`{path}` is tagged both `{NOT_PERSONAL}` and personal"
    type_ = field.type
    if carried(PROTECTED, field) and not (
        type_.name is TypeName.BOOLEAN or (type_.name is TypeName.ENUM and UNMARKED in type_.symbols)
    ):
        yield TAG_UNKNOWN, f"`{path}` is a mark: a boolean, or an enum with the value `{UNMARKED}`"
    if SUBJECT_CATEGORY in confirmed and type_.name not in (TypeName.STRING, TypeName.ENUM):
        yield TAG_UNKNOWN, f"`{path}` is a category: a string or an enum"


def _listed(paths: Sequence[str]) -> str:
    return ", ".join(f"`{path}`" for path in paths) or "none"
