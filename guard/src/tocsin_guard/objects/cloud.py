"""S3 and compatible services (R2, MinIO, Ceph, Swift), and whatever else obstore speaks, as an ObjectStore.

Time-outs are set here, repeats are not: guard repeats by itself, so that each try is counted, is seen by the
breaker, and can be told in virtual time.
"""

import logging
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import obstore
from obstore import exceptions
from obstore.store import MemoryStore, S3Store
from obstore.store import ObjectStore as AnyStore

from tocsin_guard import limits
from tocsin_guard.errors import Changed, NotFound, Rejected, Unavailable
from tocsin_guard.handlers import Body
from tocsin_guard.objects.condition import NO_BUCKET, delete_on_condition
from tocsin_guard.objects.port import Conditional, Expect, Info, Opened, check_key, one_chunk

log = logging.getLogger("tocsin_guard")

PAST_THE_END = ("416 Range Not Satisfiable", "but object was only")  # S3, memory
CODE = re.compile(r"<Code>(\w{1,60})</Code>")
CONDITIONAL_BYTES_MAX = 64 * 1024 * 1024  # a conditional write goes in one piece; above, in parts without one


@dataclass
class CloudStore:
    """Any obstore store. A server that answers 501 to If-Match is taken to know only If-None-Match from
    then on.
    """

    store: AnyStore
    conditional: Conditional = Conditional.FULL
    timeout_seconds: float = limits.CALL_TIMEOUT_SECONDS
    deletes_versions: bool = True  # until the server, or what lies before it, has shown otherwise

    async def put(
        self, key: str, body: Body, attributes: Mapping[str, str], expect: Expect | str = Expect.ANY
    ) -> str:
        check_key(key)
        mode = self._mode(body, expect)
        try:
            with _speaking(key):
                done = await obstore.put_async(
                    self.store,
                    key,
                    body,
                    attributes=dict(attributes),
                    mode=mode,
                    max_concurrency=limits.WRITE_PARTS_AT_ONCE,
                )
        except Unavailable as error:
            if not isinstance(mode, dict) or "501 Not Implemented" not in str(error):
                raise
            self.conditional = Conditional.CREATE
            return await self.put(key, body, attributes, expect)
        except NotFound as error:
            # Nothing can be missing for a write but the version that it expected, or the bucket.
            if isinstance(mode, dict):
                raise Changed(f"{key} is not the version that was expected.") from error
            raise Unavailable(f"The store has no place for {key!r}: is its bucket still there?") from error
        return done["e_tag"] or ""

    def _mode(self, body: Body, expect: Expect | str) -> Any:
        """obstore's word for the condition. What goes in parts cannot have one."""
        size = len(body) if isinstance(body, bytes) else body.stat().st_size
        if expect is Expect.ANY or self.conditional is Conditional.NONE or size > CONDITIONAL_BYTES_MAX:
            return "overwrite"
        if expect is Expect.ABSENT:
            return "create"
        return {"e_tag": str(expect)} if self.conditional is Conditional.FULL else "overwrite"

    async def get(self, key: str, start: int = 0, length: int | None = None) -> Opened:
        try:
            return await self._get(key, start, length)
        except Unavailable as error:
            if not any(words in str(error) for words in PAST_THE_END):
                raise
            return Opened(await self.head(key), one_chunk(b""))

    async def _get(self, key: str, start: int, length: int | None) -> Opened:
        check_key(key)
        options: Any = {}
        if length is not None:
            options["range"] = (start, start + length)
        elif start:
            options["range"] = {"offset": start}
        with _speaking(key):
            result = await obstore.get_async(self.store, key, options=options)
            info = _info(result.meta, result.attributes)
            begin, end = result.range
            if end - begin <= limits.READ_PIECE_BYTES:
                return Opened(info, one_chunk(bytes(await result.bytes_async())))
            first = bytes(await anext(result.stream(min_chunk_size=limits.READ_PIECE_BYTES)))
        return Opened(info, self._pieces(info, first, begin + len(first), end))

    async def _pieces(self, info: Info, first: bytes, start: int, end: int) -> AsyncIterator[bytes]:
        """A large object piece by piece, each a request of its own: the time-out is for a request with its
        whole answer, and whoever reads may take hours."""
        yield first
        while start < end:
            asked: Any = {"range": (start, min(start + limits.READ_PIECE_BYTES, end))}
            with _speaking(info.key):
                result = await obstore.get_async(self.store, info.key, options=asked)
                if result.meta["e_tag"] != (info.etag or None):
                    raise Unavailable(f"{info.key} was written anew while it was read.")
                piece = bytes(await result.bytes_async())
            start += len(piece)
            yield piece

    async def head(self, key: str) -> Info:
        check_key(key)
        with _speaking(key):
            result = await obstore.get_async(self.store, key, options={"head": True})
            return _info(result.meta, result.attributes)

    async def delete(self, key: str) -> None:
        check_key(key)
        try:
            with _speaking(key):
                await obstore.delete_async(self.store, key)
        except NotFound:
            return

    async def delete_version(self, key: str, etag: str) -> None:
        """Raises Changed if an S3 server has another version. Other stores, and servers that take no signed
        address with a condition, delete what is there.
        """
        check_key(key)
        asked = self.deletes_versions and isinstance(self.store, S3Store)
        try:
            if asked and await delete_on_condition(self.store, key, etag, self.timeout_seconds):
                return
        except Changed:
            try:
                if (await self.head(key)).etag != etag:
                    raise
            except NotFound:
                return
            # It shows this very etag and compares with another: OpenStack Swift, for objects in parts.
            asked = False
        await self.delete(key)
        if asked:
            self.deletes_versions = False
            log.warning("guard: this S3 server deletes without a condition; a delete that lands late may win")

    async def list(self, folder: str = "") -> AsyncIterator[Info]:
        with _speaking(folder):
            async for batch in obstore.list(self.store, folder.strip("/") or None):
                for meta in batch:
                    yield _info(meta, {})


