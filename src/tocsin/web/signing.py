"""Links that prove themselves: a payload, an expiry and a signature, nothing stored."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from datetime import UTC, datetime

_SIGNATURE_BYTES = 16


class Signer:
    """Signs and checks under one secret. Each `purpose` has its own key, so no link passes for another."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def sign(self, purpose: str, payload: tuple[str, ...], expires: datetime) -> str:
        """A token, safe in a URL, that `check` accepts until `expires`."""
        body = json.dumps([int(expires.timestamp()), *payload], separators=(",", ":")).encode()
        return _encode(body) + "." + _encode(self._signature(purpose, body))

    def check(self, purpose: str, token: str, now: datetime) -> tuple[str, ...] | None:
        """The payload; None when the token is malformed, forged, for another purpose or too old."""
        body_text, _, signature_text = token.partition(".")
        try:
            body, signature = _decode(body_text), _decode(signature_text)
        except (binascii.Error, ValueError):
            return None
        if not hmac.compare_digest(signature, self._signature(purpose, body)):
            return None
        expires, *payload = json.loads(body)
        return tuple(payload) if now < datetime.fromtimestamp(expires, UTC) else None

    def _signature(self, purpose: str, body: bytes) -> bytes:
        key = hmac.digest(self._secret, purpose.encode(), hashlib.sha256)
        return hmac.digest(key, body, hashlib.sha256)[:_SIGNATURE_BYTES]


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
