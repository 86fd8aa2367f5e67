"""The operations page: files that hold no data and need no token, below whatever path guard is mounted at."""

import re
from pathlib import Path

import httpx

from guard.tests.servers import served
from guard.tests.support import ADMIN
from tocsin_guard import Guard, Token, memory
from tocsin_guard.operations_page import ADDRESS, FILES
from tocsin_guard.routes import ROUTES

TEXT = {address.rsplit("/", 1)[-1]: content.decode() for address, (_, content) in FILES.items()}


def test_the_page_and_what_it_loads_are_served_without_a_token(tmp_path: Path) -> None:
    guard = Guard(tmp_path, tokens=[Token.of("oncall", ADMIN, ["control"])])
    guard.objects(memory())
    with served(guard.app) as address:
        page = httpx.get(address + ADDRESS)
        assert page.status_code == 200
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "script-src 'self'" in page.headers["content-security-policy"]
        loaded = re.findall(r'(?:href|src)="(operations/[^"]+)"', page.text)
        assert len(loaded) == 2
        for name in loaded:
            assert httpx.get(httpx.URL(address + ADDRESS).join(name)).status_code == 200
        assert httpx.get(f"{address}{ADDRESS}/plots.js").headers["content-type"].startswith("text/javascript")
        assert httpx.get(f"{address}{ADDRESS}/other.js").status_code == 404
        assert httpx.post(address + ADDRESS).status_code == 405


def test_every_address_that_the_page_asks_is_one_of_guard() -> None:
    asked = set(re.findall(r"(?:ask|act|of)\([`\"]([a-z/-]+)", TEXT["operations.js"]))
    known = {route.address.strip("/") for route in ROUTES}
    # Those with a name in them end where it begins.
    unknown = {a for a in asked if a not in known and not any(k.startswith(a) for k in known)}
    assert len(asked) > 10
    assert not unknown


def test_the_page_loads_nothing_from_elsewhere_and_writes_no_html() -> None:
    for text in TEXT.values():
        assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text)
        assert "innerHTML" not in text
    assert "style=" not in TEXT["operations"]
