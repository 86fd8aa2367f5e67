"""plan.yaml to a policy. The language is small on purpose: levels, ladders, rotas, services."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from tocsin import limits
from tocsin.core.model import AlertSeverity, LevelId, RotaId, ServiceId
from tocsin.core.oncall import Rota
from tocsin.core.policy import (
    Classification,
    Level,
    Milestone,
    NotifyRule,
    Policy,
    Service,
    Step,
    Target,
)
from tocsin.core.severity import FIELDS
from tocsin.plan.document import Document, Value, listing, too_large
from tocsin.plan.problems import PlanRefused, Problem
from tocsin.plan.rotas import read_rotas

PLAN_FILE = "plan.yaml"

LADDER_STEPS = 100
"""The most steps of a ladder: after an outage they may all be due in one transaction."""

_UNTIL = (Milestone.ACKNOWLEDGED, Milestone.RESOLVED)
_KEYS = (
    "plan",
    "zone",
    "incident_id",
    "levels",
    "classify",
    "services",
    "integrations",
    "rotas",
    "catch_all",
    "notify",
)
_INCIDENT_ID = re.compile(r"[\w.#-]*\{date:(?P<date>(?:%[YmdHMj]|[-_.])+)\}[\w.-]*\{number:0[1-9]d\}[\w.-]*")
_WHOLE_DAYS = ("Ymd", "Yj")
_DEFAULT_ID = "INC-{date:%Y%m%d}-{number:03d}"


def load_directory(directory: Path) -> dict[str, str]:
    """The plan's files as text, by name; raises PlanRefused when there is no readable plan.yaml."""
    path = directory / PLAN_FILE
    try:
        with path.open("rb") as file:
            content = file.read(limits.PLAN_BYTES + 1)
        if len(content) > limits.PLAN_BYTES:
            raise PlanRefused([too_large(PLAN_FILE)])
        return {PLAN_FILE: content.decode()}
    except FileNotFoundError:
        remedy = f"Create {path}, or name the directory that holds the plan."
        raise PlanRefused([Problem(PLAN_FILE, 1, 1, "", f"There is no {path}.", remedy)]) from None
    except OSError as wrong:
        message = f"{path} can not be read: {wrong.strerror}."
        raise PlanRefused([Problem(PLAN_FILE, 1, 1, "", message, "Check the file and its rights.")]) from None
    except UnicodeDecodeError as wrong:
        raise PlanRefused([_not_utf8(wrong)]) from None


def _not_utf8(wrong: UnicodeDecodeError) -> Problem:
    before = bytes(wrong.object[: wrong.start])
    line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
    message = f"Byte {wrong.start} is not UTF-8."
    return Problem(PLAN_FILE, line, column, "", message, "Save the file as UTF-8.")


