"""What the names of columns suggest: phrases that stand in the schemas of public bodies, and the tags that they suggest.

A phrase is words; between two of them a column's name may have `_` or nothing, a word may have an `s` at its end, and before and
after the phrase may stand other words.  `#` is a word for a number or a reference.  The first phrase that fits counts, so what
the law protects most stands before what is merely personal.
"""

from __future__ import annotations

import re

_NUMBER = "(?:no|nr|num|number|ref|reference|id|identifier|uuid)"

_SUGGESTED: tuple[tuple[str, tuple[str, ...]], ...] = (
    # Offenders' numbers say that there was an offence.
    (
        "pnc #, pnc, cro #, cro, nomis #, prison #, prisoner #, offender #",
        ("criminal-offence", "pole:person.identifier"),
    ),
    ("nino, ni #, national insurance #, national insurance", ("pole:person.identifier",)),
    ("nhs #, chi #, hospital #, mrn", ("pole:person.identifier",)),
    ("utr, tax #, tax payer #, ssn, social security #", ("pole:person.identifier",)),
    ("upn, uln, pupil #, student #, learner #", ("pole:person.identifier",)),
    ("home office #, asylum #, brp #, immigration #", ("pole:person.identifier",)),
    ("person #, people #, traveller #, passenger #, patient #, citizen #, subject #", ("pole:person.identifier",)),
    ("customer #, client #, applicant #, claimant #, member #, user #", ("pole:person.identifier",)),
    ("employee #, staff #, payroll #, service user #", ("pole:person.identifier",)),
    ("elector #, tenant #, victim #, witness #, arrestee #", ("pole:person.identifier",)),
    ("pnr, frequent flyer #, ticket #", ("pole:person.identifier",)),
    # Special categories: article 9 of the UK GDPR.
    ("ethnic, ethnicity, ethnos, race, racial, tribe", ("special-category:ethnic-origin",)),
    ("nationality, nationalities, citizenship, country of birth", ("special-category:ethnic-origin-proxy",)),
    ("place of birth, birth place, birth country", ("special-category:ethnic-origin-proxy",)),
    ("first language, native language, main language", ("special-category:ethnic-origin-proxy",)),
    ("religion, religious, faith, belief, denomination", ("special-category:religion",)),
    ("meal preference, meal code, special meal, dietary", ("special-category:religion-proxy",)),
    ("political, party membership, voting intention", ("special-category:political-opinion",)),
    ("trade union, union member, union membership, union branch", ("special-category:trade-union",)),
    ("sexual orientation, sexuality, sex life", ("special-category:sexual-orientation",)),
    ("dna, genetic, genome, genotype", ("special-category:genetic",)),
    ("finger print, face template, face image, facial, biometric, iris", ("special-category:biometric",)),
    ("health, medical, diagnosis, diagnoses, disability, disabilities, disabled", ("special-category:health",)),
    ("medication, medicine, prescription, allergy, allergies, blood type, blood group", ("special-category:health",)),
    ("symptom, treatment, icd10, snomed, gp practice, gp, hiv, pregnant, pregnancy", ("special-category:health",)),
    ("mental, vaccine, vaccination, immunisation, care need, bmi", ("special-category:health",)),
    ("sen, send, special need, special educational need, diag, drug, icd", ("special-category:health",)),
    ("condition #, condition code, condition concept, condition occurrence", ("special-category:health",)),
    ("work capability, torture, trauma, substance misuse, alcohol", ("special-category:health",)),
    # Offences and suspicions of them: article 10.
    ("conviction, convicted, offence, offender, arrest, arrested, caution", ("criminal-offence",)),
    ("criminal, crime, sentence, sentenced, custody, bail, warrant, prison", ("criminal-offence",)),
    ("probation, prosecution, suspect, defendant, verdict, object of search", ("criminal-offence",)),
    ("arrestee, endorsement, penalty point, modus operandi", ("criminal-offence",)),
    # A person.
    ("given name, first name, middle name, last name, family name, maiden name", ("pole:person.name",)),
    ("full name, known name, preferred name, previous name, legal name, birth name", ("pole:person.name",)),
    ("person name, traveller name, passenger name, patient name, customer name", ("pole:person.name",)),
    ("contact name, spouse name, mother name, father name, child name, officer name", ("pole:person.name",)),
    ("applicant name, claimant name, keeper name, owner name, holder name", ("pole:person.name",)),
    ("victim name, witness name, pupil name, student name, teacher name, tenant name", ("pole:person.name",)),
    ("employee name, staff name, member name, partner name, parent name, guardian name", ("pole:person.name",)),
    ("surname, forename, alias, aliases, initial, known as, signature, signed by", ("pole:person.name",)),
    ("dob, date of birth, birth date, birthday, year of birth, birth year, born", ("pole:person.date_of_birth",)),
    ("dod, date of death, death date, deceased, died", ("pole:person.date_of_death",)),
    ("age, age range, age group, age band", ("pole:person.age",)),
    ("sex, gender, pronoun", ("pole:person.sex",)),
    ("email, e mail, telephone, tel, phone, mobile, fax, landline, msisdn", ("pole:person.contact",)),
    ("user name, login, social media, twitter, facebook", ("pole:person.contact",)),
    ("next of kin, nok, spouse, emergency contact, guardian, dependant", ("pole:person.relation",)),
    ("marital status, marital, civil partnership", ("pole:person.status",)),
    (
        "immigration status, asylum claim, asylum, refugee, leave to remain, right to work, detained",
        ("pole:person.status",),
    ),
    ("occupation, employer, job title, salary, wage, income, earning, benefit", ()),
    ("photo, photograph, portrait, safeguarding, vulnerable, vulnerability, looked after", ()),
    # What leads to a person.
    ("passport #, passport, identity card #, identity card, birth certificate #", ("pole:object.document",)),
    ("document #, visa #, driving licence, driving license, driver #, driver licence", ("pole:object.document",)),
    ("licence #, license #", ("pole:object.document",)),
    ("number plate, plate, vrm, vrn, vin, vehicle registration, vehicle reg", ("pole:object.vehicle",)),
    ("registration #, registration mark, reg #, registration", ("pole:object.vehicle",)),
    ("iban, bank account, account #, account holder, sort code, card #", ("pole:object.account",)),
    ("ip, ip address, ip addr, device #, imei, imsi, mac address, mac addr", ("pole:object.device",)),
    ("post code, zip, zip code", ("pole:location.postcode",)),
    ("address, addr, street, house #, house name, uprn", ("pole:location.address",)),
)
"""Every one of these is personal as well."""
_SUGGESTED_OF_NOBODY = (
    ("latitude, longitude, lat, lon, lng, easting, northing, geom, geometry", ("pole:location.coordinates",)),
    ("note, comment, remark, description, free text, detail, narrative, summary", ("free-text",)),
    ("observation, statement, other information, reason text, message text", ("free-text",)),
)
"""These say nothing of whether a row is about a person."""
_SUGGESTED_OF_PEOPLE = (
    ("name, first, last, middle, title, prefix, suffix", ("pole:person.name",)),
    ("town, city, county, district", ("pole:location.address",)),
)
"""These suggest something only where another column suggests a person, and only as whole names."""
_OF_SYSTEMS = re.compile(r"registration_(date|time|at|on)|(health|status)_check(_.*)?|(password|user)_(hash|agent)")
"""Names that a phrase fits, and that speak of a system."""


