"""The agreement that `concordat agreement new` prints: complete, checked by a test, and to be changed everywhere."""

TEMPLATE = """\
# Change every value.  `concordat agreement check FILE` names what is missing; docs/formats/agreement.md explains each key.
concordat: agreement/1
reference: DSA-2027-001
version: 1
kind: dsa
title: What is shared, and what for
parties:
  - organisation: provider-organisation
    side: provider
    role: controller
    signs:
      - Senior Information Risk Owner
  - organisation: recipient-organisation
    side: recipient
    role: controller
    signs:
      - Senior Information Risk Owner
purposes:
  prohibited:
    - marketing
    - profiling
law:
  power: The statute and section that permit the sharing
  lawful_basis: UK GDPR Article 6(1)(e)
  regime: uk-gdpr
justification:
  benefits: What gets better by it, and for whom
  necessity: Why it cannot be done without these data
  proportionality: Why not less would do
assessments:
  data_protection:
    reference: The impact assessment
    outcome: low-residual-risk
    decided_on: 2026-12-01
shares:
  - id: first-share
    dataset: a-published-dataset
    contract: 1
    purpose: benefits.entitlement
    classification_ceiling: OFFICIAL
    key: tokenise
    fields:
      a_field: keep
      a_date:
        generalise: year
dates:
  start: 2027-01-01
  end: 2029-12-31
delivery:
  retention: P30D
  when_suspended: hold
after_delivery:
  retention: P2Y
  onward_disclosure: never
transparency:
  privacy_notice: "https://www.example.gov.uk/privacy/what-is-shared"
"""
