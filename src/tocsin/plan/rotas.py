"""The `rotas` of plan.yaml: who takes turns, when and where."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta

from tocsin.core.model import RotaId
from tocsin.core.oncall import Hours, Layer, Rota, Unit
from tocsin.plan.document import YEARS, Document, Value, listing
from tocsin.plan.shape import LENGTH, LOCAL_TIME, NUMBER, SHIFT, TEXT, TEXTS, ZONE, Key, Many, Table

DATES_MOST = 1_000
"""How many dates a layer may list, so that looking one up stays cheap."""
SEATS_MOST = 100
"""How many people of one rota may be on call together."""
LAYERS_MOST = 20
"""How many layers a rota may have, so that the checker is soon done."""
AHEAD_MOST = 100
"""How many turns ahead a rota may follow another."""

_LAYER = {
    "people": Key(TEXTS, "who takes turns, in this order; required unless the rota only follows"),
    "shift": Key(SHIFT, "how long a turn is: whole hours, days or weeks", "`1w`; with `dates`, `1d`"),
    "starts": Key(
        LOCAL_TIME,
        "the first hand-over, as the clock on the wall shows it; before it nobody is on call",
        "required when people take turns; with `dates`, the first of them",
    ),
    "zone": Key(ZONE, "the time zone of all times of the rota", "the plan's"),
    "seats": Key(NUMBER, "how many people of the list are on call together", "1"),
    "hours": Key(TEXTS, "the part of the week that is served, such as `Mon-Fri 09:00-17:00`", "always"),
    "dates": Key(TEXTS, "the only dates that are served, such as `2026-12-24 to 2026-12-26`", "every date"),
}
LAYER = Table("layer", {"name": Key(TEXT, "what to call it", "it has no name"), **_LAYER})
ROTA = Table(
    "rota",
    {
        **_LAYER,
        "layers": Key(Many(LAYER), "several of all this: the first that serves says who is on call"),
        "follows": Key(TEXT, "another rota"),
        "ahead": Key(NUMBER, "how many turns ahead of the rota that it follows", "1"),
        "duties": Key(TEXTS, "what whoever is on call does; for people to read"),
        "answers_within": Key(LENGTH, "how soon they are there; for people to read"),
    },
)

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_TIME = r"([01]\d|2[0-4]):([0-5]\d)"
_HOURS = re.compile(rf"(?:(\w+)(?:-(\w+))?)?(?:(?:^| +){_TIME}-{_TIME})?")
_SHIFT = re.compile(r"(\d+)([hdw])")
_DATES = re.compile(r"(\d{4}-\d\d-\d\d)(?: to (\d{4}-\d\d-\d\d))?")
_WEEK = timedelta(weeks=1)
_DAY = timedelta(days=1)
_ALWAYS = datetime(1970, 1, 1)  # noqa: DTZ001  # a wall-clock time: who takes no turns has always begun


def read_rotas(document: Document, value: Value | None, zone: str) -> dict[RotaId, Rota]:
    """The rotas of a plan whose zone is `zone`."""
    entries = document.named(value)
    parts = {RotaId(name): document.table(entry, ROTA) for name, entry in entries.items()}
    rotas = {id: _rota(document, id, entries[id], part, zone) for id, part in parts.items()}
    for rota in rotas.values():
        if "follows" in parts[rota.id]:
            _check_follows(document, parts[rota.id]["follows"], rota, rotas)
    return rotas


def _rota(document: Document, id: RotaId, value: Value, parts: Mapping[str, Value], zone: str) -> Rota:
    shared = {name: part for name, part in parts.items() if name in _LAYER}
    layers: tuple[Layer, ...] = ()
    if "layers" in parts:
        layers = tuple(_named_layer(document, item, shared, zone) for item in document.items(parts["layers"]))
        if not layers:
            document.fault(parts["layers"], "This rota has no layers.", "Write it like [{people: [ana]}].")
        elif len(layers) > LAYERS_MOST:
            message = f"This rota has more than {LAYERS_MOST} layers."
            document.fault(parts["layers"], message, "Put people who serve the same hours into one layer.")
    elif "people" in parts or "follows" not in parts:
        layers = (_layer(document, value, shared, zone),)
    else:
        for name, part in shared.items():
            message = f"`{name}` means nothing in a rota that only follows another."
            document.fault(part, message, "Take it out, or add `people`.")
    if "ahead" in parts and "follows" not in parts:
        document.fault(parts["ahead"], "`ahead` means nothing without `follows`.", "Add `follows: ROTA`.")
    follows = RotaId(document.text(parts["follows"])) if "follows" in parts else None
    return Rota(id, layers, follows, _number(document, parts.get("ahead"), AHEAD_MOST))


def _check_follows(document: Document, place: Value, rota: Rota, rotas: Mapping[RotaId, Rota]) -> None:
    """The rota that is followed must be there, and must not lead back to this one."""
    path, following = [rota.id], rota.follows
    while following is not None and following in rotas and following not in path:
        path.append(following)
        following = rotas[following].follows
    if rota.follows not in rotas:
        remedy = f"Rotas are: {listing(one for one in rotas if one != rota.id)}."
        document.fault(place, f"There is no rota `{rota.follows}`.", remedy)
    elif following == rota.id:
        circle = " follows ".join(f"`{one}`" for one in (*path, rota.id))
        document.fault(place, f"{circle}, so nobody is on call.", "Let one of them have people of its own.")


def _named_layer(document: Document, value: Value, shared: Mapping[str, Value], zone: str) -> Layer:
    """One of several layers: what it does not say itself, the rota says."""
    parts = document.table(value, LAYER)
    name = document.text(parts.pop("name", None))
    return _layer(document, value, {**shared, **parts}, zone, name)


def _layer(document: Document, value: Value, parts: Mapping[str, Value], zone: str, name: str = "") -> Layer:
    people = document.required(value, parts, "people")
    ids = tuple(document.person(one, document.text(one)) for one in document.items(people)) if people else ()
    if people and not ids:
        document.fault(people, "A rota without people has nobody on call.", "Write it like [ana, ben].")
    seats = _number(document, parts.get("seats"), SEATS_MOST)
    if people and ids and seats > len(set(ids)):
        message = f"{seats} seats are more than the people who can take them."
        document.fault(parts["seats"], message, "Name more people, or fewer seats.")
    dates = _dates(document, parts["dates"]) if "dates" in parts else ()
    shift, unit = _shift(document, parts.get("shift"), Unit.DAYS if dates else Unit.WEEKS)
    return Layer(
        ids,
        _starts(document, value, parts, dates, takes_turns=len(ids) > seats),
        document.zone(parts.get("zone"), zone),
        shift,
        unit,
        seats,
        _all_hours(document, parts["hours"]) if "hours" in parts else (),
        dates,
        name,
    )


def _starts(
    document: Document,
    value: Value,
    parts: Mapping[str, Value],
    dates: tuple[date, ...],
    *,
    takes_turns: bool,
) -> datetime:
    """The first hand-over; who takes no turns needs none, and a list of dates has its own first day."""
    if "starts" in parts:
        return document.wall_clock(parts["starts"])
    if dates:
        return datetime.combine(dates[0], time())
    if takes_turns:
        document.required(value, parts, "starts")
    return _ALWAYS


def _number(document: Document, value: Value | None, most: int) -> int:
    """A whole number from 1; without it 1."""
    text = document.text(value, "1")
    if text.isascii() and text.isdigit() and 1 <= int(text[:10]) <= most:
        return int(text)
    if value is not None and text:
        document.fault(value, f"`{text}` is no whole number from 1 to {most}.", "Write it like 1.")
    return 1


def _shift(document: Document, value: Value | None, usual: Unit) -> tuple[int, Unit]:
    length = document.duration(value, least="1h")
    if value is None or length is None:
        return 1, usual
    match = _SHIFT.fullmatch(document.text(value))
    if match is None:
        document.fault(value, "A shift lasts whole hours, days or weeks.", "Write it like 8h, 1d or 1w.")
        return 1, usual
    return int(match[1]), Unit(match[2])


def _dates(document: Document, value: Value) -> tuple[date, ...]:
    """The dates of a layer, in order; `2026-12-24 to 2026-12-26` is three."""
    found: set[date] = set()
    for item in document.items(value):
        first, last = _dates_of(document.text(item))
        if first is None or last is None or not YEARS[0] <= first.year <= last.year <= YEARS[-1]:
            remedy = "Write it like 2026-12-25, or 2026-12-24 to 2026-12-26."
            document.fault(item, "A date is expected here.", remedy)
        elif last < first or (last - first).days >= DATES_MOST:
            message = f"A first date, a later one, and no more than {DATES_MOST} in all are expected here."
            document.fault(item, message, "Write it like 2026-12-24 to 2026-12-26.")
        else:
            found.update(first + number * _DAY for number in range((last - first).days + 1))
    if len(found) > DATES_MOST:
        message = f"This layer has more than {DATES_MOST} dates."
        document.fault(value, message, "Take out those that are past.")
    return tuple(sorted(found))


def _dates_of(text: str) -> tuple[date | None, date | None]:
    match = _DATES.fullmatch(text)
    try:
        first = date.fromisoformat(match[1]) if match else None
        return first, date.fromisoformat(match[2]) if match and match[2] else first
    except ValueError:
        return None, None


def _all_hours(document: Document, value: Value) -> tuple[Hours, ...]:
    """The hours of a layer, none of which overlaps another."""
    found: list[Hours] = []
    for item in document.items(value):
        text = document.text(item)
        hours = _hours(text)
        if hours is None:
            remedy = "Write it like Mon-Fri 09:00-17:00, Sat or 22:00-06:00."
            document.fault(item, f"`{text}` is no part of a week.", remedy)
            continue
        if any(_overlap(one, other) for one in _pieces(hours) for old in found for other in _pieces(old)):
            document.fault(item, f"`{text}` overlaps the hours before it.", "Let each hour stand once.")
        found.append(hours)
    return tuple(found)


def _hours(text: str) -> Hours | None:
    """`Mon-Fri 09:00-17:00`; without days every day, without times the whole day. May run past midnight."""
    match = _HOURS.fullmatch(text.strip())
    if match is None or not text.strip():
        return None
    first, last, *times = match.groups()
    if any(one is not None and one not in _DAYS for one in (first, last)):
        return None
    days = range(7)
    if first is not None:
        begin, end = _DAYS.index(first), _DAYS.index(last or first)
        days = range(begin, end + 1 if end >= begin else end + 8)
    begins, ends = timedelta(0), _DAY
    if times[0] is not None:
        hours, minutes, until_hours, until_minutes = map(int, times)
        begins = timedelta(hours=hours, minutes=minutes)
        ends = timedelta(hours=until_hours, minutes=until_minutes)
    if begins >= _DAY or ends > _DAY:
        return None
    return Hours(frozenset(day % 7 for day in days), begins, ends if ends > begins else ends + _DAY)


def _pieces(hours: Hours) -> Iterable[tuple[timedelta, timedelta]]:
    """What the hours fill of the week, each piece with where it begins and how long it lasts."""
    return ((day * _DAY + hours.begins, hours.ends - hours.begins) for day in hours.days)


def _overlap(one: tuple[timedelta, timedelta], other: tuple[timedelta, timedelta]) -> bool:
    return (other[0] - one[0]) % _WEEK < one[1] or (one[0] - other[0]) % _WEEK < other[1]
