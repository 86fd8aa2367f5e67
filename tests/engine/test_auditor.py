"""The auditor finds each kind of damage and says so in a sentence; of a healthy server it says nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import Executable, delete, func, select, update

from tests.support.world import START, World
from tocsin import limits
from tocsin.core.model import Message, Outcome, Receipt
from tocsin.core.policy import Policy
from tocsin.engine.auditor import Audit, Finding, Mark, audit
from tocsin.engine.context import Context
from tocsin.engine.evidence import BY_HAND, KEEP_IT
from tocsin.store import audit as stored
from tocsin.store.audit import Standing
from tocsin.store.schema import deliveries, events, outbox, plans, subjects
from tocsin.store.transaction import Transaction

EARLY = Mark(START)


def look(world: World, since: Mark = EARLY, policies: Mapping[str, Policy] | None = None) -> Audit:
    """One audit by a server that has just started, or that knows these policies already."""
    context = Context("auditor", frozenset(), "{}".format, "{}".format, _policies=dict(policies or {}))
    return world.store.read_now(partial(audit, context=context, now=world.now, since=since))


def findings(world: World) -> list[Finding]:
    return list(look(world).findings)


def change(world: World, *statements: Executable) -> None:
    """Somebody changes the database by hand."""

    def job(tx: Transaction) -> None:
        for one in statements:
            tx.execute(one)

    world.store.write_now(job)


def wait(world: World, **length: float) -> None:
    """Time passes, and the engine does nothing: it has been stopped."""
    world.now += timedelta(**length)


# Damage done to an incident whose first page went out at 03:00.


def snapshot_edited(world: World) -> None:
    state = func.replace(subjects.c.state, '"level":"P1"', '"level":"P2"')
    change(world, update(subjects).values(state=state))


def event_lost(world: World) -> None:
    change(world, delete(events).where(events.c.type == "ring_settled"))


def event_unreadable(world: World) -> None:
    change(world, update(events).where(events.c.type == "opened").values(data="{}"))


def event_of_the_future(world: World) -> None:
    change(world, update(events).where(events.c.type == "opened").values(type="archived"))


def snapshot_unreadable(world: World) -> None:
    change(world, update(subjects).values(state="{"))


def plan_lost(world: World) -> None:
    change(world, delete(plans))


def timer_lost(world: World) -> None:
    change(world, update(subjects).values(due_at=None))
    world.advance(minutes=4)


def page_lost(world: World) -> None:
    change(world, delete(outbox), delete(deliveries))


def page_never_sent(world: World) -> None:
    change(world, update(outbox).values(state="waiting", next_at=START.replace(year=2099)))
    change(world, delete(deliveries))
    wait(world, seconds=61)


def sender_stuck(world: World) -> None:
    change(world, update(outbox).values(state="leased", leased_until=START.replace(year=2099)))
    change(world, update(deliveries).values(outcome="sending", finished_at=None))
    wait(world, seconds=91)


def page_withdrawn(world: World) -> None:
    change(world, update(outbox).values(state="withdrawn"))


def set_aside(world: World) -> None:
    change(world, update(subjects).values(quarantined="KeyError: 'P9'"))
    wait(world, minutes=10)


DAMAGE: list[tuple[Callable[[World], None], str, str]] = [
    (snapshot_edited, "is not stored as its events say (level).", KEEP_IT),
    (event_lost, "has 5 events, and its version says 6.", KEEP_IT),
    (
        event_unreadable,
        "cannot be read: A stored Opened cannot be read: Object missing required field `incident`.",
        BY_HAND,
    ),
    (event_of_the_future, "cannot be read: 'archived'", BY_HAND),
    (
        snapshot_unreadable,
        "cannot be read: A stored Incident cannot be read: Input data was truncated.",
        BY_HAND,
    ),
    (plan_lost, "cannot be read: Plan version {plan} is not in the store.", BY_HAND),
    (timer_lost, "is late with `tell ana by webhook`, which was due at 03:02:00 UTC.", BY_HAND),
    (page_lost, "has no trace of its ring of 03:00:00 UTC to ana by email in outbox or ledger.", BY_HAND),
    (page_never_sent, "has not sent its ring of 03:00:00 UTC to ana by email.", BY_HAND),
    (sender_stuck, "has not sent its ring of 03:00:00 UTC to ana by email.", BY_HAND),
    (
        page_withdrawn,
        "will not send its ring of 03:00:00 UTC to ana by email, though it has not been answered.",
        BY_HAND,
    ),
    (set_aside, "is set aside and pages nobody any more: KeyError: 'P9'", BY_HAND),
]


@pytest.mark.parametrize(("damage", "what", "remedy"), DAMAGE, ids=[row[0].__name__ for row in DAMAGE])
def test_each_kind_of_damage_has_its_sentence(
    world: World, damage: Callable[[World], None], what: str, remedy: str
) -> None:
    world.alert("prometheus", "checkout is down")
    incident = world.incident()
    assert findings(world) == []
    damage(world)
    what = what.format(plan=incident.policy_version)
    assert findings(world) == [Finding(incident.id, f"{incident.id} {what}", remedy)]


def test_a_snapshot_of_an_earlier_fold_is_no_damage(world: World) -> None:
    world.alert("prometheus", "checkout is down")
    change(world, update(subjects).values(state='{"odd": 1}', fold=0))
    world.advance(minutes=2)
    assert findings(world) == []
    world.expected = len(world.sent)


def test_an_incident_that_nothing_will_stir_again_is_found(world: World) -> None:
    """The plan checker refuses such a plan; an engine that forgets to repeat comes to the same."""
    world.alert("prometheus", "checkout is down")
    world.advance(minutes=15)
    incident = world.incident()
    context = world.engine.context
    policy = world.store.read_now(partial(context.policy, version=incident.policy_version))
    quiet = [replace(level, acknowledge_within=None, repeat_every=None) for level in policy.levels]
    policies = {incident.policy_version: replace(policy, levels=tuple(quiet))}
    words = f"{incident.id} is not acknowledged, and nobody will be paged for it any more."
    assert look(world, policies=policies).findings == (Finding(incident.id, words, BY_HAND),)
    world.acknowledge("ana")
    assert look(world, policies=policies).findings == ()


def test_a_healthy_server_gives_no_findings(world: World) -> None:
    answers = iter([Outcome.UNKNOWN, *[Outcome.RETRYING] * 8, Outcome.FAILED])
    world.channels["webhook"].answer = lambda _message: Receipt(next(answers, Outcome.ACCEPTED))
    found: list[Finding] = []
    mark = EARLY

    def minutes(count: int) -> None:
        nonlocal mark
        for _ in range(count // 2):
            world.advance(minutes=2)
            seen = look(world, mark)
            found.extend(seen.findings)
            mark = seen.mark

    world.alert("prometheus", "checkout is slow", severity="error")
    first = world.incident().id
    minutes(4)
    world.alert("prometheus", "checkout is down")
    world.alert("uptime", "catalogue is down")
    minutes(28)
    world.acknowledge("ana", first)
    minutes(32)
    world.resolve("ben", incident=first)
    world.clear("uptime", "catalogue is down")
    minutes(4)
    assert found == []


def test_a_channel_that_refuses_for_long_is_no_finding(world: World) -> None:
    refused = Receipt(Outcome.RETRYING, "busy")

    def refuse(_message: Message) -> Receipt:
        return refused

    for channel in world.channels.values():
        channel.answer = refuse
    world.alert("prometheus", "checkout is down")
    for _ in range(6):
        world.advance(seconds=50)
        assert findings(world) == []


@pytest.mark.parametrize(("damage", "seconds"), [(page_never_sent, -2), (sender_stuck, -2)])
def test_a_little_late_is_no_finding(world: World, damage: Callable[[World], None], seconds: int) -> None:
    world.alert("prometheus", "checkout is down")
    damage(world)
    wait(world, seconds=seconds)
    assert findings(world) == []


def test_a_ledger_that_may_have_been_pruned_is_not_missed(world: World) -> None:
    world.alert("prometheus", "checkout is down")
    world.clear("prometheus", "checkout is down")
    page_lost(world)
    wait(world, minutes=2)
    assert len(findings(world)) == 1
    wait(world, days=1)
    assert findings(world) == []


def test_what_changes_while_it_is_looked_at_is_left_for_the_next_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL shows each statement another instant: first an open page, then its ring, withdrawn since."""
    world.alert("prometheus", "checkout is down")
    page_withdrawn(world)
    looks: list[Standing | None] = []

    def standing(tx: Transaction, incident: str) -> Standing | None:
        found = real(tx, incident)
        looks.append(found)
        return replace(found, version=found.version + 1) if found and len(looks) == 2 else found

    real = stored.standing
    monkeypatch.setattr(stored, "standing", standing)
    assert findings(world) == []
    assert len(findings(world)) == 1


