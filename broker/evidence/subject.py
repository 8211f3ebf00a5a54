"""From a person's identifier to the auditors' pseudonyms in the leaves, one per year of decision and semantic type."""

from __future__ import annotations

from agreements.fold import fold_batch
from agreements.snapshot import Snapshot
from broker import clock
from broker.audit.evidence import Evidence
from broker.keys import KeyProvider
from broker.policy.compile import token_domain
from broker.policy.reference import SUBJECT, SubjectPseudonym, subject_key

_FIRST_YEAR = 2020
"""No decision is older than the software."""


def pseudonyms(identifier: str, evidence: Evidence, keys: KeyProvider) -> frozenset[str]:
    """Every pseudonym that decisions about this person may carry, for all datasets ever published.

    A year whose key was destroyed has none: what was decided in it can no longer be found by person.
    """
    snapshot = fold_batch(Snapshot(), evidence.register()).snapshot
    domains = {
        token_domain(entry.contract.dataset, path, field)
        for versions in snapshot.contracts.values()
        for entry in versions
        for path in entry.contract.tagged(SUBJECT)[:1]
        if (field := entry.contract.field(path)) is not None
    }
    found = set()
    for year in range(_FIRST_YEAR, clock.now().year + 1):
        secret = keys.key(subject_key(year), 1)
        if secret is not None:
            found |= {SubjectPseudonym(secret, year, domain)(identifier) for domain in domains}
    return frozenset(found)
