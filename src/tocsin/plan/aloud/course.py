"""The course of things: promises, phases, and what comes afterwards."""

from __future__ import annotations

from collections.abc import Iterator

from tocsin.core.aloud import all_of, called
from tocsin.plan.aloud.parts import Part, lengths, lists, pairs
from tocsin.plan.handbook import Medium, Phase, Plan, Template
from tocsin.plan.sentences import condition, interval, length, promise_line


def course(plan: Plan) -> Iterator[Part]:
    """What happens when, and what people use."""
    yield Part("What is promised", 2, lines=tuple(map(promise_line, plan.policy.promises)))
    if plan.handbook.phases:
        yield Part("What happens when", 2, f"{all_of(one.id for one in plan.handbook.phases)}.")
    for phase in plan.handbook.phases:
        text = f"{phase.goal}. {_window(phase)}" if phase.goal else _window(phase)
        to_do = tuple(f"{one.do}{condition(one.when)}" for one in phase.checklist)
        yield Part(phase.id, 3, text, (*to_do, *phase.questions))
    yield Part("First moves", 2, lines=lists(plan.handbook.mitigations))
    yield Part("Runbooks", 2, lines=tuple(plan.handbook.runbooks))
    messages = plan.handbook.templates.values()
    yield Part("Messages", 2, lines=tuple(f"{one.id}: to {_audience(one)}" for one in messages))
    media = plan.handbook.media.items()
    yield Part("Channels", 2, lines=tuple(f"{name}{_medium(one)}" for name, one in media))


def _window(phase: Phase) -> str:
    """From when to when."""
    since = "" if phase.anchor == "opened" else f" after it is {phase.anchor}"
    if phase.ends_by is None:
        return f"From {length(phase.starts)}{since} on." if phase.starts else "It takes as long as it takes."
    if not phase.starts:
        return f"The first {length(phase.ends_by)}{since}."
    return f"From {length(phase.starts)} to {length(phase.ends_by)}{since}."


def _audience(one: Template) -> str:
    return called(one.targets) if one.targets else one.to


def _medium(one: Medium) -> str:
    at = f": {one.at}" if one.at else ""
    return f"{at}; when it is gone, {one.instead}" if one.instead else at


def after(plan: Plan) -> Iterator[Part]:
    """The review, what follows it, and what is done again and again."""
    policy, handbook = plan.policy, plan.handbook
    due = all_of((one.text for one in policy.review_due_when), "or")
    text = f"A review is due when {due}." if policy.review_due_when else ""
    yield Part("The review", 2, text, tuple(map(promise_line, policy.review_steps)))
    yield Part("Its meeting", 3, lines=lengths(handbook.meeting.agenda))
    yield Part("Its rules", 3, lines=handbook.meeting.rules)
    yield Part(
        "How causes are looked for", 3, lines=(*handbook.meeting.methods, *lists(handbook.meeting.factors))
    )
    yield Part("Its report", 3, lines=handbook.meeting.report)
    needs = f"Each action has {all_of(handbook.actions.need)}." if handbook.actions.need else ""
    yield Part("What follows it", 2, needs, (*handbook.actions.steps, *lengths(handbook.actions.categories)))
    duties = (f"{one.id}: {interval(one)}, for {one.purpose}" for one in policy.calendar)
    yield Part("Again and again", 2, lines=tuple(duties))
    yield Part("What is practised", 2, lines=pairs(handbook.scenarios))
    yield Part("What is learnt", 2, lines=pairs(handbook.skills))
    yield Part("What is measured", 2, lines=handbook.measures)
    tools = (f"{name}: {tool.purpose} ({tool.at})" for name, tool in handbook.about.tools.items())
    yield Part("Tools", 2, lines=tuple(tools))
    yield Part("Documents", 2, lines=pairs(handbook.about.documents))
