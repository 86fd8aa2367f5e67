"""How the outside world breaks."""

from __future__ import annotations


class EdgeError(Exception):
    """A call to the outside did not end in an answer.

    `str(error)` is a whole sentence for people; it names the host and never holds a secret, a header or a
    query string. `retryable` is false when the same call would be refused again. `sent` is true when the
    other side may have got the request: its result is then unknown, not "no".
    """

    def __init__(self, message: str, *, retryable: bool, sent: bool) -> None:
        super().__init__(message)
        self.message = message
        self.retryable = retryable
        self.sent = sent