def version_of(files: Mapping[str, str]) -> str:
    """The version of a plan is the hash of its files: the same files, the same version."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name}\0{len(files[name])}\0{files[name]}".encode())
    return digest.hexdigest()[:12]


def compile_files(files: Mapping[str, str]) -> Policy:
    """The policy that the files say; raises PlanRefused with every problem at once."""
    document = Document(PLAN_FILE)
    root = document.parse(files[PLAN_FILE], "plan: NAME")
    policy = _policy(document, root, version_of(files))
    if document.problems:
        raise PlanRefused(sorted(document.problems))
    return policy


def load_stored(files: Mapping[str, str]) -> Policy:
    """The policy of a plan that was in force once: it loads, whatever a newer checker would say of it."""
    document = Document(PLAN_FILE)
    return _policy(document, document.parse(files[PLAN_FILE], "plan: NAME"), version_of(files))


def _policy(document: Document, root: Value, version: str) -> Policy:
    entries = document.mapping(root, _KEYS)
    zone = document.zone(entries.get("zone"), "UTC")
    rotas = read_rotas(document, entries.get("rotas"), zone)
    services = _services(document, entries)
    levels = _levels(document, root, entries, rotas)
    return Policy(
        version=version,
        name=document.text(document.required(root, entries, "plan")),
        zone=zone,
        incident_id=_incident_id(document, entries),
        levels=levels,
        classifications=_classify(document, entries, levels),
        services=services,
        integrations=_integrations(document, entries, services),
        rotas=rotas,
        catch_all=_catch_all(document, root, entries, rotas),
        notify_rules=notify_rules(document, entries.get("notify")),
    )


def _incident_id(document: Document, entries: Mapping[str, Value]) -> str:
    pattern = document.text(entries.get("incident_id"), _DEFAULT_ID)
    match = _INCIDENT_ID.fullmatch(pattern)
    if match is None:
        message = "An incident id needs the date and a number."
    elif not any(set(match["date"]) >= set(day) for day in _WHOLE_DAYS):
        message = "An incident id needs the whole day, because its numbers begin anew each day."
    else:
        return pattern
    document.fault(entries["incident_id"], message, f'Write it like "{_DEFAULT_ID}".')
    return _DEFAULT_ID


def _services(document: Document, entries: Mapping[str, Value]) -> dict[ServiceId, Service]:
    return {
        ServiceId(name): Service(ServiceId(name), document.text(value))
        for name, value in document.named(entries.get("services")).items()
    }


def _integrations(
    document: Document, entries: Mapping[str, Value], services: Mapping[ServiceId, Service]
) -> dict[str, ServiceId]:
    found = {}
    for name, value in document.named(entries.get("integrations")).items():
        service = ServiceId(document.text(value))
        if service and service not in services:
            remedy = f"Services are: {listing(services)}."
            document.fault(value, f"There is no service `{service}`.", remedy)
        found[name] = service
    return found


def _levels(
    document: Document, root: Value, entries: Mapping[str, Value], rotas: Mapping[RotaId, Rota]
) -> tuple[Level, ...]:
    value = document.required(root, entries, "levels")
    told = len(document.problems)
    named = document.named(value)
    if value and not named and len(document.problems) == told:
        document.fault(value, "A plan needs at least one level.", "Write the worst level first.")
    levels: list[Level] = []
    silent: list[tuple[str, Value]] = []
    for name, item in named.items():
        told = len(document.problems)
        level = _level(document, name, item, len(levels), rotas)
        levels.append(level)
        if level.ladder:
            for worse, place in silent:
                message = f"`{worse}` pages nobody, although the milder `{name}` does."
                document.fault(place, message, "Give it a `ladder`, or put it after the levels that page.")
            silent = []
        elif len(document.problems) == told:
            silent.append((name, item))
    return tuple(levels)


def _level(document: Document, name: str, value: Value, rank: int, rotas: Mapping[RotaId, Rota]) -> Level:
    keys = ("name", "urgent", "acknowledge_within", "acknowledgement_lasts", "repeat_every", "ladder")
    parts = document.mapping(value, keys)
    if "ladder" in parts and "repeat_every" not in parts:
        message = "A level that pages must say when it pages again."
        document.fault(value, message, "Add `repeat_every: 10m`, so that a page never goes quiet unanswered.")
    for again in ("repeat_every", "acknowledgement_lasts"):
        if again in parts and "ladder" not in parts:
            remedy = f"Add a `ladder`, or leave `{again}` out."
            document.fault(parts[again], "A level without a ladder never pages again.", remedy)
    return Level(
        id=LevelId(name),
        name=document.text(parts.get("name"), name),
        rank=rank,
        urgent=document.truth(parts.get("urgent"), default=True),
        acknowledge_within=document.duration(parts.get("acknowledge_within"), least="1s"),
        ladder=_ladder(document, parts["ladder"], rotas) if "ladder" in parts else (),
        repeat_every=document.duration(parts.get("repeat_every"), least="1m"),
        acknowledgement_lasts=document.duration(parts.get("acknowledgement_lasts"), least="1m"),
    )


def _ladder(document: Document, value: Value, rotas: Mapping[RotaId, Rota]) -> tuple[Step, ...]:
    ladder: list[Step] = []
    for item in document.items(value):
        before = ladder[-1].after if ladder else timedelta(0)
        step = _step(document, item, rotas, before)
        if step.after < before:
            message = "This step is earlier than the one before it."
            document.fault(item, message, "Put the steps in the order of their times.")
        ladder.append(step)
    if not ladder:
        document.fault(value, "This ladder has no steps.", "Write it like [{after: 0m, page: ana}].")
    if len(ladder) > LADDER_STEPS:
        message = f"This ladder has more than {LADDER_STEPS} steps."
        document.fault(value, message, "Page several people in one step, or use `repeat_every`.")
    return tuple(ladder)


def _step(document: Document, value: Value, rotas: Mapping[RotaId, Rota], before: timedelta) -> Step:
    parts = document.mapping(value, ("after", "page", "until"))
    until = document.text(parts.get("until"), Milestone.ACKNOWLEDGED)
    if until not in _UNTIL:
        document.fault(parts["until"], f"`{until}` is no state.", f"Use one of: {', '.join(_UNTIL)}.")
        until = Milestone.ACKNOWLEDGED
    page = document.required(value, parts, "page")
    targets = _targets(document, page, rotas) if page else ()
    after = document.duration(parts.get("after"))
    if after is None:
        # A time that is wrong has been said already; one that is not given means at once.
        after = timedelta(0) if "page" in parts and "after" not in parts else before
    return Step(after, targets, Milestone(until))


def _targets(document: Document, value: Value, rotas: Mapping[RotaId, Rota]) -> tuple[Target, ...]:
    """`on call: ROTA` or a person's id, one or a list."""
    targets = [_target(document, item, rotas) for item in document.items(value)]
    if not targets:
        document.fault(value, "Nobody is named here.", 'Name a person, or write "on call: ROTA".')
    return tuple(targets)


