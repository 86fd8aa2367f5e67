"""`tocsin oncall`: of a plan directory with --plan, else of the server."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from tocsin.app.clock import clock
from tocsin.cli.result import Failure, Result
from tocsin.core.model import RotaId
from tocsin.core.oncall import Finding, Kind, shown
from tocsin.plan.document import is_zone
from tocsin.plan.people import PEOPLE_FILE, read_people
from tocsin.plan.problems import PlanRefused
from tocsin.plan.read import compile_files, load_directory
from tocsin.plan.rehearsals import load_text
from tocsin.web import rota_data
from tocsin.web.rota_data import BadQuestion, Board

Data = dict[str, Any]

CALENDAR = timedelta(days=14)
AHEAD = timedelta(days=30)


def who(parsed: Namespace) -> Result:
    """One line for each rota."""

    def here(board: Board) -> object:
        at = rota_data.moment(parsed.at, board.zone) if parsed.at else clock()
        return rota_data.who(board, (), at, [board.rota(parsed.rota)] if parsed.rota else board.rotas)

    found = _found(parsed, here, "/api/v1/oncall", at=parsed.at)
    rotas = [one for one in found["rotas"] if parsed.rota in (None, one["rota"])]
    if not rotas and parsed.rota:
        raise Failure(f"There is no rota {parsed.rota}. See them all: tocsin oncall who.")
    zone = _zone(parsed, found["zone"], parsed.at)
    lines = [f"At {_time(found['at'], zone)}:"]
    for one in rotas:
        until = f", until {_time(one['until'], zone)}" if one["until"] else ""
        lines.append(f"{one['rota']:16} {_people(one['seats'])}{until}")
    return Result(lines, {**found, "rotas": rotas})


def calendar(parsed: Namespace) -> Result:
    """One line for each turn."""

    def here(board: Board) -> object:
        stretch = rota_data.stretch(parsed.since, parsed.until, board.zone, clock(), CALENDAR)
        return rota_data.calendar(board, (), board.rota(parsed.rota), *stretch)

    found = _found(parsed, here, f"/api/v1/oncall/{quote(parsed.rota, safe='')}", **_stretch(parsed))
    zone = _zone(parsed, found["zone"], parsed.since)
    lines = [
        f"{_time(one['from'], zone)} to {_time(one['to'], zone)}  {_people(one['seats'])}"
        for one in found["turns"]
    ]
    return Result(lines, found)


def gaps(parsed: Namespace) -> Result:
    """Exit code 1 when there is anything to say."""

    def here(board: Board) -> object:
        return rota_data.gaps(
            board, (), *rota_data.stretch(parsed.since, parsed.until, board.zone, clock(), AHEAD)
        )

    found = _found(parsed, here, "/api/v1/gaps", **_stretch(parsed))
    zone = _zone(parsed, found["zone"], parsed.since)
    span = f"From {_time(found['from'], zone)} to {_time(found['to'], zone)}"
    lines = [_finding(one).sentence(zone) for one in found["findings"]]
    return Result(lines or [f"{span} nothing is odd."], found, code=1 if lines else 0)


def load(parsed: Namespace) -> Result:
    """One line for each person."""

    def here(board: Board) -> object:
        stretch = rota_data.stretch(parsed.since, parsed.until, board.zone, clock(), AHEAD)
        return rota_data.carried(
            board, (), [board.rota(parsed.rota)] if parsed.rota else board.rotas, *stretch
        )

    found = _found(parsed, here, "/api/v1/load", rota=parsed.rota, **_stretch(parsed))
    zone = _zone(parsed, found["zone"], parsed.since)
    lines = [f"From {_time(found['from'], zone)} to {_time(found['to'], zone)}:"]
    width = max(16, *(len(one["name"]) for one in found["people"]), 0)
    lines.append(f"{'':{width}} {'hours':>9} {'nights':>7} {'weekends':>9}")
    lines += [
        f"{one['name']:{width}} {one['hours']:9.1f} {one['nights']:7} {one['weekends']:9}"
        for one in found["people"]
    ]
    return Result(lines, found)


def override(parsed: Namespace) -> Result:
    """Somebody stands in."""
    wanted = {
        "rota": parsed.rota,
        "person": parsed.person,
        "from": parsed.since,
        "to": parsed.until,
        "for": parsed.replaces,
        "reason": parsed.reason,
    }
    made = _ask(parsed, "POST", "/api/v1/overrides", wanted)
    return Result([f"Override {_override(made, _zone(parsed, made['zone'], parsed.since))}"], made)


def overrides(parsed: Namespace) -> Result:
    """The newest first."""
    found = _ask(parsed, "GET", "/api/v1/overrides")
    lines = [
        _override(one, one["zone"])
        + (f" Taken back by {_named(one, 'removed_by')}." if one["removed_at"] else _out_of_reach(one))
        for one in found
    ]
    return Result(lines or ["Nobody stands in."], found)


def override_remove(parsed: Namespace) -> Result:
    """The turn is whose it was."""
    removed = _ask(parsed, "DELETE", f"/api/v1/overrides/{parsed.id}")
    return Result([f"Override {parsed.id} is taken back."], removed)


def feed(parsed: Namespace) -> Result:
    """The address is shown once."""
    made = _ask(parsed, "POST", "/api/v1/feeds", {"rota": parsed.rota})
    whose = f"of {made['rota']}" if made["rota"] else f"of {made['person']}'s turns"
    return Result([f"Calendar {whose} (shown once; whoever has it can read it):", made["url"]], made)


def feed_remove(parsed: Namespace) -> Result:
    """Whoever still has the address reads nothing any more."""
    asked = f"?{urlencode({'rota': parsed.rota})}" if parsed.rota else ""
    ended = _ask(parsed, "DELETE", f"/api/v1/feeds{asked}")
    whose = f"of {ended['rota']}" if ended["rota"] else f"of {ended['person']}'s turns"
    return Result([f"The calendar {whose} has no address any more."], ended)


def _ask(parsed: Namespace, method: str, path: str, body: Any = None) -> Any:
    """What the server answers. Loaded here only: a plan directory is asked without it, and faster."""
    return import_module("tocsin.cli.client").ask(parsed, method, path, body)


def _found(parsed: Namespace, here: Callable[[Board], Any], path: str, **asked: str | None) -> Data:
    """What a plan directory says by itself, or else the server."""
    if not parsed.plan:
        given = {name: value for name, value in asked.items() if value is not None}
        answer: Data = _ask(parsed, "GET", path + (f"?{urlencode(given)}" if given else ""))
        return answer
    try:
        found: Data = here(_board(Path(parsed.plan)))
    except PlanRefused as refused:
        raise Failure(str(refused), 2) from refused
    except BadQuestion as wrong:
        raise Failure(str(wrong), 2) from wrong
    return found


def _board(directory: Path) -> Board:
    """The rotas of a plan directory, and what people.yaml beside the plan says of people."""
    policy = compile_files(load_directory(directory))
    beside = directory / PEOPLE_FILE
    people = read_people(load_text(beside)) if beside.exists() else []
    names, zones = {one.id: one.name for one in people}, {one.id: one.zone for one in people}
    return Board(policy.rotas, policy.zone, names, zones)


def _stretch(parsed: Namespace) -> dict[str, str | None]:
    return {"from": parsed.since, "to": parsed.until}


def _zone(parsed: Namespace, usual: str, time: str | None) -> str:
    """The zone to show times in: the one asked for, the one that a time names, or the usual."""
    named = (time or "").strip().rpartition(" ")[2]
    wanted = getattr(parsed, "zone", None) or (named if is_zone(named) else usual)
    if not is_zone(wanted):
        raise Failure(f"There is no time zone {wanted}. Use an IANA name such as Europe/London.", 2)
    return str(wanted)


def _time(text: str, zone: str) -> str:
    return shown(datetime.fromisoformat(text), zone)


def _people(seats: list[Data]) -> str:
    """Names, and what is particular: the layer, or for whom somebody stands in."""
    particular = [one["why"].partition(", ")[2] for one in seats]
    return (
        ", ".join(
            f"{one['name']} ({more})" if more else one["name"]
            for one, more in zip(seats, particular, strict=True)
        )
        or "nobody"
    )


def _finding(one: Data) -> Finding:
    since, until = datetime.fromisoformat(one["from"]), datetime.fromisoformat(one["to"])
    return Finding(Kind(one["kind"]), RotaId(one["rota"]), since, until, one["about"])


def _override(one: Any, zone: str) -> str:
    instead = f" for {_named(one, 'for')}" if one["for"] else " for whoever is on call"
    reason = f" Reason: {one['reason']}." if one["reason"] else ""
    span = f"from {_time(one['from'], zone)} to {_time(one['to'], zone)}"
    who, by = _named(one, "person"), _named(one, "by")
    return f"{one['id']}: {who} stands in{instead} in {one['rota']} {span}, says {by}.{reason}"


def _named(one: Any, part: str) -> str:
    """What people call whoever has this part in a stand-in; the id of somebody who has left."""
    return str(one["names"].get(one[part], one[part]))


def _out_of_reach(one: Any) -> str:
    """What is to be done about a stand-in that does not count."""
    return " Out of reach, so it does not count: let somebody else stand in." if one["out_of_reach"] else ""
