"""Files to the browser, as a stream. A download that storage breaks off ends short of its length, which
every client notices."""

from typing import Any
from urllib.parse import quote

from litestar import Response
from litestar.response import Stream

from listcutter.rows import Form, named
from listcutter.shelf import CSV, Shelf


async def download(shelf: Shelf, key: str, name: str, form: Form) -> Response[Any]:
    read = await shelf.open(key)
    plain = "".join(c if c.isascii() and c not in '"\\' else "_" for c in name)
    headers = {
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Length": str(read.size),
        "Cache-Control": "private, no-store",
        "X-Served-From": read.source,
    }
    return Stream(read.chunks, media_type=CSV, encoding=named(form.encoding).lower(), headers=headers)
