"""Logs: one line per event, as JSON or text, with secrets taken out whatever they came in with."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime

# What goes before a secret is kept. Quotes may come escaped: a JSON text inside a JSON line.
_PATTERNS = (
    # Links that are keys: sign-in, acknowledgement.
    re.compile(r"(/sign-in/)[\w.~-]+"),
    re.compile(r"(/a/)[\w.~-]+"),
    re.compile(r"(?i)(bearer )[\w.~+/=-]+"),
    re.compile(r"(://)[^\s/@:]*:[^\s/@]+(?=@)"),
    re.compile(r"()whsec_[\w+/=-]+"),
    re.compile(r"(tocsin_)[\w-]{20,}"),
    re.compile(r"""(?i)((?:routing|service)_key\\*["']\s*:\s*\\*["'])[^"'\\]+"""),
)
_KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class Redactor:
    """Takes known secrets, and what looks like one, out of a text."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = [one for one in secrets if len(one) >= 6]
        # A quote or backslash in a secret stands escaped in a line of JSON.
        written = {*known, *(json.dumps(one, ensure_ascii=False)[1:-1] for one in known)}
        self._secrets = sorted(written, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """The text with `***` where a secret stood."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        for pattern in _PATTERNS:
            text = pattern.sub(r"\1***", text)
        return text


class Formatter(logging.Formatter):
    """One record, one line, and below it the trace where people read; nothing secret in either."""

    def __init__(self, redact: Redactor, *, as_json: bool) -> None:
        super().__init__()
        self._redact = redact
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        extra = {name: value for name, value in vars(record).items() if name not in _KNOWN}
        message = record.getMessage()
        trace = self.formatException(record.exc_info) if record.exc_info and record.exc_info[0] else ""
        if not self._as_json:
            words = " ".join(f"{name}={value}" for name, value in extra.items())
            line = " ".join(one for one in (at, f"{record.levelname:8}", message, words) if one)
            return self._redact(f"{line}\n{trace}" if trace else line)
        fields = {"at": at, "level": record.levelname.lower(), "logger": record.name, "message": message}
        if trace:
            fields["trace"] = trace
        return self._redact(json.dumps(fields | extra, default=str, ensure_ascii=False))


def set_up(style: str, secrets: Iterable[str]) -> None:
    """Send every log of this process to standard error, `style` json or text."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Formatter(Redactor(secrets), as_json=style == "json"))
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").disabled = True
