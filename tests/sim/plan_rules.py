"""What must be true of what a plan asks for beside its clocks: triggers, thresholds, roles, versions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from tests.sim.account import identity
from tests.sim.stream import Stream
from tocsin.core.incident import events
from tocsin.core.incident.events import Recorded
from tocsin.core.model import RoleId
from tocsin.core.policy import Milestone


def triggers_fire_once(stream: Stream, one: Recorded) -> Iterator[str]:
    """An escalation by impact happens once, and because its condition holds."""
    event, account = one.event, stream.account
    if not isinstance(event, events.TriggerFired):
        return
    if event.trigger in account.fired:
        yield f"{event.trigger} fires again"
    trigger = next((each for each in account.policy.triggers if each.id == event.trigger), None)
    if trigger is None or not account.holds(trigger.when):
        yield f"{event.trigger} fires, and `{event.condition}` does not hold: {account.facts}"


def what_holds_has_fired(stream: Stream, _row: object) -> Iterator[str]:
    """While an incident is open, no escalation by impact waits whose condition holds."""
    account = stream.account
    for one in () if account.over else account.policy.triggers:
        if one.id not in account.fired and account.holds(one.when):
            yield f"{stream.id}: {one.id} has not fired, and `{one.when.text}` holds"


def thresholds_are_where_they_should_be(stream: Stream, _row: object) -> Iterator[str]:
    """A condition that must hold for a time is crossed while it holds, since the facts last said so."""
    account = stream.account
    if not account.judged or account.over:
        return
    for row in account.policy.classifications:
        if row.threshold and row.condition is not None:
            holds = account.holds(row.condition)
            if holds != (row.threshold in account.thresholds):
                yield f"{stream.id}: `{row.threshold}` holds: {holds}; crossed: {account.thresholds}"


def a_default_fills_what_is_vacant(stream: Stream, one: Recorded) -> Iterator[str]:
    """A role is held by default where the level asks for it, the plan says whose it is, and nobody has it."""
    event, account = one.event, stream.account
    if not isinstance(event, events.HeldByDefault):
        return
    for role, person in event.held:
        planned = account.policy.roles[role]
        if account.level not in planned.at or not planned.default:
            yield f"{person} is {role} by default, and the plan does not say so at {account.level}"
        if role in account.roles or role in account.by_default:
            yield f"{person} is {role} by default, and somebody has it"


def nobody_holds_what_excludes(stream: Stream, one: Recorded) -> Iterator[str]:
    """Nobody is given a role beside one that the plan forbids to have with it."""
    event, account = one.event, stream.account
    if isinstance(event, events.RoleAssigned):
        person = event.person
    elif isinstance(event, events.RoleHandedOver):
        person = event.taker
    else:
        return
    roles = account.policy.roles
    holders = {role: account.roles.get(role) for role in roles}
    by_default = {role: [each.person for each in roles[role].default] for role in roles}
    for other in roles:
        excluded = other in roles[event.role].not_with or event.role in roles[other].not_with
        has = holders[other] == person if holders[other] else person in by_default[other]
        if excluded and has:
            yield f"{person} becomes {event.role} and is {other}"


def hand_overs_have_two(stream: Stream, one: Recorded) -> Iterator[str]:
    """A role goes from hand to hand when both have confirmed, and only then."""
    event = one.event
    if isinstance(event, events.RoleHandedOver):
        agreed = stream.agreed.get(RoleId(event.role), set())
        if agreed != {event.giver, event.taker}:
            yield f"{event.role} goes from {event.giver} to {event.taker}, and {agreed} have confirmed"


def a_repin_rewinds_nothing(stream: Stream, one: Recorded) -> Iterator[str]:
    """What was taken is not taken again in the same round by a version that knows it too."""
    event, account = one.event, stream.account
    if not isinstance(event, events.StepTaken) or stream.repinned_in != account.round:
        return
    step = account.ladder[event.step]
    times = Counter(map(identity, account.ladder))[identity(step)]
    if account.identities[identity(step)] >= times:
        yield f"step {event.step} of {account.level} was taken in this round under another version"


def a_merge_forgets_nobody(
    parent: Stream, child: str, pages: Mapping[str, Milestone], reachable: Mapping[str, datetime]
) -> Iterator[str]:
    """Whoever had not answered for an incident that is merged is asked where it goes on."""
    at, asked, moot = parent.absorbed[child]
    for person, until in pages.items():
        if until not in moot and person not in asked and person in reachable and reachable[person] <= at:
            yield f"{person} was asked for {child}, and is not for {parent.id}"


def who_asks_knows_how_many_fail(open_now: Sequence[Stream]) -> Iterator[str]:
    """At rest an open incident whose plan asks how many services fail has heard of as many as there are."""
    failing = [one.id for one in open_now if one.policy.level(one.incident.level).urgent]
    for stream in open_now:
        if any("services_failing" in one.text for one in stream.policy.conditions):
            heard = stream.account.facts.get("services_failing")
            # A number by which no condition turns need not be recorded.
            if heard is None or (int(heard) > 1) != (len(failing) > 1):
                yield f"{stream.id} has heard that {heard} services fail, and these do: {failing}"


def whoever_leads_hears_of_it(stream: Stream, reachable: Mapping[str, datetime]) -> Iterator[str]:
    """A broken promise is said to whoever the plan names for it, or whoever leads."""
    for at, person, words in stream.unheard:
        if person in reachable and reachable[person] <= at:
            yield f"{stream.id}: nobody told {person} at {at} that {words}"


EVENT_RULES = (
    triggers_fire_once,
    a_default_fills_what_is_vacant,
    nobody_holds_what_excludes,
    hand_overs_have_two,
    a_repin_rewinds_nothing,
)
ROW_RULES = (what_holds_has_fired, thresholds_are_where_they_should_be)
"""Of an incident as it stands after a commit."""
