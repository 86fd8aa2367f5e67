"""Ways to reach a person: one module per medium, each turning a message into a receipt."""

from __future__ import annotations

from typing import Protocol

from tocsin.core.model import Message, Outcome, Receipt
from tocsin.edges.errors import EdgeError


class Channel(Protocol):
    """One medium. `name` is what the plan calls it; `at_once` how many messages it can have on their way."""

    @property
    def name(self) -> str: ...

    @property
    def at_once(self) -> int: ...

    async def send(self, message: Message) -> Receipt:
        """Makes one attempt, within `limits.CHANNEL_TIMEOUT_SECONDS`.

        Never raises for what the world does: the receipt's outcome says what became of it, its detail is a
        short sentence without secrets. The same message may be given again; its key stays the same.
        """


def receipt_of(error: EdgeError) -> Receipt:
    """What a broken call means for a message: what may have arrived is unknown, whatever else went wrong."""
    if error.sent:
        return Receipt(Outcome.UNKNOWN, f"{error.message} The message may have arrived.")
    return Receipt(Outcome.RETRYING if error.retryable else Outcome.FAILED, error.message)
