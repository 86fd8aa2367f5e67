"""The `phases` of a response: what happens when, from the first alert to the follow-up."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from tocsin.core.lengths import duration_of
from tocsin.core.model import LevelId
from tocsin.core.policy import Milestone, Promise
from tocsin.plan.conditions import read_condition
from tocsin.plan.document import DURATION_MOST, Document, Value
from tocsin.plan.handbook import Phase, ToDo
from tocsin.plan.names import Names
from tocsin.plan.promises import at_levels
from tocsin.plan.shape import CONDITION, TEXT, TEXTS, WINDOW, Choice, Either, Key, Many, Named, Table

TO_DO = Table(
    "to do",
    {
        "do": Key(TEXT, "what is to be done", required=True),
        "when": Key(CONDITION, "under which condition", "always"),
    },
)
PHASE = Table(
    "phase",
    {
        "goal": Key(TEXT, "what it is for"),
        "window": Key(WINDOW, "when it is, such as `5m to 15m`", "it takes as long as it takes"),
        "from": Key(Choice(tuple(Milestone)), "what the window is counted from", "`opened`"),
        "ends": Key(
            Choice(tuple(Milestone)),
            "the state that ends it; with a window that is a promise for the window's end",
            "nothing is promised",
        ),
        "at": Key(TEXTS, "the levels at which the window is promised", "all of them"),
        "sources": Key(Named(TEXTS), "where incidents are noticed"),
        "runbook": Key(TEXT, "the runbook to follow"),
        "checklist": Key(Many(Either((TEXT, TO_DO))), "what is to be done"),
        "questions": Key(TEXTS, "what to ask"),
        "collect": Key(TEXTS, "what to gather"),
    },
)


def read_phases(document: Document, value: Value | None, names: Names) -> tuple[Phase, ...]:
    """The phases in their order."""
    return tuple(_phase(document, name, entry, names) for name, entry in document.named(value).items())


def windows(phases: Iterable[Phase], names: Names) -> tuple[Promise, ...]:
    """What the windows promise: that the phase has ended when its window has."""
    return tuple(
        Promise(one.id, one.anchor, one.ends_by, {}, one.ends, at_levels(one.at, names))
        for one in phases
        if one.ends and one.ends_by
    )


def _phase(document: Document, name: str, value: Value, names: Names) -> Phase:
    parts = document.table(value, PHASE)
    starts, ends_by = _window(document, parts.get("window"))
    anchor = document.choice(parts.get("from"), Milestone, Milestone.OPENED, "state")
    ends = document.choice(parts.get("ends"), Milestone, "", "state")
    if ends and list(Milestone).index(Milestone(ends)) <= list(Milestone).index(Milestone(anchor)):
        message = f"The phase ends with `{ends}`, which is no later than its beginning, `{anchor}`."
        document.fault(parts["ends"], message, "Name a later state in `ends`.")
    return Phase(
        id=name,
        goal=document.text(parts.get("goal")),
        at=tuple(map(LevelId, document.references(parts.get("at"), names.levels, "level"))),
        anchor=Milestone(anchor),
        starts=starts,
        ends_by=ends_by,
        ends=Milestone(ends) if ends else None,
        sources=document.named_texts(parts.get("sources")),
        runbook=document.reference(parts.get("runbook"), names.runbooks, "runbook"),
        checklist=_checklist(document, parts.get("checklist"), names),
        questions=document.texts(parts.get("questions")),
        collect=document.texts(parts.get("collect")),
    )


def _window(document: Document, value: Value | None) -> tuple[timedelta | None, timedelta | None]:
    if value is None:
        return None, None
    first, _, last = document.text(value, "none").partition(" to ")
    starts, ends = duration_of(first), duration_of(last)
    if starts is None or ends is None or not starts < ends <= DURATION_MOST:
        document.fault(value, "A window is expected here.", "Write it like 5m to 15m.")
        return None, None
    return starts, ends


def _checklist(document: Document, value: Value | None, names: Names) -> tuple[ToDo, ...]:
    return tuple(_to_do(document, item, names) for item in document.items(value)) if value else ()


def _to_do(document: Document, value: Value, names: Names) -> ToDo:
    if isinstance(value.node.value, str):
        return ToDo(document.text(value))
    parts = document.table(value, TO_DO)
    when = read_condition(document, parts["when"], names.facts) if "when" in parts else None
    return ToDo(document.text(parts.get("do")), when)
