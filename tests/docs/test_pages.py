"""What the pages say is so: links resolve, commands exist, numbers are those of the files."""

from __future__ import annotations

import csv
import re
import shlex
from pathlib import Path

import pytest
import yaml

from broker.cli.app import NOUNS, VERBS

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
STEPS = ("Connector", "Contract", "Agreement", "Policy", "Delivery + audit + position", "Evidence")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_inside_the_project_resolve(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" not in target and not target.startswith("#"):
            assert (page.parent / target.split("#")[0]).exists(), target


@pytest.mark.parametrize("page", ["README.md", "docs/architecture.md"])
def test_the_six_steps_stand_in_order_with_their_numbers(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.findall(r"^([1-6])\. \*\*([^*]+)\*\*", text, flags=re.MULTILINE)
    assert found == [(str(number), name) for number, name in enumerate(STEPS, start=1)]


def _commands() -> list[str]:
    found = set()
    for page in PAGES:
        for block in re.findall(r"```console\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL):
            found |= {line[2:] for line in block.splitlines() if line.startswith("$ ")}
    return sorted(found)


@pytest.mark.parametrize("command", [line for line in _commands() if "concordat " in line])
def test_every_command_in_the_pages_exists_with_its_options(concordat, command):
    words = shlex.split(command, comments=True)
    words = words[next(i for i, word in enumerate(words) if word.endswith("concordat")) + 1 :]
    depth = 2 if words[0] in NOUNS else 1
    assert words[0] in {*NOUNS, *VERBS}
    done = concordat(*words[:depth], "--help")
    assert done.status == 0, done.err
    for option in (word for word in words[depth:] if word.startswith("--")):
        assert option in done.out, option


@pytest.mark.parametrize("command", [line for line in _commands() if line.startswith("make ")])
def test_every_make_target_in_the_pages_exists(command):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{re.escape(command.split()[1])}:", makefile, flags=re.MULTILINE)


def test_the_numbers_of_the_extract_are_those_of_its_files():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = (ROOT / "examples" / "data" / "README.md").read_text(encoding="utf-8")
    for name in ("movements", "ports", "travellers", "crossings"):
        with (ROOT / "examples" / "data" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            rows = sum(1 for _ in csv.DictReader(file))
        assert f"`{name}.csv` | {rows:,} |" in table
        if name == "movements":
            assert f"{rows:,} real airline movements" in readme


def test_the_readme_counts_the_agreements_that_there_are():
    found = [yaml.safe_load(path.read_text()) for path in (ROOT / "examples" / "agreements").glob("*.yaml")]
    recipients = {party["organisation"] for one in found for party in one["parties"] if party["side"] == "recipient"}
    assert (len(recipients), len(found)) == (3, 5)
    assert "three departments under five agreements" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_invariant_of_the_architecture_is_named_in_the_code():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    names = re.findall(r"^\| ([A-Z][A-Z-]+[A-Z]) \|", text, flags=re.MULTILINE)
    assert len(names) >= 9
    sources = "\n".join(
        path.read_text(encoding="utf-8")
        for package in ("contracts", "agreements", "connectors", "broker")
        for path in (ROOT / package).rglob("*.py")
    )
    assert [name for name in names if name not in sources] == []


def test_modules_that_the_architecture_names_exist():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for name in set(re.findall(r"`((?:broker|agreements|contracts|connectors)(?:\.[a-z_]+)+)`", text)):
        place = ROOT / name.replace(".", "/")
        assert place.is_dir() or place.with_suffix(".py").exists(), name
