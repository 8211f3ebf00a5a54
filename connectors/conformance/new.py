"""Writes a new connector: a project of its own, made from `connectors.template`, which passes the kit as it is."""

from __future__ import annotations

import keyword
import re
from importlib.resources import files
from pathlib import Path

from connectors.conformance.codes import NAME_TAKEN
from contracts.faults import Unusable

_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
_SOURCES = ("__init__.py", "connector.py", "harness.py")

_PROJECT = """\
[build-system]
requires = ["setuptools>=80"]
build-backend = "setuptools.build_meta"

[project]
name = "{dashed}-connector"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["concordat-broker"]

[project.entry-points."concordat.connectors"]
{name} = "{name}:{camel}Connector"

[tool.setuptools]
packages = ["{name}"]

[tool.pytest.ini_options]
pythonpath = ["."]
"""

_TEST = '''\
"""The connector keeps every promise of the conformance kit: one test for each."""

from connectors.conformance.testing import conformance_tests
from {name}.harness import {camel}Harness

test_conformance = conformance_tests({camel}Harness)
'''

_README = """\
# The {name} connector

| file | what to do with it |
|---|---|
| `{name}/connector.py` | replace the log file by your store |
| `{name}/harness.py` | make such a store, write to it, say what it can do |
| `tests/test_{name}.py` | leave it |

Prove it in this directory, with or without pytest:

```console
$ concordat connector conformance {name}:{camel}Connector
$ python -m pytest
```

Install it where the broker runs (`pip install .`); `concordat connector list` then names it, and a configuration may say
`connector: {name}`.
"""


def write(name: str, directory: Path) -> list[Path]:
    """Write the project `name` into `directory / name`; its files.  Raises `Unusable` for a name that cannot be used."""
    root = directory / name
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise Unusable(NAME_TAKEN.fault(f"{name!r} is no module name of lower-case letters, digits and _"))
    if root.exists():
        raise Unusable(NAME_TAKEN.fault(f"{root} is there already"))
    camel = "".join(part.capitalize() for part in name.split("_"))
    names = {"name": name, "camel": camel, "dashed": name.replace("_", "-")}
    texts = {Path(name, source): _renamed(source, name, camel) for source in _SOURCES}
    texts[Path("tests", f"test_{name}.py")] = _TEST.format(**names)
    texts[Path("pyproject.toml")] = _PROJECT.format(**names)
    texts[Path("README.md")] = _README.format(**names)
    for path, text in texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return [root / path for path in texts]


def _renamed(source: str, name: str, camel: str) -> str:
    """A source of the template under the new name."""
    text = files("connectors.template").joinpath(source).read_text(encoding="utf-8")
    for old, new in (
        ("connectors.template", name),
        ('"template"', f'"{name}"'),
        ("TEMPLATE-", f"{name.upper()}-"),
        ("Template", camel),
    ):
        text = text.replace(old, new)
    return text
