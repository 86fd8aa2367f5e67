"""The response: how bad it can be, who is paged, who is who."""

from __future__ import annotations

from collections.abc import Iterator

from tocsin.core.aloud import all_of, called
from tocsin.core.policy import Advance, Level, Policy, Rebase
from tocsin.plan.aloud.parts import Part, pairs, sentence
from tocsin.plan.handbook import Handbook, Plan
from tocsin.plan.rota_words import rota_lines
from tocsin.plan.sentences import (
    cadence_line,
    fact_line,
    length,
    promised,
    row_line,
    stage_line,
    step_line,
    trigger_line,
)

NOBODY_YET = "nobody, until somebody is assigned"


def head(plan: Plan) -> Iterator[Part]:
    """The title page."""
    policy, about = plan.policy, plan.handbook.about
    facts = [f"Version {about.version}" if about.version else "", about.status]
    facts += [f"kept by {about.owner}" if about.owner else ""]
    facts += [f"reviewed {about.reviewed}" if about.reviewed else ""]
    facts += [f"to be reviewed by {about.review_by}" if about.review_by else ""]
    text = ", ".join(fact for fact in facts if fact)
    text = text[:1].upper() + text[1:]
    yield Part(policy.name, 1, f"{text}. Times of day are those of {policy.zone}." if text else "")
    yield Part("What it is for", 2, lines=pairs(about.objectives))
    yield Part("What it covers", 2, lines=about.scope)
    yield Part("What can break", 2, lines=tuple(one.name for one in policy.services.values()))


def levels(plan: Plan) -> Iterator[Part]:
    """How bad it can be, and who is paged then."""
    policy, handbook = plan.policy, plan.handbook
    yield Part("How bad it can be", 2, f"From the worst: {all_of(level.id for level in policy.levels)}.")
    for level in policy.levels:
        yield _level(level, handbook)
    yield Part(
        "Which level it has", 2, "The worst of what fits; the worst of all when nothing does.", _rows(policy)
    )
    yield Part("What is known of it", 2, lines=tuple(map(fact_line, policy.facts.values())))
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


def escalation(plan: Plan) -> Iterator[Part]:
    """What escalates beside the ladders."""
    policy = plan.policy
    lines = (*map(stage_line, policy.stages.values()), *map(trigger_line, policy.triggers))
    progress = policy.progress
    warned = f"Whoever leads is warned {length(progress.warn_before)} before a stall is escalated"
    extend = f", and may put it off once by {length(progress.extend_by)}, with a reason"
    text = f"{warned}{extend if progress.extend_by else ''}." if progress.warn_before else ""
    if progress.counts != frozenset(Advance):
        text = f"Progress is {all_of(sorted(progress.counts))}. {text}".strip()
    yield Part("What else escalates", 2, text, lines)


def people(plan: Plan) -> Iterator[Part]:
    """Roles, teams and who is on call."""
    policy, handbook = plan.policy, plan.handbook
    roles = []
    for role in policy.roles.values():
        held = f" At {all_of(role.at)} somebody must hold it." if role.at else ""
        not_with = f", never together with {all_of(role.not_with)}" if role.not_with else ""
        duties = sentence(handbook.role_duties.get(role.id, ()))
        roles.append(f"{role.id}: {called(role.default) or NOBODY_YET}{not_with}.{held}{duties}")
    yield Part("Roles", 2, lines=tuple(roles))
    teams = (f"{team.id}: {called(team.members)}" for team in policy.teams.values())
    yield Part("Teams", 2, lines=tuple(teams))
    rotas = []
    for rota in policy.rotas.values():
        who = "; else ".join(rota_lines(rota))
        soon = handbook.answers_within.get(rota.id)
        answer = f" There within {length(soon)}." if soon else ""
        rotas.append(f"{rota.id}: {who}.{answer}{sentence(handbook.rota_duties.get(rota.id, ()))}")
    yield Part("On call", 2, lines=tuple(rotas))
    yield Part("What is expected of them", 2, lines=handbook.readiness)
    both = handbook.hand_over.confirmed_by == "both"
    confirmed = "Both confirm it." if both else "Whoever takes it confirms it."
    checklist = handbook.hand_over.checklist
    yield Part("When a turn passes on", 2, confirmed if both or checklist else "", checklist)
    yield Part("When nobody can be reached", 2, f"Page {called(policy.catch_all)}.")
