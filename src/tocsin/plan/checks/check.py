"""A plan looked over, with its people where their file lies beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from tocsin.plan.checks.duty import check_roles, check_rotas
from tocsin.plan.checks.pace import check_pace, check_rules
from tocsin.plan.checks.reach import check_reach
from tocsin.plan.checks.unused import check_unused
from tocsin.plan.document import Document
from tocsin.plan.handbook import Plan
from tocsin.plan.people import PEOPLE_FILE, mentions, people_named, read_people, unreached
from tocsin.plan.problems import PlanRefused, Problem
from tocsin.plan.read import examine


@dataclass(frozen=True)
class Examined:
    """A plan and all that is wrong with it. None where the file is no plan at all."""

    plan: Plan | None
    problems: tuple[Problem, ...]

    @property
    def sound(self) -> bool:
        """Whether it may be put in force: there are warnings at most."""
        return all(one.warning for one in self.problems)


def check(files: Mapping[str, str], now: datetime, people: str | None = None) -> Examined:
    """Every problem at once. `people` is the text of people.yaml, where there is one."""
    try:
        document, plan = examine(files)
    except PlanRefused as refused:
        return Examined(None, tuple(refused.problems))
    if not document.problems:
        # A plan that says something else than it means would only be warned of with the wrong sentences.
        check_reach(document, plan)
        check_pace(document, plan)
        check_rotas(document, plan, now)
        check_unused(document, plan, files)
        _check_review(document, plan, now)
    check_roles(document, plan)
    if people is not None:
        _check_people(document, plan, people)
    return Examined(plan, tuple(sorted(document.problems)))


def _check_people(document: Document, plan: Plan, text: str) -> None:
    """Everybody whom the plan names must be there, and something that Tocsin sends must reach them."""
    try:
        contacts = read_people(text)
    except PlanRefused as refused:
        document.problems += refused.problems
        return
    known = {one.id for one in contacts}
    for one in mentions(plan.policy):
        if one.person and one.person not in known:
            remedy = f"Add them to {PEOPLE_FILE}, or name somebody else."
            document.fault(document.place(*one.keys), f"There is no person `{one.person}`.", remedy)
    named = set(people_named(plan.policy))
    beside = Document(PEOPLE_FILE)
    beside.parse(text, "ana: {name: Ana Costa}")
    for person, sentence in unreached(one for one in contacts if one.id in named):
        beside.warn(beside.place(person), sentence, "Give them an e-mail address or a webhook in `channels`.")
    check_rules(beside, contacts, plan.policy)
    document.problems += beside.problems


def _check_review(document: Document, plan: Plan, now: datetime) -> None:
    """Plans grow old."""
    by = plan.handbook.about.review_by
    if by is not None and by < now.astimezone(ZoneInfo(plan.policy.zone)).date():
        message = f"This plan was to be reviewed by {by}."
        document.warn(document.place("about"), message, "Review it, and say when in `reviewed`.")
