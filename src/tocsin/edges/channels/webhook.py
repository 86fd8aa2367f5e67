"""Pages as signed POST requests (Standard Webhooks), for whatever a person or a team runs itself."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime

import msgspec

from tocsin import limits
from tocsin.core.model import Message, Outcome, Receipt
from tocsin.edges.channels import receipt_of
from tocsin.edges.egress import Egress
from tocsin.edges.errors import EdgeError

_SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix that all secrets have, not a secret
_FOR_NOW = frozenset({408, 425, 429})


class WebhookChannel:
    """Posts each message to `message.address`, signed with `message.secret` (`whsec_` and base64).

    `webhook-id` is derived from the message's key, so that a receiver can tell a repeat. 2xx accepts. 408,
    425, 429 and 5xx are tried again. All else fails for good, redirects too, for they are not followed.
    """

    name = "webhook"
    at_once = limits.WEBHOOK_MESSAGES

    def __init__(
        self,
        egress: Egress,
        clock: Callable[[], datetime],
        timeout_seconds: float = limits.CHANNEL_TIMEOUT_SECONDS,
    ) -> None:
        self._egress = egress
        self._clock = clock
        self._timeout_seconds = timeout_seconds

    async def send(self, message: Message) -> Receipt:
        key = _signing_key(message.secret)
        if key is None:
            return Receipt(
                Outcome.FAILED, "The webhook's signing secret is not whsec_ and base64; set a new one."
            )
        body = _body(message)
        try:
            answer = await self._egress.request(
                "POST",
                message.address,
                headers={
                    "Content-Type": "application/json",
                    **_signature(key, webhook_id(message.key), self._clock(), body),
                },
                body=body,
                timeout_seconds=self._timeout_seconds,
                answer_bytes_max=limits.WEBHOOK_ANSWER_BYTES,
            )
        except EdgeError as error:
            return receipt_of(error)
        return _receipt(answer.status)


def webhook_id(key: str) -> str:
    """The same for every attempt at the same message. Hashed, since an id may hold no full stop."""
    return f"msg_{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def _body(message: Message) -> bytes:
    return msgspec.json.encode(
        {
            "type": "page",
            "key": message.key,
            "repeat": message.repeat,
            "person": message.person,
            "subject": message.subject,
            "text": message.text,
            "link": message.link,
            "incidents": message.incidents,
            "urgent": message.urgent,
        }
    )


def _signing_key(secret: str) -> bytes | None:
    encoded = secret.removeprefix(_SECRET_PREFIX)
    try:
        # Receivers accept secrets without padding; b64decode drops padding that is too much.
        key = base64.b64decode(encoded + "==", validate=False)
    except (binascii.Error, ValueError):
        return None
    return key if secret.startswith(_SECRET_PREFIX) and key else None


def _signature(key: bytes, message_id: str, now: datetime, body: bytes) -> dict[str, str]:
    seconds = str(int(now.timestamp()))
    signed = b".".join([message_id.encode(), seconds.encode(), body])
    signature = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{signature}",
    }


def _receipt(status: int) -> Receipt:
    if 200 <= status < 300:
        return Receipt(Outcome.ACCEPTED, f"The webhook answered {status}.")
    if status in _FOR_NOW or status >= 500:
        return Receipt(Outcome.RETRYING, f"The webhook answered {status}.")
    if status == 410:
        return Receipt(Outcome.FAILED, "The webhook answered 410: it is gone and wants no more messages.")
    if 300 <= status < 400:
        return Receipt(
            Outcome.FAILED, f"The webhook answered {status}, a redirect; set the address that it leads to."
        )
    return Receipt(Outcome.FAILED, f"The webhook answered {status} and refuses the message.")
