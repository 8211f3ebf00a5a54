"""What the names and types of columns suggest about personal data: proposals for an owner to confirm, never more.

Every tag begins with `proposed:`.  A contract check refuses a field that has no other tag, so nothing flows by a guess.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from connectors.personal_names import suggested, suggested_of_people

PROPOSED = "proposed:"
_REFERENCE = re.compile(r"(.*_)?(id|ref|reference|number|no)")


def proposed_tags(columns: Mapping[str, str], key: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Tags for each column of one table; `columns` is name to logical type (ODCS), `key` the columns of its key.

    Where any column suggests a person, every column without a proposal of its own is proposed personal: a row about a
    person is personal data.  Elsewhere free text is proposed as nothing but that: who knows whom it names.  One column at
    most is proposed `subject`: the one that says which person a row is about.
    """
    own = {name: _own(name, logical) for name, logical in columns.items()}
    about_people = any("personal" in tags for tags in own.values())
    if about_people:
        own = {name: tags or suggested_of_people(name) for name, tags in own.items()}
    found: dict[str, list[str]] = {}
    for name, tags in own.items():
        wanted = list(tags)
        if about_people and "personal" not in wanted:
            wanted.insert(0, "personal")
        elif not any(tag in wanted for tag in ("personal", "free-text")):
            wanted.insert(0, "not-personal")
        if name in key and not about_people:
            wanted.append("identifier")
        found[name] = wanted
    subject = _subject(own, key) if about_people else None
    if subject is not None:
        found[subject].insert(1, "subject")
    return {name: tuple(PROPOSED + tag for tag in tags) for name, tags in found.items()}


def confirmed(text: str) -> str:
    """A draft as it reads once its owner has confirmed every proposal as it stands."""
    return text.replace(PROPOSED, "")


def _own(name: str, logical: str) -> tuple[str, ...]:
    tags = suggested(name)
    if logical not in ("string", "object") and "free-text" in tags:
        return ()
    return tags


def _subject(own: Mapping[str, tuple[str, ...]], key: Sequence[str]) -> str | None:
    """The column that says which person a row is about: by its name, else a part of the key that looks like a reference."""
    named = [name for name, tags in own.items() if "pole:person.identifier" in tags]
    if named:
        return next((name for name in named if name in key), named[0])
    looking = [name for name in key if _REFERENCE.fullmatch(name.lower())]
    return next(iter((*looking, *key, *own)), None)
