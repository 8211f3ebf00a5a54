"""The sent-key state follows committed transactions and can be rebuilt from the share topic alone."""

import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st

from broker.delivery.state import Place, SentChange, SentState, rebuilt
from broker.policy.decision import Sent

PLACE = Place("share.dsa-1.people", 0)
OTHER = Place("share.dsa-1.people", 1)


def test_changes_and_their_marker_are_read_back(tmp_path):
    sent = Sent(b"d" * 32, b"p" * 32, 17)
    with SentState(tmp_path / "state") as state:
        assert state.applied(PLACE) is None
        state.apply([SentChange(PLACE, b"k", sent)], {PLACE: 1, OTHER: 1})
        assert state.sent(PLACE, [b"k", b"never"]) == {b"k": sent}
        assert state.sent(OTHER, [b"k"]) == {}
    with SentState(tmp_path / "state") as again:
        assert (again.applied(PLACE), again.sent(PLACE, [b"k"])) == (1, {b"k": sent})
        again.apply([SentChange(PLACE, b"k", None)], {PLACE: 2})
        assert (again.applied(PLACE), again.sent(PLACE, [b"k"])) == (2, {})


def test_no_key_is_on_the_disk_in_clear(tmp_path):
    with SentState(tmp_path / "state") as state:
        state.apply([SentChange(PLACE, b"canary-key-7731", Sent(b"d" * 32, b"", 0))], {PLACE: 1})
    assert not any(b"canary-key-7731" in file.read_bytes() for file in (tmp_path / "state").iterdir())


operations = st.lists(
    st.tuples(st.sampled_from([b"a", b"b", b"c"]), st.one_of(st.none(), st.binary(max_size=4))), max_size=30
)


@settings(max_examples=25, derandomize=True, deadline=None)
@given(operations)
def test_a_rebuilt_state_equals_one_that_followed_every_commit(tmp_path_factory, records):
    directory = tmp_path_factory.mktemp("state")
    with SentState(directory / "followed") as followed, SentState(directory / "rebuilt") as again:
        for number, (key, value) in enumerate(records, 1):
            followed.apply([SentChange(PLACE, key, None if value is None else rebuilt(value))], {PLACE: number})
        again.apply(
            [SentChange(PLACE, b"stale", rebuilt(b"x")), SentChange(OTHER, b"a", rebuilt(b"kept"))], {PLACE: 99}
        )
        assert again.rebuild(PLACE, records, len(records)) == len(records)
        keys = [b"a", b"b", b"c", b"stale"]
        assert again.sent(PLACE, keys) == followed.sent(PLACE, keys)
        assert again.applied(PLACE) == len(records)
        assert set(again.sent(OTHER, keys)) == {b"a"}


def test_a_delivered_view_says_its_digest_and_nothing_else():
    assert rebuilt(b"view") == Sent(hashlib.sha256(b"view").digest(), b"", -1)
