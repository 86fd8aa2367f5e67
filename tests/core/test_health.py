"""How a list of checks reads, for people and for programs."""

from __future__ import annotations

import pytest

from tocsin.core.health import Check, Standing, as_data, as_text, exit_code

FINE = Check("schema", Standing.OK, "The schema is 0001, the newest.")
TIGHT = Check("disk", Standing.WARN, "1.0 GiB (2 %) are free.", "Make room.")
BROKEN = Check("integrity", Standing.BAD, "The database file is damaged.", "Restore the newest backup.")


@pytest.mark.parametrize(
    ("checks", "code"),
    [([], 0), ([FINE], 0), ([TIGHT, FINE], 1), ([FINE, BROKEN, TIGHT], 2)],
    ids=["none", "ok", "warn", "bad"],
)
def test_the_worst_check_decides(checks: list[Check], code: int) -> None:
    assert exit_code(checks) == code


def test_as_text_each_remedy_stands_below_its_check() -> None:
    assert as_text([FINE, TIGHT, BROKEN]) == [
        "ok    schema     The schema is 0001, the newest.",
        "warn  disk       1.0 GiB (2 %) are free.",
        "                 Remedy: Make room.",
        "bad   integrity  The database file is damaged.",
        "                 Remedy: Restore the newest backup.",
    ]
    assert as_text([]) == []


def test_as_data_everything_is_plain_text() -> None:
    assert as_data([TIGHT]) == [
        {
            "name": "disk",
            "standing": "warn",
            "sentence": "1.0 GiB (2 %) are free.",
            "remedy": "Make room.",
        }
    ]
