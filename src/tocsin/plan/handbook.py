"""What a plan says to people: read aloud, shown beside an incident, and never decided by."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from msgspec import Struct

from tocsin.core.facts import Condition
from tocsin.core.model import LevelId, RoleId, RotaId
from tocsin.core.policy import Milestone, Policy, Target

Lists = Mapping[str, tuple[str, ...]]
"""Names, each with a few lines."""


class Tool(Struct, frozen=True):
    """Something that responders use: where it is, and what for."""

    at: str
    purpose: str


class About(Struct, frozen=True):
    """The plan as a document."""

    version: str = ""
    status: str = ""
    owner: str = ""
    reviewed: date | None = None
    review_by: date | None = None
    objectives: Mapping[str, str] = {}
    scope: tuple[str, ...] = ()
    tools: Mapping[str, Tool] = {}
    documents: Mapping[str, str] = {}


class ToDo(Struct, frozen=True):
    """One line of a checklist, which stands while `when` holds (None: always)."""

    do: str
    when: Condition | None = None


class Phase(Struct, frozen=True):
    """A part of the response. Its window, from `starts` to `ends_by`, runs from `anchor`."""

    id: str
    goal: str = ""
    at: tuple[LevelId, ...] = ()
    anchor: Milestone = Milestone.OPENED
    starts: timedelta | None = None
    ends_by: timedelta | None = None
    ends: Milestone | None = None
    sources: Lists = {}
    runbook: str = ""
    checklist: tuple[ToDo, ...] = ()
    questions: tuple[str, ...] = ()
    collect: tuple[str, ...] = ()


class Template(Struct, frozen=True):
    """A message that waits to be filled in: for whom, what its author is asked for, and its text.

    Without `targets`, `to` is an audience of updates.
    """

    id: str
    to: str
    asks: tuple[str, ...] = ()
    text: str = ""
    targets: tuple[Target, ...] = ()


class Medium(Struct, frozen=True):
    """Where a channel leads, and what is used when it is gone."""

    at: str = ""
    instead: str = ""


class HandOver(Struct, frozen=True):
    """How a turn on call passes on. `confirmed_by` is both, or only who takes it."""

    confirmed_by: str = "taker"
    checklist: tuple[str, ...] = ()


class Meeting(Struct, frozen=True):
    """How a review is held, and what its report holds."""

    agenda: Mapping[str, timedelta] = {}
    rules: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    factors: Lists = {}
    report: tuple[str, ...] = ()


class Actions(Struct, frozen=True):
    """What follows a review: what each action needs, its course, and by when each category is done."""

    need: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    categories: Mapping[str, timedelta] = {}
    statuses: tuple[str, ...] = ()


class Handbook(Struct, frozen=True):
    """All of that, in the order of the plan."""

    about: About = About()
    examples: Mapping[LevelId, tuple[str, ...]] = {}
    role_duties: Mapping[RoleId, tuple[str, ...]] = {}
    rota_duties: Mapping[RotaId, tuple[str, ...]] = {}
    answers_within: Mapping[RotaId, timedelta] = {}
    readiness: tuple[str, ...] = ()
    hand_over: HandOver = HandOver()
    phases: tuple[Phase, ...] = ()
    mitigations: Lists = {}
    runbooks: Mapping[str, str] = {}
    templates: Mapping[str, Template] = {}
    media: Mapping[str, Medium] = {}
    meeting: Meeting = Meeting()
    actions: Actions = Actions()
    scenarios: Mapping[str, str] = {}
    skills: Mapping[str, str] = {}
    measures: tuple[str, ...] = ()


class Plan(Struct, frozen=True):
    """A whole plan: what is executed, and what is read."""

    policy: Policy
    handbook: Handbook
