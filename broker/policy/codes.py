"""Error codes of the policy engine: what can be wrong with a row filter, a treatment or a share."""

from __future__ import annotations

from contracts.faults import Code

FILTER_SYNTAX = Code(
    "POL-001",
    "filter-syntax",
    "A row filter is not an expression of the CEL subset.",
    "The agreement cannot be compiled; nothing is shared under it.",
    "Mend the expression at the line and column given; docs/formats/row-filter.md describes the subset.",
)
FILTER_FIELD = Code(
    "POL-002",
    "filter-unknown-field",
    "A row filter names a field that the contract does not have.",
    "The agreement cannot be compiled; nothing is shared under it.",
    "Use a field of the contract, by its dotted path.",
)
FILTER_TYPE = Code(
    "POL-003",
    "filter-type",
    "A part of a row filter has the wrong type, such as text compared with a number.",
    "The agreement cannot be compiled; nothing is shared under it.",
    "Compare values of one type; write times as timestamp('2026-01-31T00:00:00Z').",
)
FILTER_LIMIT = Code(
    "POL-004",
    "filter-too-large",
    "A row filter is longer or more deeply nested than the limit.",
    "The agreement cannot be compiled; nothing is shared under it.",
    "Simplify it, for example with `in [...]` in place of many comparisons.",
)
CONTRACT_MISMATCH = Code(
    "POL-010",
    "contract-mismatch",
    "A share names another dataset or major version than the contract it is compiled with.",
    "The share cannot be compiled; nothing is shared under it.",
    "Name the dataset and the major version of a published contract.",
)
CLASSIFICATION = Code(
    "POL-011",
    "classification-above-ceiling",
    "The dataset's classification is above the share's ceiling.",
    "The share cannot be compiled; nothing is shared under it.",
    "Agree a higher ceiling with the owner, or share a dataset of a lower classification.",
)
FIELD_UNKNOWN = Code(
    "POL-012",
    "field-unknown",
    "A share names a field that the contract does not have.",
    "The share cannot be compiled; nothing is shared under it.",
    "Use a field of the contract, by its dotted path.",
)
FIELD_UNTAGGED = Code(
    "POL-013",
    "field-untagged",
    "A share names a field that its owner has not tagged.",
    "The share cannot be compiled: an untagged field cannot flow.",
    "Ask the owner to publish the contract with tags on that field.",
)
FIELD_NOT_LEAF = Code(
    "POL-014",
    "field-not-leaf",
    "A share names a record, or a collection of records, as a whole.",
    "The share cannot be compiled: whatever is added to the record later would flow unseen.",
    "Name the fields inside it one by one.",
)
TREATMENT_TYPE = Code(
    "POL-015",
    "treatment-type",
    "A treatment does not fit the field's type.",
    "The share cannot be compiled; nothing is shared under it.",
    "Choose a treatment for that type; docs/formats/plan.md has the table.",
)
KEY_TREATMENT = Code(
    "POL-016",
    "key-treatment",
    "The share keeps the source key although a key field is not tagged not-personal.",
    "The share cannot be compiled: a raw identifier never leaves in a key.",
    "Write `key: tokenise`.",
)
KEY_UNUSABLE = Code(
    "POL-017",
    "key-unusable",
    "The contract has no key, or a key field that is not a single tagged value.",
    "The share cannot be compiled; nothing is shared under it.",
    "Ask the owner to publish a contract whose key fields are tagged, required, single values.",
)
NOTHING_SHARED = Code(
    "POL-018",
    "nothing-shared",
    "A share names no field that may leave.",
    "The share cannot be compiled.",
    "Name at least one field with a treatment other than drop.",
)
VIEW_UNREGISTERED = Code(
    "POL-019",
    "view-unregistered",
    "The schema of the share's view is not in the register, or the registered one has other fields or types.",
    "Workers refuse the share; nothing flows under it.",
    "Activate the agreement again, so that the register gets the schema of its view.",
)
NO_ENCRYPTION_KEY = Code(
    "POL-020",
    "no-encryption-key",
    "A sealed key could not be opened, or the recipient has no X25519 key.",
    "Values that are encrypted for the recipient cannot be read or made.",
    "Register the recipient's X25519 public key as 64 hexadecimal digits.",
)

NEVER = Code(
    "POL-030",
    "never-leaves",
    "A share lets out a field whose label a `never` clause of the agreement rules out.",
    "The share cannot be compiled; nothing is shared under it.",
    "Drop the field, or agree without the `never`; a token or a coarser value of it still counts.",
)
SPECIAL_CATEGORY = Code(
    "POL-031",
    "special-category-condition",
    "A share lets out special-category data and states no condition for it.",
    "The share cannot be compiled; nothing is shared under it.",
    "Drop the field, or state the condition and its policy document in `special_category`.",
)
CRIMINAL_OFFENCE = Code(
    "POL-032",
    "criminal-offence-condition",
    "A share lets out criminal-offence data and states no condition for it.",
    "The share cannot be compiled; nothing is shared under it.",
    "Drop the field, or state the condition in `criminal_offence`.",
)
ASSESSMENT = Code(
    "POL-033",
    "assessment-missing",
    "A share lets out special-category data and the agreement has no data protection impact assessment.",
    "The share cannot be compiled; nothing is shared under it.",
    "Make the assessment and enter its reference, outcome and day in `assessments.data_protection`.",
)
REGIME = Code(
    "POL-034",
    "another-regime",
    "The dataset is held under another data-protection regime than the agreement's.",
    "The share cannot be compiled; nothing is shared under it.",
    "State in `law.cross_regime` why it may flow, or share a dataset of the agreement's own regime.",
)
HANDLING = Code(
    "POL-035",
    "marking-not-handled",
    "The dataset has a marking that the share's `handling` does not name.",
    "The share cannot be compiled; nothing is shared under it.",
    "Enter every marking of the contract into `handling`.",
)
CATEGORY = Code(
    "POL-036",
    "subject-category-unclear",
    "A share names categories of people that the dataset does not tell, or names none where it must.",
    "The share cannot be compiled; nothing is shared under it.",
    "Name the agreed categories in `subject_categories`, over a contract with a field tagged `le:subject-category`.",
)
WITHHOLD = Code(
    "POL-037",
    "mark-unknown",
    "A share withholds the records of people with a mark that the dataset does not have.",
    "The share cannot be compiled; nothing is shared under it.",
    "Use a mark of the contract, or take the clause out.",
)
CONFIDENCE = Code(
    "POL-038",
    "confidence-field",
    "A share's confidence is about a field that is no number of the contract.",
    "The share cannot be compiled; nothing is shared under it.",
    "Name a number of the contract by its dotted path.",
)
CODES = (
    FILTER_SYNTAX,
    FILTER_FIELD,
    FILTER_TYPE,
    FILTER_LIMIT,
    CONTRACT_MISMATCH,
    CLASSIFICATION,
    FIELD_UNKNOWN,
    FIELD_UNTAGGED,
    FIELD_NOT_LEAF,
    TREATMENT_TYPE,
    KEY_TREATMENT,
    KEY_UNUSABLE,
    NOTHING_SHARED,
    VIEW_UNREGISTERED,
    NO_ENCRYPTION_KEY,
    NEVER,
    SPECIAL_CATEGORY,
    CRIMINAL_OFFENCE,
    ASSESSMENT,
    REGIME,
    HANDLING,
    CATEGORY,
    WITHHOLD,
    CONFIDENCE,
)
