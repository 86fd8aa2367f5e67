"""Every outgoing connection: names looked up once, every address checked, only a checked address dialled."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import cached_property, partial
from ipaddress import ip_address
from typing import Any, cast

import httpcore

from tocsin import __version__, limits
from tocsin.edges.addresses import Address, Network, Target, dialled, in_dialling_order, target_of
from tocsin.edges.errors import EdgeError

Resolver = Callable[[str], Awaitable[Sequence[str]]]
"""A host name -> its addresses as text, the preferred first; raises OSError when there are none."""

_METHOD = re.compile(r"[A-Z]{1,20}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[!-~]([ \t!-~]*[!-~])?|")
_OWN_HEADERS = frozenset(
    ["host", "user-agent", "accept-encoding", "connection", "content-length", "transfer-encoding"]
)


@dataclass(frozen=True)
class Answer:
    """What the other side said. Header names are in lower case.

    `truncated` says that the body stopped at the size limit, at the time limit or because the connection
    broke; status and headers are whole in any case. Redirects are answers like any other.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    truncated: bool = False


@dataclass(slots=True)
class _Exchange:
    """How far one request got, so that a failure can say what the other side may have seen."""

    sent: bool = False
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)


class Egress:
    """The only door out.

    `allow` lists internal networks that users' addresses may lead to (the operator's choice; none unless
    given). `authorities_pem` adds certificate authorities, such as a company's own, to the system's.
    """

    def __init__(
        self,
        *,
        allow: tuple[Network, ...] = (),
        resolve: Resolver | None = None,
        authorities_pem: str = "",
    ) -> None:
        self._allow = allow
        self._resolve = resolve or system_resolver()
        self._authorities_pem = authorities_pem

    # Reading all authorities takes 50 ms: done once, and only by those who speak TLS.
    @cached_property
    def _web_tls(self) -> ssl.SSLContext:
        return _tls_context(self._authorities_pem)

    @cached_property
    def relay_tls(self) -> ssl.SSLContext:
        """For the mail relay. Its own context: httpcore writes HTTP's protocol names into the other."""
        return _tls_context(self._authorities_pem)

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes,
        timeout_seconds: float,
        answer_bytes_max: int,
    ) -> Answer:
        """Sends one request to an address that anybody may have typed, on a connection of its own.

        Both limits hold for the whole exchange, from the look-up to the last byte. Raises EdgeError unless a
        status arrived; see Answer for what may be missing after it. A connection is never reused: an idle one
        that the other side has just closed would make a request that never arrived look like an unknown one.
        """
        target = target_of(url)
        request = _request(method, target, headers, body)
        exchange = _Exchange()
        truncated = True
        try:
            async with asyncio.timeout(timeout_seconds):
                addresses = await self._checked_addresses(target)
                truncated = await self._exchange(request, addresses, exchange, answer_bytes_max)
        except TimeoutError as error:
            if not exchange.status:
                sentence = f"{target.host} did not answer within {timeout_seconds:g} seconds."
                raise EdgeError(sentence, retryable=True, sent=exchange.sent) from error
        except (
            httpcore.NetworkError,
            httpcore.TimeoutException,
            httpcore.RemoteProtocolError,
            OSError,
        ) as error:
            # OSError is TLS breaking down in the middle, which httpcore does not translate.
            if not exchange.status:
                raise _broken(target.host, error, exchange.sent) from error
        return Answer(exchange.status, exchange.headers, bytes(exchange.body), truncated)

    async def dial_operators_relay(self, host: str, port: int, timeout_seconds: float) -> socket.socket:
        """A connected socket to the host in the operator's own settings, wherever that is.

        Addresses are not checked, for a relay is usually internal: never give it a host that a user chose.
        Raises EdgeError (retryable, not sent).
        """
        try:
            async with asyncio.timeout(timeout_seconds):
                found = in_dialling_order([ip_address(address) for address in await self._looked_up(host)])
                return await _first_connected(found, port)
        except OSError as error:  # TimeoutError is one
            raise EdgeError(
                f"The relay {host} did not accept a connection on port {port}.", retryable=True, sent=False
            ) from error

    async def _exchange(
        self, request: httpcore.Request, addresses: Sequence[Address], exchange: _Exchange, bytes_max: int
    ) -> bool:
        """Fills `exchange`; true when the body was cut at `bytes_max`."""
        backend = _PinnedBackend(addresses, exchange)
        tls = self._web_tls if request.url.scheme == b"https" else None
        connection = httpcore.AsyncHTTPConnection(
            request.url.origin, ssl_context=tls, network_backend=backend
        )
        try:
            response = await connection.handle_async_request(request)
            exchange.status = response.status
            for name, value in response.headers:
                key, text = name.decode("latin-1").lower(), value.decode("latin-1")
                exchange.headers[key] = (
                    f"{exchange.headers[key]}, {text}" if key in exchange.headers else text
                )
            stream = cast(AsyncGenerator[bytes, None], aiter(cast(Any, response.stream)))
            async with aclosing(stream) as chunks:
                async for chunk in chunks:
                    exchange.body += chunk[: bytes_max - len(exchange.body) + 1]
                    if len(exchange.body) > bytes_max:
                        del exchange.body[bytes_max:]
                        return True
            return False
        finally:
            await connection.aclose()
            await backend.aclose()

    async def _checked_addresses(self, target: Target) -> tuple[Address, ...]:
        """All addresses of the host, in dialling order; EdgeError if a single one is internal.

        One bad address refuses the host: a name that points both ways is somebody probing.
        """
        found = [target.address] if target.address else await self._found(target.host)
        checked = [dialled(address, self._allow) for address in found]
        good = [address for address in checked if address is not None]
        if len(good) < len(checked):
            raise EdgeError(
                f"{target.host} is an internal address; "
                "if Tocsin should call it, the operator can put its network on the allow list.",
                retryable=False,
                sent=False,
            )
        return in_dialling_order(good)

    async def _found(self, host: str) -> list[Address]:
        try:
            return [ip_address(address) for address in await self._looked_up(host)]
        except OSError as error:
            raise EdgeError(
                f"{host} has no address; check its spelling.", retryable=True, sent=False
            ) from error

    async def _looked_up(self, host: str) -> Sequence[str]:
        addresses = await self._resolve(host)
        if not addresses:
            raise OSError("no address")
        return addresses


