"""What a step, a stage or an escalation gives people to do."""

from __future__ import annotations

from tocsin.core.policy import Task
from tocsin.plan.document import Document, Value
from tocsin.plan.shape import LENGTH, TEXT, Either, Key, Many, Table

TASK = Table(
    "task",
    {
        "do": Key(TEXT, "what is to be done", required=True),
        "within": Key(LENGTH, "how long it may take, from when it is given: a deadline", "it has no time"),
    },
)
TASKS = Many(Either((TEXT, TASK)))


def read_tasks(document: Document, value: Value | None) -> tuple[Task, ...]:
    """The tasks in their order."""
    return tuple(_task(document, item) for item in document.items(value)) if value else ()


def _task(document: Document, value: Value) -> Task:
    if isinstance(value.node.value, str):
        return Task(document.text(value))
    parts = document.table(value, TASK)
    return Task(document.text(parts.get("do")), document.duration(parts.get("within"), least="1s"))
