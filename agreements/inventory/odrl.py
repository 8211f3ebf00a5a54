"""An agreement in the words of ODRL 2.2 and the Data Privacy Vocabulary, for catalogues and partners who speak those.

Expression only: nothing is enforced from it, and it says less than the agreement.  What it is made from is named by content hash.
"""

from __future__ import annotations

from typing import Any

from agreements.model import Agreement, Share, Side
from agreements.text import content_hash
from agreements.treatments import Treatment

_BASES = {"uk-gdpr": "dpv:LegalBasis", "part-3": "dpv:LegalBasis", "part-4": "dpv:LegalBasis"}


def expression(agreement: Agreement) -> dict[str, Any]:
    """The agreement as JSON-LD."""
    return {
        "@context": [
            "http://www.w3.org/ns/odrl.jsonld",
            {"dpv": "https://w3id.org/dpv#", "concordat": "urn:concordat:"},
        ],
        "@type": ["Agreement", "dpv:DataProcessingAgreement"],
        "uid": f"urn:concordat:agreement:{agreement.reference}:{agreement.version}",
        "concordat:expressionOnly": True,
        "concordat:contentHash": content_hash(agreement),
        "dpv:hasLegalBasis": {"@type": _BASES[agreement.law.regime], "dpv:hasDescription": agreement.law.lawful_basis},
        "permission": [_permission(agreement, share) for share in agreement.shares],
        "prohibition": [
            {"action": "use", "constraint": [_constraint("purpose", "isA", f"concordat:purpose:{purpose}")]}
            for purpose in agreement.purposes.prohibited
        ],
        "obligation": _duties(agreement),
    }


def _permission(agreement: Agreement, share: Share) -> dict[str, Any]:
    parties = {
        side: [f"urn:concordat:party:{p.organisation}" for p in agreement.parties if p.side is side] for side in Side
    }
    return {
        "assigner": parties[Side.PROVIDER],
        "assignee": parties[Side.RECIPIENT],
        "target": {
            "@type": "AssetCollection",
            "uid": f"urn:concordat:dataset:{share.dataset}",
            "concordat:rows": share.rows,
            "concordat:fields": {path: _word(treatment) for path, treatment in sorted(share.fields.items())},
        },
        "action": "use",
        "constraint": [
            _constraint("purpose", "isA", f"concordat:purpose:{share.purpose}"),
            _constraint("dateTime", "gteq", agreement.dates.start.isoformat()),
            _constraint("dateTime", "lteq", agreement.dates.end.isoformat()),
        ],
    }


def _duties(agreement: Agreement) -> list[dict[str, Any]]:
    after = agreement.after_delivery
    duties: list[dict[str, Any]] = []
    if after.retention is not None:
        duties.append({"action": "delete", "constraint": [_constraint("elapsedTime", "lteq", str(after.retention))]})
    if after.corrections is not None:
        within = str(after.corrections.acknowledge_within)
        duties.append({"action": "inform", "constraint": [_constraint("elapsedTime", "lteq", within)]})
    return duties


def _constraint(operand: str, operator: str, value: str) -> dict[str, str]:
    return {"leftOperand": operand, "operator": operator, "rightOperand": value}


def _word(treatment: Treatment) -> str:
    words = {"tokenise": "dpv:Pseudonymisation", "encrypt": "dpv:Encryption", "generalise": "dpv:DataGeneralisation"}
    return words.get(treatment.action, f"concordat:{treatment.action}")
