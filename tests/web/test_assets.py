"""Style and script: small, kept by browsers, readable by everybody."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from tests.web.support.scenes import busy_night
from tests.web.support.site import Site
from tocsin.web.pages.assets import DIRECTORY, Assets, assets

PAGE_BYTES_MAX = 60_000
STYLE_BYTES_MAX = 20_000


def test_what_a_page_names_is_there_and_may_be_kept_for_ever(site: Site) -> None:
    browser = site.browser()
    named = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', browser.get("/sign-in").text))
    assert len(named) == len(assets().files)
    for path in named:
        answer = browser.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.content == assets().files[path.rpartition("/")[2]].plain


def test_another_releases_page_gets_todays_file_and_may_not_keep_it(site: Site) -> None:
    answer = site.browser().get("/static/0123456789ab/tocsin.css")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    ["/static/x/../../site.py", "/static/x/%2e%2e/auth.py", "/static/x//etc/passwd", "/static/x/none.css"],
)
def test_only_our_own_files_are_there(site: Site, path: str) -> None:
    assert site.browser().get(path).status_code == 404


def test_a_file_is_sent_zipped_to_those_who_can_read_that(site: Site) -> None:
    path = f"{assets().base}/tocsin.css"
    zipped = site.browser().get(path, accept_encoding="gzip, br")
    plain = site.browser().get(path, accept_encoding="identity")
    assert zipped.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert zipped.content == plain.content
    assert int(zipped.headers["content-length"]) < int(plain.headers["content-length"]) / 2
    assert plain.headers["vary"] == "accept-encoding"
    assert plain.headers["content-type"].startswith("text/css")


def test_a_page_is_sent_zipped_and_the_stream_as_it_is(site: Site) -> None:
    ana = site.browser("ana")
    page = ana.get("/", accept_encoding="gzip")
    assert page.headers["content-encoding"] == "gzip"
    assert page.headers["vary"].lower() == "accept-encoding"
    assert "content-encoding" not in ana.get("/", accept_encoding="identity").headers
    assert "content-encoding" not in ana.ask("GET", "/live", accept_encoding="gzip").headers


def test_a_changed_file_is_a_new_version(tmp_path: Path) -> None:
    for path in DIRECTORY.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert Assets(tmp_path).version == Assets().version
    with (tmp_path / "morph.js").open("a") as file:
        file.write("\n")
    assert Assets(tmp_path).version != Assets().version


def test_a_page_with_all_it_needs_is_light(large_site: Site) -> None:
    ids = busy_night(large_site)
    fixed = sum(len(one.zipped) for one in assets().files.values())
    for path in ("/", f"/incidents/{ids['worst']}", "/on-call", "/mailbox"):
        page = len(gzip.compress(large_site.browser("ana").get(path).content))
        assert page + fixed < PAGE_BYTES_MAX, path
    assert len(assets().files["tocsin.css"].plain) < STYLE_BYTES_MAX


# Contrast, as WCAG 2 computes it.

STYLE = (DIRECTORY / "tocsin.css").read_text()
LIGHT, DARK = (
    dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", block))
    for block in re.findall(r":root \{(.*?)\}", STYLE, re.S)[:2]
)
ON = ("paper", "card")
TEXT = [
    *((ink, on) for ink in ("ink", "muted", "accent", "alarm", "warn", "good", "cool") for on in ON),
    ("on-accent", "accent"),
    ("on-alarm", "alarm"),
    ("warn", "warn-soft"),
    ("cool", "cool-soft"),
    ("ink", "warn-soft"),
    ("ink", "good-soft"),
    ("ink", "sunk"),
]


def luminance(colour: str) -> float:
    """How light a colour is, from 0 to 1."""
    digits = colour.removeprefix("#")
    digits = "".join(one * 2 for one in digits) if len(digits) == 3 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "on"), TEXT)
def test_words_stand_out_from_what_they_stand_on(theme: dict[str, str], ink: str, on: str) -> None:
    lighter, darker = sorted((luminance(theme[ink]), luminance(theme[on])), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def test_both_themes_say_every_colour() -> None:
    assert LIGHT.keys() == DARK.keys()
