"""people.yaml to contacts. People live in the store, not in the plan: policy in git, privacy out of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tocsin.core.directory import Address, Contact
from tocsin.core.model import PersonId
from tocsin.core.oncall import Override
from tocsin.core.policy import Policy, Target
from tocsin.plan.about import OURS
from tocsin.plan.document import Document, Value, listing
from tocsin.plan.notify import RULE, notify_rules
from tocsin.plan.problems import PlanRefused
from tocsin.plan.shape import TEXT, ZONE, Either, Key, Many, Named, Table

PEOPLE_FILE = "people.yaml"

_EMAIL = re.compile(r"[^\s@<>(),;:\"]+@[^\s@<>(),;:\"]+")
_URL = re.compile(r"https?://[^\s/?#@]+([/?#]\S*)?")
_BLANK = re.compile(r"(?i)tb[acd]|to ?do|fixme|n/?a|\.{3}|\?+|-+|x{3,}|[<\[].*[>\]]")
_NUMBER = re.compile(r"\+?[\dxX*#_ ().-]{4,}")
_MASKED = re.compile(r"[xX*#_]{2,}")
_SHAPES = {
    "email": (_EMAIL, "This is no e-mail address.", "Write it like ana@example.com."),
    "webhook": (_URL, "This is no address of a webhook.", "Write it like https://example.com/hook."),
}
"""What an address of a channel looks like; channels that are not here take any line of text."""


ADDRESS = Table(
    "address",
    {
        "to": Key(TEXT, "where the channel reaches them", required=True),
        "secret": Key(TEXT, "what signs messages to a webhook", "they are not signed"),
    },
)
PERSON = Table(
    "person",
    {
        "name": Key(TEXT, "what people call them", required=True),
        "email": Key(
            TEXT,
            "the address by which the person asks for a sign-in link; everybody has their own",
            "sign-in links come from the command line only",
        ),
        "zone": Key(ZONE, "in which they read times", "`UTC`"),
        "channels": Key(Named(Either((TEXT, ADDRESS))), "a way to be told, and the address", "not reachable"),
        "rules": Key(
            Many(RULE), "the person's own rules, with channels that they have", "the plan's `notify`"
        ),
    },
)


def read_people(text: str) -> list[Contact]:
    """Everybody in the file; raises PlanRefused with every problem at once."""
    document = Document(PEOPLE_FILE)
    root = document.parse(text, "ana: {name: Ana Costa}")
    named = document.named(root)
    entries = [_entry(document, name, value) for name, value in named.items()]
    _check_logins(document, entries, named)
    if not entries and not document.problems:
        remedy = "Write `ana: {name: Ana Costa}`."
        document.fault(root, "A team needs at least one person.", remedy)
    if document.problems:
        raise PlanRefused(sorted(document.problems))
    return entries


@dataclass(frozen=True)
class Mention:
    """A person named by a plan: where, in words, and by the keys that lead there."""

    person: PersonId
    place: str
    keys: tuple[str | int, ...]


def missing_people(policy: Policy, people: Iterable[PersonId]) -> list[str]:
    """A sentence for everybody whom the plan names and who is not among `people`."""
    known = frozenset(people)
    places: dict[PersonId, list[str]] = {}
    for one in mentions(policy):
        if one.person not in known and one.place not in places.setdefault(one.person, []):
            places[one.person].append(one.place)
    return [
        f"There is no person `{person}`, whom the plan names in {listing(found)}. Add them to {PEOPLE_FILE}."
        for person, found in places.items()
    ]


def unreached(people: Iterable[Contact]) -> Iterator[tuple[PersonId, str]]:
    """Everybody whom nothing that is sent can reach, each with a sentence."""
    for one in people:
        if not one.channels:
            yield one.id, f"{one.name} has no channel."
        elif not set(one.channels) & set(OURS):
            these = "this" if len(one.channels) == 1 else "these"
            by = ", ".join(one.channels)
            yield (
                one.id,
                f"{by}: Tocsin sends nothing by {these} yet; {one.name} is reached by nothing else.",
            )


def missing_stand_ins(overrides: Iterable[Override], people: Mapping[PersonId, Contact]) -> list[str]:
    """A sentence for every stand-in whom nothing reaches: the turn stays whose it was."""
    reached = set(people) - {id for id, _ in unreached(people.values())}
    out = dict.fromkeys((one.person, one.rota) for one in overrides if one.person not in reached)
    return [
        f"{people[person].name if person in people else person} is to stand in in rota {rota} and is out of"
        " reach: whoever was to be relieved stays on call. Arrange somebody else."
        for person, rota in out
    ]


def people_named(policy: Policy) -> list[PersonId]:
    """Everybody whom the plan names, in its order."""
    return list(dict.fromkeys(one.person for one in mentions(policy)))


def mentions(policy: Policy) -> Iterator[Mention]:
    """Every place at which the plan names a person."""
    for rota in policy.rotas.values():
        yield from (Mention(person, f"rota {rota.id}", ("rotas", rota.id)) for person in rota.people)
    for targets, place, keys in _targets(policy):
        yield from (Mention(one.person, place, keys) for one in targets if one.person is not None)


def _targets(policy: Policy) -> Iterator[tuple[tuple[Target, ...], str, tuple[str | int, ...]]]:
    for level in policy.levels:
        for number, step in enumerate(level.ladder, 1):
            keys = ("levels", level.id, "ladder", number)
            yield step.targets + step.tell, f"step {number} of {level.id}", keys
        for one in level.updates:
            yield one.to, f"updates of {level.id}", ("levels", level.id, "updates", one.audience)
    for stage in policy.stages.values():
        yield stage.tell, f"stage {stage.id}", ("stages", stage.id)
    for trigger in policy.triggers:
        named = trigger.page + trigger.tell + trigger.restrict_to
        yield named, f"escalate_when {trigger.id}", ("escalate_when", trigger.id)
    for role in policy.roles.values():
        yield role.default, f"role {role.id}", ("roles", role.id)
    for team in policy.teams.values():
        yield team.members, f"team {team.id}", ("teams", team.id)
    for promise in policy.promises:
        yield promise.tell, f"promise {promise.id}", ("promises", promise.id)
    for number, promise in enumerate(policy.review_steps, 1):
        yield promise.tell, f"review step {number}", ("review", "steps", number)
    yield policy.reclassify.lower, "reclassify", ("reclassify", "lower")
    yield policy.catch_all, "catch_all", ("catch_all",)


def _entry(document: Document, name: str, value: Value) -> Contact:
    parts = document.table(value, PERSON)
    channels = document.named(parts.get("channels"))
    rules = notify_rules(document, parts.get("rules"))
    unknown = {channel for rule in rules for channel in rule.channels if channel and channel not in channels}
    if unknown:
        missing = f"`{name}` has no channel {listing(sorted(unknown))}."
        document.fault(parts["rules"], missing, "Add it to `channels`, or take it out of `rules`.")
    email = _filled(document, parts.get("email"))
    if email and not _EMAIL.fullmatch(email):
        document.fault(parts["email"], *_SHAPES["email"][1:])
    return Contact(
        PersonId(name),
        _filled(document, parts.get("name")),
        email,
        document.zone(parts.get("zone"), "UTC"),
        {channel: _address(document, channel, address) for channel, address in channels.items()},
        rules,
    )


def _filled(document: Document, value: Value | None) -> str:
    """A line that somebody has filled in: a form's blanks page nobody."""
    text = document.text(value)
    if value is None or not text:
        return ""
    if _BLANK.fullmatch(text):
        document.fault(value, f"`{text}` is not filled in.", "Write what is true of this person.")
    elif _NUMBER.fullmatch(text) and _MASKED.search(text):
        document.fault(value, f"The number `{text}` is masked.", "Write every digit.")
    else:
        return text
    return ""


def _check_logins(document: Document, entries: Iterable[Contact], named: Mapping[str, Value]) -> None:
    """One e-mail address signs in one person."""
    owners: dict[str, PersonId] = {}
    for entry in entries:
        owner = owners.setdefault(entry.email.casefold(), entry.id)
        if entry.email and owner != entry.id:
            message = f"`{entry.email}` is the e-mail address of `{owner}` too."
            document.fault(named[entry.id], message, "Give everybody an address of their own.")


def _address(document: Document, channel: str, value: Value) -> Address:
    """`ana@example.com`, or `{to: ..., secret: ...}`."""
    place: Value | None = value
    secret = ""
    if not isinstance(value.node.value, str):
        parts = document.table(value, ADDRESS)
        place = parts.get("to")
        secret = document.text(parts.get("secret"))
    to = _filled(document, place)
    shape = _SHAPES.get(channel)
    if to and place and shape and not shape[0].fullmatch(to):
        document.fault(place, *shape[1:])
    return Address(to, secret)
