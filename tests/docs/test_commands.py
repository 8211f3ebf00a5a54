"""The command's frame: help without imports, coded lines, exit statuses, nothing secret."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from broker.cli.app import NOUNS, VERBS


def test_help_lists_every_noun_and_verb(concordat):
    done = concordat("--help")
    assert done.status == 0
    for name in (*NOUNS, *VERBS):
        assert f"\n  {name}" in done.out


def test_help_imports_no_verb():
    code = (
        "import sys; sys.argv = ['concordat', '--help']\n"
        "from broker.cli.app import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'fastapi', 'confluent_kafka', 'psycopg', 'rocksdict', 'fastavro'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_every_verb_has_help_with_a_worked_example(concordat):
    verbs = [[verb] for verb in VERBS]
    for noun in NOUNS:
        listed = concordat(noun, "--help").out.partition("Commands:")[2].splitlines()
        verbs += [[noun, line.split()[0]] for line in listed if line.startswith("  ") and line[2] != " "]
    assert len(verbs) > 30
    for words in verbs:
        done = concordat(*words, "--help")
        assert done.status == 0, (words, done.err)
        assert f"concordat {' '.join(words)}" in done.out.partition("Example:")[2], words


@pytest.mark.parametrize("arguments", [["bogus"], ["kafka", "bogus"], ["kafka", "start", "--bogus"], ["explain"]])
def test_wrong_usage_is_one_coded_line_and_exit_2(concordat, arguments):
    done = concordat(*arguments)
    assert done.status == 2
    assert done.err.startswith("CDT-001 usage: ")
    as_json = concordat(*arguments, "--json")
    assert as_json.status == 2
    assert json.loads(as_json.out)[0]["code"] == "CDT-001"


def test_a_wrong_setting_is_named_without_its_value(concordat, tmp_path, monkeypatch):
    monkeypatch.setenv("CONCORDAT_PARTITIONS", "4711-secret")
    monkeypatch.setenv("CONCORDAT_DIRECTORY", str(tmp_path))
    done = concordat("kafka", "status")
    assert done.status == 2
    assert done.err.startswith("CDT-004 settings: partitions")
    assert "4711" not in done.err + done.out


def test_an_unforeseen_exception_is_one_line_and_its_stack_holds_no_data(concordat, tmp_path, monkeypatch):
    def broken():
        raise ValueError("canary-7f3a")

    monkeypatch.setattr("broker.cli.explain.every_code", broken)
    monkeypatch.setenv("CONCORDAT_DIRECTORY", str(tmp_path))
    done = concordat("explain", "CDT-001")
    assert done.status == 70
    assert done.err.startswith("CDT-002 unexpected: ValueError at ")
    log = tmp_path / "unexpected.log"
    assert "ValueError" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0
    assert "canary-7f3a" not in done.err + done.out + log.read_text()


def test_doctor_hides_secrets_and_says_where_settings_come_from(concordat, tmp_path, monkeypatch):
    monkeypatch.setenv("CONCORDAT_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("CONCORDAT_KAFKA_PASSWORD", "canary-1")
    monkeypatch.setenv("CONCORDAT_KAFKA__SASL_PASSWORD", "canary-2")
    done = concordat("doctor", "--json")
    settings = {one["name"]: one for one in json.loads(done.out)["settings"]}
    assert done.status == 0
    assert (settings["directory"]["origin"], settings["partitions"]["origin"]) == ("environment", "default")
    assert settings["kafka_password"]["value"] == "hidden"
    assert "canary" not in done.out + done.err


def test_doctor_says_that_a_configured_kafka_cannot_be_reached(concordat, tmp_path, monkeypatch):
    monkeypatch.setenv("CONCORDAT_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("CONCORDAT_BOOTSTRAP_SERVERS", "127.0.0.1:9")
    done = concordat("doctor", "--json")
    assert done.status == 4
    findings = {one["subject"]: one["state"] for one in json.loads(done.out)["findings"]}
    assert findings["Kafka"] == "unreachable"
