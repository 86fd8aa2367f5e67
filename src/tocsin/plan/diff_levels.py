"""What differs between two levels: their times, their ladders, their updates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tocsin.core.aloud import all_of, are
from tocsin.core.policy import Level, Step
from tocsin.plan.changes import named, targets, value
from tocsin.plan.names import EVERYBODY
from tocsin.plan.sentences import before as warned_before
from tocsin.plan.sentences import length, pace, spelled, step_line, when


def level_changes(name: str, before: Level, after: Level) -> list[str]:
    """A sentence for everything that differs."""
    found = [*value(f"{name}: the name is", before.name, after.name)]
    found += value(f"{name}: the meaning is", before.means, after.means)
    if before.urgent != after.urgent:
        found.append(f"{name} is {'urgent now' if after.urgent else 'not urgent any more'}.")
    for key, words in _TIMES.items():
        old, new = getattr(before, key), getattr(after, key)
        if old and new and old != new:
            found.append(f"{name}: {words} {length(new)}, was {length(old)}.")
        elif old != new:
            found.append(f"{name}, {'new' if new else 'no longer'}: {words} {length(new or old)}.")
    found += (f"{name}: {line}" for line in _ladder(before.ladder, after.ladder))
    old_updates, new_updates = ({one.audience: one for one in level.updates} for level in (before, after))
    found += (f"{name}: {line}" for line in named("updates", old_updates, new_updates, _cadence))
    return found


_TIMES = {
    "respond_within": "work begins within",
    "acknowledge_within": "somebody acknowledges within",
    "repeat_every": "the ladder begins again after",
    "acknowledgement_lasts": "an acknowledgement stands for",
}


def _ladder(before: tuple[Step, ...], after: tuple[Step, ...]) -> Iterator[str]:
    """The first step that pages or tells somebody answers to the first that did, and so on."""
    old, new = _numbered(before), _numbered(after)
    for key, step in new.items():
        was = old.get(key)
        if was is None:
            yield f"new step: {step_line(step)}"
        elif when(was) != when(step) and _at_the_time_of(was, step) == step:
            yield f"{key[0]} {when(step)}, was {when(was).removeprefix('after ')}."
        elif was != step:
            yield f"{step_line(step)} Was: {step_line(was)}"
    yield from (f"gone is: {step_line(step)}" for key, step in old.items() if key not in new)


def _at_the_time_of(was: Step, step: Step) -> Step:
    """A step with the time of another; another clock brings its own end, unless the plan says one."""
    until = was.until if was.clock is step.clock else step.until
    return replace(was, clock=step.clock, after=step.after, until=until)


def _numbered(ladder: tuple[Step, ...]) -> dict[tuple[str, int], Step]:
    found: dict[tuple[str, int], Step] = {}
    for step in ladder:
        who = _who(step)
        found[who, sum(one == who for one, _ in found)] = step
    return found


def _who(step: Step) -> str:
    if step.targets:
        return f"{all_of(map(spelled, step.targets))} {are(step.targets)} paged"
    return f"{all_of(map(spelled, step.tell))} {are(step.tell)} told"


def _cadence(name: str, before: Any, after: Any) -> list[str]:
    found = value(f"updates {name} come", pace(before), pace(after))
    old, new = warned_before(before.warn), warned_before(after.warn)
    found += value(f"whoever leads is warned of updates {name}", old, new)
    found += value(f"updates {name} go by", all_of(before.by), all_of(after.by))
    return found + targets(f"updates {name} go to", before.to, after.to, EVERYBODY)
