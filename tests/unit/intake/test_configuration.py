"""Connector configurations: strict, every fault at its place, secrets only by reference."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.intake.configuration import Configuration, load, parse
from contracts.faults import Faults, Unusable

GOOD = """
connector: postgresql
name: borders
datasets: [travellers, crossings]
options:
  dsn: host=127.0.0.1 dbname=borders user=concordat
  password_file: borders.password
  heartbeat_seconds: "0.5"
"""


def test_a_configuration_is_read_and_its_files_count_from_its_place() -> None:
    found = parse(GOOD, Path("/etc/concordat"))
    assert isinstance(found, Configuration)
    assert found.datasets == ("travellers", "crossings")
    assert found.options.password_file == Path("/etc/concordat/borders.password")
    assert found.options.heartbeat_seconds == 0.5


def test_a_fraction_is_a_number_and_nothing_else_that_looks_like_one_is() -> None:
    assert parse(GOOD.replace('"0.5"', "0.25"), Path("/")).options.heartbeat_seconds == 0.25
    for odd in (".5", "1e3", "0.5_0", "00.5", "+0.5", "1."):
        assert isinstance(parse(GOOD.replace('"0.5"', odd), Path("/")), Faults), odd


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("name: borders", "name: Borders", 2, "name"),
        ("datasets: [travellers, crossings]", "dataset: a\ndatasets: [b]", 2, "exactly one"),
        ("  password_file", "  pasword_file", 7, "pasword_file"),
        ("user=concordat", "user=concordat password=secret", 6, "password"),
        ("options:", "sptions:", 5, "sptions"),
        ('"0.5"', "yes", 8, ""),
        ('"0.5"', '"-1"', 8, "heartbeat_seconds"),
    ],
)
def test_a_fault_has_its_place_and_never_repeats_the_text(old: str, new: str, line: int, words: str) -> None:
    found = parse(GOOD.replace(old, new), Path("/"))
    assert isinstance(found, Faults)
    assert words in found.items[0].message
    assert found.items[0].line == line
    assert "secret" not in str(found)


def test_an_unknown_connector_is_named_with_those_that_are_here(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(GOOD.replace("postgresql", "oracle"))
    with pytest.raises(Unusable, match=r"'oracle'; here are: .*postgresql"):
        load(path)
