"""What escalates beside the ladders: `reclassify`, `progress`, `stages` and `escalate_when`."""

from __future__ import annotations

from datetime import timedelta

from tocsin.core.model import StageId
from tocsin.core.policy import Advance, Progress, Rebase, Reclassify, Stage, Trigger
from tocsin.plan.conditions import read_condition
from tocsin.plan.document import Document, Value
from tocsin.plan.facts import NEVER_KNOWN, check_known
from tocsin.plan.names import Names, read_targets
from tocsin.plan.shape import CONDITION, LENGTH, PERCENT, TARGETS, Choice, Key, Many, Table
from tocsin.plan.tasks import TASKS, read_tasks

RECLASSIFY = Table(
    "reclassify",
    {
        "clocks": Key(
            Choice(tuple(Rebase)),
            "from when the clocks of a new level run: `opened`, as if it had had that level from the start,"
            " or `change`",
            "`change`",
        ),
        "lower": Key(TARGETS, "who may lower a level", "anybody"),
    },
)
PROGRESS = Table(
    "progress",
    {
        "is": Key(Many(Choice(tuple(Advance))), "what counts as progress", "all of them"),
        "warn_before": Key(LENGTH, "how long before a `stalled` step whoever leads is warned", "no warning"),
        "extend_once_by": Key(LENGTH, "how long it may be put off, once, with a reason", "it may not"),
    },
)
STAGE = Table(
    "stage",
    {
        "tell": Key(TARGETS, "who gets a message that needs no answer", "nobody"),
        "tasks": Key(TASKS, "what goes to the list of whoever leads"),
        "updates_every": Key(PERCENT, "the intervals of updates from then on, of what they were", "`100%`"),
    },
)
TRIGGER = Table(
    "trigger",
    {
        "when": Key(CONDITION, "what must come to hold; it counts once", required=True),
        "page": Key(TARGETS, "who must answer"),
        "tell": Key(TARGETS, "who gets a message that needs no answer"),
        "tasks": Key(TASKS, "what goes to the list of whoever leads"),
        "restrict_to": Key(
            TARGETS,
            "who alone may see the incident from then on; others whom the plan tells hear no title",
            "no change",
        ),
    },
)


def read_reclassify(document: Document, value: Value | None, names: Names) -> Reclassify:
    """What a change of level does."""
    if value is None:
        return Reclassify()
    parts = document.table(value, RECLASSIFY)
    clocks = document.choice(parts.get("clocks"), Rebase, Rebase.CHANGE, "clock")
    return Reclassify(Rebase(clocks), read_targets(document, parts.get("lower"), names))


def read_progress(document: Document, value: Value | None) -> Progress:
    """What counts as progress."""
    if value is None:
        return Progress()
    parts = document.table(value, PROGRESS)
    counts = frozenset(Advance)
    if "is" in parts:
        items = document.items(parts["is"])
        counts = frozenset(Advance(document.choice(one, Advance, Advance.NOTE, "progress")) for one in items)
    return Progress(
        counts,
        document.duration(parts.get("warn_before")) or timedelta(0),
        document.duration(parts.get("extend_once_by")) or timedelta(0),
    )


def read_stages(document: Document, value: Value | None, names: Names) -> dict[StageId, Stage]:
    """Each stage by its name."""
    return {
        StageId(name): _stage(document, name, entry, names) for name, entry in document.named(value).items()
    }


def _stage(document: Document, name: str, value: Value, names: Names) -> Stage:
    parts = document.table(value, STAGE)
    return Stage(
        StageId(name),
        read_targets(document, parts.get("tell"), names),
        read_tasks(document, parts.get("tasks")),
        document.percent(parts.get("updates_every"), 100),
    )


def read_triggers(document: Document, value: Value | None, names: Names) -> tuple[Trigger, ...]:
    """The escalations by impact."""
    found = (_trigger(document, name, entry, names) for name, entry in document.named(value).items())
    return tuple(one for one in found if one is not None)


def _trigger(document: Document, name: str, value: Value, names: Names) -> Trigger | None:
    parts = document.table(value, TRIGGER)
    if parts and not {"page", "tell", "tasks", "restrict_to"} & set(parts):
        remedy = "Give it `page`, `tell`, `tasks` or `restrict_to`."
        document.fault(value, "This escalation does nothing.", remedy)
    when = read_condition(document, parts["when"], names.facts) if "when" in parts else None
    if when:
        check_known(document, parts["when"], when, names.facts, NEVER_KNOWN)
    page, tell, restrict = (
        read_targets(document, parts.get(key), names) for key in ("page", "tell", "restrict_to")
    )
    tasks = read_tasks(document, parts.get("tasks"))
    return Trigger(name, when, page, tell, tasks, restrict) if when else None
