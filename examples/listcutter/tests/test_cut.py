"""Cutting rows: filters, duplicates, columns, parts; each refusal as a sentence."""

import csv
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listcutter import limits
from listcutter.cut import Compare, Cut, Filter, Parts, Tally, check, chosen, number, passing
from listcutter.errors import BadRequest
from listcutter.rows import Form
from listcutter.seen import Seen

COLUMNS = ("name", "city", "age")
ROWS = [["Ana", "Paris", "31"], ["Ben", "Lyon", "42"], ["ana", "Paris", ""], ["Ana", "Paris", "31"]]


def kept(cut: Cut, rows: list[list[str]], folder: Path) -> list[list[str]]:
    with Seen(folder) as seen:
        found = chosen([list(row) for row in rows], COLUMNS, cut, seen if cut.distinct else None, Tally())
        return [row for _, row in found]


@pytest.mark.parametrize(
    ("compare", "value", "cells"),
    [
        (Compare.IS, "paris", {"Paris": True, " PARIS ": True, "Paris 2": False}),
        (Compare.IS_NOT, "paris", {"Paris": False, "": True}),
        (Compare.CONTAINS, "ar", {"PARIS": True, "Lyon": False}),
        (Compare.CONTAINS_NOT, "ar", {"PARIS": False, "Lyon": True}),
        (Compare.STARTS, "pa", {" Paris": True, "Epa": False}),
        (Compare.EMPTY, "", {"": True, "  ": True, "0": False}),
        (Compare.FILLED, "", {"": False, "0": True}),
        (Compare.MORE, "18", {"18": False, "18.5": True, "1,200": True, "9": False, "old": False, "": False}),
        (Compare.LESS, "18", {"17,5": True, "18": False, "-3": True, "nan": False, "": False}),
    ],
)
def test_filters(compare: Compare, value: str, cells: dict[str, bool]) -> None:
    passes = passing(Filter("any", compare, value))
    assert {cell: passes(cell) for cell in cells} == cells


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1200", 1200),
        ("1,200", 1200),
        ("1,200.50", 1200.5),
        ("1,5", 1.5),
        ("1 200", 1200),
        ("inf", None),
        ("x", None),
    ],
)
def test_numbers_as_people_write_them(cell: str, value: float | None) -> None:
    assert number(cell) == value


@pytest.mark.parametrize(
    ("cut", "rows"),
    [
        pytest.param(Cut(), ROWS, id="everything"),
        pytest.param(
            Cut(columns=("age", "name")),
            [["31", "Ana"], ["42", "Ben"], ["", "ana"], ["31", "Ana"]],
            id="columns",
        ),
        pytest.param(Cut(distinct=True), ROWS[:3], id="same rows once"),
        pytest.param(Cut(distinct=True, distinct_by=("city",)), ROWS[:2], id="same city once"),
        pytest.param(Cut(columns=("city",), distinct=True), [["Paris"], ["Lyon"]], id="same in what is kept"),
        pytest.param(
            Cut(filters=(Filter("city", Compare.IS, "Paris"), Filter("age", Compare.FILLED)), distinct=True),
            [ROWS[0]],
            id="every filter must pass",
        ),
    ],
)
def test_what_stays(cut: Cut, rows: list[list[str]], tmp_path: Path) -> None:
    check(cut, COLUMNS)
    assert kept(cut, ROWS, tmp_path) == rows


def test_missing_cells_are_empty_and_surplus_ones_are_left_out_and_counted(tmp_path: Path) -> None:
    tally = Tally()
    rows = chosen([["Ana"], ["Ben", "Lyon", "42", "more"]], COLUMNS, Cut(), None, tally)
    assert [row for _, row in rows] == [["Ana", "", ""], ["Ben", "Lyon", "42"]]
    assert (tally.read, tally.kept, tally.surplus) == (2, 2, 1)


