"""The error codes of the conformance kit."""

from __future__ import annotations

from contracts.faults import Code

NOT_A_CONNECTOR = Code(
    "CNR-401",
    "there is no such class",
    "the argument is not MODULE:CLASS, the module cannot be imported, or it has no such class",
    "nothing was proved",
    "name an importable module (the working directory is looked in) and a class in it, e.g. my_connector:MyConnector",
)
HARNESS_MISSING = Code(
    "CNR-402",
    "the connector has no harness",
    "the kit needs a store that it may write to, and the class names none",
    "nothing was proved",
    "write a connectors.conformance.Harness and name it in the connector's `conformance_harness`, or name the harness itself",
)
PROMISE_BROKEN = Code(
    "CNR-403",
    "a promise is broken",
    "the connector did what connectors.protocol forbids; the message names the promise and shows what happened",
    "a connector like this loses, repeats or changes data",
    "mend the connector; docs/guides/write-a-connector.md says what each promise is about",
)
NAME_TAKEN = Code(
    "CNR-404",
    "the connector cannot be written there",
    "the name is no Python module name, or the directory has something of this name",
    "nothing was written",
    "choose another name (lower-case letters, digits and _) or another --directory",
)
HARNESS_FAILED = Code(
    "CNR-411",
    "the harness failed",
    "a method of the harness raised an exception, or lacks what a capability that it declares needs",
    "what was not proved before stays open: the fault is the test store's, not the connector's",
    "mend the harness at the line that the message names; docs/guides/write-a-connector.md says what each method is to do",
)
NOT_WHOLE = Code(
    "CNR-412",
    "the class is no whole connector",
    "it lacks methods or members of connectors.protocol.Connector",
    "nothing was proved",
    "write what the message names; docs/guides/write-a-connector.md lists all, and `concordat connector new` writes one to begin from",
)
CODES = (
    NOT_A_CONNECTOR,
    HARNESS_MISSING,
    PROMISE_BROKEN,
    NAME_TAKEN,
    HARNESS_FAILED,
    NOT_WHOLE,
)
