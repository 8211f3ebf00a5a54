"""`concordat party`: what the register could never take is wrong usage, named before anything is asked of Kafka."""

from __future__ import annotations

import subprocess
import sys

import pytest

KEY = "0" * 64


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("Home Office", "--public-key", KEY), "home-office"),
        (("home-office", "--public-key", "abc"), "64 hexadecimal digits"),
        (("home-office", "--public-key", KEY, "--encryption-key", "abc"), "64 hexadecimal digits"),
    ],
)
def test_what_the_register_cannot_take_is_wrong_usage(arguments, said, tmp_path):
    command = [sys.executable, "-m", "broker.cli", "party", "add", *arguments, "--name", "Home Office"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("CDT-001")
    assert said in done.stderr
