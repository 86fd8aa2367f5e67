"""The pages. Everything works by links and forms; the script only adds progress and live notices."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from litestar import MediaType, Response, get, post
from litestar.datastructures import FormMultiDict
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from listcutter import limits
from listcutter.api import Asked, Served, part_of, take_upload
from listcutter.cut import WITHOUT_VALUE, Compare, Cut, Filter
from listcutter.downloads import download
from listcutter.errors import BadRequest, Busy
from listcutter.preview import read_page
from listcutter.rows import ENCODINGS
from listcutter.service import Service
from listcutter.shelf import list_key

FILTER_ROWS = 3  # on the form; the API takes more


def size(count: int) -> str:
    """Bytes for people."""
    number = float(count)
    for unit in ("bytes", "KB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "bytes" or number >= 10 else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.2f} GB"


def moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%-d %B %Y, %H:%M UTC")


ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
ENVIRONMENT.filters |= {"size": size, "moment": moment, "count": lambda n: f"{n:,}"}
ENVIRONMENT.globals |= {
    "limits": limits,
    "encodings": ENCODINGS,
    "compares": list(Compare),
    "without_value": WITHOUT_VALUE,
}


def render(service: Service, template: str, status: int = 200, **values: Any) -> Response[str]:
    notices = service.guard.broadcasts.active("users")
    common = {"said": service.said, "shelf": service.shelf, "notices": list(reversed(notices))}
    text = ENVIRONMENT.get_template(template).render(**common, **values)
    return Response(
        text, status_code=status, media_type=MediaType.HTML, headers={"Cache-Control": "no-store"}
    )


@get("/")
async def home(service: Served) -> Response[str]:
    records = await service.shelf.every_list()
    return render(service, "home.html", lists=records)


@post("/lists", request_max_body_size=None)
async def upload(request: Asked, service: Served) -> Redirect:
    record, _ = await take_upload(service, request)
    return Redirect(f"/lists/{record.id}", status_code=303)


@get("/lists/{list_id:str}")
async def one_list(list_id: FromPath[str], service: Served, page: FromQuery[int] = 1) -> Response[str]:
    record = await service.shelf.one_list(list_id)
    try:
        shown, why = await read_page(service.shelf, record, page), ""
    except Busy as away:
        shown, why = None, str(away)
    return render(
        service,
        "list.html",
        list=record,
        page=shown,
        why=why,
        cuts=await service.shelf.cuts_of(list_id),
        filter_rows=FILTER_ROWS,
    )


@get("/lists/{list_id:str}/download")
async def original(list_id: FromPath[str], service: Served) -> Response[Any]:
    record = await service.shelf.one_list(list_id)
    return await download(service.shelf, list_key(list_id, "original.csv"), record.name, record.form)


@post("/lists/{list_id:str}/delete")
async def remove(list_id: FromPath[str], service: Served) -> Redirect:
    await service.shelf.remove(list_id)
    return Redirect("/", status_code=303)


@post("/lists/{list_id:str}/cuts")
async def cut(list_id: FromPath[str], request: Asked, service: Served) -> Redirect:
    source = await service.shelf.one_list(list_id)
    record = await service.works.ask(source, read_cut(await request.form(), source.columns))
    return Redirect(f"/lists/{list_id}/cuts/{record.id}", status_code=303)


@get("/lists/{list_id:str}/cuts/{cut_id:str}")
async def one_cut(list_id: FromPath[str], cut_id: FromPath[str], service: Served) -> Response[str]:
    source = await service.shelf.one_list(list_id)
    record = await service.shelf.one_cut(list_id, cut_id)
    work = service.works.find(cut_id)
    waits = record.state == "done" and service.shelf.cut_waits(list_id, cut_id)
    words = in_words(record.cut)
    return render(service, "cut.html", list=source, record=record, words=words, work=work, waits=waits)


@get("/lists/{list_id:str}/cuts/{cut_id:str}/{file:str}")
async def part(
    list_id: FromPath[str], cut_id: FromPath[str], file: FromPath[str], service: Served
) -> Response[Any]:
    return await part_of(service, list_id, cut_id, file)


def read_cut(form: FormMultiDict, columns: tuple[str, ...]) -> Cut:
    """The form as a cut. Filters without a column are none; all columns ticked is all of them."""
    ticked = tuple(str(name) for name in form.getall("column", []))
    if not ticked:
        raise BadRequest("Choose at least one column to keep.")
    fields = zip(
        *(form.getall(name, []) for name in ("filter_column", "filter_test", "filter_value")), strict=False
    )
    try:
        filters = tuple(Filter(str(c), Compare(str(t)), str(v)) for c, t, v in fields if c)
    except ValueError:
        raise BadRequest("A filter has no such comparison; choose one from the form.") from None
    split, rows, by = str(form.get("split", "")), str(form.get("rows", "")), str(form.get("by", ""))
    if split == "rows" and not (rows.isdecimal() and 0 < int(rows) < 10**9):
        raise BadRequest(f"Parts of how many rows? {rows!r} is not a whole number above 0.")
    same = str(form.get("distinct", ""))
    return Cut(
        columns=() if ticked == columns else ticked,
        filters=filters,
        distinct=bool(same),
        distinct_by=() if same in ("", "row") else tuple(str(n) for n in form.getall("distinct_by", [])),
        rows_per_part=int(rows) if split == "rows" else 0,
        part_by=by if split == "value" else "",
    )


def in_words(cut: Cut) -> list[str]:
    """What a cut does, a sentence each."""
    said = [f"Columns: {', '.join(cut.columns)}." if cut.columns else "All columns."]
    said += [f"Only rows where {_filter(f)}." for f in cut.filters]
    if cut.distinct:
        by = (
            f"rows with the same {', '.join(cut.distinct_by)}"
            if cut.distinct_by
            else "rows that are the same"
        )
        said.append(f"Of {by}, the first one.")
    if cut.rows_per_part:
        said.append(f"A part for every {cut.rows_per_part:,} rows.")
    if cut.part_by:
        said.append(f"A part for each value of {cut.part_by}.")
    return said


def _filter(asked: Filter) -> str:
    words = f"{asked.column} {asked.test.value}"
    return words if asked.test in WITHOUT_VALUE else f"{words} “{asked.value}”"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What an error page says."""

    status: int
    title: str
    detail: str


def trouble_page(service: Service, trouble: Trouble) -> Response[str]:
    return render(service, "trouble.html", trouble.status, trouble=trouble)


handlers = [home, upload, one_list, original, remove, cut, one_cut, part]
