"""What pages and API show of on call and may ask: who stands in, and calendars with secret addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from tocsin import limits
from tocsin.core.deeds import STAND_IN
from tocsin.core.incident.asking import check, one_line
from tocsin.core.model import PersonId, RotaId
from tocsin.core.oncall import Override, Rotas, reaching, turns
from tocsin.store import directory, feeds, overrides, plans, subjects
from tocsin.store.errors import Conflict
from tocsin.store.overrides import Arranged
from tocsin.store.transaction import Transaction
from tocsin.store.writer import Lane
from tocsin.web.auth import Viewer
from tocsin.web.feed import AHEAD, BACK, feed
from tocsin.web.rota_data import BadQuestion, Board, moment
from tocsin.web.services import Services

ENDING = ".ics"

_MOST_ID = 2**63 - 1

TRIES = 20
"""How often somebody looks again whom others have overtaken."""

MOMENTS = timedelta(seconds=2 * limits.CLOCK_SKEW_SECONDS)
"""The clocks of two nodes differ by no more."""

AROUND = timedelta(days=limits.OVERRIDE_DAYS)
"""A turn is seen whole only with the stand-ins before and after it."""


def board_of(tx: Transaction, services: Services) -> Board:
    """The rotas by which somebody is paged, with everybody's names; without a plan there are none.

    Those of the plan in force, and others of plans that open incidents opened with.
    """
    people = directory.contacts(tx)
    current = plans.current(tx)
    names = {id: one.name for id, one in people.items()}
    zones = {id: one.zone for id, one in people.items()}
    reached = frozenset(id for id, one in people.items() if services.context.channels & set(one.channels))
    if current is None:
        return Board({}, "UTC", names, zones, reached)
    policy = services.context.policy(tx, current[0])
    pinned = [services.context.policy(tx, one.version) for one in subjects.pinned(tx)]
    gone = {id: rota for one in pinned for id, rota in one.rotas.items() if id not in policy.rotas}
    return Board({**policy.rotas, **gone}, policy.zone, names, zones, reached, frozenset(gone))


def stand_ins(tx: Transaction, board: Board, since: datetime, until: datetime) -> tuple[Override, ...]:
    """Every stand-in that is arranged for some moment from `since` until `until`, and who is out of reach."""
    return reaching(overrides.between(tx, since, until), board.reached)


async def arrange(
    services: Services, viewer: Viewer, answers: Mapping[str, str], zone: str | None = None
) -> Arranged:
    """Somebody stands in, with the blanks of STAND_IN filled in; raises Unclear.

    Whoever arranges another in the same rota meanwhile, by any node, makes this one look again: so a button
    pressed twice arranges one. Raises Conflict when they are always faster.

    Times without a zone are those of `zone`, or of the plan.
    """

    def read(tx: Transaction, now: datetime) -> tuple[Override, int]:
        board = board_of(tx, services)
        wanted = _wanted(board, answers, zone or board.zone, viewer.contact.id, now)
        if wanted.person not in board.reached:
            raise BadQuestion(
                f"Nothing that Tocsin sends reaches {board.names[wanted.person]}, so nobody would be paged. "
                "Give them a channel in people.yaml first.",
                "person",
            )
        # First: what comes between two looks makes this one begin again.
        seen = overrides.newest_in(tx, wanted.rota)
        _refuse_idle(board, wanted, stand_ins(tx, board, wanted.since, wanted.until))
        return wanted, seen

    def write(tx: Transaction, now: datetime, wanted: Override, seen: int) -> Arranged | None:
        if overrides.newest_in(tx, wanted.rota) != seen:
            return None
        if overrides.count(tx, now) >= limits.OVERRIDES:
            remedy = "Take some back, or change the plan."
            raise BadQuestion(f"{limits.OVERRIDES} stand-ins are arranged already. {remedy}")
        return Arranged(overrides.add(tx, wanted, now, seen), now, "", None)

    for _ in range(TRIES):
        now = services.clock()
        wanted, seen = await services.store.read(partial(read, now=now))
        made = await services.store.write(partial(write, now=now, wanted=wanted, seen=seen), Lane.ACT)
        if made is not None:
            services.context.forget()
            return made
    raise Conflict(f"Others have arranged {TRIES} stand-ins in this rota at the same moment.")


def _wanted(board: Board, answers: Mapping[str, str], zone: str, by: PersonId, now: datetime) -> Override:
    """The override that is asked for."""
    check(STAND_IN, answers)
    given = {blank.name: answers.get(blank.name, "").strip() for blank in STAND_IN.blanks}
    rota = board.rota(given["rota"])
    person, replaces = PersonId(given["person"]), PersonId(given["for"])
    for blank, known in (("person", board.names), ("for", {*board.names, *board.rotas[rota].people})):
        if given[blank] and PersonId(given[blank]) not in known:
            said = f"There is nobody called {given[blank][:80]}. Name somebody by id, as people.yaml does."
            raise BadQuestion(said, blank)
    since, until = moment(given["from"], zone, "from"), moment(given["to"], zone, "to")
    if until <= now:
        raise BadQuestion("That is over already. Let it end later than now.", "to")
    if until <= since:
        raise BadQuestion("The end is not after the beginning. Write the earlier time first.", "to")
    if until - since > timedelta(days=limits.OVERRIDE_DAYS):
        remedy = "Change the plan instead."
        raise BadQuestion(f"Nobody stands in for more than {limits.OVERRIDE_DAYS} days. {remedy}", "to")
    reason = one_line(given["reason"])
    # It cannot have counted before anybody knew of it.
    return Override(0, rota, person, max(since, now), until, replaces or None, by, reason)


def _refuse_idle(board: Board, wanted: Override, others: Sequence[Override]) -> None:
    """Raises BadQuestion where the same people would be on call at the same times without it."""
    # The last that is made counts before the others.
    made = replace(wanted, id=1 + max((one.id for one in others), default=0))
    if _changes(board.rotas, made, [*others, made]) != _changes(board.rotas, made, others):
        return
    name = board.names[wanted.person]
    if wanted.replaces in (None, wanted.person):
        said = f"{name} is on call in {wanted.rota} all that time anyway."
        raise BadQuestion(f"{said} Name somebody else, or another time.", "person")
    instead = board.names.get(wanted.replaces, wanted.replaces)
    said = f"{instead} is not on call in {wanted.rota} in that time, or {name} is on call anyway"
    raise BadQuestion(f"{said}: nothing would change. Look whose turn it is.", "for")


def _changes(
    rotas: Rotas, wanted: Override, arranged: Sequence[Override]
) -> list[tuple[datetime, tuple[PersonId, ...]]]:
    """Who is on call while the stand-in lasts, and from when."""
    found: list[tuple[datetime, tuple[PersonId, ...]]] = []
    # The first moments do not count: two who press a button at once have clocks that differ by less.
    since = wanted.since + min(MOMENTS, (wanted.until - wanted.since) / 2)
    for turn in turns(rotas, wanted.rota, since, wanted.until, arranged):
        people = tuple(seat.person for seat in turn.seats)
        if not found or found[-1][1] != people:
            found.append((turn.since, people))
    return found


async def take_back(services: Services, viewer: Viewer, override: int) -> bool:
    """A stand-in ends now; False when there is none that still counts."""
    # No database numbers its rows higher.
    if override > _MOST_ID:
        return False
    remove = partial(overrides.remove, id=override, by=viewer.contact.id, now=services.clock())
    removed = await services.store.write(remove, Lane.ACT)
    services.context.forget()
    return removed


async def new_feed(services: Services, viewer: Viewer, rota: str | None) -> tuple[str, RotaId | None]:
    """A new secret address of a rota's calendar, or of one's own turns; the one before it ends."""
    secret, person = services.new_secret(), viewer.contact.id

    def write(tx: Transaction) -> RotaId | None:
        of = board_of(tx, services).rota(rota) if rota is not None else None
        feeds.renew(tx, secret, of or "", "" if of else person, by=person, now=services.clock())
        return of

    of = await services.store.write(write, Lane.ACT)
    return f"{services.public_url}/oncall/{secret}{ENDING}", of


async def end_feed(services: Services, viewer: Viewer, rota: str | None) -> bool:
    """The address of a rota's calendar, or of one's own turns, ends; False when there was none."""
    # PostgreSQL's text holds no NUL, and an address may.
    of = (rota or "").replace("\0", " ")
    remove = partial(feeds.remove, rota=of, person=viewer.contact.id if rota is None else "")
    return await services.store.write(remove, Lane.ACT)


def calendar(tx: Transaction, services: Services, file: str, now: datetime) -> str | None:
    """What a calendar program reads at a secret address; None where there is nothing."""
    found = feeds.find(tx, file.removesuffix(ENDING)) if file.endswith(ENDING) else None
    if found is None:
        return None
    rota, person = RotaId(found[0]), PersonId(found[1])
    board = board_of(tx, services)
    arranged = stand_ins(tx, board, now - BACK - AROUND, now + AHEAD + AROUND)
    if rota:
        of = [rota] if rota in board.rotas else []
        return feed(f"On call: {rota}", board.rotas, of, now, arranged, board.names)
    # Whoever has left reads no calendar any more.
    if person not in board.names:
        return None
    title = f"On call: {board.names[person]}"
    return feed(title, board.rotas, board.rotas, now, arranged, board.names, person)
