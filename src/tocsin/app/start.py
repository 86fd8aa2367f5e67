"""What happens before the first request: data directory, database, key, plan and people."""

from __future__ import annotations

import logging
import os
from functools import partial
from pathlib import Path

from tocsin.app.address import database_url
from tocsin.app.clock import clock, new_secret
from tocsin.engine.enforce import enforce
from tocsin.plan.people import missing_people, read_people
from tocsin.plan.problems import PlanRefused
from tocsin.plan.read import compile_files, load_directory, load_stored
from tocsin.settings import DEMO_KEYS, Settings
from tocsin.store import directory, plans
from tocsin.store.database import is_sqlite, lock_data
from tocsin.store.migrate import migrate
from tocsin.store.store import Store

log = logging.getLogger("tocsin")

DEMO = Path(__file__).parents[1] / "demo"


class CannotStart(Exception):
    """The server cannot start; the message says why and what to do."""


def lock(settings: Settings) -> None:
    """Make the data directory, and hold it against a second server; raises AlreadyRunning."""
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    if is_sqlite(database_url(settings)):
        lock_data(settings.data)


def open_store(settings: Settings) -> Store:
    """The store, at today's schema."""
    store = Store(database_url(settings))
    migrate(store.writing)
    return store


def signing_secret(settings: Settings) -> bytes:
    """The key that signs links: from the settings, or a file in the data directory, made at first start."""
    if settings.secret:
        return settings.secret.encode()
    if settings.database and not is_sqlite(settings.database):
        # Nodes on one database must agree, or a link made by one is forged to the other.
        raise CannotStart(
            "secret is not set. With PostgreSQL give every node the same one, as TOCSIN_SECRET or"
            " TOCSIN_SECRET_FILE."
        )
    path = settings.data / "secret.key"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes().strip()
    with os.fdopen(handle, "w") as file:
        file.write(new_secret())
        file.flush()
        os.fsync(file.fileno())
    return path.read_bytes()


def load_plan_and_people(store: Store, settings: Settings) -> None:
    """Put the named plan and people in force. A bad plan never replaces a good one."""
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
    for sentence in missing_people(load_stored(current[1]), store.read_now(directory.contacts)):
        log.warning(sentence)


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
