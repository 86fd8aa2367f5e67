"""A small team for tests with real servers: its plan, its people, and how a server is told of both."""

from __future__ import annotations

from pathlib import Path

PLAN = """
plan: Harbour Lane
zone: UTC
levels:
  P1:
    name: Critical
    acknowledge_within: 5m
    repeat_every: 10m
    ladder: [{after: 0m, page: "on call: primary"}]
  P2:
    name: High
    acknowledge_within: 15m
    repeat_every: 15m
    ladder: [{after: 0m, page: "on call: primary"}]
  P3: {name: Medium, urgent: false}
classify:
  - {severity: critical, level: P1}
  - {severity: error, level: P2}
  - {severity: warning, level: P3}
services: {checkout: Checkout}
integrations: {prometheus: checkout}
rotas:
  primary: {people: [ana], shift: 1w, starts: "2026-01-05 09:00"}
catch_all: [ana]
notify:
  - {after: 0m, by: [email, webhook]}
"""

WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def settings(folder: Path, mail_port: int, webhook_url: str, plan: str = PLAN) -> dict[str, str]:
    """Writes plan and people; Ana is reached by e-mail and webhook."""
    (folder / "plan").mkdir(parents=True)
    (folder / "plan" / "plan.yaml").write_text(plan)
    people = folder / "people.yaml"
    people.write_text(
        "ana: {name: Ana Costa, email: ana@example.com, channels: {email: ana@example.com,"
        f' webhook: {{to: "{webhook_url}/ana", secret: {WEBHOOK_SECRET}}}}}}}\n'
    )
    return {
        "plan": str(folder / "plan"),
        "people": str(people),
        "smtp_host": "127.0.0.1",
        "smtp_port": str(mail_port),
        "smtp_from": "tocsin@example.com",
        "egress_allow": "127.0.0.0/8",
    }
