"""The backup file: gzip'ed JSON lines that either database restores from, every row covered by a hash.

    {"line":"header","format":1,"revision":"0001","made_at":...,"database":"sqlite"}
    {"line":"table","name":"alerts","columns":["id",...]}
    [1,...]                                                   one line per row
    {"line":"rows","count":1,"sha256":...}                    over the row lines
    ...                                                       the next table
    {"line":"end","sha256":...}                               over all lines that are not rows

What ends early or was changed anywhere is found before the last row is trusted.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, TypeVar

import msgspec

from tocsin.store.errors import BackupError

FORMAT = 1
BATCH_ROWS = 2_000
COMPRESSION = 4
"""Half the time of the default level 9 for a tenth more bytes."""

Value = int | str | None
Row = Sequence[Value]
Kind = TypeVar("Kind")


class Header(msgspec.Struct, frozen=True, tag="header", tag_field="line"):
    """What a backup begins with: the schema's revision, when it was made, and from which kind of database."""

    format: int
    revision: str
    made_at: datetime
    database: str


class Table(msgspec.Struct, frozen=True, tag="table", tag_field="line"):
    """The next rows belong to this table."""

    name: str
    columns: tuple[str, ...]


class Rows(msgspec.Struct, frozen=True, tag="rows", tag_field="line"):
    """The table is over; this is what was written of it."""

    count: int
    sha256: str


class End(msgspec.Struct, frozen=True, tag="end", tag_field="line"):
    """The backup is whole."""

    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a whole backup holds: rows and their SHA-256 by table."""

    header: Header
    tables: dict[str, Rows]

    @property
    def rows(self) -> int:
        """How many rows there are in all."""
        return sum(one.count for one in self.tables.values())


_encoder = msgspec.json.Encoder()
_control: msgspec.json.Decoder[Header | Table | Rows | End] = msgspec.json.Decoder(
    Header | Table | Rows | End
)
_row = msgspec.json.Decoder(list[Value])


@dataclass(slots=True)
class Writing:
    """A backup being written to an open file; `finish` makes it whole."""

    stream: gzip.GzipFile
    header: Header
    tables: dict[str, Rows] = field(default_factory=dict)
    _hash: hashlib._Hash = field(default_factory=hashlib.sha256)

    def __post_init__(self) -> None:
        self._line(self.header)

    def table(self, name: str, columns: Sequence[str], batches: Iterator[list[Row]]) -> None:
        """Write a whole table."""
        self._line(Table(name, tuple(columns)))
        count, rows_hash = 0, hashlib.sha256()
        for batch in batches:
            lines = _encoder.encode_lines(batch)
            rows_hash.update(lines)
            self.stream.write(lines)
            count += len(batch)
        self.tables[name] = Rows(count, rows_hash.hexdigest())
        self._line(self.tables[name])

    def finish(self) -> Manifest:
        """Write the end. A file without it is no backup."""
        self._line(End(self._hash.hexdigest()))
        return Manifest(self.header, self.tables)

    def _line(self, control: Header | Table | Rows | End) -> None:
        line = _encoder.encode(control) + b"\n"
        self._hash.update(line)
        self.stream.write(line)


@contextmanager
def compressed(raw: IO[bytes]) -> Iterator[gzip.GzipFile]:
    """Compress into an open file, which stays open. The same rows always give the same bytes."""
    with gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=COMPRESSION, mtime=0) as stream:
        yield stream


class Reading:
    """A backup being read. Only after the last table of `tables` is it known to be whole.

    Every problem is a BackupError that names the file and the remedy.
    """

    def __init__(self, file: Path, stream: gzip.GzipFile) -> None:
        self._file = file
        self._stream = stream
        self._hash = hashlib.sha256()
        self._tables: dict[str, Rows] = {}
        header = self._next()
        if not isinstance(header, Header):
            raise self._damaged("it does not begin as a Tocsin backup does")
        if header.format != FORMAT:
            raise BackupError(f"{file} was made by a newer Tocsin. Remedy: read it with that version.")
        self.header = header

    def tables(self) -> Iterator[tuple[Table, Iterator[list[list[Value]]]]]:
        """Each table with its rows in batches, which must be drawn to their end before the next table."""
        while isinstance(line := self._next(), Table):
            if line.name in self._tables:
                raise self._damaged(f"{line.name} comes twice")
            yield line, self._batches(line.name)
            if line.name not in self._tables:
                raise AssertionError(f"the rows of {line.name} were not drawn to their end")
        if not isinstance(line, End):
            raise self._damaged("its tables are out of order")
        if self._line():
            raise self._damaged("it goes on after its end")

    def manifest(self) -> Manifest:
        """What it holds; call it after the last table."""
        return Manifest(self.header, self._tables)

    def _batches(self, name: str) -> Iterator[list[list[Value]]]:
        count, rows_hash = 0, hashlib.sha256()
        batch: list[list[Value]] = []
        while (line := self._line()).startswith(b"["):
            rows_hash.update(line)
            batch.append(self._decoded(_row, line))
            if len(batch) == BATCH_ROWS:
                count += len(batch)
                yield batch
                batch = []
        if batch:
            count += len(batch)
            yield batch
        wanted = self._control(line)
        if wanted != Rows(count, rows_hash.hexdigest()):
            raise self._damaged(f"the rows of {name} are not those that were written")
        self._tables[name] = wanted

    def _next(self) -> Header | Table | Rows | End:
        return self._control(self._line())

    def _control(self, line: bytes) -> Header | Table | Rows | End:
        if not line:
            raise self._damaged("it ends too early")
        control = self._decoded(_control, line)
        if isinstance(control, End) and control.sha256 != self._hash.hexdigest():
            raise self._damaged("its tables are not those that were written")
        self._hash.update(line)
        return control

    def _line(self) -> bytes:
        try:
            return self._stream.readline()
        except EOFError:
            raise self._damaged("it ends too early") from None
        except (gzip.BadGzipFile, zlib.error):
            raise self._damaged("its bytes are not those that were written") from None
        except OSError as error:
            raise unreadable(self._file, error) from error

    def _decoded(self, decoder: msgspec.json.Decoder[Kind], line: bytes) -> Kind:
        try:
            return decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise self._damaged("a line of it makes no sense") from None

    def _damaged(self, what: str) -> BackupError:
        return BackupError(f"{self._file} is damaged: {what}. Remedy: use another backup.")


@contextmanager
def opened(file: Path) -> Iterator[Reading]:
    """Open a backup for reading."""
    try:
        raw = file.open("rb")
    except OSError as error:
        raise unreadable(file, error) from error
    with raw, gzip.GzipFile(fileobj=raw, mode="rb") as stream:
        yield Reading(file, stream)


def unreadable(file: Path, error: OSError) -> BackupError:
    """The operating system does not let us read it."""
    return BackupError(f"{file} cannot be read: {error.strerror}.")
