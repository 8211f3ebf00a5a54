"""Drafts of contracts from a real catalogue: types, keys, lineage, and proposals that must be confirmed."""

from __future__ import annotations

import re

import psycopg
import pytest
from typer.testing import CliRunner

from broker.cli.connector import app
from connectors.proposals import confirmed
from contracts import codes
from contracts.faults import Faults
from contracts.model import Contract, TypeName
from contracts.odcs import read
from contracts.text import parse
from tests.postgresql_cases import connector

pytestmark = pytest.mark.integration

TABLES = """
CREATE TYPE colour AS ENUM ('red', 'light blue');
CREATE TYPE stage AS ENUM ('open', 'closed');
CREATE DOMAIN short_code AS varchar(6) NOT NULL;
CREATE TABLE travellers (
    nation char(2), reference text, date_of_birth date, code short_code, height numeric(5, 2), wealth numeric, big bigint NOT NULL,
    ratio real, token uuid, photo bytea, seen timestamptz, tags text[], amounts numeric(8, 2)[], extra jsonb, at time, price money,
    paint colour, state stage, doubled bigint GENERATED ALWAYS AS (big * 2) STORED,
    PRIMARY KEY (reference, nation)
);
COMMENT ON COLUMN travellers.seen IS 'Last seen at a border';
CREATE SCHEMA depot;
CREATE TABLE depot."Parts 2" (id int PRIMARY KEY, weight float8 NOT NULL);
CREATE UNLOGGED TABLE scratch (id int PRIMARY KEY);
"""


@pytest.fixture
def texts(database: str) -> dict[str, str]:
    with psycopg.connect(database, autocommit=True) as session:
        session.execute(TABLES)
    drafts = connector(database, []).discover()
    return {str(read(text).value["id"]): text for text in drafts}


def test_every_draft_is_odcs_and_is_refused_until_confirmed(texts: dict[str, str]) -> None:
    assert set(texts) == {"travellers", "depot-parts-2"}
    for text in texts.values():
        assert read(text).faults == []
        refused = parse(text)
        assert isinstance(refused, Faults)
        assert {fault.code for fault in refused.items} == {codes.UNTAGGED, codes.TERM_WRONG}
        assert len(re.findall(r"^ {6}- name:", text, re.MULTILINE)) == sum(
            fault.code is codes.UNTAGGED for fault in refused.items
        )


def test_a_confirmed_draft_is_a_contract_that_fits_its_table(database: str, texts: dict[str, str]) -> None:
    without_money = re.sub(r"      - name: price\n(        .*\n)+?(?=      - name: paint)", "", texts["travellers"])
    found = parse(confirmed(without_money))
    assert isinstance(found, Contract), found
    assert found.key == ("reference", "nation")
    types = {field.name: field.type.name for field in found.fields}
    assert types == {
        "nation": TypeName.STRING,
        "reference": TypeName.STRING,
        "date_of_birth": TypeName.DATE,
        "code": TypeName.STRING,
        "height": TypeName.DECIMAL,
        "wealth": TypeName.STRING,
        "big": TypeName.INTEGER,
        "ratio": TypeName.DOUBLE,
        "token": TypeName.UUID,
        "photo": TypeName.BYTES,
        "seen": TypeName.TIMESTAMP,
        "tags": TypeName.ARRAY,
        "amounts": TypeName.ARRAY,
        "extra": TypeName.STRING,
        "at": TypeName.STRING,
        "paint": TypeName.STRING,
        "state": TypeName.ENUM,
    }
    assert {field.name for field in found.fields if field.required} == {"nation", "reference", "code", "big"}
    assert found.tagged("subject") == ("reference",)
    assert found.field("code").type.characters_max == 6
    assert (found.field("height").type.precision, found.field("height").type.scale) == (5, 2)
    assert found.field("paint").type.values == ("red", "light blue")
    assert found.field("seen").description == "Last seen at a border"
    with psycopg.connect(database, autocommit=True) as session:
        session.execute("ALTER TABLE travellers REPLICA IDENTITY FULL")
    report = connector(database, [found]).check()
    assert report.passed, report.faults


def test_lineage_names_the_table_and_the_columns(database: str, texts: dict[str, str]) -> None:
    document = read(texts["depot-parts-2"]).value
    assert document["servers"][0]["database"] == psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    assert document["schema"][0]["physicalName"] == "depot.Parts 2"
    properties = document["schema"][0]["properties"]
    assert [one["transformSourceObjects"] for one in properties] == [["depot.Parts 2.id"], ["depot.Parts 2.weight"]]
    assert [one["tags"] for one in properties] == [
        ["proposed:not-personal", "proposed:identifier"],
        ["proposed:not-personal"],
    ]
    assert "cannot carry money" in texts["travellers"]


def test_the_command_writes_drafts_and_replaces_none(database: str, texts: dict[str, str], tmp_path) -> None:
    config = tmp_path / "store.yaml"
    config.write_text(f"connector: postgresql\nname: store\ndatasets: []\noptions: {{dsn: '{database}'}}\n")
    arguments = ["discover", str(config), "--directory", str(tmp_path / "drafts")]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert (tmp_path / "drafts" / "travellers.contract.yaml").read_text() == texts["travellers"]
    again = CliRunner().invoke(app, arguments)
    assert again.exit_code != 0
    assert again.exception.faults[0].code.identifier == "INT-030"


def test_the_check_names_the_line_of_the_contract_and_advises_where_the_table_allows_more(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as session:
        session.execute(
            "CREATE TYPE stage AS ENUM ('open', 'closed'); CREATE TABLE items (id int PRIMARY KEY, name varchar(4) NOT NULL,"
            " amount numeric(6, 2), state stage); ALTER TABLE items REPLICA IDENTITY FULL"
        )
        (draft,) = connector(database, []).discover()
        found = parse(confirmed(draft))
        assert isinstance(found, Contract), found
        fits = connector(database, [found]).check()
        assert (fits.faults, fits.advice) == ((), ())
        session.execute(
            "ALTER TABLE items ALTER name DROP NOT NULL, ALTER name TYPE varchar(9), ALTER amount TYPE numeric;"
            "ALTER TYPE stage ADD VALUE 'lost'"
        )
        report = connector(database, [found]).check()
        assert report.passed, "a store may be weaker than what is promised of it"
        lines = found.text.splitlines()
        assert [lines[fault.line - 1].strip() for fault in report.advice] == [
            "- name: name",
            "- name: name",
            "- name: amount",
            "- name: state",
        ]
        told = [fault.message.partition(" may hold ")[2] for fault in report.advice]
        assert told[0] == "null, and the contract says `required`"
        assert told[1] == "9 characters, and the contract has room for 4"
        assert told[2].startswith("any number and NaN, and the contract has room for 6 digits")
        assert told[3] == "lost, which the contract does not name"
        session.execute("ALTER TABLE items ALTER amount TYPE money, DROP name")
        misfit = connector(database, [found]).check()
    assert [(fault.code.identifier, lines[fault.line - 1].strip()) for fault in misfit.faults] == [
        ("CNR-015", "- name: name"),
        ("CNR-015", "- name: amount"),
    ]
    assert misfit.faults[0].file == "contract items 0.1.0"