def suggested(column: str) -> tuple[str, ...]:
    """The tags that a column's name suggests by itself."""
    words = _words(column)
    if _OF_SYSTEMS.fullmatch(words):
        return ()
    return next((tags for pattern, tags in _PATTERNS if pattern.fullmatch(words)), ())


def suggested_of_people(column: str) -> tuple[str, ...]:
    """The tags that a column's name suggests in a row that is about a person."""
    words = _words(column)
    return next((tags for pattern, tags in _PATTERNS_OF_PEOPLE if pattern.fullmatch(words)), ())


def _words(column: str) -> str:
    """Lower-case words with `_` between them, however the store writes them."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[A-Z][a-z])|[^A-Za-z0-9]+", "_", column)
    return parted.strip("_").lower()


def _pattern(phrases: str) -> str:
    """The pattern of phrases with commas between them."""
    return "|".join(
        "_?".join(_NUMBER if word == "#" else f"{re.escape(word)}s?" for word in phrase.split())
        for phrase in phrases.split(", ")
    )


_PATTERNS = tuple(
    (re.compile(rf"(?:.*_)?(?:{_pattern(phrases)})(?:_.*)?"), tags)
    for phrases, tags in (
        *((phrases, ("personal", *tags)) for phrases, tags in _SUGGESTED),
        *_SUGGESTED_OF_NOBODY,
    )
)
_PATTERNS_OF_PEOPLE = tuple(
    (re.compile(_pattern(phrases)), ("personal", *tags)) for phrases, tags in _SUGGESTED_OF_PEOPLE
)
