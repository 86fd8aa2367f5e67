"""What a plan has and never uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import yaml

from tocsin.core.policy import Policy
from tocsin.plan.about import OURS
from tocsin.plan.document import Document, listing
from tocsin.plan.files import PLAN_FILE
from tocsin.plan.handbook import Plan, ToDo
from tocsin.plan.messages import FIELD
from tocsin.plan.problems import Problem

_USES = {"rotas": ("on call",), "teams": ("team", "next of"), "stages": ()}


def check_unused(document: Document, plan: Plan, files: Mapping[str, str]) -> None:
    """Note parts, files and questions that nothing asks for, and channels that nothing describes."""
    said = set(_scalars(document.root.node))
    for section, words in _USES.items():
        for name, place in document.peek(document.peek(document.root).get(section)).items():
            spelled = {f"{word}: {name}" for word in words} | {name}
            if not spelled & said:
                message = f"Nothing in the plan uses `{name}`."
                document.warn(place, message, "Use it, or leave it out.")
    document.problems += _files(plan, files)
    for template in plan.handbook.templates.values():
        written = {match[1] for match in FIELD.finditer(template.text)}
        for ask in template.asks:
            if ask not in written:
                message = f"People are asked for `{ask}`, which the text does not use."
                place = document.place("messages", template.id)
                document.warn(place, message, f"Write {{{{{ask}}}}} into messages/{template.id}.md.")
    _check_channels(document, plan)
    _check_facts(document, plan)


def _check_facts(document: Document, plan: Plan) -> None:
    """A fact is there to be asked for, to decide something, or to be told."""
    policy = plan.policy
    used = {id for condition in policy.conditions for id in condition.needs}
    used |= {id for todo in _todos(plan) if todo.when for id in todo.when.needs}
    used |= {policy.matrix.across, policy.matrix.down} if policy.matrix else set()
    for fact in policy.facts.values():
        used |= {id for _, condition in fact.chosen_by for id in condition.needs} | set(fact.highest_of)
    told = {match[1] for one in plan.handbook.templates.values() for match in FIELD.finditer(one.text)}
    for fact in policy.facts.values():
        if not fact.ask and fact.id not in used and fact.id not in told:
            message = f"Nobody is asked for `{fact.id}`, and nothing depends on it."
            place = document.place("facts", fact.id)
            document.warn(place, message, "Use it in a condition, give it an `ask`, or leave it out.")


def _todos(plan: Plan) -> Iterator[ToDo]:
    for phase in plan.handbook.phases:
        yield from phase.checklist


def _scalars(node: yaml.Node) -> Iterator[str]:
    """Every value of a document, its keys left out, spelled as one would: one space after a colon."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, yaml.MappingNode):
            waiting += [value for _, value in one.value]
        elif isinstance(one, yaml.SequenceNode):
            waiting += one.value
        else:
            kind, colon, name = " ".join(str(one.value).split()).partition(":")
            yield f"{kind}: {name.strip()}" if colon else kind


def _files(plan: Plan, files: Mapping[str, str]) -> Iterator[Problem]:
    named = {f"messages/{name}.md" for name in plan.handbook.templates}
    named |= {f"runbooks/{name}.md" for name in plan.handbook.runbooks}
    for file in sorted(files.keys() - named - {PLAN_FILE}):
        section = file.split("/")[0]
        remedy = f"Name it in `{section}`, or delete it."
        yield Problem(file, 1, 1, "", "The plan does not name this file.", remedy, warning=True)


def _check_channels(document: Document, plan: Plan) -> None:
    known = (*plan.handbook.media, *OURS)
    for name, keys in _channels(plan.policy):
        if name not in known:
            remedy = f"Describe it in `channels`. Known are: {listing(known)}."
            document.warn(document.place(*keys), f"Nothing describes the channel `{name}`.", remedy)


def _channels(policy: Policy) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    for level in policy.levels:
        for one in level.updates:
            keys = ("levels", level.id, "updates", one.audience)
            yield from ((name, keys) for name in one.by)
    for number, rule in enumerate(policy.notify_rules, 1):
        yield from ((name, ("notify", number)) for name in rule.channels)
