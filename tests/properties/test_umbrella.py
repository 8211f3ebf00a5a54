"""NARROW-ONLY by the decisions of the evaluator: what leaves under an umbrella is no more than the umbrella's own share."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from agreements import text
from agreements.model import Agreement, Mask
from agreements.umbrella.conjunction import conjunction, enclosed
from agreements.umbrella.meet import Effective, flatten, meet
from agreements.umbrella.treatment_order import tells_no_more
from broker.policy.cel import parse
from broker.policy.compile import compile_plan
from broker.policy.plan import Plan
from broker.policy.treatments import UNTREATABLE, compile_treatment
from contracts.faults import Faults
from contracts.wire import AvroSchema, unframe
from tests.policy_world import NOW, NOW_MS, PERSON, Keys, engine_of, plan_of, record, share
from tests.umbrella_strategies import CONTRACT, ROWS, Pair, band, ceilings, grain, pairs, shares_below, t

_PROFILE = settings(max_examples=30, deadline=None, derandomize=True)
_MARKED = ("mask", "truncate")
EVENTS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["nora", "al", "Zoë Quinn", ""]) | st.none(),
        "status": st.sampled_from(["active", "left"]),
        "born": st.dates(date(1950, 1, 1), date(2020, 1, 1)) | st.none(),
        "visits": st.integers(0, 60) | st.none(),
        "balance": st.sampled_from([Decimal("12.50"), Decimal("-0.25")]) | st.none(),
        "score": st.sampled_from([0.1, 0.5]) | st.none(),
        "seen": st.sampled_from([NOW - timedelta(days=40), NOW - timedelta(hours=30), NOW]),
        "flag": st.booleans(),
        "child": st.booleans() | st.none(),
        "address": st.fixed_dictionaries(
            {"postcode": st.sampled_from(["SW1A 1AA", "M1 1AE", "nowhere"]), "country": st.sampled_from(["GB", ")"])}
        ),
    }
)


def _compiled(agreement: Agreement) -> Plan:
    one = agreement.shares[0]
    plan = compile_plan(agreement, text.content_hash(agreement), one, CONTRACT, view_schema_id=100)
    assert isinstance(plan, Plan), str(plan)
    return plan


def _view(plan: Plan, value: bytes) -> dict:
    decoded = AvroSchema(plan.view_text).decode(unframe(value)[1])
    flat = {}
    for field in plan.fields:
        found = decoded
        for name in field.path.split("."):
            found = None if found is None else found.get(name)
        flat[field.path] = found
    return flat


def _met(pair: Pair) -> Effective:
    found = meet(pair.umbrella, pair.agreement)
    assert isinstance(found, Effective), str(found)
    return found


def _below(plan: Plan, ceiling: Plan, path: str, told: object) -> object:
    """What the narrower treatment makes of the value that the ceiling lets out."""
    field = next(field for field in plan.fields if field.path == path)
    most = next(field for field in ceiling.fields if field.path == path)
    if told is None or field.treatment == most.treatment:
        return told
    if most.treatment.generalise == "month":
        return int(told[:4])
    secret = None if field.key is None else Keys().key(field.key.identifier, field.key.version)
    return compile_treatment(field, secret)(told)


@_PROFILE
@given(pairs(), st.lists(EVENTS, min_size=1, max_size=4))
def test_what_leaves_under_an_umbrella_is_no_more_than_its_share_lets_out(pair, events):
    plan = _compiled(_met(pair).agreement)
    as_dsa = pair.umbrella.model_copy(update={"reference": pair.agreement.reference, "kind": pair.agreement.kind})
    ceiling = _compiled(as_dsa)
    assert {field.path for field in plan.fields} <= {field.path for field in ceiling.fields}
    records = [record(CONTRACT, offset, dict(PERSON) | event) for offset, event in enumerate(events)]
    for found in engine_of(CONTRACT, plan, ceiling).evaluate(records, NOW_MS):
        own, most = found.verdicts or (None, None)
        if own is None or own.value is None:
            continue
        assert most.value is not None, (own.reasons, most.reasons)
        assert own.key == most.key
        told = _view(ceiling, most.value)
        for path, value in _view(plan, own.value).items():
            assert value == _below(plan, ceiling, path, told[path]), path


@_PROFILE
@given(pairs(), st.lists(EVENTS, min_size=1, max_size=4))
def test_a_flattened_agreement_decides_the_same(pair, events):
    effective = _met(pair)
    alone = text.parse(text.render(flatten(effective)))
    assert isinstance(alone, Agreement), str(alone)
    assert alone.under is None
    assert alone == flatten(effective)
    plans = _compiled(effective.agreement), _compiled(alone)
    records = [record(CONTRACT, offset, dict(PERSON) | event) for offset, event in enumerate(events)]
    for found in engine_of(CONTRACT, *plans).evaluate(records, NOW_MS):
        assert not found.verdicts or found.verdicts[0] == found.verdicts[1]


@_PROFILE
@given(pairs(), st.lists(EVENTS, min_size=1, max_size=3))
def test_rows_are_those_that_both_filters_permit(pair, events):
    both, own, above = (
        plan_of(CONTRACT, share({"id": "tokenise"}, rows=rows))
        for rows in (
            _met(pair).agreement.shares[0].rows,
            pair.agreement.shares[0].rows,
            pair.umbrella.shares[0].rows,
        )
    )
    records = [record(CONTRACT, offset, dict(PERSON) | event) for offset, event in enumerate(events)]
    for found in engine_of(CONTRACT, both, own, above).evaluate(records, NOW_MS):
        first, second, third = (verdict.value is not None for verdict in found.verdicts)
        assert first == (second and third)


@_PROFILE
@given(pairs())
def test_meeting_an_umbrella_again_changes_nothing_but_the_writing_of_rows(pair):
    once = _met(pair).agreement
    twice = _met(Pair(pair.umbrella, once)).agreement
    rows = {"rows": None}
    plain = [found.model_copy(update={"shares": (found.shares[0].model_copy(update=rows),)}) for found in (once, twice)]
    assert plain[0] == plain[1]


@_PROFILE
@given(pairs())
def test_an_agreement_under_itself_is_itself(pair):
    own = flatten(_met(pair))
    assert _met(Pair(own, own)).agreement == own


@_PROFILE
@given(ceilings().flatmap(lambda one: st.tuples(st.just(one), shares_below(one), shares_below(one))), pairs())
def test_prohibitions_and_obligations_add_up_in_any_order(three, pair):
    first, second = (
        pair.umbrella.model_copy(
            update={
                "shares": (),
                "purposes": pair.umbrella.purposes.model_copy(update={"prohibited": prohibited}),
                "parties": tuple(reversed(pair.umbrella.parties)),
            }
        )
        for prohibited in (("marketing", "profiling"), ("profiling", "research.sale"))
    )
    own = pair.agreement.model_copy(update={"shares": (three[1],)})
    one = _met(Pair(second, _met(Pair(first, own)).agreement)).agreement
    other = _met(Pair(first, _met(Pair(second, own)).agreement)).agreement
    assert set(one.purposes.prohibited) == set(other.purposes.prohibited)
    assert one.limits == other.limits
    assert one.dates == other.dates
    assert one.shares == other.shares


ALL = [
    *(t(action) for action in ("keep", "drop", "tokenise", "encrypt")),
    *(t("mask", mask=Mask(keep_first=first, keep_last=last)) for first in (0, 2) for last in (0, 3)),
    *(t("truncate", truncate_characters=length) for length in (1, 3, 8)),
    *(grain(step) for step in ("hour", "day", "month", "year", "district")),
    *(band(width) for width in (1, 5, 10, 15, 20)),
]
COMPARABLE = [
    (first, second)
    for first in ALL
    for second in ALL
    if first.action == second.action in ("mask", "truncate", "generalise") and tells_no_more(first, second)
    if first.generalise != "district"
]
TREATMENTS = st.sampled_from(ALL)


@settings(max_examples=250, deadline=None, derandomize=True)
@given(TREATMENTS, TREATMENTS, TREATMENTS)
def test_the_order_of_treatments_is_a_partial_order(first, second, third):
    assert tells_no_more(first, first)
    assert not (tells_no_more(first, second) and tells_no_more(second, first)) or first == second
    assert not (tells_no_more(first, second) and tells_no_more(second, third)) or tells_no_more(first, third)


VALUES = {
    "mask": st.text(max_size=12),
    "truncate": st.text(max_size=12),
    "generalise": st.integers(-1000, 1000),
    "moment": st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC)),  # noqa: DTZ001
}


@settings(max_examples=250, deadline=None, derandomize=True)
@given(st.sampled_from(COMPARABLE), st.data())
def test_the_stronger_treatment_is_worked_out_from_the_weaker_ones_result(pair, data):
    first, second = pair
    kind = "moment" if isinstance(first.generalise, str) else first.action
    value = data.draw(VALUES[kind])
    plan = plan_of(CONTRACT, share({"name": "keep"})).fields[0]
    strong, weak = (compile_treatment(replace(plan, treatment=one), None) for one in (first, second))
    told = weak(value)
    if second.generalise == "month" and first.generalise == "year":
        told = date(int(told[:4]), 1, 1)
    assert told is not UNTREATABLE
    assert first == second or strong(told) == strong(value)


_PIECES = st.sampled_from(
    ["(", ")", "[", "]", '"', "'", '"""', "'''", "r", "b", "//", "\n", " ", "\\", "a", "||", "&&", "true", "]", '")"']
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(_PIECES, max_size=8).map("".join) | st.sampled_from(ROWS), st.sampled_from(ROWS))
def test_what_is_joined_was_whole_before(loose, sound):
    """No filter reaches out of its parentheses, so none can undo the other."""
    for first, second in ((loose, sound), (sound, loose)):
        joined = conjunction(first, second)
        if joined is not None and not isinstance(parse(joined), Faults):
            assert not isinstance(parse(loose), Faults)


def test_a_filter_that_breaks_out_is_not_joined():
    for loose in ("true) || (true", 'x == "', "a ]", "", "// nothing", "f('''a'')"):
        assert conjunction(loose, "visits > 1") is None
        assert enclosed(loose) is None
    assert conjunction('a == ")"', "b // c)") == '(a == ")") && (b)'
