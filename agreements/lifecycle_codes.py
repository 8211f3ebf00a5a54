"""The error codes of an agreement's life: reviews and their gates, notice, certificates."""

from __future__ import annotations

from contracts.faults import Code

GATE = Code(
    "AGR-080",
    "gate not passed",
    "a reviewer cannot accept the agreement on a track without this clause: why the sharing is right, the impact assessment, the"
    " regulator's consultation where the residual risk is high, or what people are told",
    "the agreement cannot be submitted, and the track cannot be accepted",
    "add the clause that is named; docs/formats/agreement.md says what it holds",
)
OTHER_TEXT = Code(
    "AGR-081",
    "another text than the one looked at",
    "the review or signature is for another content hash than the version has now: it was submitted again meanwhile",
    "nothing was written",
    "look at the newest text with `concordat agreement show`, then decide again",
)
SELECTION = Code(
    "AGR-082",
    "nothing to suspend by that name",
    "no share of a signed version has this identifier, purpose, dataset, recipient, or a field of this path that leaves",
    "nothing was suspended",
    "`concordat agreement show` lists the shares; say share=, purpose=, dataset=, field= or recipient=",
)
NOTICE = Code(
    "AGR-083",
    "notice not respected",
    "the agreement's text has a notice, and the end that was named comes before it is over, or is over already",
    "nothing was ended",
    "name a later last day; suspend it at once, or end it at once with `--at-once` and the reason",
)
EXCEPTION = Code(
    "AGR-084",
    "no exceptional disclosure",
    "an exceptional disclosure lives 14 days at most, is signed by two offices of the provider, and is reviewed between its start and"
    " 28 days after its end",
    "the agreement cannot be submitted or signed",
    "shorten it, name a second office that signs, set `exceptional.review_by`; or leave `exceptional` out and have it reviewed first",
)
CODES = (GATE, OTHER_TEXT, SELECTION, NOTICE, EXCEPTION)
