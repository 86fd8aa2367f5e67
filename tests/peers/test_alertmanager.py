"""A real Prometheus, its real Alertmanager with the PagerDuty receiver, a real mail server, and Tocsin."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from tests.support import team
from tests.support.programs import program, running
from tests.support.receivers import Inbox, mail_server, webhook_server
from tests.support.server import Server, free_port, until

ALERTMANAGER = """
global: {{pagerduty_url: "{tocsin}/v2/enqueue"}}
route: {{receiver: tocsin, group_by: [alertname], group_wait: 100ms, group_interval: 1s, repeat_interval: 4h}}
receivers:
  - name: tocsin
    pagerduty_configs:
      - routing_key: {key}
        severity: "{{{{ .CommonLabels.severity }}}}"
        description: "{{{{ .CommonAnnotations.summary }}}}"
"""

PROMETHEUS = """
global: {{scrape_interval: 500ms, evaluation_interval: 500ms}}
rule_files: [rules.yml]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["127.0.0.1:{alertmanager}"]}}]}}]}}
scrape_configs: [{{job_name: shop, static_configs: [{{targets: ["127.0.0.1:{shop}"]}}]}}]
"""

RULES = """
groups:
  - name: checkout
    rules:
      - alert: CheckoutErrors
        expr: checkout_error_ratio > 0.05
        labels: {severity: error}
        annotations: {summary: "Checkout: {{ $value | humanizePercentage }} of orders fail"}
"""


@dataclass
class Line:
    """Everything between a metric and a person."""

    server: Server
    alertmanager_url: str
    inbox: Inbox
    token: str

    def incidents(self) -> list[dict[str, Any]]:
        """As the API lists them, resolved ones too."""
        found: list[dict[str, Any]] = self.server.get("/api/v1/incidents?status=all", self.token).json()
        return found

    def incident(self) -> dict[str, Any]:
        """The only one."""
        (only,) = self.incidents()
        return only


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    """Tocsin, ready, and an Alertmanager that pages through it."""
    alertmanager = program("prometheus-alertmanager", "alertmanager")
    inbox = Inbox()
    with ExitStack() as stack:
        mail, hooks = stack.enter_context(mail_server(inbox)), stack.enter_context(webhook_server(inbox))
        server = stack.enter_context(Server(tmp_path / "tocsin", team.settings(tmp_path, mail, hooks)))
        server.start()
        key = server.new_key("prometheus")
        config = tmp_path / "alertmanager.yml"
        config.write_text(ALERTMANAGER.format(tocsin=server.url, key=key))
        port = free_port()
        words = [
            alertmanager,
            f"--config.file={config}",
            f"--storage.path={tmp_path / 'alertmanager'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
        ]
        url = f"http://127.0.0.1:{port}"
        stack.enter_context(running(words, f"{url}/-/ready", tmp_path / "alertmanager.log"))
        yield Line(server, url, inbox, server.new_token("ana"))


class Metric:
    """One number, served to Prometheus."""

    value = 0.0


@contextmanager
def shop(metric: Metric) -> Iterator[int]:
    """The service that is watched; gives the port of its metrics."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """One metric in Prometheus's text format."""
            self.send_response(200)
            self.send_header("content-type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(f"checkout_error_ratio {metric.value}\n".encode())

        def log_message(self, format: str, *words: object) -> None:
            """Not on the tests' output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_rule_fires_a_person_is_paged_and_answers_the_metric_recovers(line: Line, tmp_path: Path) -> None:
    prometheus = program("prometheus")
    metric, port = Metric(), free_port()
    with shop(metric) as shop_port:
        (tmp_path / "rules.yml").write_text(RULES)
        config = tmp_path / "prometheus.yml"
        alertmanager_port = line.alertmanager_url.rpartition(":")[2]
        config.write_text(PROMETHEUS.format(alertmanager=alertmanager_port, shop=shop_port))
        words = [
            prometheus,
            f"--config.file={config}",
            f"--storage.tsdb.path={tmp_path / 'prometheus'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--rules.alert.resend-delay=1s",
        ]
        with running(words, f"http://127.0.0.1:{port}/-/ready", tmp_path / "prometheus.log"):
            metric.value = 0.07
            mail = line.inbox.wait(lambda one: one.channel == "email", 30)
            opened = line.incident()
            assert (opened["level"], opened["service"], opened["status"]) == ("P2", "checkout", "triggered")
            assert (mail.to, mail.repeat) == ("ana@example.com", False)
            assert mail.subject == f"P2 Checkout: Checkout: 7% of orders fail ({opened['id']})"

            acknowledge_by_link(line, mail.link)

            metric.value = 0.01
            until(lambda: line.incident()["status"] == "resolved")

    pages = sorted(one.channel for one in line.inbox.messages)
    assert pages == ["email", "webhook"], "each channel brought the one page once"
    (webhook,) = [one for one in line.inbox.messages if one.channel == "webhook"]
    Webhook(team.WEBHOOK_SECRET).verify(webhook.body, webhook.headers)
    assert json.loads(webhook.body)["incidents"] == [line.incident()["id"]]


def acknowledge_by_link(line: Line, link: str) -> None:
    """What a mail scanner does changes nothing; the button on the page does."""
    page = httpx.get(link)
    assert page.status_code == 200
    assert 'method="post"' in page.text
    assert line.incident()["status"] == "triggered", "a GET changes nothing"
    answer = httpx.post(link)
    assert answer.status_code == 200
    assert line.incident()["status"] == "acknowledged"


def test_amtool_raises_and_ends_an_alert(line: Line) -> None:
    amtool = program("amtool")
    words = [amtool, "alert", "add", f"--alertmanager.url={line.alertmanager_url}"]
    labels = ["alertname=DiskFull", "severity=critical", "host=db1"]
    begun = [*words, *labels, "--annotation=summary=Disk of db1 is full"]
    subprocess.run(begun, check=True, capture_output=True)
    mail = line.inbox.wait(lambda one: one.channel == "email")
    assert mail.subject == f"P1 Checkout: Disk of db1 is full ({line.incident()['id']})"

    again = subprocess.run(begun, check=True, capture_output=True)
    assert again.returncode == 0
    ended = time.strftime("--end=%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    subprocess.run([*words, *labels, ended], check=True, capture_output=True)
    until(lambda: line.incident()["status"] == "resolved")
    assert [one.channel for one in line.inbox.messages].count("email") == 1
