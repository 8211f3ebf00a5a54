"""Calling the command in this process, as its users call it."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from broker.cli.app import main


class Done(NamedTuple):
    status: int
    out: str
    err: str


@pytest.fixture
def concordat(capsys, monkeypatch):
    """`concordat("kafka", "status")` gives the exit status and what was printed."""

    def call(*arguments: str) -> Done:
        monkeypatch.setattr("sys.argv", ["concordat", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return Done(ended.value.code or 0, out, err)

    return call
