"""One HTTP request, with the standard library's client: for pushes, and for what obstore cannot ask.

Each goes in a thread of its own: there are few, so they need no pool, and a server that hangs takes no
thread from the files. Redirects are not followed.
"""

import asyncio
import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlsplit

ANSWER_BYTES_MAX = 4096


async def exchange(
    method: str, url: str, headers: Mapping[str, str], body: bytes, timeout_seconds: float
) -> tuple[int, bytes]:
    """Status and the beginning of the answer. Raises OSError (TimeoutError is one) or HTTPException when
    there is none; whether the request was carried out is then not known."""
    loop, connection = asyncio.get_running_loop(), _connection(url, timeout_seconds)
    answered: asyncio.Future[tuple[int, bytes]] = loop.create_future()

    def tell(answer: tuple[int, bytes] | None, error: Exception | None) -> None:
        if answered.done():
            return  # nobody waits any more
        if answer is not None:
            answered.set_result(answer)
        else:
            answered.set_exception(error or OSError("no answer"))

    def work() -> None:
        answer, failure = None, None
        try:
            answer = _ask(connection, method, url, headers, body)
        except Exception as error:  # it is raised where the answer is awaited
            failure = error
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(tell, answer, failure)

    threading.Thread(target=work, name="guard-exchange", daemon=True).start()
    try:
        # The connection's own time-out is for each read: who answers a byte at a time would never be late.
        async with asyncio.timeout(timeout_seconds):
            return await answered
    finally:
        if connection.sock is not None:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)  # the thread ends too


def unanswered(error: Exception, timeout_seconds: float) -> str:
    """What to say of a server after its name, when `exchange` raised."""
    late = isinstance(error, TimeoutError)
    return f"did not answer within {timeout_seconds:g} s." if late else f"did not answer: {error}"


def _connection(url: str, timeout_seconds: float) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    assert parts.hostname
    if parts.scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(
            parts.hostname, parts.port, timeout=timeout_seconds, context=context
        )
    return http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_seconds)


def _ask(
    connection: http.client.HTTPConnection, method: str, url: str, headers: Mapping[str, str], body: bytes
) -> tuple[int, bytes]:
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        return response.status, response.read(ANSWER_BYTES_MAX)
    finally:
        connection.close()
