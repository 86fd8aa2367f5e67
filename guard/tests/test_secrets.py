"""What nobody may read or measure: tokens are compared in constant time, and no secret is ever written."""

import ast
import asyncio
import hashlib
import hmac
import json
import logging
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

import tocsin_guard
from guard.tests.support import Breakable
from tocsin_guard import (
    Guard,
    ObjectStore,
    Pager,
    Schedule,
    Settings,
    Token,
    Unavailable,
    Webhook,
    memory,
    s3,
)
from tocsin_guard.app import PLAIN
from tocsin_guard.operations_page import FILES
from tocsin_guard.routes import ROUTES
from tocsin_guard.tokens import find

SOURCES = sorted(Path(tocsin_guard.__file__).parent.rglob("*.py"))
READER, CONTROL, WRONG = (
    "MARK-reader-0123456789abcdef",
    "MARK-control-0123456789abcdef",
    "MARK-wrong-0123456789",
)
KEY = b"MARK-webhook-key-0123456789abcdef"
HOOK = f"whsec_{b64encode(KEY).decode()}"
PLACE = "/hooks/MARK-in-the-path"
ROUTING = "MARK-routing-key-0123456789abcdef"
S3_SECRET = "MARK-s3-secret-key-0123456789"
SECRETS = (READER, CONTROL, WRONG, KEY.decode(), HOOK, "MARK-in-the", ROUTING, S3_SECRET)
TOKENS = (Token.of("viewer", READER, ["read"]), Token.of("oncall", CONTROL, ["control"]))


# Constant time


class Compared:
    """Stands in for hmac.compare_digest: says what it is told to, and remembers what it was asked."""

    def __init__(self, says: bool) -> None:
        self.says, self.asked = says, list[tuple[str, str]]()

    def __call__(self, a: str, b: str) -> bool:
        self.asked.append((a, b))
        return self.says


