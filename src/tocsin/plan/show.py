"""A plan as text that can be read aloud: for the terminal, or as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from tocsin.core.policy import Level, Policy, Rebase
from tocsin.plan.handbook import Handbook, Plan
from tocsin.plan.sentences import (
    all_of,
    cadence_line,
    called,
    condition,
    interval,
    length,
    promise_line,
    promised,
    row_line,
    step_line,
)


@dataclass(frozen=True, slots=True)
class Part:
    """A heading with what stands below it. `depth` 1 is the plan itself."""

    title: str
    depth: int
    text: str = ""
    lines: tuple[str, ...] = ()


def show(plan: Plan) -> list[Part]:
    """The plan, part by part; parts that say nothing are left out."""
    parts = [part for write in _PARTS for part in write(plan)]
    return [part for part in parts if part.text or part.lines or part.depth == 1]


def as_markdown(parts: Iterable[Part]) -> list[str]:
    """Lines of Markdown."""
    lines: list[str] = []
    for part in parts:
        lines += [f"{'#' * part.depth} {part.title}", ""]
        lines += [part.text, ""] if part.text else []
        lines += [*(f"- {line}" for line in part.lines), ""] if part.lines else []
    return lines[:-1]


def as_text(parts: Iterable[Part]) -> list[str]:
    """Lines for a terminal."""
    lines: list[str] = []
    for part in parts:
        indent = "  " * (part.depth - 1)
        lines += [indent + (part.title.upper() if part.depth < 3 else part.title)]
        lines += [f"{indent}  {part.text}"] if part.text else []
        lines += [f"{indent}  - {line}" for line in part.lines] + [""]
    return lines[:-1]


def _head(plan: Plan) -> Iterator[Part]:
    policy, about = plan.policy, plan.handbook.about
    facts = [f"Version {about.version}" if about.version else "", about.status]
    facts += [f"kept by {about.owner}" if about.owner else ""]
    facts += [f"reviewed {about.reviewed}" if about.reviewed else ""]
    facts += [f"to be reviewed by {about.review_by}" if about.review_by else ""]
    text = ", ".join(fact for fact in facts if fact)
    yield Part(policy.name, 1, f"{text}. Times of day are those of {policy.zone}." if text else "")
    yield Part("What it is for", 2, lines=_pairs(about.objectives))
    yield Part("What it covers", 2, lines=(*about.scope, *(one.name for one in policy.services.values())))


def _levels(plan: Plan) -> Iterator[Part]:
    policy, handbook = plan.policy, plan.handbook
    yield Part("How bad it can be", 2, f"From the worst: {all_of(level.id for level in policy.levels)}.")
    for level in policy.levels:
        yield _level(level, handbook)
    yield Part(
        "Which level it has", 2, "The worst of what fits; the worst of all when nothing does.", _rows(policy)
    )
    asked = tuple(fact.ask for fact in policy.facts.values() if fact.ask)
    yield Part("What is asked to find out", 2, lines=asked)
    lower = f"It may be lowered by {called(policy.reclassify.lower)}." if policy.reclassify.lower else ""
    opened = policy.reclassify.clocks is Rebase.OPENED
    clocks = "as if it had been so from the start" if opened else "from then on"
    yield Part("When the level changes", 2, f"The clocks of the new level run {clocks}. {lower}".strip())


def _level(level: Level, handbook: Handbook) -> Part:
    examples = handbook.examples.get(level.id, ())
    seen = f"For example: {'; '.join(examples)}." if examples else ""
    means = f"{level.means}." if level.means else ""
    steps = [step_line(step) for step in level.ladder] or ["Nobody is paged; it waits in the list."]
    lines = (*steps, *(cadence_line(one) for one in level.updates))
    text = " ".join(part for part in (means, seen, promised(level)) if part)
    title = level.id if level.name == level.id else f"{level.id}: {level.name}"
    return Part(title, 3, text, lines)


def _rows(policy: Policy) -> tuple[str, ...]:
    rows = [row_line(row) for row in policy.classifications]
    if policy.matrix:
        matrix = policy.matrix
        for (down, across), level in matrix.cells.items():
            rows.append(f"{level} when {matrix.down} is {down} and {matrix.across} is {across}.")
    return tuple(rows)


def _escalation(plan: Plan) -> Iterator[Part]:
    policy = plan.policy
    lines = []
    for stage in policy.stages.values():
        tell = [f"tell {called(stage.tell)}"] if stage.tell else []
        often = [f"updates come at {stage.updates_every} % of their intervals"]
        tell += [*stage.tasks, *(often if stage.updates_every != 100 else [])]
        lines.append(f"{stage.id}: {'; '.join(tell)}")
    for one in policy.triggers:
        does = [f"page {called(one.page)}"] if one.page else []
        does += [f"tell {called(one.tell)}"] if one.tell else []
        does += [f"only {called(one.restrict_to)} may see it"] if one.restrict_to else []
        lines.append(f"{one.id}: {all_of((*does, *one.tasks))}{condition(one.when)}")
    progress = policy.progress
    warned = f"Whoever leads is warned {length(progress.warn_before)} before a stall is escalated"
    extend = f", and may put it off once by {length(progress.extend_by)}, with a reason"
    text = f"{warned}{extend if progress.extend_by else ''}." if progress.warn_before else ""
    yield Part("What else escalates", 2, text, tuple(lines))


def _people(plan: Plan) -> Iterator[Part]:
    policy, handbook = plan.policy, plan.handbook
    roles = []
    for role in policy.roles.values():
        not_with = f", never together with {all_of(role.not_with)}" if role.not_with else ""
        duties = _sentence(handbook.role_duties.get(role.id, ()))
        roles.append(f"{role.id}: {called(role.default)}{not_with}.{duties}")
    yield Part("Roles", 2, lines=tuple(roles))
    teams = (f"{team.id}: {called(team.members)}" for team in policy.teams.values())
    yield Part("Teams", 2, lines=tuple(teams))
    rotas = []
    for rota in policy.rotas.values():
        follows = (
            f"whoever has {rota.follows} {rota.ahead} turn{'s' if rota.ahead > 1 else ''} later"
            if rota.follows
            else ""
        )
        who = all_of(rota.people) if rota.people else follows
        soon = handbook.answers_within.get(rota.id)
        answer = f" There within {length(soon)}." if soon else ""
        rotas.append(f"{rota.id}: {who}.{answer}{_sentence(handbook.rota_duties.get(rota.id, ()))}")
    yield Part("On call", 2, lines=tuple(rotas))
    yield Part("What is expected of them", 2, lines=handbook.readiness)
    yield Part("When a turn passes on", 2, lines=handbook.hand_over.checklist)
    yield Part("When nobody can be reached", 2, f"Page {called(policy.catch_all)}.")


def _course(plan: Plan) -> Iterator[Part]:
    yield Part("What is promised", 2, lines=tuple(map(promise_line, plan.policy.promises)))
    if plan.handbook.phases:
        yield Part("What happens when", 2, f"{all_of(one.id for one in plan.handbook.phases)}.")
    for phase in plan.handbook.phases:
        bounds = (phase.starts, phase.ends_by)
        window = " to ".join(length(time) for time in bounds if time is not None)
        since = f", from when it is {phase.anchor}" if window and phase.anchor != "opened" else ""
        text = f"{phase.goal}. " if phase.goal else ""
        text += f"{window}{since}." if window else "It takes as long as it takes."
        to_do = tuple(f"{one.do}{condition(one.when)}" for one in phase.checklist)
        yield Part(phase.id, 3, text, (*to_do, *phase.questions))
    yield Part("First moves", 2, lines=_lists(plan.handbook.mitigations))


def _after(plan: Plan) -> Iterator[Part]:
    policy, handbook = plan.policy, plan.handbook
    due = all_of((one.text for one in policy.review_due_when), "or")
    text = f"A review is due when {due}." if policy.review_due_when else ""
    yield Part("The review", 2, text, tuple(map(promise_line, policy.review_steps)))
    yield Part("Its meeting", 3, lines=_lengths(handbook.meeting.agenda))
    yield Part("Its rules", 3, lines=handbook.meeting.rules)
    yield Part("What follows it", 2, lines=_lengths(handbook.actions.categories))
    duties = (f"{one.id}: {interval(one)}, for {one.purpose}" for one in policy.calendar)
    yield Part("Again and again", 2, lines=tuple(duties))
    yield Part("What is practised", 2, lines=_pairs(handbook.scenarios))
    channels = (f"{name}: {one.at}" for name, one in handbook.media.items() if one.at)
    yield Part("Channels", 2, lines=tuple(channels))


def _sentence(texts: Iterable[str]) -> str:
    return f" {'; '.join(texts)}." if texts else ""


def _pairs(named: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"{name}: {text}" for name, text in named.items())


def _lists(named: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(f"{name}: {', '.join(texts)}" for name, texts in named.items())


def _lengths(named: Mapping[str, timedelta]) -> tuple[str, ...]:
    return tuple(f"{name}: {length(time)}" for name, time in named.items())


_PARTS: tuple[Callable[[Plan], Iterator[Part]], ...] = (_head, _levels, _escalation, _people, _course, _after)
