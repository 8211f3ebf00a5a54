"""The page of connectors is made from the code, and every option of a shipped connector says what it means."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors import shipped
from connectors.reference import page

PAGE = Path(__file__).parents[2] / "docs" / "connectors.md"


def test_the_page_is_current():
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m connectors.reference"


@pytest.mark.parametrize("name", [listed.name for listed in shipped.available()])
def test_every_option_says_what_it_means(name):
    for option, field in shipped.find(name).options_model.model_fields.items():
        assert field.description, option