def s3(
    bucket: str,
    *,
    endpoint: str | None = None,
    region: str = "auto",
    access_key_id: str | None = None,
    secret_access_key: str | None = None,
    conditional: Conditional = Conditional.FULL,
    timeout_seconds: float = limits.CALL_TIMEOUT_SECONDS,
) -> CloudStore:
    """A bucket on S3 or a compatible service. Credentials not given come from the environment (AWS_...).

    `endpoint` with http:// is taken as said; use it on your own machine or network only.
    """
    given = {"access_key_id": access_key_id, "secret_access_key": secret_access_key, "endpoint": endpoint}
    config: Any = {name: value for name, value in given.items() if value is not None}
    store = S3Store(
        bucket,
        region=region,
        conditional_put="etag",
        client_options={
            "timeout": timedelta(seconds=timeout_seconds),
            "connect_timeout": timedelta(seconds=min(5.0, timeout_seconds)),
            "allow_http": bool(endpoint and endpoint.startswith("http://")),
        },
        retry_config={"max_retries": 0, "retry_timeout": timedelta(seconds=timeout_seconds)},
        **config,
    )
    return CloudStore(store, conditional, timeout_seconds)


def memory() -> CloudStore:
    """A store that forgets at the end of the process, for trying things out."""
    return CloudStore(MemoryStore())


def _info(meta: Any, attributes: Mapping[Any, str]) -> Info:
    found = {str(name): str(value) for name, value in attributes.items()}
    return Info(meta["path"], meta["size"], meta["e_tag"] or "", meta["last_modified"].timestamp(), found)


@contextmanager
def _speaking(key: str) -> Iterator[None]:
    """Turn what obstore says into what a store says."""
    try:
        yield
    except (FileNotFoundError, exceptions.NotFoundError) as error:
        if any(code in str(error) for code in NO_BUCKET):
            raise Unavailable(f"The store did not do it: {_first_line(error)}") from error
        raise NotFound(f"There is no object {key!r}.") from error
    except (exceptions.AlreadyExistsError, exceptions.PreconditionError) as error:
        raise Changed(f"{key} is not the version that was expected.") from error
    except (exceptions.InvalidPathError, exceptions.NotSupportedError, NotImplementedError) as error:
        raise Rejected(f"The store does not take {key!r}: {_first_line(error)}") from error
    except (exceptions.BaseError, OSError, TimeoutError) as error:
        # Wrong credentials too: for the service the store is gone, and its writes are worth keeping.
        raise Unavailable(f"The store did not do it: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    """What went wrong, and the server's own word for it, which stands further down."""
    said = str(error).strip()
    line = said.split("\n", 1)[0][:300] or type(error).__name__
    found = CODE.search(said)
    return f"{found[1]}: {line}" if found else line
