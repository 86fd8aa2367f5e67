"""From the files of a plan to what is executed and what is read, or to every problem at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from tocsin.core.facts import built_in
from tocsin.core.model import LevelId, ServiceId
from tocsin.core.policy import Policy, Service
from tocsin.plan.calendar import read_calendar
from tocsin.plan.classify import read_classify, read_matrix
from tocsin.plan.document import Document, Value
from tocsin.plan.escalation import read_progress, read_reclassify, read_stages, read_triggers
from tocsin.plan.facts import read_facts
from tocsin.plan.files import PLAN_FILE, load_directory, version_of
from tocsin.plan.handbook import Plan
from tocsin.plan.language import PLAN
from tocsin.plan.levels import read_levels
from tocsin.plan.names import names_of, read_targets
from tocsin.plan.notify import notify_rules
from tocsin.plan.phases import windows
from tocsin.plan.problems import PlanRefused
from tocsin.plan.promises import check_names, read_promises, response
from tocsin.plan.prose import read_handbook
from tocsin.plan.review import read_review
from tocsin.plan.roles import check_circles, check_roles, read_roles, read_teams
from tocsin.plan.rotas import read_rotas

__all__ = ["PLAN_FILE", "compile_files", "load_directory", "load_stored", "read_plan", "version_of"]

_DATE = r"\{date:(?P<date>(?:%[YmdHMj]|[-_.])+)\}"
_INCIDENT_ID = re.compile(rf"[\w.#-]*{_DATE}[\w.-]*\{{number:0[1-9]d\}}[\w.-]*")
_CHANNEL = re.compile(rf"[^\s{{}}]*(?:{_DATE}[^\s{{}}]*)?")
_WHOLE_DAYS = ("Ymd", "Yj")
_DEFAULT_ID = "INC-{date:%Y%m%d}-{number:03d}"


def read_plan(files: Mapping[str, str]) -> Plan:
    """The plan that the files say; raises PlanRefused with every problem at once."""
    document, plan = examine(files)
    if document.problems:
        raise PlanRefused(sorted(document.problems))
    return plan


def compile_files(files: Mapping[str, str]) -> Policy:
    """What of a plan is executed; raises PlanRefused with every problem at once."""
    return read_plan(files).policy


def load_stored(files: Mapping[str, str]) -> Policy:
    """The policy of a plan that was in force once: it loads, whatever a newer checker would say of it."""
    return examine(files)[1].policy


def examine(files: Mapping[str, str]) -> tuple[Document, Plan]:
    """The plan as far as it can be understood, and the document with all that is wrong with it."""
    document = Document(PLAN_FILE)
    root = document.parse(files[PLAN_FILE], "plan: NAME")
    return document, _plan(document, root, files)


def _plan(document: Document, root: Value, files: Mapping[str, str]) -> Plan:
    entries = document.table(root, PLAN)
    names = names_of(document, entries)
    given = built_in(map(LevelId, names.levels), map(ServiceId, names.services))
    facts = read_facts(document, entries.get("facts"), given)
    names = replace(names, facts=given | facts)
    zone = document.zone(entries.get("zone"), "UTC")
    services = _services(document, entries)
    levels = read_levels(document, entries.get("levels"), names)
    roles = read_roles(document, entries.get("roles"), names)
    teams = read_teams(document, entries.get("teams"), names)
    check_roles(document, entries.get("roles"), roles)
    check_circles(document, roles, teams)
    handbook = read_handbook(document, entries, files, names)
    due_when, steps = read_review(document, entries.get("review"), names)
    implied = (*response(levels, names), *windows(handbook.phases, names))
    promises = read_promises(document, entries.get("promises"), names)
    check_names(document, implied, promises, steps)
    policy = Policy(
        version=version_of(files),
        name=document.text(entries.get("plan")),
        zone=zone,
        incident_id=_incident_id(document, entries),
        levels=levels,
        classifications=read_classify(document, entries.get("classify"), names),
        services=services,
        integrations=_integrations(document, entries, services),
        rotas=read_rotas(document, entries.get("rotas"), zone),
        catch_all=read_targets(document, entries.get("catch_all"), names),
        notify_rules=notify_rules(document, entries.get("notify")),
        channel=_channel(document, entries.get("channel")),
        facts=facts,
        matrix=read_matrix(document, entries.get("matrix"), names),
        reclassify=read_reclassify(document, entries.get("reclassify"), names),
        progress=read_progress(document, entries.get("progress")),
        stages=read_stages(document, entries.get("stages"), names),
        triggers=read_triggers(document, entries.get("escalate_when"), names),
        roles=roles,
        teams=teams,
        promises=(*implied, *promises),
        review_due_when=due_when,
        review_steps=steps,
        calendar=read_calendar(document, entries.get("calendar"), handbook.about.reviewed),
    )
    return Plan(policy, handbook)


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


def _channel(document: Document, value: Value | None) -> str:
    pattern = document.text(value)
    if value is not None and not _CHANNEL.fullmatch(pattern):
        message = "A channel's name has no spaces, and no braces but those of a date."
        document.fault(value, message, 'Write it like "#incident-{date:%Y%m%d}".')
        return ""
    return pattern


def _services(document: Document, entries: Mapping[str, Value]) -> dict[ServiceId, Service]:
    return {
        ServiceId(name): Service(ServiceId(name), text)
        for name, text in document.named_text(entries.get("services")).items()
    }


def _integrations(
    document: Document, entries: Mapping[str, Value], services: Mapping[ServiceId, Service]
) -> dict[str, ServiceId]:
    return {
        name: ServiceId(document.reference(value, services, "service"))
        for name, value in document.named(entries.get("integrations")).items()
    }
