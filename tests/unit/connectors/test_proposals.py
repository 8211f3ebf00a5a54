"""What is proposed for the columns of government's tables, against a list that says what each of them is."""

from __future__ import annotations

import pytest

from connectors.proposals import PROPOSED, proposed_tags

LABELLED = {
    "personal": """
        nino national_insurance_no NINumber ni_number nhs_number NHSNo nhsno hospital_number mrn utr tax_reference upn
        pupil_number uln passport_number passport_no passport driving_licence_number driver_number brp_number document_id
        visa_number date_of_birth dob DOB birthdate BIRTHDATE year_of_birth born_on date_of_death email email_address
        EmailAddress phone phone_number telephone mobile_no tel postcode post_code PostCode home_address address_line_1
        addr1 address1 AddressLine2 uprn full_name first_name forename1 middle_names surname last_name family_name
        maiden_name FirstName gender sex gender_identity photo ip_address mac_address device_id vrn vrm vehicle_reg
        number_plate registration_mark bank_account sort_code iban account_number card_number salary marital_status
        civil_partnership spouse_name next_of_kin nok_phone dependants occupation employer immigration_status
        asylum_claim patient_id traveller_ref applicant_id claimant_number staff_number user_id username signature age
        age_range safeguarding_flag vulnerable zip pnr_locator frequent_flyer_number victim_name witness_name detained
        looked_after_child keeper_post_code partner_nino passengerName accommodation_address""",
    "special-category:ethnic-origin": "ethnicity ethnic_group ethnic_code ETHNOS RACE_CODE race self_defined_ethnicity Officer-defined_ethnicity",
    "special-category:ethnic-origin-proxy": "nationality nationality_code citizenship place_of_birth country_of_birth first_language",
    "special-category:religion": "religion religious_belief faith religion_code",
    "special-category:religion-proxy": "meal_preference special_meal",
    "special-category:political-opinion": "political_party political_opinion",
    "special-category:trade-union": "trade_union union_membership union_member",
    "special-category:sexual-orientation": "sexual_orientation sexuality",
    "special-category:genetic": "dna_profile genetic_marker",
    "special-category:biometric": "fingerprint_hash facial_image biometric_ref face_template iris_scan",
    "special-category:health": """disability disability_code health_condition diagnosis diagnosis_code medication allergies
        blood_group gp_practice hiv_status pregnancy vaccination_date mental_capacity
        DIAG_01 sen_status work_capability_group torture_claim medical_restriction condition_concept_id disability_premium""",
    "criminal-offence": """conviction convictions criminal_record offence_code arrest_date sentence_length custody_record
        bail_status warrant_number prison_number pnc_id pncid nomis_id cro_number caution_date suspect_ref
        object_of_search crime_ref custody_number crime_type penalty_points endorsement_code arrestee_name OFFENDER_ID""",
    "free-text": "notes case_notes comment remarks free_text description narrative officer_observations",
    "": """id created_at updated_at status flight_number port_code amount quantity trace_id name title version currency
        country town created_by_process queue_position file_name product_name company_name port_name opening_hours
        capacity carrier_code weight_kg departure arrival vessel_name imo_number commodity_code tariff registration_date
        health_check_at retries checksum unit_price vat_number latitude longitude is_active sequence platform gate
        language_pack stage package message_id packaging plateau_code trade surface priority team cargo terminal
        claim_start_date sic_code turnover arrears make model colour decision attendance_percent seat_row send_at drugstore
        sender message_sent terms_and_conditions exposure_limit trauma_free provider_code company_number occupancy""",
}
RECALL_MIN = 0.97
PRECISION_MIN = 0.95


def _category(column: str) -> str:
    """What is proposed for a column of its own, as one of the labels."""
    tags = [tag.removeprefix(PROPOSED) for tag in proposed_tags({column: "string"}, [])[column]]
    for tag in tags:
        if tag.startswith(("special-category", "criminal")) or tag == "free-text":
            return tag
    return "personal" if "personal" in tags else ""


def test_what_the_law_protects_is_proposed_as_that(record_property):
    labels = {column: label for label, columns in LABELLED.items() for column in columns.split()}
    found = {column: _category(column) for column in labels}
    proposed = {column for column, label in found.items() if label}
    right = {column for column in proposed if found[column] == labels[column]}
    recall = len(right) / sum(bool(label) for label in labels.values())
    precision = len(right) / len(proposed)
    record_property("recall", recall)
    record_property("precision", precision)
    wrong = {column: (labels[column], found[column]) for column in labels if labels[column] != found[column]}
    assert (recall >= RECALL_MIN, precision >= PRECISION_MIN) == (True, True), (recall, precision, wrong)
    assert not [column for column, (label, _) in wrong.items() if label.startswith(("special", "criminal"))], wrong


STOPS = (
    "Type Date Part_of_a_policing_operation Latitude Longitude Gender Age_range Self-defined_ethnicity"
    " Officer-defined_ethnicity Legislation Object_of_search Outcome"
)
"""The columns of the stop and search data that police forces in England and Wales publish."""
PATIENTS = (
    "Id BIRTHDATE DEATHDATE SSN DRIVERS PASSPORT PREFIX FIRST LAST SUFFIX MAIDEN MARITAL RACE ETHNICITY GENDER BIRTHPLACE"
    " ADDRESS CITY STATE COUNTY ZIP LAT LON HEALTHCARE_EXPENSES"
)
"""The columns of the patients of Synthea, a generator of health records."""


@pytest.mark.parametrize(
    ("table", "special"),
    [
        (
            STOPS,
            {
                "Self-defined_ethnicity": "special-category:ethnic-origin",
                "Officer-defined_ethnicity": "special-category:ethnic-origin",
                "Object_of_search": "criminal-offence",
            },
        ),
        (
            PATIENTS,
            {
                "RACE": "special-category:ethnic-origin",
                "ETHNICITY": "special-category:ethnic-origin",
                "BIRTHPLACE": "special-category:ethnic-origin-proxy",
            },
        ),
    ],
)
def test_a_published_table_about_people_is_proposed_as_that(table, special):
    columns = table.split()
    found = proposed_tags(dict.fromkeys(columns, "string"), columns[:1])
    assert all(PROPOSED + "personal" in tags for tags in found.values())
    assert sum(PROPOSED + "subject" in tags for tags in found.values()) == 1
    for column, tag in special.items():
        assert PROPOSED + tag in found[column], found[column]


def test_names_that_say_nothing_alone_do_beside_a_person():
    place = proposed_tags({"name": "string", "town": "string"}, ["name"])
    assert place == {
        "name": ("proposed:not-personal", "proposed:identifier"),
        "town": ("proposed:not-personal",),
    }
    person = proposed_tags({"id": "integer", "name": "string", "town": "string", "dob": "date"}, ["id"])
    assert "proposed:pole:person.name" in person["name"]
    assert "proposed:pole:location.address" in person["town"]
    assert person["id"] == ("proposed:personal", "proposed:subject")


def test_free_text_is_never_proposed_as_not_personal():
    assert proposed_tags({"id": "integer", "notes": "string"}, ["id"])["notes"] == ("proposed:free-text",)
    assert proposed_tags({"id": "integer", "notes": "integer"}, ["id"])["notes"] == ("proposed:not-personal",)
    beside_a_person = proposed_tags({"nino": "string", "notes": "string"}, ["nino"])["notes"]
    assert beside_a_person == ("proposed:personal", "proposed:free-text")
