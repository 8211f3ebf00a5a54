"""`concordat agreement new`: an agreement to start from, printed or drafted question by question."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agreements import text
from agreements.drafting.questions import QUESTIONS, Draft, Question
from agreements.drafting.templates import TEMPLATES, template, with_guidance
from broker.cli.output import Json, emit, errors, print_faults, write
from broker.register.codes import NO_SUCH
from contracts.faults import Faults, Refused, Unusable

_NAMES = ", ".join(f"{name} ({what})" for name, what in TEMPLATES.items())


def new(
    *,
    template_name: Annotated[str, typer.Option("--template", help=f"One of: {_NAMES}.")] = "dsa",
    guided: Annotated[bool, typer.Option("--guided", help="Ask for each clause, and check each answer.")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Without the guidance above each clause.")] = False,
    output: Annotated[Path | None, typer.Option(help="Default: standard output.")] = None,
    json: Json = False,
) -> None:
    """Print a complete agreement to start from, or draft one by answering questions.

    Example: concordat agreement new --template dsa --output DSA-2027-001.agreement.yaml
    """
    if template_name not in TEMPLATES:
        raise Unusable(NO_SUCH.fault(f"a template {template_name}; there are {', '.join(TEMPLATES)}"))
    made = _asked(template_name) if guided else template(template_name, guidance=False)
    if not plain:
        made = with_guidance(made)
    if output is not None:
        try:
            with output.open("x", encoding="utf-8") as file:
                file.write(made)
        except OSError as error:
            raise Refused(NO_SUCH.fault(f"{output}: {error.strerror}")) from error
    if json:
        emit({"file": None if output is None else str(output), "text": made}, json=True)
    elif output is None:
        write(made)


def _asked(name: str) -> str:
    """A draft from answers; what it still lacks is said on standard error, and stays for the editor."""
    draft = Draft(template(name, guidance=False))
    for question in QUESTIONS:
        if draft.shown(question.clause) is None:
            continue
        errors.print(f"\n{draft.guidance(question.clause)}", markup=False)
        while (problem := draft.answer(question.clause, _prompted(draft, question))) is not None:
            errors.print(problem, markup=False)
    found = text.check(draft.text)
    if isinstance(found, Faults):
        print_faults(found.items, json=False)
    return draft.text


def _prompted(draft: Draft, question: Question) -> str:
    return str(typer.prompt(question.words, default=draft.shown(question.clause), err=True))
