"""`agreement check --under` and `agreement flatten`: an agreement and its umbrella from two files, without a register."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from agreements import text
from agreements.model import Agreement, AgreementKind, Purposes, Under
from tests.registers import agreement

DSA, UMBRELLA = "DSA-2026-101", "UMOU-2026-001"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Agreement]:
    """An umbrella and an agreement that says nothing of its marketing prohibition or justification."""
    own = agreement(DSA)
    above = own.model_copy(
        update={
            "reference": UMBRELLA,
            "kind": AgreementKind.UMBRELLA_MOU,
            "purposes": Purposes(prohibited=("marketing.by-post",)),
        }
    )
    under = Under(reference=UMBRELLA, version=1, hash=text.content_hash(above))
    update = {"under": under, "justification": type(own.justification)()}
    own = own.model_copy(update=update)
    paths = tmp_path / "umbrella.yaml", tmp_path / "dsa.yaml"
    for path, document in zip(paths, (above, own), strict=True):
        path.write_text(text.render(document))
    return *paths, own


def test_check_without_the_umbrella_says_that_narrowing_is_checked_later(concordat, files):
    done = concordat("agreement", "check", str(files[1]), "--json")
    assert done.status == 0, done.err
    (note,) = json.loads(done.out)["notes"]
    assert "UMOU-2026-001 version 1" in note
    assert "--under" in note


def test_check_under_the_umbrella_says_where_each_clause_comes_from(concordat, files):
    done = concordat("agreement", "check", str(files[1]), "--under", str(files[0]), "--json")
    assert done.status == 0, done.err
    found = json.loads(done.out)
    origins = {line["clause"]: line["from"] for line in found["clauses"]}
    assert origins["justification"] == "umbrella"
    assert origins["shares[0].fields"] == "both"
    assert origins["title"] == "agreement"
    assert found["content_hash"] == text.content_hash(files[2])
    assert found["notes"] == []


def test_check_names_both_clauses_of_a_widening_with_their_places(concordat, files):
    umbrella, dsa, own = files
    wider = own.model_copy(update={"dates": own.dates.model_copy(update={"end": date(2100, 1, 1)})})
    dsa.write_text(text.render(wider))
    done = concordat("agreement", "check", str(dsa), "--under", str(umbrella), "--json")
    assert done.status == 1
    (fault,) = json.loads(done.out)
    assert fault["code"] == "AGR-042"
    assert (fault["line"], fault["column"]) == text.places(dsa.read_text())["dates.end"]
    line, column = text.places(umbrella.read_text())["dates.end"]
    assert f"`dates.end` (line {line}, column {column} of its text)" in fault["message"]


def test_check_under_another_umbrella_than_the_one_named_is_refused(concordat, files):
    umbrella, dsa, _ = files
    umbrella.write_text(umbrella.read_text().replace("by-post", "by-telephone"))
    done = concordat("agreement", "check", str(dsa), "--under", str(umbrella), "--json")
    assert done.status == 1
    (fault,) = json.loads(done.out)
    assert fault["code"] == "AGR-060"
    assert (fault["line"], fault["column"]) == text.places(dsa.read_text())["under.hash"]


def test_flatten_prints_one_agreement_that_stands_alone(concordat, files):
    done = concordat("agreement", "flatten", str(files[1]), "--under", str(files[0]))
    assert done.status == 0, done.err
    alone = text.parse(done.out)
    assert isinstance(alone, Agreement), str(alone)
    assert (alone.under, alone.kind, alone.reference) == (None, AgreementKind.DSA, DSA)
    assert "marketing.by-post" in alone.purposes.prohibited
    assert alone.justification == agreement(DSA).justification
    assert text.render(alone) == done.out
