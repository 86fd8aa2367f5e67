"""people.yaml to contacts. People live in the store, not in the plan: policy in git, privacy out of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from tocsin.core.directory import Address, Contact
from tocsin.core.model import PersonId
from tocsin.core.policy import Policy, Target
from tocsin.plan.document import Document, Value, listing
from tocsin.plan.notify import notify_rules
from tocsin.plan.problems import PlanRefused

PEOPLE_FILE = "people.yaml"

_EMAIL = re.compile(r"[^\s@<>(),;:\"]+@[^\s@<>(),;:\"]+")
_URL = re.compile(r"https?://[^\s/?#@]+([/?#]\S*)?")
_SHAPES = {
    "email": (_EMAIL, "This is no e-mail address.", "Write it like ana@example.com."),
    "webhook": (_URL, "This is no address of a webhook.", "Write it like https://example.com/hook."),
}
"""What an address of a channel looks like; channels that are not here take any line of text."""


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


def missing_people(policy: Policy, people: Iterable[PersonId]) -> list[str]:
    """A sentence for everybody whom the plan names and who is not among `people`."""
    known = frozenset(people)
    places: dict[PersonId, list[str]] = {}
    for person, place in _named_by(policy):
        if person not in known and place not in places.setdefault(person, []):
            places[person].append(place)
    return [
        f"There is no person `{person}`, whom the plan names in {listing(found)}. Add them to {PEOPLE_FILE}."
        for person, found in places.items()
    ]


def people_named(policy: Policy) -> list[PersonId]:
    """Everybody whom the plan names, in its order."""
    return list(dict.fromkeys(person for person, _ in _named_by(policy)))


def _named_by(policy: Policy) -> Iterable[tuple[PersonId, str]]:
    for rota in policy.rotas.values():
        yield from ((person, f"rota {rota.id}") for person in rota.people)
    for level in policy.levels:
        for number, step in enumerate(level.ladder, 1):
            yield from _persons(step.targets, f"step {number} of {level.id}")
    yield from _persons(policy.catch_all, "catch_all")


def _persons(targets: Iterable[Target], place: str) -> Iterable[tuple[PersonId, str]]:
    return ((one.person, place) for one in targets if one.person is not None)


def _entry(document: Document, name: str, value: Value) -> Contact:
    parts = document.mapping(value, ("name", "email", "zone", "channels", "rules"))
    channels = document.named(parts.get("channels"))
    rules = notify_rules(document, parts.get("rules"))
    unknown = {channel for rule in rules for channel in rule.channels if channel and channel not in channels}
    if unknown:
        missing = f"`{name}` has no channel {listing(sorted(unknown))}."
        document.fault(parts["rules"], missing, "Add it to `channels`, or take it out of `rules`.")
    email = document.text(parts.get("email"))
    if email and not _EMAIL.fullmatch(email):
        document.fault(parts["email"], *_SHAPES["email"][1:])
    return Contact(
        PersonId(name),
        document.text(document.required(value, parts, "name")),
        email,
        document.zone(parts.get("zone"), "UTC"),
        {channel: _address(document, channel, address) for channel, address in channels.items()},
        rules,
    )


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
        parts = document.mapping(value, ("to", "secret"))
        place = document.required(value, parts, "to")
        secret = document.text(parts.get("secret"))
    to = document.text(place)
    shape = _SHAPES.get(channel)
    if to and place and shape and not shape[0].fullmatch(to):
        document.fault(place, *shape[1:])
    return Address(to, secret)
