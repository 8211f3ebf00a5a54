"""`agreement new` and `agreement edit` as a person uses them."""

from __future__ import annotations

import io
import json

from agreements.text import parse
from tests.unit.agreements.test_faulty_documents import SOUND


def test_guided_drafting_asks_checks_and_writes_what_was_answered(concordat, tmp_path, monkeypatch):
    file = tmp_path / "draft.yaml"
    answers = ["dsa-1", "DSA-1", "Made by answers"] + [""] * 60
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(answers) + "\n"))
    done = concordat("agreement", "new", "--guided", "--output", str(file))
    assert done.status == 0, done.err
    made = parse(file.read_text())
    assert (made.reference, made.title) == ("DSA-1", "Made by answers")
    assert "Reference" in done.err


def test_edit_changes_a_file_in_place_and_says_what_changed(concordat, tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text(SOUND.replace("title:", "# a comment\ntitle:"))
    done = concordat("agreement", "edit", str(file), "dates.end=2031-12-31", "--new-version", "--json")
    assert done.status == 0, done.err
    assert "changes the last day from 2029-11-30 to 2031-12-31" in json.loads(done.out)["changes"]
    assert "# a comment" in file.read_text()
    assert parse(file.read_text()).version == 2


def test_edit_refuses_a_value_that_does_not_fit_and_leaves_the_file(concordat, tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text(SOUND)
    done = concordat("agreement", "edit", str(file), "dates.end=never")
    assert done.status == 2
    assert file.read_text() == SOUND
