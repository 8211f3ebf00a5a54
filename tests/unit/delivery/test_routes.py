"""The moments at which the routes are those of another day: when an agreement begins or ends, and when the clock is set back."""

from __future__ import annotations

from datetime import timedelta

from agreements import acts
from broker.delivery.routes import Routes
from broker.policy.codes import VIEW_UNREGISTERED
from contracts.faults import Faults
from contracts.model import Kind
from tests.integration.delivery.scenario import BEGIN, END, PortEngine, PortPlan, snapshot
from tests.registers import approved

SHARE = {"reference": "DSA-LHR", "dataset": "flow", "port": "LHR"}
BLINK = timedelta(microseconds=1)


def routes_at(now):
    made = Routes(
        lambda _, __, coverage: PortPlan(coverage.entry.agreement.reference, coverage.share.rows),
        lambda _, __, plans: PortEngine(Kind.EVENT, [(plan.reference, plan.port) for plan in plans]),
        lambda _: 1,
    )
    made.renew(snapshot({"position": 1, "datasets": {"flow": "event"}, "shares": [SHARE]}), now)
    return made


def test_a_plan_is_made_again_when_other_fields_leave_though_the_view_schema_is_said_to_be_the_same():
    register, compiled = approved(), []

    def compiles(_, __, coverage):
        compiled.append((coverage.share.id, tuple(coverage.share.fields)))
        return PortPlan(coverage.entry.agreement.reference, coverage.share.rows)

    made = Routes(compiles, lambda _, __, plans: PortEngine(Kind.EVENT, []), lambda _: 1)
    made.renew(register.snapshot, register.time)
    entry = register.snapshot.agreement("DSA-2026-101")
    share = entry.shares[0]
    path = next(path for path, treatment in share.fields.items() if treatment.action != "drop")
    same = acts.ShareView(1, share.id, entry.view_schemas[share.id])
    suspended = acts.AgreementSuspended(
        "DSA-2026-101", "wrong data", fields=(acts.SuspendedField(share.id, path),), views=(same,)
    )
    assert register.do(suspended, "signatory/wp-siro") == []
    compiled.clear()
    made.renew(register.snapshot, register.time)
    assert [path in fields for name, fields in compiled if name == share.id] == [False]


TWO = {
    "position": 1,
    "datasets": {"flow": "entity"},
    "shares": [SHARE, {"reference": "DSA-MAN", "dataset": "flow", "port": "MAN", "suspended": True}],
}


def test_a_share_of_which_no_plan_can_be_made_keeps_the_dataset_from_nobody_else():
    faults = Faults((VIEW_UNREGISTERED.fault("no registered view schema fits"),))

    def compiles(_, __, coverage):
        reference = coverage.entry.agreement.reference
        return faults if reference == "DSA-MAN" else PortPlan(reference, coverage.share.rows)

    made = Routes(compiles, lambda _, __, plans: PortEngine(Kind.ENTITY, []), lambda _: 1)
    for suspended in (True, False):  # the second time the plans stand, and the suspension is lifted
        shares = [SHARE, {**TWO["shares"][1], "suspended": suspended}]
        made.renew(snapshot({**TWO, "shares": shares}), BEGIN)
        route = made.by_dataset["flow"]
        assert [coverage.topic for coverage in route.coverages] == ["share.dsa-lhr.flow"] == [*route.entity_topics]
        assert len(route.plans) == 1
        (waiting,) = route.unplanned
        assert (waiting.coverage.topic, bool(waiting.coverage.entry.suspensions)) == ("share.dsa-man.flow", suspended)
        assert made.unplanned == {"share.dsa-man.flow": waiting.fault}
        assert waiting.fault.code.identifier == "DEL-013"
        assert "no registered view schema fits" in str(waiting.fault)
        assert route.narrowed("share.dsa-lhr.flow").unplanned == ()


def covering(made):
    return len(made.by_dataset["flow"].coverages)


def test_routes_stand_until_the_moment_at_which_an_agreement_begins():
    before = routes_at(BEGIN - timedelta(hours=1))
    assert covering(before) == 0
    assert before.stand_at(BEGIN - BLINK)
    assert not before.stand_at(BEGIN)
    assert covering(routes_at(BEGIN)) == 1


def test_routes_stand_until_the_moment_at_which_an_agreement_ends():
    last_day = routes_at(END - timedelta(hours=1))
    assert covering(last_day) == 1
    assert last_day.stand_at(END - BLINK)
    assert not last_day.stand_at(END)
    assert covering(routes_at(END)) == 0


def test_routes_do_not_stand_before_the_moment_they_were_made_for():
    """A clock that is set back over the beginning of an agreement must not decide for it."""
    assert not routes_at(BEGIN).stand_at(BEGIN - BLINK)
    assert routes_at(BEGIN).stand_at(BEGIN)
