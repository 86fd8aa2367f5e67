"""Commands that speak to a server's API, from anywhere."""

from __future__ import annotations

import asyncio
import json
import os
from argparse import Namespace
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any
from urllib.parse import quote

from tocsin.cli.result import Failure, Result
from tocsin.core.deeds import DECLARE, OF_AN_INCIDENT, Deed
from tocsin.edges.egress import Egress
from tocsin.edges.errors import EdgeError
from tocsin.settings import DEMO_KEYS

TIMEOUT_SECONDS = 15
ANSWER_BYTES = 16 * 1024 * 1024


def incidents(parsed: Namespace) -> Result:
    """The list."""
    found = ask(parsed, "GET", f"/api/v1/incidents?status={'all' if parsed.all else 'open'}")
    lines = [
        f"{one['id']}  {one['level']:4} {one['status']:13} {one['service']:16} {one['title']}"
        for one in found
    ]
    return Result(lines or ["No incidents."], found)


def incident(parsed: Namespace) -> Result:
    """One incident with its timeline."""
    found = ask(parsed, "GET", f"/api/v1/incidents/{quote(parsed.incident)}")
    head = found["incident"]
    lines = [f"{head['id']}  {head['level']}  {head['status']}  {head['title']}", ""]
    lines += [f"{_time(one['due_at'])}  {one['state']:7} {one['promise']}" for one in found["deadlines"]]
    lines.append("")
    lines += [f"{one['number']:>3}  {_time(one['at'])}  {one['sentence']}" for one in found["timeline"]]
    return Result(lines, found)


def _time(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def declare(parsed: Namespace) -> Result:
    """Open one."""
    done = ask(parsed, "POST", "/api/v1/incidents", _given(parsed, DECLARE))
    if "passed_on" in done:
        return Result([done["passed_on"]], done)
    return Result([f"{done['id']} is {done['status']}."], done)


def deed(parsed: Namespace) -> Result:
    """Ask something of it."""
    path = f"/api/v1/incidents/{quote(parsed.incident)}/{parsed.deed}"
    asked = OF_AN_INCIDENT[parsed.deed]
    done = ask(parsed, "POST", path, _given(parsed, asked) if asked.blanks else None)
    return Result([f"{done['id']} is {done['status']}."], done)


def _given(parsed: Namespace, asked: Deed) -> dict[str, Any]:
    """The blanks that were filled in, in the shape that the API wants."""
    given = {one.name: getattr(parsed, one.name) for one in asked.blanks if getattr(parsed, one.name)}
    if "facts" in given:
        given["facts"] = dict(one.partition("=")[::2] for one in given["facts"])
    return given


def alert(parsed: Namespace) -> Result:
    """Send one event to the native address."""
    event = {
        "action": "resolve" if parsed.resolve else "trigger",
        "key": parsed.dedup_key or parsed.summary,
        "summary": parsed.summary,
        "severity": parsed.severity,
        "source": "tocsin alert",
    }
    key = parsed.key or os.environ.get("TOCSIN_KEY") or DEMO_KEYS["prometheus"]
    done = ask(parsed, "POST", "/api/v1/events", [event], token=key)
    what = "is over" if parsed.resolve else "is stored; whoever is on call is being paged"
    return Result([f"The alert {what}."], done)


def ask(parsed: Namespace, method: str, path: str, body: Any = None, token: str | None = None) -> Any:
    """What the server answers; a Failure with its own sentence when it refuses."""
    url = (parsed.url or os.environ.get("TOCSIN_URL") or "http://127.0.0.1:8080").rstrip("/")
    bearer = token or parsed.token or os.environ.get("TOCSIN_TOKEN")
    if not bearer:
        raise Failure("No API token. Make one with `tocsin token add PERSON` and set TOCSIN_TOKEN.", 2)
    headers = {"authorization": f"Bearer {bearer}", "tocsin-client": "cli"}
    if body is not None:
        headers["content-type"] = "application/json"
    # The operator chose this server, wherever it stands.
    egress = Egress(allow=(ip_network("0.0.0.0/0"), ip_network("::/0")))
    try:
        answer = asyncio.run(
            egress.request(
                method,
                url + path,
                headers=headers,
                body=json.dumps(body).encode() if body is not None else b"",
                timeout_seconds=TIMEOUT_SECONDS,
                answer_bytes_max=ANSWER_BYTES,
            )
        )
    except EdgeError as wrong:
        raise Failure(f"{wrong} Is the server running at {url}? Name another with --url.") from wrong
    try:
        content = json.loads(answer.body)
    except ValueError:
        content = {}
    if answer.status >= 400:
        said = content.get("detail") or content.get("message") or f"The server answered {answer.status}."
        raise Failure(said, answer=content)
    return content
