"""The API: what the pages do, for programs. Errors are application/problem+json with one sentence in
`detail`."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from litestar import Request, Response, Router, delete, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from listcutter import limits
from listcutter.cut import Cut
from listcutter.downloads import download
from listcutter.errors import BadRequest
from listcutter.preview import read_page
from listcutter.service import Service
from listcutter.shelf import CutRecord, ListRecord, cut_key, list_key

Asked = Request[Any, Any, State]
Shown = dict[str, Any]
Served = NamedDependency[Service]


def show_list(service: Service, record: ListRecord) -> Shown:
    return {
        "id": record.id,
        "name": record.name,
        "uploaded_at": iso(record.at),
        "bytes": record.bytes,
        "rows": record.rows,
        "columns": record.columns,
        "uneven_rows": record.uneven,
        "delimiter": record.form.delimiter,
        "encoding": record.form.encoding,
        "encoding_guessed": record.form.guessed,
        "queued": service.shelf.waits(record.id),
        "available": service.shelf.at_hand(record.id),
    }


def show_cut(service: Service, record: CutRecord) -> Shown:
    work = service.works.find(record.id)
    return {
        "id": record.id,
        "list": record.list_id,
        "asked_at": iso(record.at),
        "cut": record.cut,
        "state": record.state,
        "share": 1.0 if work is None else round(work.share, 3),
        "rows_read": record.rows_read,
        "rows_kept": record.rows_kept,
        "duplicates": record.duplicates,
        "rows_with_surplus_cells": record.surplus,
        "seconds": record.seconds,
        "parts": record.parts,
        "queued": record.state == "done" and service.shelf.cut_waits(record.list_id, record.id),
        "error": record.error,
    }


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


async def take_upload(
    service: Service, request: Asked, name: str = "", encoding: str = ""
) -> tuple[ListRecord, bool]:
    length = request.headers.get("content-length", "")
    return await service.uploads.take(
        request.stream(),
        request.headers.get("content-type", ""),
        int(length) if length.isdecimal() else None,
        name,
        encoding,
    )


@post("/lists", request_max_body_size=None)
async def upload(
    request: Asked, service: Served, name: FromQuery[str] = "", encoding: FromQuery[str] = ""
) -> Response[Shown]:
    """Upload a list, as a form's file or as the body itself (`?name=`). `encoding` says how it is
    written; without it that is recognised, or guessed (`encoding_guessed`). 201: stored. 202: queued on the
    service's own disk, because storage is away; it is usable at once and stored when storage is back."""
    record, queued = await take_upload(service, request, name, encoding)
    headers = {"Location": f"/api/lists/{record.id}"}
    return Response(show_list(service, record), status_code=202 if queued else 201, headers=headers)


@get("/lists")
async def lists(service: Served) -> list[Shown]:
    """All lists, newest first."""
    return [show_list(service, record) for record in await service.shelf.every_list()]


@get("/lists/{list_id:str}")
async def one_list(list_id: FromPath[str], service: Served) -> Shown:
    """One list."""
    return show_list(service, await service.shelf.one_list(list_id))


@get("/lists/{list_id:str}/rows")
async def rows(
    list_id: FromPath[str],
    service: Served,
    page: FromQuery[int] = 1,
    size: FromQuery[int] = limits.PAGE_ROWS,
) -> Shown:
    """A page of the rows. Long cells are shortened."""
    record = await service.shelf.one_list(list_id)
    found = await read_page(service.shelf, record, page, size)
    return {
        "columns": record.columns,
        "page": found.number,
        "pages": found.pages,
        "first": found.first,
        "last": found.last,
        "rows": found.rows,
    }


@get("/lists/{list_id:str}/download")
async def original(list_id: FromPath[str], service: Served) -> Response[Any]:
    """The list as it was uploaded."""
    record = await service.shelf.one_list(list_id)
    return await download(service.shelf, list_key(list_id, "original.csv"), record.name, record.form)


@delete("/lists/{list_id:str}", status_code=200)
async def remove(list_id: FromPath[str], service: Served) -> Response[Shown]:
    """Delete a list with its cuts. 202: the deletion is queued."""
    queued = await service.shelf.remove(list_id)
    return Response({"deleted": list_id, "queued": queued}, status_code=202 if queued else 200)


@post("/lists/{list_id:str}/cuts", status_code=202)
async def cut(list_id: FromPath[str], request: Asked, service: Served) -> Response[Shown]:
    """Ask for a cut: `columns`, `filters` (`column`, `test`, `value`), `distinct`, `distinct_by`,
    `rows_per_part`, `part_by`. It is made in the background; look at it until its state is done or failed."""
    source = await service.shelf.one_list(list_id)
    try:
        wanted = msgspec.json.decode(await request.body() or b"{}", type=Cut, strict=True)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise BadRequest(f"The cut could not be read: {error}.") from error
    record = await service.works.ask(source, wanted)
    headers = {"Location": f"/api/lists/{list_id}/cuts/{record.id}"}
    return Response(show_cut(service, record), status_code=202, headers=headers)


@get("/lists/{list_id:str}/cuts")
async def cuts(list_id: FromPath[str], service: Served) -> list[Shown]:
    """The cuts of a list, newest first."""
    await service.shelf.one_list(list_id)
    return [show_cut(service, record) for record in await service.shelf.cuts_of(list_id)]


@get("/lists/{list_id:str}/cuts/{cut_id:str}")
async def one_cut(list_id: FromPath[str], cut_id: FromPath[str], service: Served) -> Shown:
    """A cut: how far it is, and its parts when it is done."""
    return show_cut(service, await service.shelf.one_cut(list_id, cut_id))


@get("/lists/{list_id:str}/cuts/{cut_id:str}/{file:str}")
async def part(
    list_id: FromPath[str], cut_id: FromPath[str], file: FromPath[str], service: Served
) -> Response[Any]:
    """A part of a cut."""
    return await part_of(service, list_id, cut_id, file)


async def part_of(service: Service, list_id: str, cut_id: str, file: str) -> Response[Any]:
    source = await service.shelf.one_list(list_id)
    record = await service.shelf.one_cut(list_id, cut_id)
    known = {found.file: found for found in record.parts}
    if file not in known:
        raise BadRequest(f"The cut has no part {file!r}; it has {', '.join(known) or 'none yet'}.")
    value = "".join(c if c.isalnum() else "-" for c in known[file].value).strip("-")[:40]
    stem = source.name.removesuffix(".csv")
    name = f"{stem}-{value or file.removesuffix('.csv')}.csv"
    return await download(service.shelf, cut_key(list_id, cut_id, file), name, source.form)


@get("/state")
async def state(service: Served) -> Shown:
    """Whether storage is well, away or held, how many writes wait here, and what users are told."""
    return {"storage": service.storage, "queued": service.queued, "said": service.said}


router = Router(
    "/api",
    route_handlers=[upload, lists, one_list, rows, original, remove, cut, cuts, one_cut, part, state],
)
