"""Every error code of the project in one table, and the codes of the broker's own frame (`CDT-…`).

A package keeps its codes in its own `codes.py`; they are read here only when somebody asks, so that a command imports no
package for the sake of a table.  `python -m broker.codes` writes `docs/errors.md`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path

from contracts.faults import Code

USAGE = Code(
    "CDT-001",
    "usage",
    "The command was called with an unknown verb, option or argument, or without one that it needs.",
    "Nothing was done.",
    "See the verb's --help; it has a worked example.",
)
UNEXPECTED = Code(
    "CDT-002",
    "unexpected",
    "The program met a state that its authors did not foresee: a fault of the program.",
    "The command ended. What was already committed to Kafka stays whole.",
    "Report it with the call stack from the file that the message names; the file holds no data and no secret.",
)
UNKNOWN_CODE = Code(
    "CDT-003",
    "unknown code",
    "No part of this version has an error code of that name.",
    "Nothing to explain.",
    "Copy the code from the start of an error line, such as AGR-042; docs/errors.md lists all.",
)
SETTINGS_UNUSABLE = Code(
    "CDT-004",
    "settings",
    "A setting from the environment or from concordat.toml is unknown or has the wrong form.",
    "Nothing was done.",
    "Mend the setting that the message names; concordat doctor shows each setting and where it came from.",
)
ASSERTION_FAILED = Code(
    "CDT-005",
    "demonstration assertion failed",
    "What the demonstration saw differs from what it computed from the stores' tables by hand.",
    "The demonstration ends with exit status 1; its report says which assertion failed.",
    "Read report.json in the evidence directory; run again with --keep to look at the servers' data.",
)
PROCESS_ENDED = Code(
    "CDT-006",
    "process ended",
    "A process that should be running, such as a worker or a connector, ended by itself.",
    "The work that it did stands still; nothing is lost, because its position is in Kafka.",
    "Read its log, which the message names, and start it again.",
)
TOO_SLOW = Code(
    "CDT-007",
    "condition not met in time",
    "Something that was waited for did not happen within its limit.",
    "The work that waited has ended.",
    "Look at the logs that the message names; on a slow machine try again.",
)
KEY_UNAVAILABLE = Code(
    "CDT-020",
    "key unavailable",
    "A secret key or the root key that wraps it cannot be read, was changed, or lies open to other users.",
    "Nothing that needs the key is shared.",
    "Restore the key directory and its root key together; keep the directory at mode 0700 and its files at 0600.",
)
KEY_IDENTIFIER = Code(
    "CDT-021",
    "key identifier",
    "A key was asked for by a name or version that no key can have.",
    "Nothing was done.",
    "Use an identifier such as pseudonym/DSA-2026-014 and a version from 1.",
)
EXAMPLES_MISSING = Code(
    "CDT-008",
    "examples missing",
    "The demonstration reads its stores, contracts and agreements from the folder examples of the source tree.",
    "The demonstration cannot begin.",
    "Run it from a clone of the project: make demo.",
)
REGISTRY_UNREACHABLE = Code(
    "CDT-009",
    "schema registry cannot be reached",
    "The schema registry did not answer, refused the credential, or does not know the schema for this caller.",
    "The record that needs the schema is not decoded; nothing is skipped.",
    "See that concordat serve runs at the named address, and that the credential is the newest.",
)
NOTHING_TO_CONSUME = Code(
    "CDT-010",
    "nothing to consume",
    "The organisation may read no topic of the agreement: it is not its recipient, or the agreement is not provisioned.",
    "Nothing was read.",
    "Check the reference and --as; concordat provision apply makes the topics and access rules of what was signed.",
)
ALREADY_UP = Code(
    "CDT-012",
    "up already",
    "Another `concordat up` runs in the same state directory.",
    "Nothing was started: two would end each other's processes.",
    "Stop the other one, or give this one its own place with --directory (and CONCORDAT_SERVE_PORT).",
)
RECORD_UNREADABLE = Code(
    "CDT-011",
    "record not readable",
    "A record of a share topic is not in the Confluent wire format, does not fit the schema that it names, or its key is not text.",
    "Nothing after the record was read.",
    "The broker writes no such record: see who else may write the topic, and read on from the next offset.",
)

CODES = (
    RECORD_UNREADABLE,
    REGISTRY_UNREACHABLE,
    NOTHING_TO_CONSUME,
    ALREADY_UP,
    KEY_UNAVAILABLE,
    KEY_IDENTIFIER,
    USAGE,
    UNEXPECTED,
    UNKNOWN_CODE,
    SETTINGS_UNUSABLE,
    ASSERTION_FAILED,
    PROCESS_ENDED,
    TOO_SLOW,
    EXAMPLES_MISSING,
)

_MODULES = (
    "agreements.codes",
    "agreements.lifecycle_codes",
    "agreements.notice_codes",
    "agreements.time_codes",
    "broker.audit.codes",
    "broker.cluster.codes",
    "broker.codes",
    "broker.delivery.codes",
    "broker.intake.codes",
    "broker.notices.codes",
    "broker.policy.codes",
    "broker.proofs.codes",
    "broker.register.codes",
    "connectors.codes",
    "connectors.conformance.codes",
    "connectors.postgresql.codes",
    "contracts.codes",
)


def every_code() -> Mapping[str, Code]:
    """Identifier to code, in the order of the identifiers; an identifier that two packages claim raises `ValueError`."""
    found: dict[str, Code] = {}
    for module in _MODULES:
        for code in importlib.import_module(module).CODES:
            if code.identifier in found and found[code.identifier] != code:
                raise ValueError(f"{code.identifier} is claimed twice, the second time by {module}")
            found[code.identifier] = code
    return dict(sorted(found.items()))


def page() -> str:
    """The text of `docs/errors.md`."""
    lines = [
        "# Error codes",
        "",
        "Every error line of `concordat` begins with one of these codes; `concordat explain CODE` prints its entry.",
        "A code never changes its meaning. This page is made from the code: `python -m broker.codes`.",
    ]
    for code in every_code().values():
        lines += ["", f"## {code.identifier} {code.name}", "", f"- **Cause:** {sentence(code.cause)}"]
        lines += [f"- **Effect:** {sentence(code.effect)}", f"- **Remedy:** {sentence(code.remedy)}"]
    return "\n".join(lines) + "\n"


def sentence(text: str) -> str:
    """A cause, effect or remedy as a sentence, however its package begins and ends it."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")


if __name__ == "__main__":
    (Path(__file__).parent.parent / "docs" / "errors.md").write_text(page(), encoding="utf-8")
