"""`tocsin doctor`: is this set-up fit to be relied on?"""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from tocsin.app.address import database_url
from tocsin.app.clock import clock
from tocsin.app.start import CannotStart, secret_file, signing_secret
from tocsin.cli.opening import settings_of
from tocsin.cli.result import Result
from tocsin.core.directory import Contact
from tocsin.core.health import Check, Standing, as_data, as_text, exit_code
from tocsin.core.model import PersonId
from tocsin.plan.checks import check
from tocsin.plan.files import load_directory
from tocsin.plan.people import missing_people, unreached
from tocsin.plan.problems import PlanRefused, foremost
from tocsin.plan.read import load_stored
from tocsin.settings import Settings
from tocsin.store import directory, plans
from tocsin.store.errors import StoreError
from tocsin.store.health import check_store
from tocsin.store.store import Store

OK, WARN, BAD = Standing.OK, Standing.WARN, Standing.BAD


def doctor(parsed: Namespace) -> Result:
    """Exit code 0: all well; 1: warnings; 2: something is bad."""
    settings = settings_of(parsed)
    checks = [*check_store(database_url(settings), clock, time.perf_counter), *_secret(settings)]
    usable = not any(one.standing is BAD for one in checks if one.name in ("database", "schema", "integrity"))
    if usable and not any(one.name == "database" and one.standing is WARN for one in checks):
        checks += _content(settings)
    checks += _plan_files(settings)
    checks += _mail(settings)
    return Result(as_text(checks), as_data(checks), exit_code(checks))


def _secret(settings: Settings) -> Iterator[Check]:
    if not settings.data.exists():
        return
    path = secret_file(settings)
    if not (settings.secret or settings.database or path.exists()):
        remedy = "Start the server: it makes one. With the old one, links that are out go on working."
        yield Check("secret", WARN, f"There is no key at {path} yet.", remedy)
        return
    try:
        signing_secret(settings, make=False)
    except CannotStart as wrong:
        yield Check("secret", BAD, str(wrong), "Without a good key the server does not start.")
        return
    if path.exists() and path.stat().st_mode & 0o077:
        yield Check("secret", WARN, f"Others on this machine can read {path}.", f"Run chmod 600 {path}.")
    else:
        yield Check("secret", OK, "Links are signed with a key that only the server can read.")


def _content(settings: Settings) -> Iterator[Check]:
    store = Store(database_url(settings))
    try:
        current = store.read_now(plans.current)
        people = store.read_now(directory.contacts)
    except StoreError as trouble:
        yield Check("plan", BAD, f"Plan and people cannot be read: {trouble}", "Start the server once.")
        return
    finally:
        store.close()
    if current is None:
        yield Check("plan", BAD, "No plan is in force.", "Start the server with --plan DIRECTORY.")
        return
    policy = load_stored(current[1])
    yield Check("plan", OK, f"The plan {policy.name}, version {policy.version}, is in force.")
    missing = missing_people(policy, people)
    for sentence in missing:
        yield Check("people", BAD, sentence, "Load them with `tocsin people load people.yaml`.")
    if not missing:
        yield from _people(people)


def _people(people: dict[PersonId, Contact]) -> Iterator[Check]:
    silent = list(unreached(people.values()))
    for _, sentence in silent:
        remedy = "Give an e-mail address or a webhook in people.yaml and load it."
        yield Check("people", WARN, sentence, remedy)
    if not silent:
        yield Check("people", OK, f"{len(people)} people, each with a channel.")


def _plan_files(settings: Settings) -> Iterator[Check]:
    if not settings.plan:
        return
    try:
        problems = check(load_directory(Path(settings.plan)), clock()).problems
    except PlanRefused as refused:
        problems = tuple(refused.problems)
    shown = foremost(problems)
    for one in shown:
        told = (
            "It works; see whether it is meant."
            if one.warning
            else "The plan in force before stays in force."
        )
        yield Check("plan files", WARN if one.warning else BAD, str(one), told)
    if len(shown) < len(problems):
        remedy = f"See all: tocsin plan check {settings.plan} --all"
        yield Check("plan files", WARN, f"There are {len(problems) - len(shown):,} more.", remedy)
    if not problems:
        yield Check("plan files", OK, f"The plan in {settings.plan} has no problems.")


def _mail(settings: Settings) -> Iterator[Check]:
    if settings.smtp_host:
        yield Check("e-mail", OK, f"E-mail goes through {settings.smtp_host}:{settings.smtp_port}.")
    else:
        yield Check("e-mail", WARN, "No mail relay is set: nobody is paged by e-mail.", "Set smtp_host.")