def _target(document: Document, value: Value, rotas: Mapping[RotaId, Rota]) -> Target:
    text = document.text(value)
    before, on_call, rota = text.partition("on call:")
    if before or not on_call:
        if RotaId(text) in rotas:
            document.fault(value, f"`{text}` is a rota, not a person.", f'Write "on call: {text}".')
        return Target(person=document.person(value, text))
    name = RotaId(rota.strip())
    if name not in rotas:
        document.fault(value, f"There is no rota `{name}`.", f"Rotas are: {listing(rotas)}.")
    return Target(rota=name)


def _catch_all(
    document: Document, root: Value, entries: Mapping[str, Value], rotas: Mapping[RotaId, Rota]
) -> tuple[Target, ...]:
    value = document.required(root, entries, "catch_all")
    return _targets(document, value, rotas) if value else ()


def _classify(
    document: Document, entries: Mapping[str, Value], levels: tuple[Level, ...]
) -> tuple[Classification, ...]:
    rows = []
    ids = [level.id for level in levels]
    for item in document.items(entries["classify"]) if "classify" in entries else ():
        parts = document.mapping(item, ("level", *FIELDS))
        level = LevelId(document.text(document.required(item, parts, "level")))
        if level and level not in ids:
            remedy = f"Levels are: {listing(ids)}."
            document.fault(parts["level"], f"There is no level `{level}`.", remedy)
        severity = document.text(parts.get("severity"))
        if severity and severity not in list(AlertSeverity):
            remedy = f"Use one of: {', '.join(AlertSeverity)}."
            document.fault(parts["severity"], f"`{severity}` is no severity.", remedy)
        when = {name: document.text(value) for name, value in parts.items() if name != "level"}
        rows.append(Classification(when, level))
    return tuple(rows)


def notify_rules(document: Document, value: Value | None) -> tuple[NotifyRule, ...]:
    """Personal rules: a list of `{after: 0m, by: [email, webhook]}`."""
    rules = []
    for item in document.items(value) if value else ():
        parts = document.mapping(item, ("after", "by"))
        by = document.required(item, parts, "by")
        channels = tuple(document.text(one) for one in document.items(by)) if by else ()
        if by and not channels:
            document.fault(by, "No channel is named here.", "Write it like [email].")
        rules.append(NotifyRule(document.duration(parts.get("after")) or timedelta(0), channels))
    return tuple(rules)
