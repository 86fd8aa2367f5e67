"""people.yaml to contacts. People live in the store, not in the plan: policy in git, privacy out of it."""

from __future__ import annotations

from tocsin.core.directory import Address, Contact
from tocsin.core.model import PersonId
from tocsin.plan.document import Document, Value
from tocsin.plan.problems import PlanRefused
from tocsin.plan.read import notify_rules

PEOPLE_FILE = "people.yaml"


def read_people(text: str) -> list[Contact]:
    """Everybody in the file; raises PlanRefused with every problem at once."""
    document = Document(PEOPLE_FILE)
    root = document.parse(text)
    entries = [_entry(document, name, value) for name, value in document.mapping(root).items()]
    if document.problems:
        raise PlanRefused(sorted(document.problems))
    return entries


def _entry(document: Document, name: str, value: Value) -> Contact:
    parts = document.mapping(value, ("name", "email", "zone", "channels", "rules"))
    channels = parts.get("channels")
    return Contact(
        PersonId(name),
        document.text(document.required(value, parts, "name")),
        document.text(parts.get("email")),
        document.zone(parts.get("zone"), "UTC"),
        {
            channel: _address(document, address)
            for channel, address in (document.mapping(channels).items() if channels else ())
        },
        notify_rules(document, parts.get("rules")),
    )


def _address(document: Document, value: Value) -> Address:
    """`ana@example.com`, or `{to: ..., secret: ...}`."""
    if isinstance(value.node.value, str):
        return Address(document.text(value))
    parts = document.mapping(value, ("to", "secret"))
    return Address(document.text(document.required(value, parts, "to")), document.text(parts.get("secret")))
