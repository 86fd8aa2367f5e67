"""The `rotas` of plan.yaml: who takes turns, when and where."""

from __future__ import annotations

from datetime import datetime, timedelta

from tocsin.core.model import RotaId
from tocsin.core.policy import Rota
from tocsin.plan.document import Document, Value


def read_rotas(document: Document, value: Value | None, zone: str) -> dict[RotaId, Rota]:
    """The rotas of a plan whose zone is `zone`."""
    return {RotaId(name): _rota(document, name, entry, zone) for name, entry in document.named(value).items()}


def _rota(document: Document, name: str, value: Value, zone: str) -> Rota:
    parts = document.mapping(value, ("people", "shift", "starts", "zone"))
    people = document.required(value, parts, "people")
    ids = tuple(document.person(one, document.text(one)) for one in document.items(people)) if people else ()
    if people and not ids:
        document.fault(people, "A rota without people has nobody on call.", "Write it like [ana, ben].")
    starts = document.required(value, parts, "starts")
    shift = document.duration(parts.get("shift"), least="1d") or timedelta(weeks=1)
    if shift % timedelta(days=1):
        document.fault(parts["shift"], "A shift lasts whole days here.", "Write it like 1d or 1w.")
    return Rota(
        RotaId(name),
        ids,
        shift.days,
        document.wall_clock(starts) if starts else datetime(2026, 1, 5, 9),  # noqa: DTZ001  # the rota's zone
        document.zone(parts.get("zone"), zone),
    )
