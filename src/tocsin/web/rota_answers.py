"""What the API answers about on call, key by key. Times are ISO 8601 in UTC; `zone` is the plan's."""

from __future__ import annotations

from typing import TypedDict


class SeatAnswer(TypedDict):
    person: str
    name: str
    why: str


class RotaAnswer(TypedDict):
    rota: str
    seats: list[SeatAnswer]
    until: str | None


class WhoAnswer(TypedDict):
    at: str
    zone: str
    rotas: list[RotaAnswer]


TurnAnswer = TypedDict("TurnAnswer", {"from": str, "to": str, "seats": list[SeatAnswer]})


class CalendarAnswer(TypedDict):
    rota: str
    zone: str
    turns: list[TurnAnswer]


FindingAnswer = TypedDict(
    "FindingAnswer", {"kind": str, "rota": str, "from": str, "to": str, "about": str, "sentence": str}
)
GapsAnswer = TypedDict("GapsAnswer", {"from": str, "to": str, "zone": str, "findings": list[FindingAnswer]})


class PersonAnswer(TypedDict):
    person: str
    name: str
    hours: float
    nights: int
    weekends: int


LoadAnswer = TypedDict("LoadAnswer", {"from": str, "to": str, "zone": str, "people": list[PersonAnswer]})
OverrideAnswer = TypedDict(
    "OverrideAnswer",
    {
        "id": int,
        "rota": str,
        "person": str,
        "for": str | None,
        "from": str,
        "to": str,
        "by": str,
        "reason": str,
        "zone": str,
        "made_at": str,
        "removed_by": str,
        "removed_at": str | None,
        "out_of_reach": bool,
        "names": dict[str, str],
    },
)


class RemovedAnswer(TypedDict):
    removed: int


class FeedAnswer(TypedDict):
    url: str
    rota: str
    person: str


class EndedAnswer(TypedDict):
    rota: str
    person: str
