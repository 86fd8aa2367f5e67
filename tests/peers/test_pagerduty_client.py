"""PagerDuty's own client, over TLS, which it insists on: it must not notice that we are somebody else."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from pagerduty import EventsApiV2Client, HttpError

from tests.support import team
from tests.support.receivers import Inbox, mail_server, webhook_server
from tests.support.server import NotReady, Server, until


@dataclass
class Encrypted:
    """A server that speaks TLS itself, and a client's trust in it."""

    server: Server
    trust: ssl.SSLContext
    inbox: Inbox
    token: str

    def client(self, key: str) -> EventsApiV2Client:
        """The official client, aimed at us."""
        return EventsApiV2Client(key, base_url=self.server.url, verify=self.trust)

    def incidents(self) -> list[dict[str, Any]]:
        """As the API lists them."""
        found: list[dict[str, Any]] = self.server.get("/api/v1/incidents?status=all", self.token).json()
        return found

    def status(self) -> str:
        """Where the only incident stands."""
        (only,) = self.incidents()
        return str(only["status"])


@pytest.fixture
def encrypted(tmp_path: Path) -> Iterator[Encrypted]:
    """Ready, under a certificate for 127.0.0.1."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    trust = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
    files = {"tls_certificate": str(tmp_path / "server.pem"), "tls_key": str(tmp_path / "server.pem")}
    inbox = Inbox()
    with mail_server(inbox) as mail, webhook_server(inbox) as hooks:
        settings = team.settings(tmp_path, mail, hooks) | files
        with Server(tmp_path / "tocsin", settings, verify=trust) as server:
            server.start()
            yield Encrypted(server, trust, inbox, server.new_token("ana"))


def test_trigger_acknowledge_resolve(encrypted: Encrypted) -> None:
    with (
        encrypted.client("0123456789abcdef0123456789abcdef") as stranger,
        pytest.raises(HttpError, match="No integration has this key") as refused,
    ):
        stranger.trigger("Checkout is down", "shop-1")
    assert refused.value.response is not None
    assert refused.value.response.status_code == 400

    key = encrypted.server.cli("integration", "add", "prometheus")["key"]
    with encrypted.client(key) as client:
        first = client.trigger("Checkout is down", "shop-1", custom_details={"ratio": 0.4})
        assert len(first) == 32, "a trigger without a key is given one"
        mail = encrypted.inbox.wait(lambda one: one.channel == "email")
        assert mail.link.startswith("https://127.0.0.1:"), "public_url follows the certificate"
        assert encrypted.status() == "triggered"

        assert client.acknowledge(first) == first
        until(lambda: encrypted.status() == "acknowledged")
        assert client.trigger("Checkout is down", "shop-1", dedup_key=first) == first
        assert client.resolve(first) == first
        until(lambda: encrypted.status() == "resolved")

        assert client.trigger("Checkout is slow", "shop-1", dedup_key="checkout/7") == "checkout/7"
        encrypted.inbox.wait(lambda one: one.channel == "email" and "Checkout is slow" in one.subject)
    assert len(encrypted.incidents()) == 2, "after a resolve it is a new alert"
    assert [one.channel for one in encrypted.inbox.messages].count("email") == 2, "each was paged once"


def test_a_certificate_that_is_of_no_use_is_said_at_start(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.touch()
    files = {"tls_certificate": str(empty), "tls_key": str(empty)}
    with (
        Server(tmp_path / "tocsin", files, demo=True) as server,
        pytest.raises(NotReady, match=r"tocsin: tls_certificate .*empty.pem cannot be used: "),
    ):
        server.start()
