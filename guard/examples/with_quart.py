"""The same for Quart. Run: GUARD_TOKEN=... uvicorn with_quart:app"""

import os

from quart import Quart, Response, request

from tocsin_guard import Guard, LocalFiles, Token

guard = Guard("var/guard", tokens=[Token.of("oncall", os.environ["GUARD_TOKEN"], ["control"])])
files = guard.objects(LocalFiles("var/store"), backup=LocalFiles("var/backup"), cache_bytes_max=1 << 30)

site = Quart(__name__)


@site.put("/files/<name>")
async def upload(name: str) -> dict[str, bool]:
    written = await files.put(name, request.body, content_type=request.content_type or "")
    return {"queued": written.queued}


@site.get("/files/<name>")
async def download(name: str) -> Response:
    read = await files.get(name)
    return Response(read.chunks, content_type=read.content_type or "application/octet-stream")


app = guard.around(site)
