"""A plan's parts in words: what `plan show` reads aloud and `plan diff` compares."""

from __future__ import annotations

from datetime import timedelta
from itertools import zip_longest

from tocsin.core.aloud import all_of, are, called
from tocsin.core.facts import Condition, Fact, FactKind
from tocsin.core.policy import (
    Cadence,
    Classification,
    Clock,
    Duty,
    Level,
    Milestone,
    Moment,
    Promise,
    Stage,
    Step,
    Target,
    Task,
    Trigger,
)
from tocsin.core.values import in_words
from tocsin.plan.names import EVERYBODY
from tocsin.plan.promises import AtLevels

_UNITS = ((86_400, "days"), (3_600, "h"), (60, "min"), (1, "s"))
_SINCE = {
    Milestone.OPENED: "it was opened",
    Milestone.ACKNOWLEDGED: "somebody acknowledged",
    Milestone.VERIFIED: "it was verified",
    Milestone.MITIGATING: "mitigation began",
    Milestone.MITIGATED: "it was mitigated",
    Milestone.RESOLVED: "it was resolved",
    Milestone.CLOSED: "it was closed",
}
_DONE = {
    Milestone.OPENED: "it is opened",
    Milestone.ACKNOWLEDGED: "somebody has acknowledged",
    Milestone.VERIFIED: "it is verified",
    Milestone.MITIGATING: "mitigation has begun",
    Milestone.MITIGATED: "it is mitigated",
    Milestone.RESOLVED: "it is resolved",
    Milestone.CLOSED: "it is closed",
}
_MOMENTS = {
    Moment.RESOLVED: "when it is resolved",
    Moment.DAILY: "once a day",
    Moment.CHANGE: "whenever something changes",
}
_KINDS = {
    FactKind.NUMBER: "a number",
    FactKind.PERCENT: "a percentage",
    FactKind.DURATION: "a length of time",
    FactKind.YES_OR_NO: "yes or no",
    FactKind.TEXT: "text",
}


def length(time: timedelta) -> str:
    """`90 s`, `15 min`, `2 h`, `14 days`."""
    seconds = int(time.total_seconds())
    for unit, word in _UNITS:
        if seconds and seconds % unit == 0 and (unit < _UNITS[0][0] or seconds > unit):
            return f"{seconds // unit} {word}"
    return "0 min"


def spelled(target: Target) -> str:
    """A target as the plan spells it."""
    if target.team:
        return f"next of: {target.team}" if target.next_of else f"team: {target.team}"
    if target.rota:
        return f"on call: {target.rota}"
    return f"role: {target.role}" if target.role else str(target.person)


def when(step: Step) -> str:
    """When a step is taken."""
    time = length(step.after)
    match step.clock:
        case Clock.LADDER:
            return f"after {time}" if step.after else "at once"
        case Clock.ANSWER:
            return f"{time} later, if nobody has acknowledged"
        case Clock.PROGRESS:
            return f"after {time} without progress"
        case Clock.HAND:
            return "only when somebody asks for it"


def step_line(step: Step) -> str:
    """A step of a ladder as a sentence."""
    does = []
    if step.targets:
        does.append(f"page {called(step.targets)}")
    if step.tell:
        does.append(f"tell {called(step.tell)}")
    if step.tasks:
        does.append(f"see to it: {'; '.join(map(task_line, step.tasks))}")
    if step.stage:
        does.append(f"begin {step.stage}")
    if step.promise:
        does.append(f"expect “{step.promise}”")
    start = when(step)
    unless = "" if _goes_without_saying(step) else f", unless {_DONE[step.until]}"
    return f"{start[0].upper()}{start[1:]}: {all_of(does)}{unless}."


def task_line(one: Task) -> str:
    """A task, and by when it is to be done."""
    return f"{one.words} (within {length(one.within)})" if one.within else one.words


def _goes_without_saying(step: Step) -> bool:
    """Whether the time of a step says already what would make it moot."""
    first = step.clock is Clock.LADDER and not step.after
    unanswered = step.until is Milestone.ACKNOWLEDGED and (first or step.clock is Clock.ANSWER)
    return unanswered or step.clock is Clock.HAND


def cadence_line(one: Cadence) -> str:
    """An audience's updates as a sentence."""
    to = called(one.to) if one.to else f"the {EVERYBODY}"
    return f"Updates “{one.audience}”: {pace(one)}, by {all_of(one.by)}, to {to}.{warned(one.warn)}"


def pace(one: Cadence) -> str:
    """How often an audience hears."""
    parts = []
    if one.first_within is not None:
        parts.append(
            f"the first within {length(one.first_within)}" if one.first_within else "the first at once"
        )
    if one.every is not None:
        parts.append(f"every {length(one.every)}")
    if one.at is not None:
        parts.append(_MOMENTS[one.at])
    return ", then ".join(parts)


