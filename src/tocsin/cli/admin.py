"""Commands for the operator, on the server's machine."""

from __future__ import annotations

from argparse import Namespace
from datetime import timedelta
from functools import partial

from tocsin.app.clock import clock, new_secret
from tocsin.cli.opening import open_store, settings_of
from tocsin.cli.result import Failure, Result
from tocsin.core.directory import Contact
from tocsin.core.model import PersonId
from tocsin.store import access, directory
from tocsin.store.access import Token, TokenKind
from tocsin.store.store import Store
from tocsin.store.transaction import Transaction

ROUTING_KEY_CHARACTERS = 32
"""PagerDuty's own length, which some senders insist on."""


def people_list(parsed: Namespace) -> Result:
    """Everybody, without addresses."""
    with open_store(settings_of(parsed)) as store:
        found = store.read_now(directory.contacts).values()
    lines = [f"{one.id:16} {one.name:24} {', '.join(one.channels) or 'no channel'}" for one in found]
    data = [{"id": one.id, "name": one.name, "channels": list(one.channels)} for one in found]
    return Result(lines or ["Nobody. Load people with `tocsin people load people.yaml`."], data)


def integration_add(parsed: Namespace) -> Result:
    """A new key beside those there are."""
    key = new_secret()[:ROUTING_KEY_CHARACTERS]
    with open_store(settings_of(parsed)) as store:
        store.write_now(partial(directory.add_key, integration=parsed.name, key=key, now=clock()))
    id = directory.Key(directory.hashed(key), parsed.name, clock()).id
    lines = [f"Routing key of {parsed.name}, with the id {id} (shown once):", key]
    return Result(lines, {"integration": parsed.name, "id": id, "key": key})


def integration_list(parsed: Namespace) -> Result:
    """All keys, by the start of their hash."""
    with open_store(settings_of(parsed)) as store:
        found = store.read_now(directory.all_keys)
    lines = [f"{one.id}  {one.integration:24} since {one.created_at:%Y-%m-%d}" for one in found]
    data = [
        {"id": one.id, "integration": one.integration, "created_at": one.created_at.isoformat()}
        for one in found
    ]
    return Result(lines or ["No keys. Make one with `tocsin integration add NAME`."], data)


def integration_remove(parsed: Namespace) -> Result:
    """Every key of it, or the one whose hash begins so."""
    with open_store(settings_of(parsed)) as store:
        if parsed.key is None:
            count = store.write_now(partial(directory.remove_keys, integration=parsed.name))
        else:
            key = _only_key(store, parsed.name, parsed.key)
            count = int(store.write_now(partial(directory.remove_key, key_hash=key.hash)))
    return Result([f"{count} keys of {parsed.name} removed."], {"removed": count}, code=0 if count else 1)


def _only_key(store: Store, integration: str, id: str) -> directory.Key:
    of_integration = [one for one in store.read_now(directory.all_keys) if one.integration == integration]
    matches = [one for one in of_integration if id and one.hash.startswith(id)]
    if len(matches) != 1:
        raise Failure(
            f"{len(matches)} keys of {integration} have the id {id}. See `tocsin integration list`."
        )
    return matches[0]


def token_add(parsed: Namespace) -> Result:
    """A token, shown once."""
    secret = "tocsin_" + new_secret()
    with open_store(settings_of(parsed)) as store:
        person = person_called(store, parsed.person)
        now = clock()
        store.write_now(
            partial(
                access.add,
                secret=secret,
                kind=TokenKind(parsed.purpose),
                person=person.id,
                name=parsed.name,
                now=now,
                until=now + timedelta(days=parsed.days),
            )
        )
    return Result([f"API token of {person.name} (shown once):", secret], {"token": secret})


def _tokens(tx: Transaction) -> list[Token]:
    return access.of_kind(tx, TokenKind.API, TokenKind.PLAN)


def token_list(parsed: Namespace) -> Result:
    """All tokens, by the start of their hash."""
    with open_store(settings_of(parsed)) as store:
        found = store.read_now(_tokens)
    lines = [
        f"{one.hash[:8]}  {one.person:12} {one.name:20} {one.kind:5} until {one.expires_at:%Y-%m-%d}"
        for one in found
    ]
    data = [{"id": one.hash[:8], "person": one.person, "name": one.name, "for": one.kind} for one in found]
    return Result(lines or ["No tokens. Make one with `tocsin token add PERSON`."], data)


def token_remove(parsed: Namespace) -> Result:
    """The one token whose hash begins so."""
    with open_store(settings_of(parsed)) as store:
        found = store.read_now(_tokens)
        matches = [one for one in found if parsed.id and one.hash.startswith(parsed.id)]
        if len(matches) != 1:
            raise Failure(f"{len(matches)} tokens have the id {parsed.id}. See `tocsin token list`.")
        store.write_now(partial(access.revoke, token_hash=matches[0].hash))
    return Result([f"The token {matches[0].name} of {matches[0].person} is ended."], {"removed": 1})


def person_called(store: Store, id: str) -> Contact:
    """Somebody in the directory; raises Failure with who there is."""
    found = store.read_now(directory.contacts)
    if PersonId(id) not in found:
        raise Failure(f"There is nobody called {id}. There are: {', '.join(found) or 'none yet'}.")
    return found[PersonId(id)]
