"""The same for Litestar. Run: GUARD_TOKEN=... uvicorn with_litestar:app"""

import os
from typing import Any

from litestar import Litestar, Request, get, put
from litestar.response import Stream

from tocsin_guard import Guard, LocalFiles, Token

guard = Guard("var/guard", tokens=[Token.of("oncall", os.environ["GUARD_TOKEN"], ["control"])])
files = guard.objects(LocalFiles("var/store"), backup=LocalFiles("var/backup"), cache_bytes_max=1 << 30)


@put("/files/{name:str}")
async def upload(name: str, request: Request[Any, Any, Any]) -> dict[str, bool]:
    written = await files.put(name, request.stream(), content_type=request.headers.get("content-type", ""))
    return {"queued": written.queued}


@get("/files/{name:str}")
async def download(name: str) -> Stream:
    read = await files.get(name)
    return Stream(read.chunks, media_type=read.content_type or "application/octet-stream")


app = guard.around(Litestar([upload, download]))
