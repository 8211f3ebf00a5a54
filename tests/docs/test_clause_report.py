"""`concordat agreement check` shows each clause, its mechanism, the test and whether the mechanism is proved."""

from __future__ import annotations

import json

from tests.registers import EXAMPLES


def test_checking_an_agreement_shows_each_mechanism_and_whether_it_is_proved(concordat, monkeypatch):
    file = str(EXAMPLES / "agreements" / "DSA-2026-101.agreement.yaml")

    def checked(status: int):
        done = concordat("agreement", "check", file, "--json")
        assert done.status == status
        return {line["clause"]: line for line in json.loads(done.out)["clauses"]}

    lines = checked(0)
    assert lines["shares[0].rows"]["proved"] is True
    assert lines["title"]["proved"] is None
    assert all(line["shown_by"].startswith("tests/") for line in lines.values())
    monkeypatch.setattr("broker.policy.shape._filter", lambda _plan: lambda _row, _unavailable: True)
    assert checked(1)["shares[0].rows"]["proved"] is False