class _PinnedBackend(httpcore.AsyncNetworkBackend):
    """Dials the checked addresses in turn, whatever host it is asked for, and notes when bytes go out."""

    def __init__(self, addresses: Sequence[Address], exchange: _Exchange) -> None:
        self._addresses = addresses
        self._exchange = exchange
        self._dialled: httpcore.AsyncNetworkStream | None = None

    async def aclose(self) -> None:
        """Hangs up. httpcore forgets a connection whose TLS handshake ran out of time."""
        if self._dialled is not None:
            await self._dialled.aclose()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        dialler = httpcore.AnyIOBackend()
        failure: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in self._addresses:
            try:
                self._dialled = await dialler.connect_tcp(str(address), port, limits.CONNECT_TIMEOUT_SECONDS)
                return _WatchedStream(self._dialled, self._exchange)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError("no address")


class _WatchedStream(httpcore.AsyncNetworkStream):
    """Notes the first byte of the request. A TLS handshake writes below it and does not count."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, exchange: _Exchange) -> None:
        self._stream = stream
        self._exchange = exchange

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's
        return await self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore's
        self._exchange.sent = True
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
    ) -> httpcore.AsyncNetworkStream:
        stream = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        return _WatchedStream(stream, self._exchange)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def system_resolver() -> Resolver:
    """The machine's own resolver, on threads of its own; a host is looked up once for all who ask meanwhile.

    A look-up can take longer than whoever asked waits for it, and the next attempt must not begin another.
    """
    under_way: dict[str, asyncio.Future[tuple[str, ...]]] = {}
    threads = ThreadPoolExecutor(limits.RESOLVER_THREADS, thread_name_prefix="resolver")

    def look_up(host: str) -> tuple[str, ...]:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return tuple(str(address[0]) for *_, address in found)

    def forget(host: str, looked_up: asyncio.Future[tuple[str, ...]]) -> None:
        del under_way[host]
        if not looked_up.cancelled():
            looked_up.exception()  # so that nobody is told of one that nobody waits for any more

    async def resolve(host: str) -> Sequence[str]:
        if host not in under_way:
            under_way[host] = asyncio.get_running_loop().run_in_executor(threads, look_up, host)
            under_way[host].add_done_callback(partial(forget, host))
        return await asyncio.shield(under_way[host])

    return resolve


def _tls_context(authorities_pem: str) -> ssl.SSLContext:
    context = httpcore.default_ssl_context()
    if authorities_pem:
        context.load_verify_locations(cadata=authorities_pem)
    return context


def _request(method: str, target: Target, headers: Mapping[str, str], body: bytes) -> httpcore.Request:
    """Our headers and the caller's; raises EdgeError for a header that would break out of its line."""
    if not _METHOD.fullmatch(method):
        raise EdgeError("The HTTP method must be a word in capital letters.", retryable=False, sent=False)
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or name.lower() in _OWN_HEADERS:
            raise EdgeError(
                f"The header {name!a} cannot be set: Tocsin writes it itself, or it is no name.",
                retryable=False,
                sent=False,
            )
        if not _HEADER_VALUE.fullmatch(value):
            raise EdgeError(
                f"The value of the header {name} holds a character that HTTP does not allow.",
                retryable=False,
                sent=False,
            )
    lines: list[tuple[bytes | str, bytes | str]] = [
        ("Host", target.authority),
        ("User-Agent", f"Tocsin/{__version__}"),
        ("Accept-Encoding", "identity"),  # nothing to unpack, hence no bombs
        ("Connection", "close"),
        *headers.items(),
    ]
    if body or method not in ("GET", "HEAD"):
        lines.append(("Content-Length", str(len(body))))
    return httpcore.Request(
        method,
        httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path),
        headers=lines,
        content=body,
    )


def _broken(host: str, error: Exception, sent: bool) -> EdgeError:
    if isinstance(error.__cause__, ssl.SSLCertVerificationError):
        reason = error.__cause__.verify_message.rstrip(".")
        sentence = f"The TLS certificate of {host} was not accepted: {reason}."
    elif isinstance(error, httpcore.ConnectError | httpcore.ConnectTimeout):
        sentence = f"{host} did not accept a connection."
    elif isinstance(error, httpcore.RemoteProtocolError) and sent:
        sentence = f"{host} closed the connection or did not answer in HTTP."
    else:
        sentence = f"The connection to {host} broke before an answer came."
    return EdgeError(sentence, retryable=True, sent=sent)


async def _first_connected(addresses: Sequence[Address], port: int) -> socket.socket:
    failure = OSError("no address")
    for address in addresses:
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.setblocking(False)
        try:
            async with asyncio.timeout(limits.CONNECT_TIMEOUT_SECONDS):
                await asyncio.get_running_loop().sock_connect(connection, (str(address), port))
            return connection
        except OSError as error:
            connection.close()
            failure = error
        except asyncio.CancelledError:
            connection.close()
            raise
    raise failure
