"""Runs every benchmark, each in a process of its own, and writes `docs/performance.md`: `make bench`.

A benchmark prints what people read and, last, one JSON document.  Numbers are of one machine at one time; the page says which.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from broker import clock

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "performance.md"


def main() -> int:
    """Run those that are named, or all; the page is written only when all ran."""
    wanted = sys.argv[1:] or sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_"))
    found = {name: _run(name) for name in wanted}
    if sys.argv[1:]:
        return 0
    PAGE.write_text("\n".join(_page(found)) + "\n", encoding="utf-8")
    print(f"written: {PAGE.relative_to(HERE.parent)}")
    return 0


def _run(name: str) -> tuple[str, dict[str, Any]]:
    """What a benchmark printed for people, and its result."""
    print(f"--- {name}", flush=True)
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}"], cwd=HERE.parent, stdout=subprocess.PIPE, text=True, check=True
    )
    print(done.stdout, flush=True)
    return _taken_apart(done.stdout.rstrip())


def _taken_apart(printed: str) -> tuple[str, dict[str, Any]]:
    """The lines for people, and the JSON document that stands last, on one line or several."""
    lines = printed.splitlines()
    start = next(number for number in range(len(lines) - 1, -1, -1) if lines[number].startswith("{"))
    return "\n".join(lines[:start]), json.loads("\n".join(lines[start:]))


def _page(found: dict[str, tuple[str, dict[str, Any]]]) -> Iterator[str]:
    processor = platform.processor() or platform.machine()
    yield "# Performance"
    yield ""
    yield (
        f"Measured on {clock.now():%d %B %Y} by `make bench`: {os.cpu_count()} processors ({processor}), Python"
        f" {platform.python_version()}, one Kafka node on the same machine. Ratios say more than rates: both loops of a ratio"
        " run in turn, on the same Kafka, with the same client settings, transaction time and cap."
    )
    for name, (text, result) in found.items():
        yield ""
        yield f"## {name.replace('_', ' ').capitalize()}"
        if text.strip():
            yield from ("", "```text", text, "```")
            continue
        numbers = list(_flat("", {key: value for key, value in result.items() if key != "benchmark"}))
        if numbers:
            yield from ("", "| what | measured |", "|---|---|")
            yield from (f"| {what} | {value} |" for what, value in numbers)


def _flat(prefix: str, value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, inner in value.items():
        label = f"{prefix} {name}".strip().replace("_", " ")
        if isinstance(inner, dict):
            yield from _flat(label, inner)
        else:
            yield label, inner


if __name__ == "__main__":
    sys.exit(main())
