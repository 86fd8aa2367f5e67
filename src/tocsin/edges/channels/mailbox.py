"""The demo's mailbox: messages are kept here instead of sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tocsin import limits
from tocsin.core.model import Message, Outcome, Receipt


class MailboxChannel:
    """Hands every message to `keep`, which app gives it."""

    name = "mailbox"
    at_once = limits.CHANNEL_MESSAGES

    def __init__(self, keep: Callable[[Message], Awaitable[None]]) -> None:
        self._keep = keep

    async def send(self, message: Message) -> Receipt:
        await self._keep(message)
        return Receipt(Outcome.ACCEPTED, "Kept in the local mailbox.")
