"""How people are told: `notify` of the plan, and the personal `rules` of people.yaml."""

from __future__ import annotations

from datetime import timedelta

from tocsin.core.policy import NotifyRule
from tocsin.plan.document import Document, Value
from tocsin.plan.shape import LENGTH, TEXTS, Key, Table

RULE = Table(
    "rule",
    {
        "after": Key(LENGTH, "how long after the page started", "`0m`"),
        "by": Key(TEXTS, "the channels that are used then", required=True),
    },
)


def notify_rules(document: Document, value: Value | None) -> tuple[NotifyRule, ...]:
    """Rules such as `{after: 0m, by: [email, webhook]}`."""
    return tuple(_rule(document, item) for item in document.items(value)) if value else ()


def _rule(document: Document, value: Value) -> NotifyRule:
    parts = document.table(value, RULE)
    channels = document.texts(parts.get("by"))
    if "by" in parts and not channels:
        document.fault(parts["by"], "No channel is named here.", "Write it like [email].")
    return NotifyRule(document.duration(parts.get("after")) or timedelta(0), channels)
