"""Taking a list in: from a form or as the body of a request, streamed to the local disk, looked over, then
stored."""

import asyncio
import errno
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

from multipart import (  # type: ignore[import-untyped]  # it has no types
    MultipartSegment,
    ParserError,
    PushMultipartParser,
    parse_options_header,
)

from listcutter import limits
from listcutter.errors import BadRequest, Busy, TooMuch
from listcutter.rows import survey
from listcutter.shelf import ListRecord, Shelf

ENCODING_BYTES_MAX = 40
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass
class Uploads:
    """`folder` holds uploads on their way; what a crash leaves there is deleted at the start."""

    shelf: Shelf
    folder: Path
    keeping: set[str] = field(default_factory=set)  # ids of lists that are on their way to the shelf

    def clean(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    async def take(
        self, body: AsyncIterator[bytes], content_type: str, length: int | None, name: str, encoding: str = ""
    ) -> tuple[ListRecord, bool]:
        """Read a list from a request and keep it. The second answer: whether it is queued."""
        if length is not None and length > limits.UPLOAD_BYTES_MAX:
            raise TooMuch(_too_large())
        if shutil.disk_usage(self.folder).free < (length or 0) + limits.DISK_SPARE_BYTES:
            raise Busy("There is no room for this list here at present. The operators see this; try later.")
        path = self.folder / token_hex(8)
        kind, options = parse_options_header(content_type)
        try:
            if kind == "multipart/form-data":
                form = await receive_form(body, options.get("boundary", ""), path)
                name, encoding = form.name or name, form.encoding or encoding
            else:
                await receive(body, path)
            return await self._keep(path, name, encoding)
        except OSError as error:
            if error.errno in FULL:
                raise Busy("The local disk is full; nothing of the list was kept. Try later.") from error
            raise
        finally:
            path.unlink(missing_ok=True)

    async def _keep(self, path: Path, name: str, encoding: str) -> tuple[ListRecord, bool]:
        found = await asyncio.to_thread(survey, path, encoding)
        record = ListRecord(
            id=token_hex(8),
            name=clean_name(name),
            at=time.time(),
            bytes=found.bytes,
            rows=found.rows,
            columns=found.columns,
            uneven=found.uneven,
            form=found.form,
            marks=found.marks,
            mark_rows=found.mark_rows,
        )
        self.keeping.add(record.id)
        try:
            return record, await self.shelf.add(record, path)
        finally:
            self.keeping.discard(record.id)


async def receive(body: AsyncIterator[bytes], path: Path) -> None:
    """The body is the list."""
    with path.open("wb") as file:
        size = 0
        async for chunk in body:
            size += len(chunk)
            if size > limits.UPLOAD_BYTES_MAX:
                raise TooMuch(_too_large())
            check_room(path)
            await asyncio.to_thread(file.write, chunk)


def check_room(path: Path) -> None:
    """Asked at every chunk, because others upload at the same time."""
    if shutil.disk_usage(path).free < limits.DISK_SPARE_BYTES:
        raise Busy("The local disk is full; nothing of the list was kept. Try later.")


async def receive_form(body: AsyncIterator[bytes], boundary: str, path: Path) -> "Form":
    """A form with one file."""
    try:
        with PushMultipartParser(boundary, max_segment_count=10) as parser:
            form = Form(path)
            with path.open("wb") as file:
                async for chunk in body:
                    if chunk:
                        await asyncio.to_thread(form.take, parser, chunk, file)
    except ParserError as error:
        raise BadRequest(f"The form could not be read: {error}.") from error
    if not form.name:
        raise BadRequest("Choose a file first: the form came without one.")
    return form


@dataclass
class Form:
    """What was read of a form so far. Only the first file is taken, and the field `encoding`."""

    path: Path
    name: str = ""
    size: int = 0
    _inside: bool = False
    _field: bytearray | None = None  # the value of the field `encoding`, while it is read
    encoding: str = ""

    def take(self, parser: PushMultipartParser, chunk: bytes, file: BinaryIO) -> None:
        for event in parser.parse(chunk):
            if isinstance(event, MultipartSegment):
                self._inside = bool(event.filename) and not self.name
                if self._inside:
                    self.name = str(event.filename)
                self._field = bytearray() if event.name == "encoding" and not event.filename else None
            elif event is None:
                if self._field is not None:
                    self.encoding = self._field.decode(errors="replace")
                self._inside, self._field = False, None
            elif self._field is not None:
                self._field += event[: ENCODING_BYTES_MAX - len(self._field)]
            elif self._inside:
                self.size += len(event)
                check_room(self.path)
                if self.size > limits.UPLOAD_BYTES_MAX:
                    raise TooMuch(_too_large())
                file.write(event)


def clean_name(name: str) -> str:
    """A file name as a list's name: printable, without folders."""
    bare = name.replace("\\", "/").rsplit("/", 1)[-1]
    shown = " ".join("".join(c if c.isprintable() else " " for c in bare).split())
    return shown[: limits.NAME_CHARACTERS_MAX] or "list.csv"


def _too_large() -> str:
    return f"A list has at most {limits.UPLOAD_BYTES_MAX // 1024**3} GB; nothing of this one was kept."
