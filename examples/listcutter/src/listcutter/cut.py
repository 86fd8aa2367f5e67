"""What a cut is, and carrying it out on rows: choose columns, filter, leave out duplicates, split into
parts."""

import csv
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import msgspec

from listcutter import limits
from listcutter.errors import BadRequest
from listcutter.rows import Form
from listcutter.seen import Seen


class Compare(StrEnum):
    """What a filter asks of a cell. Text is compared without regard to case, numbers as numbers."""

    IS = "is"
    IS_NOT = "is not"
    CONTAINS = "contains"
    CONTAINS_NOT = "does not contain"
    STARTS = "starts with"
    EMPTY = "is empty"
    FILLED = "is not empty"
    MORE = "is more than"
    LESS = "is less than"


NUMERIC = (Compare.MORE, Compare.LESS)
WITHOUT_VALUE = (Compare.EMPTY, Compare.FILLED)


class Filter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    column: str
    test: Compare
    value: str = ""


class Cut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked for. Rows must pass every filter. Of duplicates the first one stays."""

    columns: tuple[str, ...] = ()  # in this order; none: all of them
    filters: tuple[Filter, ...] = ()
    distinct: bool = False
    distinct_by: tuple[str, ...] = ()  # columns that make a duplicate; none: all that are kept
    rows_per_part: int = 0  # 0: one part
    part_by: str = ""  # a part for each value of this column


@dataclass(frozen=True, slots=True)
class Part:
    file: str
    rows: int
    bytes: int
    value: str = ""  # of the column that was split by


@dataclass
class Tally:
    """What became of the rows, while it happens."""

    read: int = 0
    kept: int = 0
    duplicates: int = 0
    surplus: int = 0  # rows with cells beyond the last column; those cells are left out


def check(cut: Cut, columns: tuple[str, ...]) -> None:
    """Raise BadRequest unless the cut fits the list."""
    named = [
        *cut.columns,
        *cut.distinct_by,
        *(f.column for f in cut.filters),
        *([cut.part_by] if cut.part_by else []),
    ]
    for name in named:
        if name not in columns:
            raise BadRequest(f"The list has no column {name!r}; it has {', '.join(columns[:20])}.")
    if len(set(cut.columns)) < len(cut.columns):
        raise BadRequest("A column is chosen twice; choose each once.")
    if len(cut.filters) > limits.FILTERS_MAX:
        raise BadRequest(f"A cut has at most {limits.FILTERS_MAX} filters.")
    if cut.rows_per_part < 0 or (cut.rows_per_part and cut.part_by):
        raise BadRequest("Split by a number of rows above 0, or by the values of a column, not by both.")
    if cut.rows_per_part > limits.ROWS_PER_PART_MAX:
        raise BadRequest(f"A part has at most {limits.ROWS_PER_PART_MAX} rows.")
    if cut.distinct_by and not cut.distinct:
        raise BadRequest("Columns are named for finding duplicates, but duplicates are not to be left out.")
    for asked in cut.filters:
        if asked.test in NUMERIC and number(asked.value) is None:
            raise BadRequest(
                f"The filter on {asked.column!r} compares with a number; {asked.value!r} is none."
            )


def number(cell: str) -> float | None:
    """A cell as a number: 1200, 1,200, 1.5, 1,5 are; "12 kg" is not."""
    text = cell.strip().replace(" ", "").replace("\u00a0", "")
    head, comma, tail = text.rpartition(",")
    if comma and "." not in text and len(tail) != 3:
        text = f"{head.replace(',', '')}.{tail}"  # 1,5 as Europe writes it
    try:
        found = float(text.replace(",", ""))
    except ValueError:
        return None
    return found if found == found and abs(found) != float("inf") else None


def passing(asked: Filter) -> Callable[[str], bool]:
    """The filter as a function of a cell."""
    value = asked.value.casefold().strip()
    limit = number(asked.value) or 0.0

    def above(cell: str) -> bool:
        found = number(cell)
        return found is not None and found > limit

    def below(cell: str) -> bool:
        found = number(cell)
        return found is not None and found < limit

    return {
        Compare.IS: lambda cell: cell.strip().casefold() == value,
        Compare.IS_NOT: lambda cell: cell.strip().casefold() != value,
        Compare.CONTAINS: lambda cell: value in cell.casefold(),
        Compare.CONTAINS_NOT: lambda cell: value not in cell.casefold(),
        Compare.STARTS: lambda cell: cell.strip().casefold().startswith(value),
        Compare.EMPTY: lambda cell: not cell.strip(),
        Compare.FILLED: lambda cell: bool(cell.strip()),
        Compare.MORE: above,
        Compare.LESS: below,
    }[asked.test]


def chosen(
    rows: Iterable[list[str]], columns: tuple[str, ...], cut: Cut, seen: Seen | None, tally: Tally
) -> Iterator[tuple[str, list[str]]]:
    """The rows that stay, with the value each is split by."""
    place = {name: n for n, name in enumerate(columns)}
    width = len(columns)
    tests = [(place[f.column], passing(f)) for f in cut.filters]
    keep = [place[name] for name in cut.columns or columns]
    everything = keep == list(range(width))
    same = [place[name] for name in cut.distinct_by] or keep
    by = place[cut.part_by] if cut.part_by else None
    for row in rows:
        tally.read += 1
        if len(row) != width:
            if len(row) > width:
                tally.surplus += 1
                del row[width:]
            else:
                row += [""] * (width - len(row))
        if tests and not all(test(row[n]) for n, test in tests):
            continue
        if seen is not None and not seen.first([row[n] for n in same]):
            tally.duplicates += 1
            continue
        tally.kept += 1
        yield "" if by is None else row[by], row if everything else [row[n] for n in keep]


@dataclass
class Parts:
    """The files of a cut, written side by side in a folder. Use as a context manager."""

    folder: Path
    form: Form
    header: tuple[str, ...]
    rows_per_part: int = 0
    parts: list[dict[str, Any]] = field(default_factory=list)
    _writers: dict[str, Any] = field(default_factory=dict)
    _files: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> "Parts":
        return self

    def __exit__(self, *about: object) -> None:
        self._files.close()

    def take(self, found: Iterable[tuple[str, list[str]]]) -> None:
        """Write every row into its part."""
        if self.rows_per_part:
            self._by_rows(row for _, row in found)
            return
        for value, row in found:
            value = value.strip()
            entry = self._writers.get(value)
            if entry is None:
                entry = self._writers[value] = self._open(value)
            entry[0](row)
            entry[1]["rows"] += 1

    def _by_rows(self, rows: Iterator[list[str]]) -> None:
        while (row := next(rows, None)) is not None:
            self._files.close()
            write, part = self._open("")
            write(row)
            part["rows"] = 1
            for row in islice(rows, self.rows_per_part - 1):
                write(row)
                part["rows"] += 1

    def _open(self, value: str) -> tuple[Callable[[list[str]], object], dict[str, Any]]:
        if len(self.parts) >= limits.PARTS_MAX:
            raise BadRequest(f"The cut makes more than {limits.PARTS_MAX} parts; split it more coarsely.")
        name = f"part-{len(self.parts) + 1:03}.csv"
        part: dict[str, Any] = {"file": name, "rows": 0, "value": value}
        file: TextIO = self._files.enter_context(
            (self.folder / name).open(
                "w", encoding="utf-8-sig" if self.form.bom else self.form.encoding, newline=""
            )
        )
        writer = csv.writer(file, delimiter=self.form.delimiter, lineterminator=self.form.newline)
        writer.writerow(self.header)
        self.parts.append(part)
        return writer.writerow, part

    def ended(self) -> tuple[Part, ...]:
        """All files closed; a cut that keeps no row is one part with the header."""
        if not self.parts:
            self._open("")
        self._files.close()
        return tuple(Part(bytes=(self.folder / p["file"]).stat().st_size, **p) for p in self.parts)
