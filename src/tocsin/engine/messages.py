"""The words of a page."""

from __future__ import annotations

from datetime import datetime

from tocsin.core.incident import Incident
from tocsin.core.model import Message
from tocsin.engine.context import Context
from tocsin.store import directory, subjects
from tocsin.store.outbox import Leased
from tocsin.store.transaction import Transaction


def build(tx: Transaction, context: Context, leased: Leased, now: datetime) -> Message | None:
    """The message for a lease; None when the person or the address is gone from the directory."""
    contact = directory.contacts(tx).get(leased.person)
    address = contact.channels.get(leased.channel) if contact else None
    if contact is None or address is None:
        return None
    incidents = []
    for id in dict.fromkeys(ring.incident for ring in leased.rings):
        stored = subjects.load_incident(tx, id)
        assert stored is not None, f"the outbox points at {id}, which does not exist"
        incidents.append(stored.state)
    repeat = any(ring.unknown for ring in leased.rings)
    link = context.link(leased.bundle, leased.person, now)
    lines = [_line(tx, context, one) for one in incidents]
    return Message(
        key=leased.bundle,
        person=leased.person,
        person_name=contact.name,
        address=address.to,
        secret=address.secret,
        subject=_subject(incidents, lines),
        text=_text(contact.name, lines, link, repeat=repeat),
        link=link,
        incidents=tuple(one.id for one in incidents),
        urgent=any(ring.urgent for ring in leased.rings),
        repeat=repeat,
    )


def _line(tx: Transaction, context: Context, incident: Incident) -> str:
    policy = context.policy(tx, incident.policy_version)
    return f"{incident.level} {policy.service_name(incident.service)}: {incident.title} ({incident.id})"


def _subject(incidents: list[Incident], lines: list[str]) -> str:
    if len(incidents) == 1:
        return lines[0]
    return f"{len(incidents)} incidents need you, among them {lines[0]}"


def _text(name: str, lines: list[str], link: str, *, repeat: bool) -> str:
    what = "\n".join(lines)
    again = "This may be a repeat: the first attempt may have reached you.\n\n" if repeat else ""
    return f"{name}, you are being paged.\n\n{what}\n\n{again}Acknowledge: {link}\n"
