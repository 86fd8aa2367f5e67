"""What a plan says to people: read aloud, shown beside an incident, and never decided by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from tocsin.core.facts import Condition
from tocsin.core.model import LevelId, RoleId, RotaId
from tocsin.core.policy import Milestone, Policy, Target

Lists = Mapping[str, tuple[str, ...]]
"""Names, each with a few lines."""


@dataclass(frozen=True)
class Tool:
    """Something that responders use: where it is, and what for."""

    at: str
    purpose: str


@dataclass(frozen=True)
class About:
    """The plan as a document."""

    version: str = ""
    status: str = ""
    owner: str = ""
    reviewed: date | None = None
    review_by: date | None = None
    objectives: Mapping[str, str] = field(default_factory=dict)
    scope: tuple[str, ...] = ()
    tools: Mapping[str, Tool] = field(default_factory=dict)
    documents: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ToDo:
    """One line of a checklist, which stands while `when` holds (None: always)."""

    do: str
    when: Condition | None = None


@dataclass(frozen=True)
class Phase:
    """A part of the response. Its window, from `starts` to `ends_by`, runs from `anchor`."""

    id: str
    goal: str = ""
    at: tuple[LevelId, ...] = ()
    anchor: Milestone = Milestone.OPENED
    starts: timedelta | None = None
    ends_by: timedelta | None = None
    ends: Milestone | None = None
    sources: Lists = field(default_factory=dict)
    runbook: str = ""
    checklist: tuple[ToDo, ...] = ()
    questions: tuple[str, ...] = ()
    collect: tuple[str, ...] = ()


@dataclass(frozen=True)
class Template:
    """A message that waits to be filled in: for whom, what its author is asked for, and its text.

    Without `targets`, `to` is an audience of updates.
    """

    id: str
    to: str
    asks: tuple[str, ...] = ()
    text: str = ""
    targets: tuple[Target, ...] = ()


@dataclass(frozen=True)
class Medium:
    """Where a channel leads, and what is used when it is gone."""

    at: str = ""
    instead: str = ""


@dataclass(frozen=True)
class HandOver:
    """How a turn on call passes on. `confirmed_by` is both, or only who takes it."""

    confirmed_by: str = "taker"
    checklist: tuple[str, ...] = ()


@dataclass(frozen=True)
class Meeting:
    """How a review is held, and what its report holds."""

    agenda: Mapping[str, timedelta] = field(default_factory=dict)
    rules: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    factors: Lists = field(default_factory=dict)
    report: tuple[str, ...] = ()


@dataclass(frozen=True)
class Actions:
    """What follows a review: what each action needs, its course, and by when each category is done."""

    need: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    categories: Mapping[str, timedelta] = field(default_factory=dict)
    statuses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Handbook:
    """All of that, in the order of the plan."""

    about: About = field(default_factory=About)
    examples: Mapping[LevelId, tuple[str, ...]] = field(default_factory=dict)
    role_duties: Mapping[RoleId, tuple[str, ...]] = field(default_factory=dict)
    rota_duties: Mapping[RotaId, tuple[str, ...]] = field(default_factory=dict)
    answers_within: Mapping[RotaId, timedelta] = field(default_factory=dict)
    readiness: tuple[str, ...] = ()
    hand_over: HandOver = field(default_factory=HandOver)
    phases: tuple[Phase, ...] = ()
    mitigations: Lists = field(default_factory=dict)
    runbooks: Mapping[str, str] = field(default_factory=dict)
    templates: Mapping[str, Template] = field(default_factory=dict)
    media: Mapping[str, Medium] = field(default_factory=dict)
    meeting: Meeting = field(default_factory=Meeting)
    actions: Actions = field(default_factory=Actions)
    scenarios: Mapping[str, str] = field(default_factory=dict)
    skills: Mapping[str, str] = field(default_factory=dict)
    measures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """A whole plan: what is executed, and what is read."""

    policy: Policy
    handbook: Handbook