@pytest.mark.parametrize("says", [True, False])
@pytest.mark.parametrize("secret", [READER, CONTROL, WRONG, "", "x" * 100_000])
def test_compare_digest_alone_decides_over_digests_of_one_length_for_every_token(
    says: bool, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = Compared(says)
    monkeypatch.setattr(hmac, "compare_digest", compared)
    found = find(TOKENS, f"Bearer {secret}")
    assert (found is not None) is says
    given = hashlib.sha256(secret.encode()).hexdigest()
    assert compared.asked == [(token.sha256, given) for token in TOKENS]


def words(node: ast.AST) -> set[str]:
    """The names that an expression is made of."""
    named = (
        n.id if isinstance(n, ast.Name) else n.attr if isinstance(n, ast.Attribute) else ""
        for n in ast.walk(node)
    )
    return {name for name in named if name}


def test_no_source_compares_a_secret_by_itself() -> None:
    """Such a comparison ends at the first byte that differs. `in` and match do the same; a dictionary that is
    looked up by a secret does worse."""
    secret = {"secret", "secrets", "authorization", "header", "token", "tokens", "routing_key"}
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            touched: set[str] = set()
            if isinstance(node, ast.Compare) and not all(
                isinstance(op, ast.Is | ast.IsNot) for op in node.ops
            ):
                touched = words(node)
            elif isinstance(node, ast.Match):
                touched = words(node.subject)
            elif isinstance(node, ast.Subscript):
                touched = words(node.slice)
            # Elsewhere they are checksums of objects, which everybody may know.
            if touched & (secret | {"digest", "sha256"} if path.name == "tokens.py" else secret):
                found.append(f"{path.name}:{node.lineno}: {ast.unparse(node)}")  # type: ignore[attr-defined]
    assert [line.split(": ")[1] for line in found] == ["len(secret) < SECRET_CHARACTERS_MIN"]


# Nowhere written


class Receivers:
    """Of pushes. They are unkind: they say back what they were given, and where."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        self.heard.append(f"{url} {dict(headers)} {body.decode()}")
        if len(self.heard) % 3 == 0:
            raise Unavailable("no answer")
        secret = HOOK if PLACE in url else ""
        said = f"I do not like {url}, {url.split('example')[-1]}, {secret} and {body.decode()[:120]}"
        return (503 if len(self.heard) % 3 == 1 else 400), said.encode()


def concrete(address: str) -> list[str]:
    filled = address.replace("/services/{}", "/services/R2_STORAGE").replace("/health/{}", "/health/r2")
    return [filled.replace("{}", "1"), f"{filled.replace('{}', 'none')}?nonsense=1", f"{address}x"]


async def drive(http: httpx.AsyncClient, said: list[str]) -> None:
    """Every address, by everybody, in every way that is right or wrong."""
    addresses = [(r.method, path, r.body) for r in ROUTES for path in concrete(r.address)]
    stream = "/health/notifications/stream"
    addresses += [("GET", path, frozenset()) for path in (*PLAIN, *FILES, "/nowhere") if path != stream]
    addresses += [("PATCH", "/health/status", frozenset()), ("HEAD", stream, frozenset())]
    headers = [f"Bearer {s}" for s in (READER, CONTROL, WRONG)] + [
        f"Basic {CONTROL}",
        f"{CONTROL} Bearer",
        CONTROL,
    ]
    useful = {"reason": "a drill", "type": "NEWS", "message": "hello", "target": "all", "wait": 0}
    for method, path, names in addresses:
        bodies = [{}, {name: useful.get(name, "full") for name in names}, {"nonsense": 1}]
        for header in headers:
            for body in bodies if method == "POST" else [None]:
                answer = await http.request(method, path, json=body, headers={"Authorization": header})
                said.append(f"{answer.headers} {answer.text}")


@pytest.mark.parametrize("store", ["that works", "that fails", "on S3"])
async def test_no_secret_stands_in_anything_that_is_written(
    store: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    receivers, said = Receivers(), list[str]()
    of: dict[str, ObjectStore] = {"that works": memory(), "that fails": Breakable(memory(), down=True)}
    of["on S3"] = s3(
        "b",
        endpoint="http://127.0.0.1:9",
        region="x",
        access_key_id="name",
        secret_access_key=S3_SECRET,
        timeout_seconds=1,
    )
    guard = Guard(
        tmp_path / "guard",
        name="listcutter",
        tokens=TOKENS,
        reserve_bytes=0,
        webhooks=[Webhook("team", f"https://hooks.example{PLACE}?key=MARK-in-the-query", (HOOK,))],
        pagers=[Pager("https://pager.example/v2/enqueue", ROUTING, "listcutter")],
        send=receivers,
    )
    quick = Settings(attempts_max=1, retry_seconds=0, timeout_seconds=1)
    guard.objects(of[store], backup=memory(), schedule=Schedule(0, 0), settings=quick)
    async with guard.running():
        transport = httpx.ASGITransport(app=guard.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as http:
            await guard.store().put("k", b"1")
            await drive(http, said)
            monkeypatch.setattr(guard.metrics, "summed", broken)
            answer = await http.get("/health/status", headers={"Authorization": f"Bearer {CONTROL}"})
            assert answer.status_code == 500
            said.append(answer.text)
            monkeypatch.undo()
            guard.wake()
            await asyncio.sleep(0.2)
            await guard.settle()
    heard = " ".join(receivers.heard)
    assert ROUTING in heard, "it goes where it belongs"
    assert HOOK not in heard
    assert any(
        "answered 503" in event.message or "refused the message" in event.message
        for event in guard.events.select(10_000)
    ), "the answers of the receivers were told"
    said += [record.getMessage() for record in caplog.records] + [caplog.text]
    said += [repr(guard.__dict__), repr(guard.tokens), repr(guard.pushes.webhooks), repr(guard.pushes.pagers)]
    said += [json.dumps([event.shown() for event in guard.events.select(10_000)])]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in files if path.name == "journal"]
    said += [path.read_bytes().decode("latin-1") + str(path) for path in files]
    everything = "\n".join(said)
    assert len(everything) > 100_000
    for secret in SECRETS:
        for written in (
            secret,
            quote(secret),
            b64encode(secret.encode()).decode().rstrip("=")[:-2],
            secret[::-1],
        ):
            place = everything.find(written)
            assert place < 0, everything[max(0, place - 200) : place + 60]


def broken(*_: Any) -> None:
    raise RuntimeError("a bug")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (
            "https://ana:MARK@hooks.example/MARK",
            "https://hooks.example/... is not an http(s) address without user name.",
        ),
        ("ftp://hooks.example/MARK", "ftp://hooks.example/... is not an http(s) address without user name."),
        ("MARK", "An address without a host is not an http(s) address without user name."),
    ],
)
def test_an_address_that_is_refused_is_not_said_whole(url: str, said: str) -> None:
    with pytest.raises(ValueError, match="address") as refused:
        Webhook("team", url, (HOOK,))
    assert str(refused.value) == said
