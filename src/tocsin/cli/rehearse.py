"""`tocsin rehearse`: what the plan would do, before it has to. Needs no server."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from tocsin.app.clock import clock as now
from tocsin.cli import telling
from tocsin.cli.refusal import refusal
from tocsin.cli.result import Failure, Result
from tocsin.core.expectations import failures
from tocsin.core.lengths import duration_of
from tocsin.core.model import FactId, LevelId, PersonId, ServiceId
from tocsin.core.policy import Person, Policy, View
from tocsin.core.rehearse import LASTS_MOST, Act, Arrive, Open, Rehearsal, Scenario, TooMuch, rehearse
from tocsin.core.values import value_of, wanted
from tocsin.plan.document import DURATION_MOST, listing
from tocsin.plan.people import PEOPLE_FILE, people_named, read_people, unreached
from tocsin.plan.problems import PlanRefused
from tocsin.plan.read import compile_files, load_directory
from tocsin.plan.rehearsals import (
    LASTS,
    LASTS_LEAST,
    REHEARSALS_FOLDER,
    Expected,
    Written,
    instant,
    load_text,
    no_instant,
    read_expected,
    read_rehearsals,
    read_script,
)
from tocsin.web.sentences import counted
from tocsin.web.times import length


@dataclass(frozen=True)
class Cast:
    """The plan, and who takes part. `assumed` says so where the people are guessed from the plan.

    `unreached` are sentences about those whom a server could not reach, although the rehearsal does.
    """

    policy: Policy
    view: View
    names: Mapping[PersonId, str]
    assumed: str
    unreached: tuple[str, ...] = ()


def run(parsed: Namespace) -> Result:
    """Exit code 0: all is as expected; 1: something is not; 2: the files or the words are wrong."""
    try:
        cast = _cast(Path(parsed.directory))
        if parsed.all:
            return _run_all(cast, _written(Path(parsed.directory), cast))
        written = _from_words(parsed, cast)
        rehearsal = rehearse(cast.policy, cast.view, written.scenario)
    except TooMuch as wrong:
        raise Failure(str(wrong), 2) from None
    except PlanRefused as refused:
        return refusal(refused)
    checked = _check(rehearsal, written, cast)
    if parsed.markdown:
        lines = _markdown(cast, written, rehearsal)
    else:
        lines = [*_head(cast, written), "", *_timeline(cast, written, rehearsal)]
        lines += ["", *_summary(cast, written, rehearsal)]
    if written.expected:
        lines += ["", *_verdict(written, checked)]
    return Result(lines, _data(cast, written, rehearsal, checked), code=1 if checked else 0)


def _run_all(cast: Cast, found: Sequence[Written]) -> Result:
    lines, data, wrong = [], [], 0
    for written in found:
        checked = _check(rehearse(cast.policy, cast.view, written.scenario), written, cast)
        wrong += bool(checked)
        lines.append(f"{'FAILED' if checked else 'ok    '}  {written.file}: {written.name}")
        lines += [f"        {sentence}" for sentence in checked]
        data.append({"file": written.file, "name": written.name, "failures": checked})
    count = counted(len(found), "rehearsal", "rehearsals")
    total = f"{count}, {wrong} not as expected." if wrong else f"{count}, all as expected."
    return Result([*lines, total], {"rehearsals": data, "failed": wrong}, code=1 if wrong else 0)


def _cast(directory: Path) -> Cast:
    policy = compile_files(load_directory(directory))
    channels = tuple(dict.fromkeys(channel for rule in policy.notify_rules for channel in rule.channels))
    beside = directory / PEOPLE_FILE
    silent: list[str] = []
    if beside.exists():
        contacts = read_people(load_text(beside))
        # As on a server that can use every channel somebody has.
        people = [one.as_person(frozenset(one.channels)) for one in contacts]
        assumed = ""
        named = set(people_named(policy))
        silent = [sentence for _, sentence in unreached(one for one in contacts if one.id in named)]
    else:
        people = [Person(id, id, frozenset(channels or ("email",))) for id in people_named(policy)]
        by = ", ".join(channels or ("email",))
        assumed = (
            f"There is no {PEOPLE_FILE} beside the plan: everybody it names is taken to be reachable by {by}."
        )
    known = {person.id: person for person in people}
    return Cast(
        policy, View(known, policy.rotas), {one.id: one.name for one in people}, assumed, tuple(silent)
    )


def _written(directory: Path, cast: Cast) -> list[Written]:
    folder = directory / REHEARSALS_FOLDER
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise Failure(f"There are no rehearsals in {folder}. Write one, say {folder}/first.yaml.", 2)
    found: list[Written] = []
    problems = []
    for file in files:
        name = f"{REHEARSALS_FOLDER}/{file.name}"
        try:
            found += read_rehearsals(name, load_text(file), cast.policy, cast.view.people)
        except PlanRefused as refused:
            problems += refused.problems
    if problems:
        raise PlanRefused(problems)
    return found


def _from_words(parsed: Namespace, cast: Cast) -> Written:
    policy, people = cast.policy, cast.view.people
    at = now().replace(second=0, microsecond=0)
    starts, zone = at, policy.zone
    if parsed.at is not None:
        found = instant(parsed.at, policy.zone)
        if found is None:
            raise Failure(" ".join(no_instant(parsed.at)), 2)
        starts, zone = found
    acts: list[Act] = []
    if parsed.script:
        acts = read_script(parsed.script, load_text(Path(parsed.script)), policy, people, starts)
    if parsed.level or not any(isinstance(act, Arrive) for act in acts):
        acts.insert(0, Open(timedelta(0), _level(policy, parsed.level), _facts(policy, parsed.facts)))
    expected: list[Expected] = []
    if parsed.expect:
        expected = read_expected(parsed.expect, load_text(Path(parsed.expect)), policy, people)
    scenario = Scenario(
        starts,
        _lasts(parsed.lasts),
        _service(policy, parsed.service),
        tuple(acts),
        _length(parsed.ack_after, "--ack-after"),
    )
    return Written(parsed.expect or "", "", scenario, zone, tuple(expected))


def _level(policy: Policy, name: str | None) -> LevelId:
    levels = [level.id for level in policy.levels]
    if name is None:
        return levels[0]
    if name not in levels:
        raise Failure(f"There is no level `{name}`. Levels are: {listing(levels)}.", 2)
    return LevelId(name)


def _facts(policy: Policy, given: Sequence[str]) -> dict[FactId, str]:
    found = {}
    for word in given:
        name, _, value = word.partition("=")
        fact = policy.facts.get(FactId(name))
        if fact is None or fact.derived:
            known = listing(id for id, one in policy.facts.items() if not one.derived)
            raise Failure(f"There is no fact `{name}`. Facts are: {known}.", 2)
        if value_of(fact, value) is None:
            raise Failure(f"`{value}` does not fit {name}. {wanted(fact)}", 2)
        found[fact.id] = value
    return found


def _service(policy: Policy, name: str | None) -> ServiceId:
    if name is None:
        return next(iter(policy.services), ServiceId("service"))
    if name not in policy.services:
        raise Failure(f"There is no service `{name}`. Services are: {listing(policy.services)}.", 2)
    return ServiceId(name)


def _lasts(text: str | None) -> timedelta:
    found = _length(text, "--for")
    if found is None:
        return LASTS
    if not LASTS_LEAST <= found <= LASTS_MOST:
        raise Failure(f"A rehearsal lasts from 1m to {LASTS_MOST.days}d, not `{text}`. Change --for.", 2)
    return found


def _length(text: str | None, flag: str) -> timedelta | None:
    if text is None:
        return None
    found = duration_of(text)
    if found is None or found > DURATION_MOST:
        raise Failure(f"`{text}` is no length of time for {flag}. Write it like 90s, 7m, 2h, 1d or 1w.", 2)
    return found


def _check(rehearsal: Rehearsal, written: Written, cast: Cast) -> list[str]:
    """A sentence for everything that is not as expected."""
    return [
        f"{written.file}:{one.line}: expected {one.text}. {sentence}"
        for one in written.expected
        for sentence in failures(rehearsal, one.what, lambda person: cast.names.get(person, person))
    ]


def _verdict(written: Written, checked: Sequence[str]) -> list[str]:
    count = counted(len(written.expected), "expectation", "expectations")
    return [*checked, f"{count}, {len(checked)} not met." if checked else f"{count}, all met."]


def _head(cast: Cast, written: Written) -> list[str]:
    policy, scenario = cast.policy, written.scenario
    when = f"{telling.day(scenario.starts, written.zone)} {telling.clock(scenario.starts, written.zone)}"
    service = policy.service_name(scenario.service)
    answers = (
        f"Whoever is paged answers after {length(scenario.answers_after)}."
        if scenario.answers_after is not None
        else "Nobody does anything."
        if len(scenario.acts) < 2
        else "People do what the script says."
    )
    lasts = length(scenario.lasts)
    line = f"Rehearsal of {policy.name}: {service}, {when} ({written.zone}), for {lasts}. {answers}"
    return [line, *([cast.assumed] if cast.assumed else []), *(f"Warning: {one}" for one in cast.unreached)]


def _timeline(cast: Cast, written: Written, rehearsal: Rehearsal) -> list[str]:
    lines, today = [], telling.day(written.scenario.starts, written.zone)
    for one in telling.timeline(rehearsal, cast.names, written.zone):
        day = telling.day(one.at, written.zone)
        if day != today:
            lines.append(day)
            today = day
        mark = "!" if one.tone == "alarm" else " "
        after = f"+{length(one.after)}" if one.after else "start"
        lines.append(f"{telling.clock(one.at, written.zone):8} {after:>11} {mark} {one.text}")
    return lines


def _summary(cast: Cast, written: Written, rehearsal: Rehearsal) -> list[str]:
    zone = written.zone
    today = telling.day(rehearsal.scenario.starts, zone)
    lines = ["Who is told:"]
    lines += [f"  {line}" for line in telling.told(rehearsal, cast.names, zone)] or ["  nobody"]
    if rehearsal.promises:
        lines.append("Promises:")
        lines += [
            f"  {one.state:7} {one.promise}, due "
            + ("" if (day := telling.day(one.due_at, zone)) == today else f"on {day} ")
            + f"at {telling.clock(one.due_at, zone)}"
            for one in rehearsal.promises
        ]
    lines += [f"Nobody can be reached at {telling.clock(at, zone)}." for at, _ in rehearsal.alarms[:1]]
    ends = telling.clock(rehearsal.ends, zone)
    if rehearsal.state is not None:
        lines.append(f"At {ends}: {telling.standing(rehearsal.state, cast.names)}.")
    else:
        lines.append(f"At {ends}: there is no incident.")
    return lines


def _markdown(cast: Cast, written: Written, rehearsal: Rehearsal) -> list[str]:
    lines = [*_head(cast, written), "", "| time | after | what happens |", "|---|---|---|"]
    for one in telling.timeline(rehearsal, cast.names, written.zone):
        text = one.text.replace("|", "\\|")
        told = f"**{text}**" if one.tone == "alarm" else text
        lines.append(f"| {telling.clock(one.at, written.zone)} | +{length(one.after)} | {told} |")
    summary = [line.strip() for line in _summary(cast, written, rehearsal)]
    return [*lines, "", *(line if line.endswith(":") else f"- {line}" for line in summary)]


def _data(cast: Cast, written: Written, rehearsal: Rehearsal, checked: Sequence[str]) -> dict[str, Any]:
    scenario = written.scenario
    return {
        "plan": cast.policy.name,
        "version": cast.policy.version,
        "starts": scenario.starts.isoformat(),
        "zone": written.zone,
        "lasts_seconds": int(scenario.lasts.total_seconds()),
        "assumed": cast.assumed,
        "unreached": list(cast.unreached),
        "timeline": [
            {
                "at": one.at.isoformat(),
                "after_seconds": int(one.after.total_seconds()),
                "kind": one.kind,
                "text": one.text,
            }
            for one in telling.timeline(rehearsal, cast.names, written.zone)
        ],
        "messages": [
            {
                "at": one.at.isoformat(),
                "person": one.message.person,
                "channel": one.message.channel,
                "pages": one.pages,
            }
            for one in rehearsal.sent
        ],
        "promises": [
            {"id": one.id, "promise": one.promise, "due_at": one.due_at.isoformat(), "state": one.state}
            for one in rehearsal.promises
        ],
        "alarms": [{"at": at.isoformat(), "text": text} for at, text in rehearsal.alarms],
        "level": rehearsal.state.level if rehearsal.state else None,
        "status": rehearsal.state.status if rehearsal.state else None,
        "failures": list(checked),
    }
