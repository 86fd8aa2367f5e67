"""What happens before the first request: data directory, database, key, plan and people."""

from __future__ import annotations

import logging
import os
from functools import partial
from pathlib import Path

from tocsin.app.address import database_url
from tocsin.app.clock import clock, new_secret
from tocsin.engine.enforce import enforce, missing
from tocsin.plan.people import read_people
from tocsin.plan.problems import PlanRefused
from tocsin.plan.read import compile_files, load_directory, load_stored
from tocsin.settings import DEMO_KEYS, Settings
from tocsin.store import directory, plans
from tocsin.store.database import is_sqlite, lock_data, sqlite_path
from tocsin.store.errors import StoreError, StrangeSchema
from tocsin.store.migrate import migrate
from tocsin.store.store import Store

log = logging.getLogger("tocsin")

DEMO = Path(__file__).parents[1] / "demo"
SECRET_CHARACTERS = 32


class CannotStart(Exception):
    """The server cannot start; the message says why and what to do."""


def lock(settings: Settings) -> None:
    """Make the data directory, and hold it against a second server; raises AlreadyRunning or CannotStart."""
    try:
        settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        if (file := sqlite_path(database_url(settings))) is not None:
            # Where the file is, whatever data directory is named beside it.
            lock_data(file.parent)
    except OSError as wrong:
        raise CannotStart(
            f"The data directory {settings.data} cannot be used: {wrong.strerror}. Name another with --data,"
            " or give its owner's rights to the user that runs Tocsin."
        ) from wrong


def open_store(settings: Settings) -> Store:
    """The store, at today's schema; raises StrangeSchema, or CannotStart when the database is of no use."""
    store = Store(database_url(settings))
    try:
        migrate(store.writing)
    except StrangeSchema:
        raise
    except StoreError as trouble:
        # PostgreSQL's client says it on two lines, and ends with a question.
        why = " ".join(str(trouble).split()).rstrip(".?")
        raise CannotStart(
            f"The database cannot be opened: {why}. `tocsin doctor` looks what is wrong with it."
        ) from trouble
    return store


def secret_file(settings: Settings) -> Path:
    """Where the signing key is when no setting holds it."""
    return settings.data / "secret.key"


def signing_secret(settings: Settings, *, make: bool = True) -> bytes:
    """The key that signs links: from the settings, or a file in the data directory, made at first start.

    Raises CannotStart when there is none that can be relied on; with `make` False none is made.
    """
    if settings.secret:
        return settings.secret.encode()
    if settings.database and not is_sqlite(settings.database):
        # Nodes on one database must agree, or a link made by one is forged to the other.
        raise CannotStart(
            "secret is not set. With PostgreSQL give every node the same one, as TOCSIN_SECRET or"
            " TOCSIN_SECRET_FILE."
        )
    path = secret_file(settings)
    try:
        if make and not path.exists():
            _make_secret(path)
        secret = path.read_bytes().strip()
    except OSError as wrong:
        raise CannotStart(f"{path} cannot be read: {wrong.strerror}.") from wrong
    if len(secret) < SECRET_CHARACTERS:
        # An empty one would sign as well, and anybody could forge links.
        raise CannotStart(
            f"{path} holds no key of {SECRET_CHARACTERS} characters or more. Take the file away: the next"
            " start makes a new key, and links in messages that are out stop working."
        )
    return secret


def _make_secret(path: Path) -> None:
    """All of it or nothing: a start that is cut short, or a full disk, must leave no part of a key."""
    part = path.with_name(f"{path.name}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(new_secret())
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def load_plan_and_people(store: Store, settings: Settings) -> None:
    """Put the named plan and people in force. A bad plan never replaces a good one.

    Raises CannotStart, also for a demo on data that are somebody's own.
    """
    if settings.demo:
        _refuse_a_demo_on(store, settings.data)
    plan = Path(settings.plan) if settings.plan else (DEMO if settings.demo else None)
    if plan is not None:
        _apply_plan(store, plan)
    people = Path(settings.people) if settings.people else None
    if people is None and settings.demo and not store.read_now(directory.contacts):
        people = DEMO / "people.yaml"
    if people is not None:
        load_people(store, people)
    _set_demo_keys(store, demo=settings.demo)
    current = store.read_now(plans.current)
    if current is None:
        raise CannotStart("There is no plan yet. Name its directory with --plan, or try --demo.")
    for sentence in missing_by(store):
        log.warning(sentence)


def missing_by(store: Store) -> list[str]:
    """A sentence for everybody who is missing by the plan in force, or stands in and is out of reach."""
    current = store.read_now(plans.current)
    if current is None:
        return []
    return store.read_now(partial(missing, policy=load_stored(current[1]), now=clock()))


def _refuse_a_demo_on(store: Store, data: Path) -> None:
    """A demo would put its own plan in force, and the people of the one before would be paged no more."""
    current, keys = store.read_now(plans.current), store.read_now(directory.keys)
    if current is not None and not any(directory.hashed(key) in keys for key in DEMO_KEYS.values()):
        raise CannotStart(
            f"{data} holds a plan that is no demo's, and the demo would put its own in its place."
            " Leave --demo out, or give the demo a --data of its own (`make run DATA=./demo`)."
        )


def _set_demo_keys(store: Store, *, demo: bool) -> None:
    """Everybody knows these keys. A server that is no demo any more must not go on listening to them."""
    for integration, key in DEMO_KEYS.items():
        if demo:
            store.write_now(partial(directory.add_key, integration=integration, key=key, now=clock()))
        elif store.write_now(partial(directory.remove_key, key_hash=directory.hashed(key))):
            log.warning("The demo's key of %s is taken away: everybody knows it.", integration)


def load_people(store: Store, path: Path) -> int:
    """Make the directory hold the people of a file; raises CannotStart with every problem in it."""
    try:
        contacts = read_people(path.read_text(encoding="utf-8"))
    except OSError as wrong:
        raise CannotStart(f"{path} cannot be read: {wrong.strerror}.") from wrong
    except PlanRefused as refused:
        raise CannotStart(f"{path} was not loaded:\n{refused}") from refused
    store.write_now(lambda tx: directory.replace_people(tx, contacts))
    return len(contacts)


def _apply_plan(store: Store, path: Path) -> None:
    try:
        files = load_directory(path)
        policy = compile_files(files)
    except PlanRefused as refused:
        if store.read_now(plans.current) is None:
            raise CannotStart(f"The plan in {path} has problems:\n{refused}") from refused
        log.error("The plan in %s has problems; the one in force before stays in force:\n%s", path, refused)
        return
    store.write_now(lambda tx: enforce(tx, policy, files, clock()))
