"""What the log keeps to itself, and that each of its lines can be read by a program."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from tocsin.logs import Formatter, Redactor

PASSWORD = 'a "quoted" pass\\word'
EVENT = json.dumps({"routing_key": "key-0123456789", "event_action": "trigger"})


def line(message: str, *, as_json: bool = True, error: Exception | None = None, **extra: object) -> str:
    """The line that a message becomes on a server whose mail relay has that password."""
    record = logging.LogRecord("tocsin", logging.ERROR, "file.py", 1, message, None, None)
    vars(record).update(extra)
    if error is not None:
        try:
            raise error
        except type(error):
            record.exc_info = sys.exc_info()
    return Formatter(Redactor([PASSWORD, ""]), as_json=as_json).format(record)


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "text"])
@pytest.mark.parametrize(
    ("secret", "message"),
    [
        (PASSWORD, f"login with {PASSWORD} was refused"),
        ("aaa.bbb-ccc", "GET /a/aaa.bbb-ccc failed"),
        ("Abc_def-123", "https://tocsin.example.com/sign-in/Abc_def-123 is over"),
        ("eyJhbGciOi", "authorization: Bearer eyJhbGciOi"),
        ("swordfish", "cannot reach postgresql://tocsin:swordfish@db.example.com/tocsin"),
        ("swordfish", "cannot reach https://:swordfish@hooks.example.com/"),
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "signed with whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ("h3DSq1fX6ryHT1DGjRzaV29", "the token tocsin_h3DSq1fX6ryHT1DGjRzaV29 is over"),
        ("key-0123456789", EVENT),
        ("key-0123456789", json.dumps({"body": EVENT})),
        ("key-0123456789", str(json.loads(EVENT))),
        ("key-0123456789", EVENT.replace("routing", "service").replace(": ", ":")),
    ],
)
def test_no_line_holds_a_secret(secret: str, message: str, as_json: bool) -> None:
    written = [
        line(message, as_json=as_json),
        line("it failed", as_json=as_json, error=ValueError(message)),
        line("it failed", as_json=as_json, detail=message),
    ]
    for one in written:
        assert secret not in one
        assert json.dumps(secret)[1:-1] not in one
        assert "***" in one
        if as_json:
            assert json.loads(one)["level"] == "error"


def test_what_is_no_secret_stays() -> None:
    message = "INC-1 by ana: https://example.com/a-b/c?x=1 (tocsin_events, a/b)"
    assert json.loads(line(message, incident="INC-1")) | {"at": ""} == {
        "at": "",
        "level": "error",
        "logger": "tocsin",
        "message": message,
        "incident": "INC-1",
    }
