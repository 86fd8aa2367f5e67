"""Pages that were promised for a time, carried over where the ladder begins anew: nothing puts them off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tocsin.core.evolve import evolve
from tocsin.core.incident import events
from tocsin.core.incident.draft import Draft
from tocsin.core.incident.events import CarriedStep
from tocsin.core.incident.paging.ladder import besides
from tocsin.core.incident.paging.pages import page
from tocsin.core.incident.paging.targets import find, ids
from tocsin.core.incident.promises.deadlines import carried_id, promiser
from tocsin.core.incident.promises.steps import StepTime, moot, step_times
from tocsin.core.incident.state.incident import Incident
from tocsin.core.incident.state.open_page import Page
from tocsin.core.incident.status import Status
from tocsin.core.model import LevelId
from tocsin.core.policy import Clock, Milestone, Policy, Target

_ORDER = list(Milestone)
_PAGES_AT_A_TIME = (Clock.LADDER, Clock.ANSWER)
"""Clocks that promise a page at a time; the others wait for what people do or leave undone."""


def take_carried(draft: Draft, carried: CarriedStep) -> None:
    """A page that was promised for now: whoever was not asked since the ladder began anew is."""
    found = find(draft, carried.targets)
    already = {one.person for one in asked(draft.state)}
    paged = [(person, why) for person, why in found.paged if person.id not in already]
    people = tuple(person.id for person, _ in paged)
    whom = (people, found.unreachable, found.answered)
    draft.add(events.CarriedStepTaken(carried.level, carried.step, *whom, carried.incident))
    for person, why in paged:
        page(draft, person, f"{why}, step {carried.step + 1} as {promiser(carried)} promised", carried.until)
    own = carried.incident is None and carried.level == draft.level.id
    rungs = draft.level.ladder[carried.step : carried.step + 1] if own else ()
    if rungs and rungs[0].targets == carried.targets:
        # The level is the same, so that whatever else the rung brings is wanted too.
        besides(draft, carried.step, rungs[0], people)


def asked(state: Incident) -> list[Page]:
    """The open pages of this round."""
    return [one for one in state.pages if one.id > state.round_pages]


def carried_by_raise(
    state: Incident, policy: Policy, level: LevelId, since: datetime, now: datetime
) -> tuple[CarriedStep, ...]:
    """Pages that the old level had promised for earlier than the new one brings them, begun at `since`."""
    brought = _brought(if_it_began(state, policy, level, since, now))
    return tuple(_late([_carried(state, one) for one in _promised(state, policy)], brought))


def carried_by_lapse(state: Incident, policy: Policy) -> tuple[CarriedStep, ...]:
    """Rungs that no round at this level has come to: forgetting an incident never puts them off."""
    named = {(one.level, one.step) for one in state.carried if one.incident is None}
    return tuple(
        _carried(state, one)
        for one in _promised(state, policy)
        if one.index >= state.rungs_reached and (state.level, one.index) not in named
    )


def still_promised(state: Incident, policy: Policy, level: LevelId) -> tuple[CarriedStep, ...]:
    """What merged incidents had promised at this or a milder level: being lowered does not call that off.

    So had a level of which this plan knows nothing. Levels of its own promise by their own ladder again.
    """
    worse = {one.id for one in policy.levels if one.rank < policy.level(level).rank}
    return tuple(one for one in state.carried if one.incident is not None and one.level not in worse)


def carried_by_merge(draft: Draft, child: Incident, policy: Policy) -> tuple[CarriedStep, ...]:
    """Pages that `child`, which goes on here, promised by `policy` and this ladder brings later or never.

    Its next round is not among them: how often people are asked again is for the ladder here to say.
    """
    ladder = [one for one in step_times(child, policy) if one.step.clock in _PAGES_AT_A_TIME]
    steps = [_carried(child, one) for one in ladder]
    promised: dict[str, CarriedStep] = {}
    for one in sorted((*child.carried, *steps), key=lambda one: one.due_at):
        if not (moot(child, one.until) or moot(draft.state, one.until)):
            named = replace(one, incident=one.incident or child.id)
            promised.setdefault(carried_id(named), named)
    brought = _brought(step_times(draft.state, draft.policy, draft.now))
    brought += [_Brought(to, one.due_at, one.until) for one in draft.state.carried for to in one.targets]
    brought += [_Brought(Target(person=one.person), one.started_at, one.until) for one in asked(draft.state)]
    here = [replace(one, targets=_meant_here(draft, one.targets, child, policy)) for one in promised.values()]
    return tuple(_late(here, brought))


def _meant_here(
    draft: Draft, targets: tuple[Target, ...], child: Incident, policy: Policy
) -> tuple[Target, ...]:
    """The same by this incident's plan; what that does not know, or says otherwise, is whom it means now."""
    there, here = Draft(child, policy, draft.view, draft.now), draft.policy
    rotas = {**here.rotas, **draft.view.rotas}

    def same(one: Target) -> bool:
        return (
            (one.rota is None or one.rota in rotas)
            and (one.role is None or here.roles.get(one.role) == policy.roles.get(one.role))
            and (one.team is None or here.teams.get(one.team) == policy.teams.get(one.team))
        )

    found: list[Target] = []
    for one in targets:
        people = () if same(one) else ids(there, [one])
        found += [Target(person=person) for person in people] or [one]
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True)
class _Brought:
    """Somebody whom the ladder pages at a time, until a state."""

    target: Target
    at: datetime
    until: Milestone

    def instead_of(self, target: Target, one: CarriedStep) -> bool:
        """Whether it keeps that promise: a page that an earlier state makes moot is no page in its place."""
        long_enough = _ORDER.index(self.until) >= _ORDER.index(one.until)
        return self.target == target and self.at <= one.due_at and long_enough


