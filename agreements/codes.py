"""The error codes of agreements: their text, their meaning, their life, and bad acts in the register."""

from __future__ import annotations

from agreements.inventory import codes as inventory_codes
from agreements.umbrella import codes as umbrella_codes
from contracts.faults import Code

_NOT_READ = "the document was not accepted; nothing was changed"
_NOT_SUBMITTED = "the agreement cannot be submitted or signed"
_IGNORED = "the act is ignored by every reader and an alarm is raised; the register's state is as if it were not there"

NOT_YAML = Code(
    "AGR-001",
    "not YAML",
    "the document breaks the YAML syntax, holds control characters, or is more than one document",
    _NOT_READ,
    "mend the line that is named; indentation and quotes are the usual causes",
)
UNKNOWN_KEY = Code(
    "AGR-002",
    "unknown key",
    "a key stands where no clause of that name exists; often a misspelling",
    _NOT_READ,
    "use the key that is proposed, or remove it; docs/formats/agreement.md lists them all",
)
MISSING_KEY = Code(
    "AGR-003",
    "missing key",
    "a clause that every agreement must have is absent",
    _NOT_READ,
    "add the key; `concordat agreement new` prints a complete document",
)
DUPLICATE_KEY = Code(
    "AGR-004",
    "duplicate key",
    "one key stands twice in the same mapping, so that a reader could see either",
    _NOT_READ,
    "keep the one that is meant",
)
WRONG_TYPE = Code(
    "AGR-005",
    "wrong type",
    "a value is of another type than the clause takes: a date where text is expected, a number in quotes, one item for a list",
    _NOT_READ,
    "quote text that looks like a number or a date; do not quote dates and numbers",
)
AMBIGUOUS = Code(
    "AGR-006",
    "ambiguous value",
    "a plain word or number that YAML readers understand differently: no, on, 1_000, 010, 1.5, 12:30",
    _NOT_READ,
    "quote it if it is text; write true or false, and whole numbers with digits alone",
)
WRONG_VALUE = Code(
    "AGR-007",
    "value not permitted",
    "a value has the right type but not a permitted form, length or range",
    _NOT_READ,
    "write one of the values that the message names",
)
NULL = Code(
    "AGR-008",
    "null is not a value",
    "a key has nothing, null or ~ as its value",
    _NOT_READ,
    "leave the key out",
)
NOT_PLAIN = Code(
    "AGR-009",
    "YAML feature not permitted",
    "an anchor, an alias, a tag, a key that is not a word, or nesting that is too deep",
    _NOT_READ,
    "write the value out in full",
)
TOO_LARGE = Code(
    "AGR-010",
    "document too large",
    "the text is longer than an agreement may be",
    _NOT_READ,
    "put annexes elsewhere and cite them",
)
PARTIES = Code(
    "AGR-020",
    "parties do not fit the kind",
    "a DSA has one provider and one recipient, two different organisations; an office signs once",
    _NOT_SUBMITTED,
    "make one DSA for each pair of organisations",
)
WINDOW = Code(
    "AGR-070",
    "not a window",
    "a delivery window closes at another time of day than it opens, and names each day once",
    _NOT_SUBMITTED,
    "leave the window out to deliver at every hour",
)
DATES = Code(
    "AGR-021",
    "dates out of order",
    "the end lies before the start, or the review outside them",
    _NOT_SUBMITTED,
    "put start, review and end in order; the end day is included",
)
SHARES = Code(
    "AGR-022",
    "shares do not fit",
    "a DSA without a share, or two shares with one identifier",
    _NOT_SUBMITTED,
    "give every share an identifier of its own",
)
PROHIBITED = Code(
    "AGR-023",
    "purpose is prohibited",
    "a share's purpose is one that the agreement prohibits, or lies under one",
    _NOT_SUBMITTED,
    "change the share's purpose or the prohibition: one of them is not meant",
)
LOOK_BACK = Code(
    "AGR-024",
    "look-back is not in whole days",
    "limits.look_back is not a whole number of days",
    _NOT_SUBMITTED,
    "write whole days, such as P90D",
)
UNENFORCED = Code(
    "AGR-025",
    "clause cannot be enforced",
    "this version of the broker has no mechanism for the clause, and a clause that nothing enforces would be a false promise",
    "the agreement cannot be submitted or signed (NOTHING-UNENFORCED)",
    "remove the clause, or use a version of the broker that enforces it",
)
CAVEATS = Code(
    "AGR-026",
    "caveat named twice",
    "a share names one caveat more than once",
    _NOT_SUBMITTED,
    "name it once, with the version that was read",
)
NO_FIELD_LEAVES = Code(
    "AGR-027",
    "share without a field",
    "every field of a share is dropped, so nothing could be delivered",
    _NOT_SUBMITTED,
    "name at least one field that may leave, or remove the share",
)
COMBINATION = Code(
    "AGR-028",
    "never together",
    "the recipient receives, or would receive, two datasets of which an agreement says that they never go together",
    "the agreement is neither submitted nor activated",
    "end the other agreement first, or agree without `never_with`",
)
GEOGRAPHY = Code(
    "AGR-029",
    "outside the agreed countries",
    "`geography.countries` is agreed, and the recipient's `hosting` is missing or is not one of them",
    "the agreement cannot be submitted",
    "say in `hosting` where the recipient keeps the data, in one of the countries",
)
WRONG_STATE = Code(
    "AGR-040",
    "wrong state",
    "the agreement is not in a state from which this act is possible",
    "nothing was changed",
    "see its state with `concordat agreement show REF`",
)
SEPARATE_DUTIES = Code(
    "AGR-041",
    "separation of duties",
    "who drafts cannot be the only signer of an organisation, and nobody signs for both sides",
    "the signature is not accepted (SEPARATE-DUTIES)",
    "let another signatory of that organisation sign or draft",
)
NOT_ENTITLED = Code(
    "AGR-043",
    "not entitled",
    "the actor is unknown, has ended, or holds no office that may do this",
    "nothing was changed",
    "act as a signatory of the organisation and office concerned; `concordat party show` lists them",
)
BAD_SIGNATURE = Code(
    "AGR-044",
    "signature does not verify",
    "the Ed25519 signature is not one by the actor's enrolled key over the exact bytes",
    _IGNORED,
    "find out who wrote the act; sign with the key that was enrolled",
)
STALE = Code(
    "AGR-045",
    "stale version",
    "the object has changed since the version that the act expects",
    "nothing was changed",
    "look at the newest state, then act again",
)
NOT_AN_ACT = Code(
    "AGR-046",
    "not an act",
    "a record of the register cannot be read as an act of this register",
    _IGNORED,
    "find out who wrote it: only commands of the broker may write to the register",
)
UNKNOWN_OBJECT = Code(
    "AGR-047",
    "unknown object",
    "the act names a party, contract, agreement, share or worker that the register does not have",
    "nothing was changed",
    "list what there is with `concordat party list`, `contract list` or `agreement list`",
)
ALREADY_THERE = Code(
    "AGR-048",
    "already there",
    "the register already has this object, or the key belongs to somebody else in it",
    "nothing was changed",
    "choose another identifier, or a new key",
)
BAD_SCHEMA = Code(
    "AGR-049",
    "schema ids do not fit",
    "new schema ids are not dense, a text is registered already, or an act names an id that does not exist",
    _IGNORED,
    "let the command give the ids; try again if another act came between",
)
BAD_CONTRACT = Code(
    "AGR-050",
    "contract not acceptable",
    "the contract's text has faults, its version is not newer, or another owner or store claims the dataset",
    "nothing was published",
    "run `concordat contract check FILE`; a dataset keeps its owner and its one designated store",
)
BAD_TERMS = Code(
    "AGR-051",
    "agreement not acceptable",
    "the submitted document is not canonical, or its clause report leaves a clause without a class",
    _IGNORED,
    "submit with `concordat agreement submit`",
)
BAD_CHECKPOINT = Code(
    "AGR-052",
    "checkpoint not trusted",
    "a stored snapshot of the register is damaged, of another version, or not signed by the trusted key",
    "it is not used; the register is read from its start",
    "delete the file; it is made again",
)
SEALED_KEY = Code(
    "AGR-053",
    "sealed content key missing or not wanted",
    "an act that makes an encrypting share active, or a new version of its key, lacks the key sealed to the recipient; or it"
    " seals one that no share uses",
    _IGNORED,
    "sign with `concordat agreement sign`, which seals the keys",
)
ROTATION = Code(
    "AGR-054",
    "key cannot be rotated while an entity share uses it",
    "a share of an entity dataset holds records under this key; each would have to be replaced at once, which the broker cannot do",
    "nothing was rotated; records go on under the version that is in use",
    "end the agreement and sign a new one under a new reference, which gets keys of its own",
)
CODES = (
    NOT_YAML,
    UNKNOWN_KEY,
    MISSING_KEY,
    DUPLICATE_KEY,
    WRONG_TYPE,
    AMBIGUOUS,
    WRONG_VALUE,
    NULL,
    NOT_PLAIN,
    TOO_LARGE,
    PARTIES,
    DATES,
    SHARES,
    PROHIBITED,
    WINDOW,
    LOOK_BACK,
    UNENFORCED,
    CAVEATS,
    NO_FIELD_LEAVES,
    WRONG_STATE,
    SEPARATE_DUTIES,
    NOT_ENTITLED,
    BAD_SIGNATURE,
    STALE,
    NOT_AN_ACT,
    UNKNOWN_OBJECT,
    ALREADY_THERE,
    BAD_SCHEMA,
    BAD_CONTRACT,
    BAD_TERMS,
    BAD_CHECKPOINT,
    SEALED_KEY,
    ROTATION,
    *umbrella_codes.CODES,
    *inventory_codes.CODES,
    COMBINATION,
    GEOGRAPHY,
)
