"""The plan as a document: `about`, and the lists that stand beside the response."""

from __future__ import annotations

from datetime import date

from tocsin.plan.calendar import add, read_interval
from tocsin.plan.document import Document, Value
from tocsin.plan.handbook import About, Actions, HandOver, Medium, Tool
from tocsin.plan.shape import DATE, INTERVAL, LENGTH, TEXT, TEXTS, Choice, Key, Named, Table

TOOL = Table(
    "tool",
    {"at": Key(TEXT, "where it is", required=True), "for": Key(TEXT, "what it is for", required=True)},
)
ABOUT = Table(
    "about",
    {
        "version": Key(TEXT, "the document's own version"),
        "status": Key(TEXT, "such as active or draft"),
        "owner": Key(TEXT, "who keeps it"),
        "reviewed": Key(DATE, "when it was reviewed last"),
        "review_by": Key(DATE, "when it must be reviewed; the checker warns from then on"),
        "review_every": Key(INTERVAL, "instead: how long after `reviewed`"),
        "objectives": Key(Named(TEXT), "what the response is for"),
        "scope": Key(TEXTS, "what the plan covers"),
        "tools": Key(Named(TOOL), "what responders use"),
        "documents": Key(Named(TEXT), "where related documents are"),
    },
)
HAND_OVER = Table(
    "hand_over",
    {
        "confirmed_by": Key(Choice(("both", "taker")), "who confirms that a turn has passed on", "`taker`"),
        "checklist": Key(TEXTS, "what the two go through"),
    },
)
CHANNEL = Table(
    "medium",
    {
        "at": Key(TEXT, "where it is: an address, a room, a page"),
        "instead": Key(TEXT, "the channel that is used when this one is gone"),
    },
)
ACTIONS = Table(
    "actions",
    {
        "need": Key(TEXTS, "what each action must have"),
        "steps": Key(TEXTS, "its course"),
        "categories": Key(Named(LENGTH), "by when the actions of a category are done"),
        "statuses": Key(TEXTS, "the words for where an action stands"),
    },
)
TRAINING = Table(
    "training",
    {
        "scenarios": Key(Named(TEXT), "what is played through"),
        "skills": Key(Named(TEXT), "what is learnt"),
    },
)

OURS = ("email", "mailbox", "webhook")
"""Channels that need no description: Tocsin brings them."""


def read_about(document: Document, value: Value | None) -> About:
    """The plan as a document."""
    if value is None:
        return About()
    parts = document.table(value, ABOUT)
    reviewed = document.date(parts.get("reviewed"))
    return About(
        document.text(parts.get("version")),
        document.text(parts.get("status")),
        document.text(parts.get("owner")),
        reviewed,
        _review_by(document, parts, reviewed),
        document.named_text(parts.get("objectives")),
        document.texts(parts.get("scope")),
        {name: _tool(document, entry) for name, entry in document.named(parts.get("tools")).items()},
        document.named_text(parts.get("documents")),
    )


def _review_by(document: Document, parts: dict[str, Value], reviewed: date | None) -> date | None:
    by, every = parts.get("review_by"), parts.get("review_every")
    if by and every:
        document.fault(every, "A review is due by a date or after a time, not both.", "Keep one of them.")
    if every and "reviewed" not in parts:
        document.fault(every, "Nobody can tell from when this runs.", "Add `reviewed` with a date.")
    count, unit = read_interval(document, every) if every else (0, "")
    return add(reviewed, count, unit) if reviewed and count else document.date(by)


def _tool(document: Document, value: Value) -> Tool:
    parts = document.table(value, TOOL)
    return Tool(document.text(parts.get("at")), document.text(parts.get("for")))


def read_hand_over(document: Document, value: Value | None) -> HandOver:
    """How a turn on call passes on."""
    if value is None:
        return HandOver()
    parts = document.table(value, HAND_OVER)
    by = document.choice(parts.get("confirmed_by"), ("both", "taker"), "taker", "side")
    return HandOver(by, document.texts(parts.get("checklist")))


def read_channels(document: Document, value: Value | None) -> dict[str, Medium]:
    """What the channels that a plan names are."""
    named = document.named(value)
    known = (*named, *OURS)
    media = {}
    for name, entry in named.items():
        parts = document.table(entry, CHANNEL)
        instead = document.reference(parts.get("instead"), known, "channel")
        if instead and instead == name:
            document.fault(parts["instead"], f"`{name}` can not stand in for itself.", "Name another.")
        media[name] = Medium(document.text(parts.get("at")), instead)
    return media


def read_actions(document: Document, value: Value | None) -> Actions:
    """What follows a review."""
    if value is None:
        return Actions()
    parts = document.table(value, ACTIONS)
    categories = document.named(parts.get("categories"))
    lengths = {name: document.duration(entry, least="1d") for name, entry in categories.items()}
    return Actions(
        document.texts(parts.get("need")),
        document.texts(parts.get("steps")),
        {name: length for name, length in lengths.items() if length},
        document.texts(parts.get("statuses")),
    )


def read_training(document: Document, value: Value | None) -> tuple[dict[str, str], dict[str, str]]:
    """Scenarios and skills."""
    parts = document.table(value, TRAINING) if value else {}
    return document.named_text(parts.get("scenarios")), document.named_text(parts.get("skills"))
