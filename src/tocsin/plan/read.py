"""plan.yaml to a policy. The language is small on purpose: levels, ladders, rotas, services."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from tocsin.core.model import LevelId, PersonId, RotaId, ServiceId
from tocsin.core.policy import (
    Classification,
    Level,
    NotifyRule,
    Policy,
    Rota,
    Service,
    Step,
    Target,
    Until,
)
from tocsin.core.severity import FIELDS
from tocsin.plan.document import Document, Value
from tocsin.plan.problems import PlanRefused, Problem

PLAN_FILE = "plan.yaml"
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
_INCIDENT_ID = re.compile(r"[\w.#-]*\{date:(?:%[YmdHMj]|[-_.])+\}[\w.-]*\{number:0[1-9]d\}[\w.-]*")
_DEFAULT_ID = "INC-{date:%Y%m%d}-{number:03d}"


def load_directory(directory: Path) -> dict[str, str]:
    """The plan's files as text, by name; raises PlanRefused when there is no readable plan.yaml."""
    path = directory / PLAN_FILE
    try:
        return {PLAN_FILE: path.read_text(encoding="utf-8")}
    except FileNotFoundError:
        remedy = f"Create {path}, or name the directory that holds the plan."
        raise PlanRefused([Problem(PLAN_FILE, 1, 1, "", f"There is no {path}.", remedy)]) from None
    except UnicodeDecodeError as wrong:
        message = f"Byte {wrong.start} is not UTF-8."
        raise PlanRefused([Problem(PLAN_FILE, 1, 1, "", message, "Save the file as UTF-8.")]) from None


def version_of(files: Mapping[str, str]) -> str:
    """The version of a plan is the hash of its files: the same files, the same version."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name}\0{len(files[name])}\0{files[name]}".encode())
    return digest.hexdigest()[:12]


def compile_files(files: Mapping[str, str]) -> Policy:
    """The policy that the files say; raises PlanRefused with every problem at once."""
    document = Document(PLAN_FILE)
    root = document.parse(files[PLAN_FILE])
    policy = _policy(document, root, version_of(files))
    if document.problems:
        raise PlanRefused(sorted(document.problems))
    return policy


def _policy(document: Document, root: Value, version: str) -> Policy:
    entries = document.mapping(root, _KEYS)
    zone = document.zone(entries.get("zone"), "UTC")
    rotas = _rotas(document, entries, zone)
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
    if not _INCIDENT_ID.fullmatch(pattern):
        message = "An incident id needs the date and a number."
        document.fault(entries["incident_id"], message, f'Write it like "{_DEFAULT_ID}".')
        return _DEFAULT_ID
    return pattern


def _rotas(document: Document, entries: Mapping[str, Value], zone: str) -> dict[RotaId, Rota]:
    rotas = {}
    for name, value in _named(document, entries, "rotas"):
        parts = document.mapping(value, ("people", "shift", "starts", "zone"))
        people = document.required(value, parts, "people")
        starts = document.required(value, parts, "starts")
        shift = document.duration(parts.get("shift")) or timedelta(weeks=1)
        if shift % timedelta(days=1):
            document.fault(parts["shift"], "A shift lasts whole days here.", "Write it like 1d or 1w.")
        ids = tuple(PersonId(document.text(one)) for one in document.items(people)) if people else ()
        if starts:
            rotas[RotaId(name)] = Rota(
                RotaId(name),
                ids,
                max(1, shift.days),
                document.wall_clock(starts),
                document.zone(parts.get("zone"), zone),
            )
    return rotas


def _services(document: Document, entries: Mapping[str, Value]) -> dict[ServiceId, Service]:
    return {
        ServiceId(name): Service(ServiceId(name), document.text(value))
        for name, value in _named(document, entries, "services")
    }


def _integrations(
    document: Document, entries: Mapping[str, Value], services: Mapping[ServiceId, Service]
) -> dict[str, ServiceId]:
    found = {}
    for name, value in _named(document, entries, "integrations"):
        service = ServiceId(document.text(value))
        if service not in services:
            words = ", ".join(services) or "none yet"
            document.fault(value, f"There is no service `{service}`.", f"Services are: {words}.")
        found[name] = service
    return found


def _levels(
    document: Document, root: Value, entries: Mapping[str, Value], rotas: Mapping[RotaId, Rota]
) -> tuple[Level, ...]:
    document.required(root, entries, "levels")
    named = list(_named(document, entries, "levels"))
    levels = tuple(_level(document, name, value, rank, rotas) for rank, (name, value) in enumerate(named))
    if "levels" in entries and not levels:
        document.fault(entries["levels"], "A plan needs at least one level.", "Write the worst level first.")
    return levels


def _level(document: Document, name: str, value: Value, rank: int, rotas: Mapping[RotaId, Rota]) -> Level:
    keys = ("name", "urgent", "acknowledge_within", "acknowledgement_lasts", "repeat_every", "ladder")
    parts = document.mapping(value, keys)
    ladder: list[Step] = []
    for item in document.items(parts["ladder"]) if "ladder" in parts else ():
        step = _step(document, item, rotas)
        if ladder and step.after < ladder[-1].after:
            message = "This step is earlier than the one before it."
            document.fault(item, message, "Put the steps in the order of their times.")
        ladder.append(step)
    repeat = document.duration(parts.get("repeat_every"))
    if ladder and not repeat:
        message = "A level that pages must say when it pages again."
        document.fault(value, message, "Add `repeat_every: 10m`, so that a page never goes quiet unanswered.")
    return Level(
        id=LevelId(name),
        name=document.text(parts.get("name"), name),
        rank=rank,
        urgent=document.truth(parts.get("urgent"), default=True),
        acknowledge_within=document.duration(parts.get("acknowledge_within")),
        ladder=tuple(ladder),
        repeat_every=repeat,
        acknowledgement_lasts=document.duration(parts.get("acknowledgement_lasts")),
    )


def _step(document: Document, value: Value, rotas: Mapping[RotaId, Rota]) -> Step:
    parts = document.mapping(value, ("after", "page", "until"))
    until = document.text(parts.get("until"), Until.ACKNOWLEDGED)
    if until not in list(Until):
        document.fault(parts["until"], f"`{until}` is no state.", f"Use one of: {', '.join(Until)}.")
        until = Until.ACKNOWLEDGED
    page = document.required(value, parts, "page")
    targets = _targets(document, page, rotas) if page else ()
    return Step(document.duration(parts.get("after")) or timedelta(0), targets, Until(until))


def _targets(document: Document, value: Value, rotas: Mapping[RotaId, Rota]) -> tuple[Target, ...]:
    """`on call: ROTA` or a person's id, one or a list."""
    targets = []
    for item in document.items(value):
        text = document.text(item)
        kind, colon, rota = text.partition("on call:")
        if kind or not colon:
            targets.append(Target(person=PersonId(text)))
            continue
        name = RotaId(rota.strip())
        if name not in rotas:
            words = ", ".join(rotas) or "none yet"
            document.fault(item, f"There is no rota `{name}`.", f"Rotas are: {words}.")
        targets.append(Target(rota=name))
    return tuple(targets)


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
        if "level" in parts and level not in ids:
            document.fault(parts["level"], f"There is no level `{level}`.", f"Levels are: {', '.join(ids)}.")
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
        rules.append(NotifyRule(document.duration(parts.get("after")) or timedelta(0), channels))
    return tuple(rules)


def _named(document: Document, entries: Mapping[str, Value], key: str) -> list[tuple[str, Value]]:
    return list(document.mapping(entries[key]).items()) if key in entries else []
