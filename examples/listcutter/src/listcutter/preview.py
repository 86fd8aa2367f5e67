"""One page of a list, read from the nearest mark: a page near the end of a large list costs no more than the
first."""

import asyncio
import io
from dataclasses import dataclass
from typing import BinaryIO, cast

from listcutter import limits
from listcutter.errors import BadRequest
from listcutter.rows import Lines, read_rows
from listcutter.shelf import ListRecord, Shelf, list_key


@dataclass(frozen=True, slots=True)
class Page:
    """Rows `first` to `last`, counted from 1. A list without rows has one empty page."""

    number: int
    pages: int
    first: int
    last: int
    rows: tuple[tuple[str, ...], ...]


async def read_page(shelf: Shelf, source: ListRecord, number: int, size: int = limits.PAGE_ROWS) -> Page:
    if not 1 <= size <= limits.PAGE_ROWS_MAX:
        raise BadRequest(f"A page has 1 to {limits.PAGE_ROWS_MAX} rows; not {size}.")
    pages = max(1, -(-source.rows // size))
    if not 1 <= number <= pages:
        raise BadRequest(f"The list has pages 1 to {pages}; not {number}.")
    first, last = (number - 1) * size, min(number * size, source.rows)
    if last == 0:
        return Page(1, 1, 0, 0, ())
    before = first // source.mark_rows
    behind = -(-last // source.mark_rows)
    start = source.marks[before]
    end = source.marks[behind] if behind < len(source.marks) else source.bytes
    read = await shelf.open(list_key(source.id, "original.csv"), start, end - start)
    data = await read.read()
    rows = await asyncio.to_thread(
        _rows, data, start, source, first - before * source.mark_rows, last - first
    )
    return Page(number, pages, first + 1, last, rows)


def _rows(data: bytes, start: int, source: ListRecord, skip: int, count: int) -> tuple[tuple[str, ...], ...]:
    lines = Lines(cast(BinaryIO, io.BytesIO(data)), source.form.encoding, start)
    found = []
    for number, row in enumerate(read_rows(lines, source.form)):
        if number >= skip + count:
            break
        if number >= skip:
            found.append(tuple(_shown(cell) for cell in row))
    return tuple(found)


def _shown(cell: str) -> str:
    most = limits.CELL_CHARACTERS_MAX
    return cell if len(cell) <= most else f"{cell[: most - 1]}…"