@pytest.mark.parametrize(
    ("cut", "said"),
    [
        (Cut(columns=("size",)), "The list has no column 'size'; it has name, city, age."),
        (Cut(part_by="size"), "The list has no column 'size'; it has name, city, age."),
        (Cut(columns=("age", "age")), "A column is chosen twice; choose each once."),
        (
            Cut(rows_per_part=5, part_by="city"),
            "Split by a number of rows above 0, or by the values of a column, not by both.",
        ),
        (Cut(rows_per_part=10**20), "A part has at most 1000000000 rows."),
        (
            Cut(rows_per_part=-1),
            "Split by a number of rows above 0, or by the values of a column, not by both.",
        ),
        (
            Cut(distinct_by=("age",)),
            "Columns are named for finding duplicates, but duplicates are not to be left out.",
        ),
        (
            Cut(filters=(Filter("age", Compare.MORE, "old"),)),
            "The filter on 'age' compares with a number; 'old' is none.",
        ),
        (Cut(filters=(Filter("age", Compare.EMPTY),) * 21), "A cut has at most 20 filters."),
    ],
)
def test_a_cut_that_does_not_fit_is_refused(cut: Cut, said: str) -> None:
    with pytest.raises(BadRequest) as refused:
        check(cut, COLUMNS)
    assert str(refused.value) == said


def parts_of(folder: Path, values: list[str], rows_per_part: int = 0) -> list[tuple[str, int, str]]:
    with Parts(folder, Form(), ("n",), rows_per_part) as parts:
        parts.take((value, [value]) for value in values)
        made = parts.ended()
    for part in made:
        assert (folder / part.file).stat().st_size == part.bytes
    return [(part.value, part.rows, (folder / part.file).read_text()) for part in made]


def test_a_part_for_each_value_in_the_order_they_come(tmp_path: Path) -> None:
    assert parts_of(tmp_path, ["b", "a", "b "]) == [("b", 2, "n\nb\nb \n"), ("a", 1, "n\na\n")]


@pytest.mark.parametrize(("rows", "parts"), [(0, [0]), (1, [1]), (2, [2]), (3, [2, 1]), (4, [2, 2])])
def test_a_part_for_every_so_many_rows(rows: int, parts: list[int], tmp_path: Path) -> None:
    found = parts_of(tmp_path, [str(n) for n in range(rows)], rows_per_part=2)
    assert [count for _, count, _ in found] == parts


def test_too_many_parts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest) as refused:
        parts_of(tmp_path, [str(n) for n in range(limits.PARTS_MAX + 1)])
    assert str(refused.value) == "The cut makes more than 200 parts; split it more coarsely."


def test_a_part_is_written_as_its_list_is(tmp_path: Path) -> None:
    with Parts(tmp_path, Form(";", "utf-8", "\r\n", bom=True), ("é", "b")) as parts:
        parts.take([("", ["1;2", 'say "x"'])])
        parts.ended()
    assert (tmp_path / "part-001.csv").read_bytes() == '\ufeffé;b\r\n"1;2";"say ""x"""\r\n'.encode()


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x00"), max_size=8)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=30))
def test_duplicates_are_what_a_set_in_memory_says(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    found = kept(Cut(distinct=True), rows, tmp_path_factory.mktemp("seen"))
    assert found == [list(row) for row in dict.fromkeys(map(tuple, rows))]


def test_many_duplicates_are_found(tmp_path: Path) -> None:
    chance = random.Random(7)
    rows = [[str(chance.randrange(20_000)), "x", "y"] for _ in range(60_000)]
    assert kept(Cut(distinct=True), rows, tmp_path) == [list(row) for row in dict.fromkeys(map(tuple, rows))]
    assert not list(tmp_path.iterdir()), "the file of hashes is gone"


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    parts_of(tmp_path, ['a "quoted", cell', "plain"])
    text = (tmp_path / "part-001.csv").read_text()
    assert list(csv.reader(text.splitlines())) == [["n"], ['a "quoted", cell']]