def test_changes_are_audited_once_and_a_minute_after_they_were_made(world: World) -> None:
    world.alert("prometheus", "checkout is slow", severity="warning")
    world.clear("prometheus", "checkout is slow")
    snapshot_of_p3(world)
    wait(world, seconds=60)
    early = look(world)
    assert (early.findings, early.mark) == ((), EARLY)
    wait(world, seconds=1)
    first = look(world, early.mark)
    assert len(first.findings) == 1
    assert look(world, first.mark).findings == ()


def snapshot_of_p3(world: World) -> None:
    state = func.replace(subjects.c.state, '"level":"P3"', '"level":"P2"')
    change(world, update(subjects).values(state=state))


def test_an_audit_is_bounded_and_the_next_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "AUDIT_INCIDENTS", 2)
    for number in range(5):
        world.alert(f"source-{number}", "it is slow", severity="warning")
        world.clear(f"source-{number}", "it is slow")
    snapshot_of_p3(world)
    wait(world, minutes=2)
    mark, sizes = EARLY, []
    more = True
    while more:
        seen = look(world, mark)
        mark, more = seen.mark, seen.more
        sizes.append(len(seen.findings))
    assert sizes == [2, 2, 1]


def test_open_incidents_are_audited_in_turns_for_ever(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "AUDIT_INCIDENTS", 2)
    for number in range(5):
        world.alert(f"source-{number}", "it is slow", severity="warning")
    wait(world, minutes=2)
    mark = Mark(world.now)
    snapshot_of_p3(world)
    looked = []
    for _ in range(6):
        seen = look(world, mark)
        mark = seen.mark
        looked.append([one.incident[-1] for one in seen.findings])
    assert looked == [["1", "2"], ["3", "4"], ["5"]] * 2


@pytest.mark.parametrize("ended", [False, True])
def test_an_audit_stops_when_it_has_read_enough_events(
    world: World, monkeypatch: pytest.MonkeyPatch, ended: bool
) -> None:
    monkeypatch.setattr(limits, "AUDIT_EVENTS", 1)
    for number in range(3):
        world.alert(f"source-{number}", "it is slow", severity="warning")
        if ended:
            world.clear(f"source-{number}", "it is slow")
    snapshot_of_p3(world)
    wait(world, minutes=2)
    mark = EARLY if ended else Mark(world.now)
    looked = []
    for _ in range(4):
        seen = look(world, mark)
        mark = seen.mark
        looked.append(("".join(one.incident[-1] for one in seen.findings), seen.more))
    # The changes come to an end; the round of the open ones never does, and is no reason to hurry.
    changes, rounds = [("1", True), ("2", True), ("3", False), ("", False)], ["1", "2", "3", "1"]
    assert looked == (changes if ended else [(one, False) for one in rounds])


def test_nothing_stored_is_nothing_found(world: World) -> None:
    assert look(world) == Audit((), (), EARLY, more=False)
    assert world.store.read_now(lambda tx: tx.scalar(select(func.count()).select_from(events))) == 0
