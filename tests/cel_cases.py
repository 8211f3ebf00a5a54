"""Reading CEL cases: the official suite's shape, as values of our evaluator."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
OWN = HERE / "data" / "cel_cases.json"
OFFICIAL = Path(
    os.environ.get("CONCORDAT_TEST_CEL_CASES", HERE.parent.parent / "shared" / "data" / "cel" / "cases.json")
)


def cases_of(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text(encoding="utf-8"))["cases"] if path.exists() else []


def value_of(typed: dict[str, Any]) -> Any:
    kind, value = typed["type"], typed["value"]
    if kind == "int":
        return int(value)
    if kind == "double":
        return float(value)
    if kind == "list":
        return [value_of(member) for member in value]
    if kind == "map":
        return {value_of(key): value_of(member) for key, member in value}
    return value


def bindings_of(case: dict[str, Any]) -> dict[str, Any]:
    return {name: value_of(typed) for name, typed in case.get("bindings", {}).items()}
