"""Judging an incident again by what is known of it: facts raise its level, and never lower it."""

from __future__ import annotations

from collections.abc import Mapping

from tocsin.core.facts import FactValue, complete
from tocsin.core.incident import commands, events
from tocsin.core.incident.acts.breaking import own_up
from tocsin.core.incident.acts.levels import raise_level
from tocsin.core.incident.draft import Draft
from tocsin.core.incident.state.facts import texts, values
from tocsin.core.incident.state.standing import already_over
from tocsin.core.incident.status import Status
from tocsin.core.model import SYSTEM, Actor, FactId, Refused, ServiceId
from tocsin.core.policy import Policy
from tocsin.core.severity import SERVICE, Judgement, fits, settle
from tocsin.core.values import in_words, misfit, value_of


def set_facts(draft: Draft, command: commands.SetFacts, actor: Actor) -> Refused | None:
    """A person says what is known; an empty value takes back what was said."""
    state, declared = draft.state, draft.policy.facts
    if state.status is Status.MERGED:
        return already_over(state)
    said: dict[FactId, str] = {}
    for id, given in command.facts.items():
        fact = declared.get(id)
        if fact is None:
            return Refused(f"The plan has no fact {id}.")
        if fact.derived:
            return Refused(f"{id} is worked out from other facts; say those.")
        value = value_of(fact, given)
        if value is None and given.strip():
            return misfit(fact, given)
        said[id] = "" if value is None else in_words(value, fact.kind)
    news = _news(draft, said)
    if not news:
        return Refused(f"That is what {state.id} knows already.")
    worse = learn(draft, news, actor)
    if worse is not None:
        raise_level(draft, worse, actor)
    return None


def judged_by(policy: Policy, service: ServiceId, said: Mapping[FactId, str]) -> Judgement | None:
    """What facts come to that have just been said; None where the plan says nothing of them."""
    return settle(policy, fits(policy, {**values(said, policy), SERVICE: service})) if said else None


def learn(draft: Draft, said: Mapping[FactId, str], actor: Actor) -> Judgement | None:
    """Record facts; the level they come to, where they say for the first time that it is worse."""
    news = _news(draft, said)
    if not news:
        return None
    before = _judged(draft)
    own_up(draft)
    draft.add(events.FactsSet(tuple(news.items())), actor)
    return _worse(draft, before)


def measure(draft: Draft, said: Mapping[FactId, str], actor: Actor) -> Judgement | None:
    """As `learn`, for what alerts measure: a figure that changes nothing in the plan's eyes is left out."""
    news = _news(draft, said)
    if not news:
        return None
    if news.keys() <= draft.state.facts.keys() and not _reads_differently(draft, news):
        return None
    return learn(draft, news, actor)


def threshold_due(draft: Draft, threshold: str) -> None:
    """A condition has held for as long as the plan wants."""
    before = _judged(draft)
    draft.add(events.ThresholdHeld(threshold))
    worse = _worse(draft, before)
    if worse is not None:
        raise_level(draft, worse, SYSTEM)


def _news(draft: Draft, said: Mapping[FactId, str]) -> dict[FactId, str]:
    known = draft.state.facts
    return {id: value for id, value in said.items() if value != (known[id].value if id in known else "")}


def _judged(draft: Draft) -> Judgement | None:
    state, policy = draft.state, draft.policy
    if not state.facts:
        return None
    held = {name for name, one in state.thresholds.items() if one.held}
    return settle(policy, fits(policy, _deciding(draft), held))


def _deciding(draft: Draft) -> dict[FactId, FactValue]:
    """What a row may look at while the incident runs."""
    return {**values(texts(draft.state.facts), draft.policy), SERVICE: draft.state.service}


def _worse(draft: Draft, before: Judgement | None) -> Judgement | None:
    """What the facts come to now, if that is worse than the level and than what they came to before.

    So a level that a person has lowered, knowing the facts, stands until the facts themselves get worse.
    """
    if draft.state.status.over:
        return None
    _turn_thresholds(draft)
    after = _judged(draft)
    if after is None or after.level.rank >= draft.level.rank:
        return None
    return after if before is None or after.level.rank < before.level.rank else None


def _turn_thresholds(draft: Draft) -> None:
    known = complete(draft.policy.facts, _deciding(draft))
    rows = {row.threshold: row for row in draft.policy.classifications if row.threshold}
    for name, row in rows.items():
        holds = row.condition is not None and row.condition.holds(known) is True
        if holds and name not in draft.state.thresholds:
            draft.add(events.ThresholdCrossed(name))
        elif not holds and name in draft.state.thresholds:
            draft.add(events.ThresholdLeft(name))


def _reads_differently(draft: Draft, news: Mapping[FactId, str]) -> bool:
    """Whether any part of the plan judges otherwise by the new values."""
    known, policy = texts(draft.state.facts), draft.policy
    service = {SERVICE: draft.state.service}
    now, later = values(known, policy), values({**known, **news}, policy)
    return _reading(policy, {**now, **service}) != _reading(policy, {**later, **service})


def _reading(policy: Policy, known: Mapping[FactId, FactValue]) -> tuple[object, ...]:
    """What the plan sees. Not only what follows from it now: what else gets known may make it count."""
    everything = complete(policy.facts, known)
    sides = (policy.matrix.across, policy.matrix.down) if policy.matrix else ()
    as_they_are = (*sides, *(id for one in policy.facts.values() for id in one.highest_of))
    conditions = (one.reading(everything) for one in (*policy.conditions, *policy.choosers))
    return (*(everything.get(id) for id in as_they_are), *conditions)
