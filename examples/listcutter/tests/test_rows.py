"""Reading lists: what is recognised, what is refused, and where each row starts."""

from pathlib import Path

import pytest

from listcutter import limits
from listcutter.errors import BadList
from listcutter.rows import ENCODINGS, Form, Lines, name_columns, read_rows, survey


def written(folder: Path, data: bytes) -> Path:
    path = folder / "list.csv"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("data", "form", "columns", "rows"),
    [
        pytest.param(b"a,b\n1,2\n", Form(","), ("a", "b"), 1, id="commas"),
        pytest.param(b"a;b\r\n1;2\r\n", Form(";", newline="\r\n"), ("a", "b"), 1, id="semicolons and CRLF"),
        pytest.param(b"a\tb\n1\t2", Form("\t"), ("a", "b"), 1, id="tabs, no line end at the end"),
        pytest.param(b'"a,x"|b\n1|2\n', Form("|"), ("a,x", "b"), 1, id="bars, a comma in quotes"),
        pytest.param(b"name\nAna\n", Form(","), ("name",), 1, id="one column"),
        pytest.param(b"\xef\xbb\xbfa,b\n1,2\n", Form(bom=True), ("a", "b"), 1, id="byte order mark"),
        pytest.param("a,b\né,ü\n".encode(), Form(), ("a", "b"), 1, id="UTF-8"),
        pytest.param(
            "a,b\né,ü\n".encode("cp1252"),
            Form(encoding="cp1252", guessed=True),
            ("a", "b"),
            1,
            id="Windows-1252",
        ),
        pytest.param(b"a,b\n\n1,2\n\n3,4\n", Form(), ("a", "b"), 2, id="empty lines are no rows"),
        pytest.param(b'a,b\n"1\n1",2\n3,4\n', Form(), ("a", "b"), 2, id="a line end in quotes"),
        pytest.param(
            "a,b\n1\u2028x,2\n".encode(), Form(), ("a", "b"), 1, id="only real line ends end a line"
        ),
        pytest.param(b"a,b\n", Form(), ("a", "b"), 0, id="no rows"),
        pytest.param(
            b"a,,a\n1,2,3\n", Form(), ("a", "Column 2", "a (2)"), 1, id="every column gets a name of its own"
        ),
    ],
)
def test_a_list_is_recognised(
    data: bytes, form: Form, columns: tuple[str, ...], rows: int, tmp_path: Path
) -> None:
    found = survey(written(tmp_path, data))
    assert (found.form, found.columns, found.rows) == (form, columns, rows)


