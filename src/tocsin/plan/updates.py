"""A level's `updates`: who is kept informed, by which channels, and how often."""

from __future__ import annotations

from tocsin.core.policy import Cadence, Moment
from tocsin.plan.document import Document, Value
from tocsin.plan.names import EVERYBODY, Names, read_targets
from tocsin.plan.shape import LENGTH, TARGETS, TEXTS, Choice, Key, Many, Table

UPDATE = Table(
    "update",
    {
        "first_within": Key(LENGTH, "when the first one is due", "when the first interval is over"),
        "every": Key(LENGTH, "the time from each to the next", "there is no next one"),
        "at": Key(Choice(tuple(Moment)), "instead of `every`: the moment at which one is due"),
        "warn": Key(
            Many(LENGTH),
            "how long before each is due whoever leads is warned, once or several times",
            "no warning",
        ),
        "by": Key(TEXTS, "the [channels](#channels) that carry it", required=True),
        "to": Key(TARGETS, f"who is told, or `{EVERYBODY}`", f"`{EVERYBODY}`"),
    },
)


def read_updates(document: Document, value: Value | None, names: Names) -> tuple[Cadence, ...]:
    """One cadence for each audience."""
    return tuple(_cadence(document, name, entry, names) for name, entry in document.named(value).items())


def _cadence(document: Document, audience: str, value: Value, names: Names) -> Cadence:
    parts = document.table(value, UPDATE)
    first = document.duration(parts.get("first_within"))
    every = document.duration(parts.get("every"), least="1m")
    at = document.choice(parts.get("at"), Moment, "", "moment")
    if "every" in parts and "at" in parts:
        document.fault(parts["at"], "An update has an interval or a moment, not both.", "Keep one of them.")
    if parts and not {"every", "at", "first_within"} & set(parts):
        document.fault(value, "This update is never due.", "Give it `every` or `at`.")
    to = parts.get("to")
    public = to is None or to.node.value == EVERYBODY
    return Cadence(
        audience,
        document.texts(parts.get("by")),
        () if public else read_targets(document, to, names),
        first,
        every,
        Moment(at) if at else None,
        document.durations(parts.get("warn")),
    )
