"""The `messages` of a plan: texts that wait to be filled in, one Markdown file each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tocsin.plan.document import Document, Value, listing
from tocsin.plan.handbook import Template
from tocsin.plan.names import Names, read_targets
from tocsin.plan.problems import Problem
from tocsin.plan.shape import TEXT, TEXTS, Key, Table

MESSAGE = Table(
    "message",
    {
        "to": Key(
            TEXT, "the audience of [updates](#update) that it is for, or a role, team or rota", required=True
        ),
        "asks": Key(TEXTS, "the fields that whoever sends it is asked for"),
    },
)

FIELDS = {
    "incident": "the incident's id",
    "title": "what it is called",
    "service": "the service that it is about",
    "level": "its level",
    "level_name": "what people call that level",
    "status": "where it stands",
    "phase": "the phase that it is in",
    "room": "the plan's `channel` for it",
    "now": "the time at which the message is sent",
    "opened": "when it was opened",
    "mitigated": "when its effects ended",
    "resolved": "when it was over",
    "lasted": "how long it lasted, or has lasted so far",
    "estimate": "when it is expected to be over",
    "next_update": "when the same audience hears again",
    "review": "when its review is due",
}
"""What Tocsin fills in by itself."""

FIELD = re.compile(r"\{\{\s*([^{}?]*?)\s*(\??)\s*\}\}")
"""`{{field}}` must be filled; the line of a `{{field?}}` is left out when it is empty."""


def read_messages(
    document: Document,
    value: Value | None,
    files: Mapping[str, str],
    channels: Mapping[str, object],
    names: Names,
) -> dict[str, Template]:
    """Each message with the text of its file."""
    found = {}
    for name, entry in document.named(value).items():
        parts = document.table(entry, MESSAGE)
        to = document.text(parts.get("to"))
        targets = read_targets(document, parts.get("to"), names) if ":" in to else ()
        if not targets:
            document.reference(parts.get("to"), names.audiences, "audience")
        asks = document.texts(parts.get("asks"))
        for item, ask in zip(document.items(parts["asks"]) if asks else (), asks, strict=False):
            if ask in FIELDS or ask in names.facts:
                message = f"`{ask}` is filled in without asking."
                document.fault(item, message, "Leave it out here, or ask for something else.")
        template = Template(name, to, asks, text_of(document, entry, "messages", name, files), targets)
        document.problems += _unfilled(template, channels, names)
        found[name] = template
    return found


def read_runbooks(document: Document, value: Value | None, files: Mapping[str, str]) -> dict[str, str]:
    """Each runbook with the text of its file."""
    items = list(document.items(value)) if value else []
    return {
        name: text_of(document, item, "runbooks", name, files)
        for item in items
        if (name := document.text(item))
    }


def text_of(document: Document, value: Value, folder: str, name: str, files: Mapping[str, str]) -> str:
    """The text of a file beside the plan."""
    file = f"{folder}/{name}.md"
    if file not in files:
        document.fault(value, f"There is no file {file}.", "Write it beside plan.yaml.")
    elif not files[file].strip():
        document.problems.append(Problem(file, 1, 1, "", "The file is empty.", "Write its text."))
    return files.get(file, "")


def _unfilled(template: Template, channels: Mapping[str, object], names: Names) -> Iterator[Problem]:
    """What stands between braces in a message, and nothing fills."""
    known = (*template.asks, *FIELDS, *names.facts)
    for match in FIELD.finditer(template.text):
        field = match[1]
        kind, colon, rest = field.partition(":")
        fits = {"role": names.roles, "channel": tuple(channels)}.get(kind, ()) if colon else known
        if (rest.strip() if colon else field) not in fits:
            before = template.text[: match.start()]
            line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
            message = f"Nothing fills `{field}`."
            remedy = f"Put it into `asks` of messages.{template.id}, or use one of: {listing(fits)}."
            yield Problem(f"messages/{template.id}.md", line, column, "", message, remedy)