def row_line(row: Classification) -> str:
    """A row of the table as a sentence."""
    words = [f"{name} is {value}" for name, value in row.when.items()]
    words += [row.condition.text] if row.condition else []
    lasts = f" for {length(row.lasts)}" if row.lasts else ""
    return f"{row.level} when {' and '.join(words) or 'anything is wrong'}{lasts}."


def promise_line(one: Promise) -> str:
    """A promise as a sentence."""
    until = f" (not before {length(one.not_before)})" if one.not_before else ""
    kept = f" It is kept when {_DONE[one.kept_by]}." if one.kept_by else ""
    when = condition(besides_level(one))
    tell = f" {_capital(called(one.tell))} {are(one.tell)} told too." if one.tell else ""
    return f"{one.id}: {within(one)} after {_SINCE[one.anchor]}{until}{when}.{kept}{warned(one.warn)}{tell}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def warned(warn: tuple[timedelta, ...]) -> str:
    """When people are warned, as a sentence of its own."""
    return f" Whoever leads is warned {before(warn)}." if warn else ""


def before(warn: tuple[timedelta, ...]) -> str:
    """How long before it is due people are warned."""
    return f"{all_of(map(length, warn))} before" if warn else ""


def within(one: Promise) -> str:
    """By when a promise is due."""
    times = set(one.by_level.values())
    if len(times) > 1 or (times and isinstance(one.when, AtLevels)):
        return "within " + all_of(f"{length(time)} at {level}" for level, time in one.by_level.items())
    return f"within {length(times.pop() if times else one.within)}"


def besides_level(one: Promise) -> Condition | None:
    """The condition of a promise, without the levels that its times name already."""
    return one.when.also if one.by_level and isinstance(one.when, AtLevels) else one.when


def fact_line(one: Fact) -> str:
    """What a fact is, or how it is worked out, and who is asked for it what."""
    if one.chosen_by:
        choices = "; ".join(f"{choice} when {holds.text}" for choice, holds in one.chosen_by)
        return f"{one.id}, the last of these that holds: {choices}."
    if one.highest_of:
        return f"{one.id}: the highest of {all_of(one.highest_of)}."
    means = [f"{value} ({text})" if text else value for value, text in zip_longest(one.values, one.means)]
    usually = f", usually {in_words(one.usual, one.kind)}" if one.usual is not None else ""
    kind = all_of(means, "or") if one.values else _KINDS[one.kind]
    return f"{one.id}, {kind}{usually}{f': {one.ask}' if one.ask else '.'}"


def stage_line(one: Stage) -> str:
    """What a stage brings, as a sentence."""
    tell = [f"tell {called(one.tell)}"] if one.tell else []
    return f"{one.id}: {'; '.join((*tell, *map(task_line, one.tasks), *_often(one.updates_every)))}."


def _often(percent: int) -> list[str]:
    """How much sooner than usual updates come."""
    if percent == 100:
        return []
    return [
        "updates come twice as often" if percent == 50 else f"updates come in {percent} % of the usual time"
    ]


def trigger_line(one: Trigger) -> str:
    """An escalation by impact as a sentence."""
    does = [f"page {called(one.page)}"] if one.page else []
    does += [f"tell {called(one.tell)}"] if one.tell else []
    does += [f"see to it: {'; '.join(map(task_line, one.tasks))}"] if one.tasks else []
    only = f". Only {called(one.restrict_to)} may see it from then on" if one.restrict_to else ""
    return f"{one.id}: {all_of(does) or 'nobody is paged'}{condition(one.when)}{only}."


def interval(duty: Duty) -> str:
    """`every 3 months`."""
    return f"every {duty.count} {duty.unit}s" if duty.count > 1 else f"every {duty.unit}"


def condition(one: Condition | None) -> str:
    """A condition behind a sentence; nothing where there is none."""
    return f", when {one.text}" if one else ""


def promised(level: Level) -> str:
    """What a level promises about answers."""
    parts = []
    if level.respond_within:
        parts.append(f"Work begins within {length(level.respond_within)}.")
    if level.acknowledge_within:
        parts.append(f"Somebody acknowledges within {length(level.acknowledge_within)}.")
    if level.repeat_every:
        nobody = "nobody has" if level.acknowledge_within else "nobody has acknowledged"
        again = length(level.repeat_every)
        parts.append(f"While {nobody}, the ladder begins again {again} after its last step.")
    if level.acknowledgement_lasts:
        lasts = length(level.acknowledgement_lasts)
        parts.append(f"An acknowledgement stands for {lasts} without progress; then it begins again.")
    return " ".join(parts)
