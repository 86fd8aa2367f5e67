"""What stands around every page, and how a page becomes a response."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import MediaType, Response
from litestar.connection import Request

from tocsin.core.directory import Contact
from tocsin.web.auth import Viewer
from tocsin.web.pages.assets import assets
from tocsin.web.services import Services
from tocsin.web.times import Moment, Reader

Asking = Request[Any, Any, Any]

EVERYTHING = "*"
"""A page that shows this in `watches` is read again after any change."""

NO_STORE = {"cache-control": "no-store"}
"""Pages hold what only their reader may see."""

_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parents[1] / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Frame:
    """The same on every page. `here` names the part of the site.

    A page that is kept up to date says under which address it is read again, and in `watches` after whose
    changes: those of one incident, or EVERYTHING.
    """

    reader: str
    zone: str
    now: Moment
    here: str
    page: str
    watches: str
    demo: bool
    static: str


def times_for(services: Services, contact: Contact | None) -> Reader:
    """The wall clock of a person, or UTC where nobody is known."""
    return Reader(contact.zone if contact else "UTC", services.clock())


def frame(
    services: Services,
    viewer: Viewer | None,
    times: Reader,
    here: str,
    *,
    page: str = "",
    watches: str = "",
) -> Frame:
    """The frame of a page for a reader."""
    return Frame(
        reader=viewer.contact.name if viewer else "",
        zone=times.zone,
        now=times.moment(times.now),
        here=here,
        page=page,
        watches=watches,
        demo=services.demo,
        static=assets().base,
    )


def address_of(incident: str) -> str:
    """Where an incident's page is. Ids come from the plan's pattern and may hold a `#`."""
    return f"/incidents/{quote(incident, safe='')}"


def render(template: str, context: Any, status: int = 200) -> Response[str]:
    """A page. The template sees the fields of the context, a frozen dataclass, and nothing else."""
    values = {field.name: getattr(context, field.name) for field in fields(context)}
    html = _templates.get_template(template).render(values)
    return Response(html, status_code=status, media_type=MediaType.HTML, headers=NO_STORE)
