"""The bodies of API requests, and what is said of one that does not fit.

A field that nobody knows is refused: whoever misspells one would believe that it was heard.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import msgspec
from litestar.connection import Request
from litestar.exceptions import HTTPException, ValidationException

from tocsin.core.deeds import Deed, Kind

SCHEMA = "What fits is in /api/v1/schema/openapi.json."

_SHAPES: Mapping[Kind, Any] = {
    Kind.PEOPLE: list[str],
    Kind.TEAMS: list[str],
    Kind.FACTS: dict[str, str],
}
_UNKNOWN = re.compile("Object contains unknown field `(.*)`", re.DOTALL)


class StandIn(
    msgspec.Struct, forbid_unknown_fields=True, rename={"since": "from", "until": "to", "replaces": "for"}
):
    """Who stands in: `for` whom (or in the first seat), `from` when `to` when, and why."""

    rota: str
    person: str
    since: str
    until: str
    replaces: str | None = None
    reason: str = ""


class FeedOf(msgspec.Struct, forbid_unknown_fields=True):
    """Whose calendar: a rota's; without one, one's own."""

    rota: str | None = None


class PlanFiles(msgspec.Struct, forbid_unknown_fields=True):
    """A plan's directory: the text of each file by its name, such as `plan.yaml` or `runbooks/NAME.md`."""

    files: dict[str, str]


def body_of(deed: Deed) -> type[msgspec.Struct]:
    """The shape of a deed's body: text, or lists of text; what is not required may be left out."""
    blanks: list[Any] = []
    for blank in sorted(deed.blanks, key=lambda one: not one.required):
        kind: Any = _SHAPES.get(blank.kind, str)
        default = () if blank.required else (msgspec.field(default_factory=kind),)
        blanks.append((blank.name, kind, *default))
    # Said to be a body, because one of the deeds has the name of an answer.
    name = deed.name.title().replace("-", "") + "Body"
    return msgspec.defstruct(name, blanks, module=__name__, forbid_unknown_fields=True)


async def check_no_body(request: Request[Any, Any, Any], deed: Deed) -> None:
    """Refuse what is said to a deed that asks nothing; an empty object says nothing."""
    body = await request.body()
    if body.strip() not in (b"", b"{}", b"null"):
        raise HTTPException(f"That does not fit: `{deed.name}` asks nothing. Send no body.", status_code=400)


def misfits(request: Request[Any, Any, Any], error: ValidationException) -> str:
    """What of a body or a query does not fit, and where the shapes are written down."""
    found = error.extra if isinstance(error.extra, list) else []
    wrong = [
        f"`{one.get('key', 'data')}`: {_misfit(request, one.get('message', ''))}"
        for one in found
        if isinstance(one, dict)
    ]
    if not wrong:
        return error.detail
    said = "; ".join(wrong).replace("`data`: ", "the body: ").rstrip(".?")
    end = "?" if wrong[-1].endswith("?") else "."
    return f"That does not fit: {said}{end} {SCHEMA}"


def _misfit(request: Request[Any, Any, Any], message: str) -> str:
    """What msgspec says, and of a field that is unknown what may have been meant."""
    unknown = _UNKNOWN.fullmatch(message)
    if unknown is None:
        return message
    body: Any = request.route_handler.parsed_fn_signature.parameters["data"].annotation
    known = [one.encode_name for one in msgspec.structs.fields(body)]
    name = unknown[1]
    near = get_close_matches(name[:80], known, 1, 0.6)
    instead = f"Did you mean `{near[0]}`?" if near else f"Use only: {', '.join(known)}."
    return f"`{name[:80]}` means nothing here. {instead}"
