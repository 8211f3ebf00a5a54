"""Two agreements compared clause by clause, as paths for programs and as sentences for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from agreements.clauses import Path, spelled
from agreements.english import clause_sentence, field_sentence
from agreements.model import Agreement, Share, Treatment
from agreements.text import document


class Difference(NamedTuple):
    """One clause that differs; a text is None where the clause is absent.

    `share` and `field` are set where the difference is one field's treatment in a share that both have.
    """

    clause: str
    before: str | None
    after: str | None
    sentence: str
    share: str | None = None
    field: str | None = None


def differences(first: Agreement, second: Agreement) -> tuple[Difference, ...]:
    """Every clause in which the agreements differ, in the order of the text; shares are compared by identifier."""
    found = []
    for clause, before, after in changes(first, second):
        share, field = _field_of(clause, first, second)
        if share is None or field is None:
            found.append(Difference(clause, before, after, clause_sentence(clause, before, after)))
        else:
            sentence = field_sentence(share, field, _treatment(first, share, field), _treatment(second, share, field))
            found.append(Difference(clause, before, after, sentence, share, field))
    return tuple(found)


def changes(first: Agreement, second: Agreement) -> list[tuple[str, str | None, str | None]]:
    """(clause path, text before, text after) for every clause that differs; None where it is absent.

    Shares are compared by identifier and parties by organisation, wherever they stand.
    """
    before, after = dict(_flat(document(first), ())), dict(_flat(document(second), ()))
    paths = [*before, *(path for path in after if path not in before)]
    return [(path, before.get(path), after.get(path)) for path in paths if before.get(path) != after.get(path)]


def _flat(value: Any, path: Path) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, member in value.items():
            if path[-1:] == ("fields",):
                yield spelled((*path, key)), _treatment_form(member)
            else:
                yield from _flat(member, (*path, key))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for index, item in enumerate(value):
            name = item.get("id") or item.get("organisation") or index
            yield from ((f"{spelled(path)}[{name}].{inner}", text) for inner, text in _flat(item, ()))
    elif isinstance(value, list):
        yield spelled(path), ", ".join(map(str, value))
    else:
        yield spelled(path), "true" if value is True else "false" if value is False else str(value)


def _treatment_form(form: Any) -> str:
    """A treatment's short form on one line: `keep`, `generalise year`, `mask keep_last 3`."""
    while isinstance(form, dict):
        form = " ".join(f"{name} {_treatment_form(inner)}" for name, inner in form.items())
    return str(form)


def _field_of(clause: str, first: Agreement, second: Agreement) -> tuple[str | None, str | None]:
    """The share and field that a clause path is about, if it is about a field of a share that both agreements have."""
    head, separator, field = clause.partition("].fields.")
    share = head.removeprefix("shares[")
    if not separator or _share(first, share) is None or _share(second, share) is None:
        return None, None
    return share, field


def _share(agreement: Agreement, identifier: str) -> Share | None:
    return next((share for share in agreement.shares if share.id == identifier), None)


def _treatment(agreement: Agreement, identifier: str, field: str) -> Treatment | None:
    share = _share(agreement, identifier)
    return None if share is None else share.fields.get(field)
