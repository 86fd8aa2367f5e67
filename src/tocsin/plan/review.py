"""The `review` of a plan: when one is due, its steps, and how it is held."""

from __future__ import annotations

from tocsin.core.facts import Condition
from tocsin.core.policy import Promise
from tocsin.plan.conditions import read_condition
from tocsin.plan.document import Document, Value
from tocsin.plan.facts import OF_ALERTS, check_known
from tocsin.plan.handbook import Meeting
from tocsin.plan.names import Names
from tocsin.plan.promises import REVIEW_STEP, read_promise
from tocsin.plan.shape import CONDITION, LENGTH, TEXTS, Key, Many, Named, Table

REVIEW = Table(
    "review",
    {
        "due_when": Key(Many(CONDITION), "a review is due when one of these holds at the end", "never"),
        "steps": Key(Many(REVIEW_STEP), "what is due then, as promises"),
        "agenda": Key(Named(LENGTH), "the parts of the meeting, with their times"),
        "rules": Key(TEXTS, "the ground rules"),
        "methods": Key(TEXTS, "how causes are looked for"),
        "factors": Key(Named(TEXTS), "kinds of contributing factors"),
        "report": Key(TEXTS, "the headings of the report"),
    },
)


def read_review(
    document: Document, value: Value | None, names: Names
) -> tuple[tuple[Condition, ...], tuple[Promise, ...]]:
    """When a review is due, and its steps."""
    if value is None:
        return (), ()
    parts = document.table(value, REVIEW)
    due = parts.get("due_when")
    when: list[Condition] = []
    for item in document.items(due) if due else ():
        if condition := read_condition(document, item, names.facts):
            check_known(document, item, condition, names.facts, OF_ALERTS)
            when.append(condition)
    steps = parts.get("steps")
    promises = tuple(_step(document, item, names) for item in document.items(steps)) if steps else ()
    if steps and due is None:
        document.fault(steps, "No review is ever due.", "Say when in `due_when`.")
    return tuple(when), promises


def _step(document: Document, value: Value, names: Names) -> Promise:
    parts = document.table(value, REVIEW_STEP)
    return read_promise(document, document.text(parts.get("do")), parts, names)


def read_meeting(document: Document, value: Value | None) -> Meeting:
    """How a review is held."""
    parts = document.peek(value)
    agenda = {name: document.duration(entry) for name, entry in document.named(parts.get("agenda")).items()}
    return Meeting(
        {name: length for name, length in agenda.items() if length},
        document.texts(parts.get("rules")),
        document.texts(parts.get("methods")),
        document.named_texts(parts.get("factors")),
        document.texts(parts.get("report")),
    )
