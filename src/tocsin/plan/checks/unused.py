"""What a plan has and never uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import yaml

from tocsin.core.policy import Policy
from tocsin.plan.about import OURS
from tocsin.plan.document import Document, listing
from tocsin.plan.files import PLAN_FILE
from tocsin.plan.handbook import Plan
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


def _scalars(node: yaml.Node) -> Iterator[str]:
    """Every value of a document, its keys left out."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, yaml.MappingNode):
            waiting += [value for _, value in one.value]
        elif isinstance(one, yaml.SequenceNode):
            waiting += one.value
        else:
            yield " ".join(str(one.value).split())


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
