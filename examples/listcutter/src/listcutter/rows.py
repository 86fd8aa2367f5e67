"""Reading CSV in bounded memory, from any place that a row starts at.

The file is read by the line as bytes, so that the place of each row is known; `csv` puts rows together. A
list has a header; its columns are named once each.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from listcutter import limits
from listcutter.errors import BadList

ENCODINGS = ("utf-8", "cp1252")
BOM = b"\xef\xbb\xbf"
OTHER_BOMS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Form:
    """How a list is written. Parts are written as their list is."""

    delimiter: str = ","
    encoding: str = "utf-8"
    newline: str = "\n"
    bom: bool = False


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
            yield self._text(first, first.removeprefix(BOM), encoding)
        while line := read(limits.LINE_BYTES_MAX + 1):
            yield self._text(line, line, encoding)

    def _text(self, line: bytes, bare: bytes, encoding: str) -> str:
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
        raise BadList(
            f"Line {reader.line_num + 1} is not text in {form.encoding}. Save the list as UTF-8."
        ) from error


def survey(path: Path) -> Survey:
    """Read a whole list once. Text that is not UTF-8 is taken for Windows-1252, as old spreadsheets write
    it."""
    form = recognise(path)
    try:
        return _survey(path, form)
    except BadList as error:
        if not isinstance(error.__cause__, UnicodeDecodeError) or form.bom:
            raise
    return _survey(path, Form(form.delimiter, ENCODINGS[1], form.newline))


def recognise(path: Path) -> Form:
    """Delimiter, line end and byte order mark, from the beginning of the file."""
    with path.open("rb") as file:
        sample = file.read(limits.SAMPLE_BYTES)
    if not sample.strip():
        raise BadList(
            "The file is empty. A list has a line with the names of its columns, and rows below it."
        )
    if sample.startswith(OTHER_BOMS) or b"\x00" in sample:
        raise BadList("The file is not text in UTF-8: a spreadsheet must be saved as CSV first.")
    newline = "\r\n" if b"\r\n" in sample else "\n"
    if b"\n" not in sample and b"\r" in sample:
        raise BadList("The file has line ends of an old Macintosh. Save it with today's line ends.")
    first = sample.removeprefix(BOM).split(b"\n", 1)[0].decode("cp1252", errors="replace")
    return Form(_delimiter(first), "utf-8", newline, sample.startswith(BOM))


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
