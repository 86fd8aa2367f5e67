"""What is promised by a time: `promises`, and the shorter spellings that come to the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from tocsin.core.facts import Condition, FactValue
from tocsin.core.model import FactId, LevelId
from tocsin.core.policy import Level, Milestone, Promise
from tocsin.plan.conditions import read_condition
from tocsin.plan.document import Document, Value
from tocsin.plan.facts import OF_ALERTS, check_known
from tocsin.plan.names import Names, read_targets
from tocsin.plan.shape import CONDITION, LENGTH, TARGETS, TEXT, Choice, Either, Key, Many, Named, Table

LEVEL = FactId("level")
RESPONSE = "Response"
"""The promise that a level's `respond_within` spells."""

_WHEN = {
    "from": Key(Choice(tuple(Milestone)), "what its time runs from", "`opened`"),
    "within": Key(Either((LENGTH, Named(LENGTH))), "how long: a time, or one for each level", required=True),
    "not_before": Key(LENGTH, "how long it must wait at least", "it need not wait"),
    "kept_by": Key(Choice(tuple(Milestone)), "what keeps it", "a person marks it as done"),
    "when": Key(CONDITION, "under which condition it stands", "always"),
    "tell": Key(TARGETS, "who hears of it besides whoever leads: when it is broken, and when `warn` says so"),
    "warn": Key(
        Many(LENGTH), "how long before it is due they are warned, once or several times", "no warning"
    ),
}
PROMISE = Table("promise", _WHEN)
REVIEW_STEP = Table("review step", {"do": Key(TEXT, "what is to be done", required=True), **_WHEN})


def read_promises(document: Document, value: Value | None, names: Names) -> tuple[Promise, ...]:
    """The promises with names."""
    return tuple(
        read_promise(document, name, document.table(entry, PROMISE), names)
        for name, entry in document.named(value).items()
    )


def read_promise(document: Document, name: str, parts: Mapping[str, Value], names: Names) -> Promise:
    """One promise, whose entries are read already."""
    within, by_level = _within(document, parts.get("within"), names)
    not_before = document.duration(parts.get("not_before")) or timedelta(0)
    if not_before >= min((within, *by_level.values())) > timedelta(0):
        message = f"`{name}` is due before it may be done."
        document.fault(parts["not_before"], message, "Make `not_before` shorter than `within`.")
    kept_by = document.choice(parts.get("kept_by"), Milestone, "", "state")
    anchor = document.choice(parts.get("from"), Milestone, Milestone.OPENED, "state")
    when: Condition | None = None
    if "when" in parts:
        when = read_condition(document, parts["when"], names.facts)
        if when:
            check_known(document, parts["when"], when, names.facts, OF_ALERTS)
    if by_level:
        when = at_levels(by_level, names, when)
    return Promise(
        id=name,
        anchor=Milestone(anchor),
        within=within,
        by_level=by_level,
        kept_by=Milestone(kept_by) if kept_by else None,
        when=when,
        not_before=not_before,
        tell=read_targets(document, parts.get("tell"), names),
        warn=document.durations(parts.get("warn")),
    )


def _within(
    document: Document, value: Value | None, names: Names
) -> tuple[timedelta, dict[LevelId, timedelta]]:
    """One time, or a time for each level; at a level that is not named nothing is promised."""
    if value is None or isinstance(value.node.value, str):
        return document.duration(value, least="1s") or timedelta(0), {}
    by_level = {}
    for name, entry in document.named(value).items():
        if name not in names.levels:
            document.no_such(entry, name, names.levels, "level")
        length = document.duration(entry, least="1s")
        if length:
            by_level[LevelId(name)] = length
    return max(by_level.values(), default=timedelta(0)), by_level


@dataclass(frozen=True)
class AtLevels:
    """The condition that the level is one of these, and `also` another one."""

    levels: tuple[str, ...]
    also: Condition | None = None

    @property
    def text(self) -> str:
        at = f"level in [{', '.join(self.levels)}]"
        return f"{at} and ({self.also.text})" if self.also else at

    @property
    def needs(self) -> frozenset[FactId]:
        return frozenset({LEVEL}) | (self.also.needs if self.also else frozenset())

    def holds(self, facts: Mapping[FactId, FactValue]) -> bool | None:
        if LEVEL in facts and facts[LEVEL] not in self.levels:
            return False
        also = self.also.holds(facts) if self.also else True
        return None if LEVEL not in facts and also else also

    def reading(self, facts: Mapping[FactId, FactValue]) -> tuple[object, ...]:
        return (facts.get(LEVEL), *(self.also.reading(facts) if self.also else ()))


def at_levels(levels: Iterable[str], names: Names, also: Condition | None = None) -> Condition | None:
    """That the level is one of these; only `also` where they are all there are, or none of them is."""
    wanted = tuple(level for level in names.levels if level in set(levels))
    return AtLevels(wanted, also) if 0 < len(wanted) < len(names.levels) else also


def response(levels: Iterable[Level], names: Names) -> tuple[Promise, ...]:
    """What the levels' `respond_within` promise."""
    times = {level.id: level.respond_within for level in levels if level.respond_within}
    if not times:
        return ()
    longest, when = max(times.values()), at_levels(times, names)
    return (Promise(RESPONSE, Milestone.OPENED, longest, times, Milestone.ACKNOWLEDGED, when),)


def check_names(
    document: Document, implied: Iterable[Promise], named: Iterable[Promise], steps: Iterable[Promise]
) -> None:
    """A promise is known by its name, so no two may share one."""
    known = {one.id for one in implied}
    places = [(one.id, document.place("promises", one.id)) for one in named]
    places += [(one.id, document.place("review", "steps", number)) for number, one in enumerate(steps, 1)]
    for name, place in places:
        if name in known:
            message = f"`{name}` is the name of another promise, or of a phase's."
            document.fault(place, message, "Give it a name of its own.")
        known.add(name)
