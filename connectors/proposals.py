"""What the names and types of columns suggest about personal data: proposals for an owner to confirm, never more.

Every tag begins with `proposed:`.  A contract check refuses a field that has no other tag, so nothing flows by a guess.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

PROPOSED = "proposed:"
_BY_NAME = (
    (r"(nino|nhs_?n(o|umber|um)?|national_insurance(_n(o|umber))?)", ("personal", "pole:person.identifier")),
    (
        r"(person|traveller|patient|citizen|subject|customer|passenger)_?(id|ref|reference|n(o|umber))",
        ("personal", "pole:person.identifier"),
    ),
    (
        r"((given|first|middle|last|family|maiden|full|known)_?names?|surname|forenames?)",
        ("personal", "pole:person.name"),
    ),
    (r"(dob|date_of_birth|birth_?(date|day)|born(_on|_at)?)", ("personal", "pole:person.date_of_birth")),
    (r"(sex|gender)", ("personal", "pole:person.sex")),
    (r"(nationality|citizenship|country_of_birth)", ("personal", "special-category:ethnic-origin-proxy")),
    (r"(ethnic(ity|_origin|_group)?|race)", ("personal", "special-category:ethnic-origin")),
    (r"(religion|faith|belief)", ("personal", "special-category:religion")),
    (r"(health|diagnosis|medical|disability|medication|blood_type)", ("personal", "special-category:health")),
    (r"(union_member(ship)?)", ("personal", "special-category:trade-union")),
    (r"(finger_?print|face_?(template|image)|biometric|dna)", ("personal", "special-category:biometric")),
    (r"(sexual_orientation)", ("personal", "special-category:sexual-orientation")),
    (r"(conviction|offence|arrest|caution|criminal|sentence)s?", ("personal", "criminal-offence")),
    (r"(passport|document|licen[cs]e|visa)_?(n(o|umber)|ref|reference|id)", ("personal", "pole:object.document")),
    (r"(registration|plate|vrm|vin|number_plate|vehicle_registration)", ("personal", "pole:object.vehicle")),
    (r"(e_?mail|telephone|phone|mobile|fax)", ("personal", "pole:person.contact")),
    (r"(iban|account_n(o|umber)|sort_code|card_n(o|umber))", ("personal", "pole:object.account")),
    (r"(ip_address|device_id|imei|mac_address)", ("personal", "pole:object.device")),
    (r"(post_?code|zip(_?code)?)", ("personal", "pole:location.postcode")),
    (r"(address(_line)?(_?\d)?|street|house_n(o|umber)|uprn)", ("personal", "pole:location.address")),
    (r"(latitude|longitude|lat|lon|lng|easting|northing|geom|geometry)", ("pole:location.coordinates",)),
    (r"(salary|income|benefit|marital_status|occupation|photo(graph)?)", ("personal",)),
    (r"(notes?|comments?|remarks?|description|free_?text|details|narrative)", ("free-text",)),
)
"""A word or words of a column's name, and what it suggests.  The first that fits a column counts."""
_PATTERNS = tuple((re.compile(rf"(?:.*_)?{pattern}(?:_.*)?"), tags) for pattern, tags in _BY_NAME)

_REFERENCE = re.compile(r"(.*_)?(id|ref|reference|number|no)")


def proposed_tags(columns: Mapping[str, str], key: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Tags for each column of one table; `columns` is name to logical type (ODCS), `key` the columns of its key.

    Where any column suggests a person, every column without a proposal of its own is proposed personal: a row about a
    person is personal data.  One column at most is proposed `subject`, the key that identifies the person, if it stands alone.
    """
    own = {name: _own(name, logical) for name, logical in columns.items()}
    about_people = any("personal" in tags for tags in own.values())
    found: dict[str, list[str]] = {}
    for name, tags in own.items():
        wanted = list(tags)
        if about_people and "personal" not in wanted:
            wanted.insert(0, "personal")
        elif not any(tag in wanted for tag in ("personal", "not-personal")):
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
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    tags = next((tags for pattern, tags in _PATTERNS if pattern.fullmatch(words)), ())
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
