"""Canaries: secrets that a server is given, and that must come out nowhere but where they are used."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import MetaData, select

from tests.support import team
from tests.support.receivers import Inbox, mail_server, webhook_server
from tests.support.server import Server, until

SMTP_PASSWORD = 'canary "smtp" pass\\word'
SIGNING_SECRET = "canary signing secret of more than 32 characters"


@dataclass
class Canaries:
    """A server with secrets, and everything that came out of it."""

    server: Server
    folder: Path
    inbox: Inbox
    secrets: dict[str, str]
    answers: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One request; its answer is kept for the search."""
        answer = httpx.request(method, self.server.url + path, timeout=15, **more)
        self.answers[f"{method} {path.partition('canary')[0]} {len(self.answers)}"] = answer.text
        return answer

    def found_in(self, content: str) -> set[str]:
        """The names of the secrets in a text, written as they are or as JSON writes them."""
        return {
            name
            for name, secret in self.secrets.items()
            if secret in content or json.dumps(secret)[1:-1] in content
        }


@pytest.fixture
def canaries(tmp_path: Path) -> Iterator[Canaries]:
    """The relay refuses the login, so that the password is in the middle of things that go wrong."""
    inbox = Inbox()
    with mail_server(inbox, password="another one") as mail, webhook_server(inbox) as hooks:
        settings = team.settings(tmp_path, mail, f"{hooks}/canary-address") | {
            "smtp_user": "tocsin",
            "smtp_password": SMTP_PASSWORD,
            "smtp_tls": "never",
            "secret": SIGNING_SECRET,
        }
        with Server(tmp_path / "tocsin", settings) as server:
            server.start()
            secrets = {
                "relay's password": SMTP_PASSWORD,
                "signing secret": SIGNING_SECRET,
                "webhook's secret": team.WEBHOOK_SECRET,
                "webhook's address": "canary-address",
                "routing key": server.cli("integration", "add", "prometheus")["key"],
                "API token": server.cli("token", "add", "ana")["token"],
                "sign-in link": server.cli("sign-in", "ana")["link"].rpartition("/")[2],
            }
            yield Canaries(server, tmp_path, inbox, secrets)


def test_secrets_come_out_nowhere(canaries: Canaries) -> None:
    live_through_everything(canaries)
    assert canaries.server.stop() == 0

    for where, answer in canaries.answers.items():
        assert not canaries.found_in(answer), where
    lines = canaries.server.log_text().splitlines()
    assert len(lines) > 3
    for line in lines:
        assert not canaries.found_in(line), line
        assert {"at", "level", "logger", "message"} <= json.loads(line).keys()
    for table, content in tables(canaries.server):
        kept = {"webhook's secret", "webhook's address"} if table == "people" else set()
        assert canaries.found_in(content) == kept, table
    for file in canaries.server.data.iterdir():
        kept = {"webhook's secret", "webhook's address"} if file.name == "tocsin.db" else set()
        assert canaries.found_in(file.read_bytes().decode("latin-1")) <= kept, file.name


def live_through_everything(canaries: Canaries) -> None:
    """Every way in, used well and badly. Secrets that come up on the way are watched from then on."""
    secrets, ask = canaries.secrets, canaries.ask
    key, token = secrets["routing key"], {"authorization": f"Bearer {secrets['API token']}"}
    event = {
        "routing_key": key,
        "event_action": "trigger",
        "dedup_key": "1",
        "payload": {"summary": "down", "source": "shop", "severity": "critical"},
    }
    assert ask("POST", "/v2/enqueue", json=event).status_code == 202
    page = canaries.inbox.wait(lambda one: one.channel == "webhook")
    link = secrets["acknowledgement link"] = page.link.rpartition("/")[2]

    ask("POST", "/v2/enqueue", json=event | {"event_action": "explode"})
    ask("POST", "/v2/enqueue", content=json.dumps(event)[:-1])
    ask("POST", "/v2/enqueue", json=event | {"routing_key": f"{key}x"})
    ask("POST", "/generic/2010-04-15/create_event.json", json={"service_key": key, "event_type": 7})
    ask("POST", "/api/v1/events", json=[{"action": "trigger"}], headers={"authorization": f"Bearer {key}"})
    ask("POST", "/api/v1/events", json=[], headers={"authorization": f"Bearer {key}x"})

    def refused() -> bool:
        incidents = ask("GET", "/api/v1/incidents?status=all", headers=token).json()
        shown = ask("GET", f"/api/v1/incidents/{incidents[0]['id']}", headers=token).json()
        return "refused the login (535)" in json.dumps(shown["deliveries"])

    until(refused)
    ask("GET", "/api/v1/incidents/none", headers=token)
    ask("POST", "/api/v1/incidents/none/resolve", content="{", headers=token)
    ask("GET", "/api/v1/incidents", headers={"authorization": f"{token['authorization']}x"})
    ask("GET", "/api/v1/schema", headers=token)

    ask("GET", f"/a/{link[:-1]}canary")
    assert httpx.get(f"{canaries.server.url}/a/{link}").status_code == 200
    assert httpx.post(f"{canaries.server.url}/a/{link}").status_code == 200
    ask("GET", "/sign-in/canary")
    with httpx.Client(base_url=canaries.server.url) as browser:
        assert browser.post(f"/sign-in/{secrets['sign-in link']}").status_code == 303
        (secrets["session"],) = browser.cookies.values()
        assert browser.get("/").status_code == 200
        assert browser.post("/sign-out", headers={"sec-fetch-site": "same-origin"}).status_code == 303
    for path in ("/", "/metrics", "/healthz", "/readyz", "/nowhere/canary"):
        ask("GET", path)


def tables(server: Server) -> Iterator[tuple[str, str]]:
    """Every table with all that it holds."""
    with server.store() as store, store.reading.connect() as connection:
        found = MetaData()
        found.reflect(connection)
        for table in found.sorted_tables:
            yield table.name, "\n".join(str(tuple(row)) for row in connection.execute(select(table)))
