"""The words of a page."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from tocsin.core.incident.visibility import may_see
from tocsin.core.model import Message, PersonId, SubjectId
from tocsin.core.oncall import shown
from tocsin.core.recorded import recorded, with_times
from tocsin.engine.context import Context, NoPlan
from tocsin.store import directory, outbox, subjects
from tocsin.store.errors import Corrupt
from tocsin.store.sending import Leased
from tocsin.store.transaction import Transaction


def build(tx: Transaction, context: Context, leased: Leased, now: datetime) -> Message | None:
    """The message for a lease; None when the person or the address is gone from the directory."""
    contact = directory.contact(tx, leased.person)
    address = contact.channels.get(leased.channel) if contact else None
    if contact is None or address is None:
        return None
    incidents: tuple[SubjectId, ...] = ()
    line = partial(_line, tx, context, contact.id, now)
    if leased.kind == outbox.SIGN_IN:
        link = context.sign_in_link(tx, contact.id, now)
        subject, text = "Sign in to Tocsin", _sign_in_text(contact.name, link)
    elif leased.kind == outbox.TOLD:
        # No link: there is nothing to acknowledge, and a page that says so must not look like one that asks.
        link = ""
        incidents = tuple(dict.fromkeys(ring.incident for ring in leased.rings))
        at_home = partial(_at_home, zone=contact.zone)
        lines = [
            f"{line(ring.incident)}\n{with_times(_one_line(ring.words), at_home)}" for ring in leased.rings
        ]
        repeat = any(ring.unknown for ring in leased.rings)
        subject, text = _told_subject(lines), _told_text(contact.name, lines, repeat=repeat)
    elif leased.kind == outbox.SET_ASIDE:
        link = ""
        incidents = tuple(dict.fromkeys(ring.incident for ring in leased.rings))
        lines = [f"{line(ring.incident)}\n{_one_line(ring.words)}" for ring in leased.rings]
        repeat = any(ring.unknown for ring in leased.rings)
        subject = f"Tocsin pages nobody any more for {', '.join(incidents)}"
        text = _set_aside_text(contact.name, lines, repeat=repeat)
    else:
        link = context.link(leased.bundle, leased.person, now)
        incidents = tuple(dict.fromkeys(ring.incident for ring in leased.rings))
        lines = [line(one) for one in incidents]
        repeat = any(ring.unknown for ring in leased.rings)
        subject, text = _subject(lines), _text(contact.name, lines, link, repeat=repeat)
    return Message(
        key=leased.bundle,
        person=leased.person,
        person_name=contact.name,
        address=address.to,
        secret=address.secret,
        subject=subject,
        text=text,
        link=link,
        incidents=incidents,
        urgent=any(ring.urgent for ring in leased.rings),
        repeat=any(ring.unknown for ring in leased.rings),
    )


def _line(tx: Transaction, context: Context, to: PersonId, now: datetime, id: SubjectId) -> str:
    """What an incident is called in a message; its title is only for those who may see it."""
    try:
        stored = subjects.load_incident(tx, id)
        assert stored is not None, f"the outbox points at {id}, which does not exist"
        incident = stored.state
        policy = context.policy(tx, incident.policy_version)
    except (Corrupt, NoPlan):
        # A page that says little is worth more than a good one that never comes.
        return f"{id}: look at it, its details cannot be read"
    # On one line, so that a source cannot write lines of its own, such as another link, into the message.
    title = _one_line(incident.title)
    if incident.restricted_to and not may_see(incident, to, policy, context.view(tx, now), now):
        title = "only some may see what it is"
    return f"{incident.level} {policy.service_name(incident.service)}: {title} ({id})"


def _subject(lines: list[str]) -> str:
    if len(lines) == 1:
        return lines[0]
    return f"{len(lines)} incidents need you, among them {lines[0]}"


def _text(name: str, lines: list[str], link: str, *, repeat: bool) -> str:
    what = "\n".join(lines)
    again = "This may be a repeat: the first attempt may have reached you.\n\n" if repeat else ""
    return f"{name}, you are being paged.\n\n{what}\n\n{again}Acknowledge: {link}\n"


def _told_subject(lines: list[str]) -> str:
    first = lines[0].partition("\n")[0]
    return f"For you to know: {first}" + (f", and {len(lines) - 1} more" if len(lines) > 1 else "")


def _told_text(name: str, lines: list[str], *, repeat: bool) -> str:
    what = "\n\n".join(lines)
    again = "\nThis may be a repeat: the first attempt may have reached you.\n" if repeat else ""
    return f"{name}, this is for you to know. You need not answer.\n\n{what}\n{again}"


def _set_aside_text(name: str, lines: list[str], *, repeat: bool) -> str:
    what = "\n\n".join(lines)
    again = "\nThis may be a repeat: the first attempt may have reached you.\n" if repeat else ""
    return (
        f"{name}, Tocsin cannot go on with this and has set it aside: nobody is paged for it any more."
        f" Please see to it yourself, and call whoever is needed.\n\n{what}\n{again}"
    )


def _at_home(at: datetime, zone: str) -> str:
    """A time by the reader's own clock; UTC beside it, as others and the logs say it."""
    return recorded(at) if zone == "UTC" else f"{shown(at, zone)} ({recorded(at)})"


def _one_line(words: str) -> str:
    return " ".join(words.split())


def _sign_in_text(name: str, link: str) -> str:
    return (
        f"{name}, this link signs you in. It works once, for 15 minutes.\n\n{link}\n\n"
        "If you did not ask for it, do nothing: without the link nobody gets in.\n"
    )
