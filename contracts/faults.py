"""Faults: what is wrong, where, and what to do about it.

Every refusal in the project is made of these values.  A `Code` is stable for ever and documented once;
a `Fault` is one occurrence of it.  Functions that read text return `Faults` instead of raising, so that
all faults of a document are reported in one run.  `Failure` is for the borders (commands, services),
where a fault has to end the work; its subclass decides the exit status.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Code:
    """A stable error code, such as `AGR-042`: its short name, and its cause, effect and remedy in plain English."""

    identifier: str
    name: str
    cause: str
    effect: str
    remedy: str

    def fault(self, message: str, *, line: int | None = None, column: int | None = None) -> Fault:
        """One occurrence of this code; `line` and `column` count from 1."""
        return Fault(self, message, line=line, column=column)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: its code, the facts in `message`, and the place where it stands."""

    code: Code
    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None

    def in_file(self, file: str) -> Fault:
        """The same fault, known to stand in `file`."""
        return replace(self, file=file)

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        return f"{self.code.identifier} {self.code.name}: {self.message}" + (f" ({place})" if place else "")

    def document(self) -> dict[str, str | int | None]:
        """The shape programs rely on: `{code, message, file, line, column, remedy}`."""
        return {
            "code": self.code.identifier,
            "message": self.message,
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "remedy": self.code.remedy,
        }


@dataclass(frozen=True, slots=True)
class Faults:
    """At least one fault, in the order of the text; what a reader returns in place of a value."""

    items: tuple[Fault, ...]

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.items)

    def in_file(self, file: str) -> Faults:
        """The same faults, known to stand in `file`."""
        return Faults(tuple(fault.in_file(file) for fault in self.items))


class Failure(Exception):
    """Work that has to end because of faults.  Its subclass says which exit status the command gives."""

    exit_status: ClassVar[int] = 1

    def __init__(self, *faults: Fault) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


class AnswerIsNo(Failure):
    """A check, a verification or a conformance run failed."""

    exit_status = 1


class Unusable(Failure):
    """Wrong usage: flags, arguments, or a text that cannot be parsed."""

    exit_status = 2


class Refused(Failure):
    """Not permitted: separation of duties, wrong state, stale version."""

    exit_status = 3


class Unavailable(Failure):
    """A fault of the environment: Kafka, a store, a key or a file cannot be reached."""

    exit_status = 4
