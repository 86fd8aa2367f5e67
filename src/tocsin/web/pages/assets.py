"""Style, script and pictures: read once, compressed once, kept by browsers while they do not change."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from litestar import Response, get
from litestar.connection import Request
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from tocsin.web.auth import PUBLIC

DIRECTORY = Path(__file__).parents[1] / "static"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

AS_IT_IS = "as_it_is"
"""Marks a handler whose answer is not to be compressed on its way."""

FOR_EVER = "public, max-age=31536000, immutable"
NOT_KEPT = "no-store"


@dataclass(frozen=True)
class Asset:
    """A file as it is sent."""

    media_type: str
    plain: bytes
    zipped: bytes


class Assets:
    """All files of `static/`, in memory: what is not among them cannot be asked for.

    The version, a hash over all of them, is part of the path and not a query, because modules and style
    name each other relatively and must stay together.
    """

    def __init__(self, directory: Path = DIRECTORY) -> None:
        paths = sorted(path for path in directory.rglob("*") if path.suffix in TYPES)
        contents = {str(path.relative_to(directory)): path.read_bytes() for path in paths}
        digest = hashlib.sha256()
        for name, content in contents.items():
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        self.version = digest.hexdigest()[:12]
        self.base = f"/static/{self.version}"
        self.files = {
            name: Asset(TYPES[Path(name).suffix], content, gzip.compress(content, mtime=0))
            for name, content in contents.items()
        }


@cache
def assets() -> Assets:
    """The files of this release."""
    return Assets()


def routes(assets: Assets) -> list[HTTPRouteHandler]:
    """The one address of all files."""

    @get(
        "/static/{version:str}/{name:path}",
        opt={PUBLIC: True, AS_IT_IS: True},
        sync_to_thread=False,
        include_in_schema=False,
    )
    def static(
        version: FromPath[str], name: FromPath[str], request: Request[Any, Any, Any]
    ) -> Response[bytes]:
        asset = assets.files.get(name.lstrip("/"))
        if asset is None:
            raise NotFoundException(f"There is no file {name}.")
        # During an upgrade of several nodes a page of one may ask another: any style is better than none,
        # but only the right one may be kept.
        headers = {
            "cache-control": FOR_EVER if version == assets.version else NOT_KEPT,
            "vary": "accept-encoding",
        }
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(asset.plain, media_type=asset.media_type, headers=headers)
        zipped = headers | {"content-encoding": "gzip"}
        return Response(asset.zipped, media_type=asset.media_type, headers=zipped)

    return [static]