def _brought(times: Iterable[StepTime]) -> list[_Brought]:
    return [
        _Brought(target, one.due_at, one.step.until)
        for one in times
        if one.step.clock in _PAGES_AT_A_TIME
        for target in one.step.targets
    ]


def _carried(state: Incident, one: StepTime) -> CarriedStep:
    return CarriedStep(state.level, one.index, one.due_at, one.step.targets, one.step.until)


def _late(promised: Iterable[CarriedStep], brought: Sequence[_Brought]) -> Iterator[CarriedStep]:
    """Of what was promised that which is not brought as early and for as long."""
    for one in promised:
        left = [to for to in one.targets if not any(page.instead_of(to, one) for page in brought)]
        if left:
            yield replace(one, targets=tuple(left))


def _promised(state: Incident, policy: Policy) -> list[StepTime]:
    """Rungs with a time that are still to come; after the last of them, those of the next round."""
    left = [one for one in step_times(state, policy) if one.step.clock in _PAGES_AT_A_TIME]
    level = policy.level(state.level)
    if left or level.repeat_every is None or state.status is not Status.TRIGGERED:
        return left
    if state.last_step_at is None:
        return left
    again_at = max(state.last_step_at, state.ladder_at) + level.repeat_every
    return if_it_began(state, policy, state.level, again_at)


def if_it_began(
    state: Incident, policy: Policy, level: LevelId, at: datetime, now: datetime | None = None
) -> list[StepTime]:
    """When the rungs of a level's ladder fall due if it begins at `at`, as far as they have a time.

    `now` as for `step_times`.
    """
    begun = evolve(state, level=level, ladder_at=at, steps_taken=0, taken_ahead=())
    if (
        level != state.level
    ):  # where escalation for want of progress begins anew too, and holds up what is behind
        begun = evolve(begun, level_at=at, rungs_reached=0, escalated_at=None)
    return [one for one in step_times(begun, policy, now) if one.step.clock in _PAGES_AT_A_TIME]
