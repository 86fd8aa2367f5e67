"""Reading CSV in bounded memory, from any place that a row starts at.

The file is read by the line as bytes, so that the place of each row is known; `csv` puts rows together. A
list has a header; its columns are named once each.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from listcutter import limits
from listcutter.errors import BadList, BadRequest

# How lists may be written: the name that people and HTTP know, and whose it is. In each of them a line end is
# one byte that is part of no letter, so lines can be found before anything is decoded; UTF-16 is not so.
ENCODINGS = {
    "utf-8": ("UTF-8", "everybody"),
    "cp1252": ("Windows-1252", "Western Europe"),
    "iso8859-15": ("ISO-8859-15", "Western Europe"),
    "mac-roman": ("Macintosh", "Western Europe"),
    "cp850": ("IBM850", "Western Europe"),
    "cp1250": ("Windows-1250", "Central Europe"),
    "cp1251": ("Windows-1251", "Cyrillic"),
    "koi8-r": ("KOI8-R", "Cyrillic"),
    "cp1253": ("Windows-1253", "Greek"),
    "cp1254": ("Windows-1254", "Turkish"),
    "cp1255": ("Windows-1255", "Hebrew"),
    "cp1256": ("Windows-1256", "Arabic"),
    "cp932": ("Shift_JIS", "Japanese"),
    "euc-jp": ("EUC-JP", "Japanese"),
    "gb18030": ("GB18030", "Chinese"),
    "cp950": ("Big5", "Chinese"),
    "cp949": ("EUC-KR", "Korean"),
}
GUESS = "cp1252"  # what is not UTF-8, and of which nobody said what it is
BOM = b"\xef\xbb\xbf"
OTHER_BOMS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Form:
    """How a list is written. Parts are written as their list is."""

    delimiter: str = ","
    encoding: str = "utf-8"
    newline: str = "\n"
    bom: bool = False
    guessed: bool = False  # the encoding: it fits, as it fits almost anything, and nobody said so


@dataclass(frozen=True, slots=True)
class Survey:
    """What one reading of a whole list tells. `marks[n]` is where data row `n * mark_rows` starts."""

    form: Form
    bytes: int
    columns: tuple[str, ...]
    rows: int
    uneven: int  # rows with more or fewer cells than there are columns
    marks: tuple[int, ...]
    mark_rows: int


class Lines:
    """The lines of a file from where it stands, as text. `offset` is where the next line starts."""

    def __init__(self, file: BinaryIO, encoding: str, offset: int = 0) -> None:
        self._file, self._encoding = file, encoding
        self.offset = offset
        self.row_bytes = 0

    def __iter__(self) -> Iterator[str]:
        read, encoding = self._file.readline, self._encoding
        if self.offset == 0 and (first := read(limits.LINE_BYTES_MAX + 1)):
            yield self._text(first, first.removeprefix(BOM) if encoding == "utf-8" else first, encoding)
        while line := read(limits.LINE_BYTES_MAX + 1):
            yield self._text(line, line, encoding)

    def _text(self, line: bytes, bare: bytes, encoding: str) -> str:
        if b"\x00" in line:
            raise BadList(
                f"Byte {self.offset + line.index(0)} of the file is a NUL, which no list has: "
                "the file is damaged, or no text. Save it as CSV again."
            )
        self.offset += len(line)
        self.row_bytes += len(line)
        if len(line) > limits.LINE_BYTES_MAX or self.row_bytes > limits.ROW_BYTES_MAX:
            raise BadList(
                f"The row at byte {self.offset - self.row_bytes} is longer than a row of a list can be: "
                "a quote may be open, or the file has no line ends."
            )
        return bare.decode(encoding)


def read_rows(lines: Lines, form: Form) -> Iterator[list[str]]:
    """Rows as lists of cells, empty lines left out."""
    reader = csv.reader(iter(lines), delimiter=form.delimiter)
    try:
        for row in reader:
            lines.row_bytes = 0
            if row:
                yield row
    except csv.Error as error:
        what = str(error)
        if "new-line character" in what:
            what = "a line end of an old Macintosh stands in it. Save it with today's line ends"
        elif "field limit" in what:
            what = f"a cell has at most {csv.field_size_limit()} characters; or a quote is open"
        raise BadList(f"Line {reader.line_num} cannot be read: {what}.") from error
    except UnicodeDecodeError as error:
        tried = f"neither UTF-8 nor {named(GUESS)}" if form.guessed else f"not text in {named(form.encoding)}"
        raise BadList(
            f"Line {reader.line_num + 1} is {tried}. "
            "Choose the list's encoding when you upload it, or save it as UTF-8."
        ) from error


def named(encoding: str) -> str:
    """An encoding as people call it."""
    return ENCODINGS[encoding][0]


def survey(path: Path, encoding: str = "") -> Survey:
    """Read a whole list once. If nobody says how it is written, text that is not UTF-8 is taken for
    Windows-1252, as old spreadsheets write it, and the form says that this is a guess."""
    form = recognise(path, encoding)
    try:
        return _survey(path, form)
    except BadList as error:
        if not isinstance(error.__cause__, UnicodeDecodeError) or form.bom or encoding:
            raise
    return _survey(path, replace(recognise(path, GUESS), guessed=True))


def recognise(path: Path, encoding: str = "") -> Form:
    """Delimiter, line end and byte order mark, from the beginning of the file."""
    if encoding and encoding not in ENCODINGS:
        raise BadRequest(f"No encoding is called {encoding[:40]!r} here; there are {', '.join(ENCODINGS)}.")
    with path.open("rb") as file:
        sample = file.read(limits.SAMPLE_BYTES)
    if not sample.strip():
        raise BadList(
            "The file is empty. A list has a line with the names of its columns, and rows below it."
        )
    if sample.startswith(OTHER_BOMS) or b"\x00" in sample:
        raise BadList(
            "The file is UTF-16, or no text: save it as CSV in UTF-8; "
            "a spreadsheet too must be saved as CSV first."
        )
    newline = "\r\n" if b"\r\n" in sample else "\n"
    if b"\n" not in sample and b"\r" in sample:
        raise BadList("The file has line ends of an old Macintosh. Save it with today's line ends.")
    bom = sample.startswith(BOM)
    if bom and encoding not in ("", "utf-8"):
        raise BadList(
            f"The file says of itself that it is UTF-8, not {named(encoding)}: "
            "leave its encoding to be recognised."
        )
    first = sample.removeprefix(BOM).split(b"\n", 1)[0].decode(encoding or "utf-8", errors="replace")
    return Form(_delimiter(first), encoding or "utf-8", newline, bom)


def _delimiter(header: str) -> str:
    """The one that makes the most of the header, outside quotes; a comma if none does."""
    return max(",;\t|", key=lambda d: len(next(csv.reader([header], delimiter=d), [])))


def _survey(path: Path, form: Form) -> Survey:
    with path.open("rb") as file:
        lines = Lines(file, form.encoding)
        found = read_rows(lines, form)
        columns = name_columns(next(found, []))
        width, count, uneven = len(columns), 0, 0
        marks, mark_rows, start = [], limits.MARK_ROWS, lines.offset
        for row in found:
            if count % mark_rows == 0:
                marks.append(start)
                if len(marks) > limits.MARKS_MAX:
                    marks, mark_rows = marks[::2], mark_rows * 2
            count += 1
            if len(row) != width:
                uneven += 1
            start = lines.offset
    return Survey(form, lines.offset, columns, count, uneven, tuple(marks), mark_rows)


def name_columns(header: Iterable[str]) -> tuple[str, ...]:
    """Each column by a name of its own: empty ones by their number, repeated ones with a number behind."""
    found: dict[str, None] = {}
    for number, cell in enumerate(header, 1):
        name = base = " ".join(cell.split())[:200] or f"Column {number}"
        again = 2
        while name in found:
            name = f"{base} ({again})"
            again += 1
        found[name] = None
    if len(found) > limits.COLUMNS_MAX:
        raise BadList(f"The list has {len(found)} columns; at most {limits.COLUMNS_MAX} are possible.")
    if not found:
        raise BadList("The list has no line with the names of its columns.")
    return tuple(found)
