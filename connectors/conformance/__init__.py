"""The conformance kit: proves on a real store that a connector loses, repeats and disorders nothing, whatever dies when.

An author supplies a `Harness`; `concordat connector conformance MODULE:CLASS` or `connectors.conformance.testing` (pytest)
does the rest.  `docs/guides/write-a-connector.md` is the guide.
"""

from connectors.conformance.harness import EVERYTHING, ITEMS, Capability, Harness, Write
from connectors.conformance.kit import PROMISES, Outcome, Report, Verdict, prove, report

__all__ = [
    "EVERYTHING",
    "ITEMS",
    "PROMISES",
    "Capability",
    "Harness",
    "Outcome",
    "Report",
    "Verdict",
    "Write",
    "prove",
    "report",
]
