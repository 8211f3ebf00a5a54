"""`concordat agreement schema`: the JSON Schema of the text form, for editors."""

from __future__ import annotations

from agreements.drafting.json_schema import json_schema
from broker.cli.output import Json, emit


def command(*, json: Json = False) -> None:
    """Print the JSON Schema of an agreement's text: an editor that knows it completes and explains every key.

    Example: concordat agreement schema > agreement.schema.json
    """
    del json  # it is JSON either way
    emit(json_schema(), json=True)
