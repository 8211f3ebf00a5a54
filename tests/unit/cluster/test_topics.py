"""Names and policies of topics."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from broker.cluster.topics import base_topics
from contracts import topics

references = st.from_regex(r"\A[A-Z0-9]{1,5}(-[A-Z0-9]{1,3}){0,2}\Z")
identifiers = st.from_regex(r"\A[a-z0-9]{1,5}(-[a-z0-9]{1,3}){0,2}\Z")


@settings(deadline=None, derandomize=True, max_examples=100)
@given(references, identifiers)
def test_a_shares_name_gives_back_the_share_so_no_two_shares_meet(reference, identifier):
    assert topics.share_of(topics.share(reference, identifier)) == (reference, identifier)
    assert topics.share_of(topics.receipts(reference, identifier)) is None
    assert topics.dataset_of(topics.share(reference, identifier)) is None


@settings(deadline=None, derandomize=True, max_examples=50)
@given(identifiers)
def test_a_sources_name_gives_back_the_dataset(dataset):
    assert topics.dataset_of(topics.source(dataset)) == dataset
    assert topics.share_of(topics.source(dataset)) is None


def test_a_commit_is_on_a_majority_of_copies():
    assert {spec.configuration["min.insync.replicas"] for spec in base_topics(4, 1)} == {"1"}
    assert {spec.configuration["min.insync.replicas"] for spec in base_topics(4, 3)} == {"2"}
    assert {spec.configuration["min.insync.replicas"] for spec in base_topics(4, 5)} == {"3"}