NO_TEXT = (
    "The file is UTF-16, or no text: save it as CSV in UTF-8; a spreadsheet too must be saved as CSV first."
)
LONG = b"x" * (limits.LINE_BYTES_MAX + 10)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "The file is empty. A list has a line with the names of its columns, and rows below it."),
        (b"a,b\r1,2\r", "The file has line ends of an old Macintosh. Save it with today's line ends."),
        (
            "a,b\n".encode("utf-16"),
            NO_TEXT,
        ),
        (b"PK\x03\x04\x00\x00", NO_TEXT),
        (
            b"a,b\n1,\x81\x8d\n",
            "Line 2 is neither UTF-8 nor Windows-1252. "
            "Choose the list's encoding when you upload it, or save it as UTF-8.",
        ),
        (
            b"a,b\n" + LONG,
            "The row at byte 4 is longer than a row of a list can be: "
            "a quote may be open, or the file has no line ends.",
        ),
        (
            b'a,b\n1,"' + b"x" * 200_000,
            "Line 2 cannot be read: a cell has at most 131072 characters; or a quote is open.",
        ),
        (
            b"a,b\r\n1,2\r\n3,4\r5,6\n",
            "Line 3 cannot be read: a line end of an old Macintosh stands in it. "
            "Save it with today's line ends.",
        ),
        pytest.param(
            b"a,b\n" + b"1,2\n" * 20_000 + b"3,\x004\n",
            "Byte 80006 of the file is a NUL, which no list has: the file is damaged, or no text. "
            "Save it as CSV again.",
            id="a NUL late in the file",
        ),
        (b",".join([b"c"] * 1001) + b"\n", "The list has 1001 columns; at most 1000 are possible."),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(data: bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(BadList) as refused:
        survey(written(tmp_path, data))
    assert str(refused.value) == said


def test_a_row_that_goes_on_in_quotes_for_ever_ends_at_a_bound(tmp_path: Path) -> None:
    with pytest.raises(BadList, match="The row at byte 4 is longer than a row of a list can be"):
        survey(written(tmp_path, b"a,b\n" + b'"x\n",' * 1_000_000))


def test_uneven_rows_are_counted(tmp_path: Path) -> None:
    assert survey(written(tmp_path, b"a,b\n1\n1,2\n1,2,3\n")).uneven == 2


def test_every_mark_is_where_its_row_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MARKS_MAX", 16)
    data = b"n,text\n" + b"".join(b'%d,"two\nlines"\n' % n if n % 7 else b"%d,one\n" % n for n in range(5000))
    path = written(tmp_path, data)
    found = survey(path)
    assert found.rows == 5000
    assert len(found.marks) <= 16
    for number, mark in enumerate(found.marks):
        with path.open("rb") as file:
            file.seek(mark)
            row = next(read_rows(Lines(file, "utf-8", mark), found.form))
        assert row[0] == str(number * found.mark_rows)


def test_repeated_names_never_clash() -> None:
    assert name_columns(["a", "a (2)", "a", ""]) == ("a", "a (2)", "a (3)", "Column 4")


CITIES = {
    "cp1250": ("Łódź", "ő"),
    "cp1251": ("Москва", "я"),
    "koi8-r": ("Москва", "я"),
    "cp1253": ("Αθήνα", "ω"),
    "cp1255": ("חיפה", "א"),
    "cp1256": ("دبي", "ن"),
    "cp932": ("東京", "表"),
    "euc-jp": ("東京", "表"),
    "gb18030": ("上海", "表"),
    "cp950": ("臺北", "表"),
    "cp949": ("서울", "가"),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_list_is_read_as_it_is_said_to_be_written(encoding: str, tmp_path: Path) -> None:
    city, letter = CITIES.get(encoding, ("Malmö", "ü"))
    path = written(tmp_path, f"city|{letter}\n{city}|1\n".encode(encoding))
    found = survey(path, encoding)
    assert (found.form, found.columns) == (Form("|", encoding), ("city", letter))
    with path.open("rb") as file:
        assert list(read_rows(Lines(file, encoding), found.form)) == [["city", letter], [city, "1"]]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_encoding_has_a_line_end_or_a_quote_inside_a_letter(encoding: str) -> None:
    """Lines are found among the bytes, before anything is decoded."""
    for first in range(0x80, 0x100):
        for second in b'\n\r"\x00':
            try:
                text = bytes([first, second]).decode(encoding)
            except UnicodeDecodeError:
                continue
            assert len(text) == 2


@pytest.mark.parametrize(
    ("data", "encoding", "said"),
    [
        (
            b"a\n\x81\n",
            "cp932",
            "Line 2 is not text in Shift_JIS. "
            "Choose the list's encoding when you upload it, or save it as UTF-8.",
        ),
        (
            b"a\n\xe9\n",
            "utf-8",
            "Line 2 is not text in UTF-8. "
            "Choose the list's encoding when you upload it, or save it as UTF-8.",
        ),
        (
            b"\xef\xbb\xbfa\n",
            "cp932",
            "The file says of itself that it is UTF-8, not Shift_JIS: leave its encoding to be recognised.",
        ),
    ],
)
def test_what_is_not_as_it_is_said_to_be_is_refused(
    data: bytes, encoding: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(BadList) as refused:
        survey(written(tmp_path, data), encoding)
    assert str(refused.value) == said
