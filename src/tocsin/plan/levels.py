"""The `levels` of a plan: how bad it can be, and what is done then."""

from __future__ import annotations

from tocsin.core.model import LevelId
from tocsin.core.policy import Clock, Level
from tocsin.plan.document import Document, Value
from tocsin.plan.ladders import STEP, read_ladder
from tocsin.plan.names import Names
from tocsin.plan.shape import LENGTH, TEXT, TEXTS, TRUTH, Key, Many, Named, Table
from tocsin.plan.updates import UPDATE, read_updates

LEVEL = Table(
    "level",
    {
        "name": Key(TEXT, "what people call it", "its id"),
        "means": Key(TEXT, "what it means, in a line"),
        "examples": Key(TEXTS, "what it looks like"),
        "urgent": Key(TRUTH, "whether messages are marked as urgent (e-mail: high importance)", "`true`"),
        "respond_within": Key(LENGTH, "the promise that work begins in time; acknowledging keeps it"),
        "acknowledge_within": Key(LENGTH, "the promise that a paged person acknowledges in time"),
        "acknowledgement_lasts": Key(
            LENGTH,
            "how long an acknowledgement stands without [progress](#progress), one minute or more; then the"
            " ladder starts again",
            "it stands",
        ),
        "repeat_every": Key(
            LENGTH,
            "when the ladder starts again after its last step while nobody has acknowledged, one minute or"
            " more; a ladder that pages needs it",
        ),
        "ladder": Key(Many(STEP), "who is paged, and when", "nobody is paged; it waits in the list"),
        "updates": Key(Named(UPDATE), "for each audience: how it is kept informed", "nobody is promised any"),
    },
)


def read_levels(document: Document, value: Value | None, names: Names) -> tuple[Level, ...]:
    """The levels, the worst first."""
    told = len(document.problems)
    named = document.named(value)
    if value and not named and len(document.problems) == told:
        document.fault(value, "A plan needs at least one level.", "Write the worst level first.")
    levels: list[Level] = []
    silent: list[tuple[str, Value]] = []
    for name, item in named.items():
        told = len(document.problems)
        level = _level(document, name, item, len(levels), names)
        levels.append(level)
        if pages(level):
            for worse, place in silent:
                message = f"`{worse}` pages nobody, although the milder `{name}` does."
                document.fault(place, message, "Give it a `ladder`, or put it after the levels that page.")
            silent = []
        elif len(document.problems) == told:
            silent.append((name, item))
    return tuple(levels)


def pages(level: Level) -> bool:
    """Whether the level pages anybody without being asked."""
    return any(step.targets and step.clock is not Clock.HAND for step in level.ladder)


def _level(document: Document, name: str, value: Value, rank: int, names: Names) -> Level:
    told = len(document.problems)
    parts = document.table(value, LEVEL)
    misspelled = len(document.problems) > told
    ladder = read_ladder(document, parts.get("ladder"), names)
    if any(step.targets for step in ladder) and "repeat_every" not in parts and not misspelled:
        message = "A level that pages must say when it pages again."
        document.fault(value, message, "Add `repeat_every: 10m`, so that a page never goes quiet unanswered.")
    for again in ("repeat_every", "acknowledgement_lasts"):
        if again in parts and "ladder" not in parts:
            remedy = f"Add a `ladder`, or leave `{again}` out."
            document.fault(parts[again], "A level without a ladder never pages again.", remedy)
    return Level(
        id=LevelId(name),
        name=document.text(parts.get("name"), name),
        rank=rank,
        urgent=document.truth(parts.get("urgent"), default=True),
        acknowledge_within=document.duration(parts.get("acknowledge_within"), least="1s"),
        ladder=ladder,
        repeat_every=document.duration(parts.get("repeat_every"), least="1m"),
        acknowledgement_lasts=document.duration(parts.get("acknowledgement_lasts"), least="1m"),
        means=document.text(parts.get("means")),
        respond_within=document.duration(parts.get("respond_within"), least="1s"),
        updates=read_updates(document, parts.get("updates"), names),
    )
