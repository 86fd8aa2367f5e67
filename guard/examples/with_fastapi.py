"""An existing FastAPI app with the whole operations API. Run: GUARD_TOKEN=... uvicorn with_fastapi:app"""

import os

from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

from tocsin_guard import Guard, LocalFiles, Token

guard = Guard("var/guard", tokens=[Token.of("oncall", os.environ["GUARD_TOKEN"], ["control"])])
files = guard.objects(LocalFiles("var/store"), backup=LocalFiles("var/backup"), cache_bytes_max=1 << 30)

api = FastAPI()


@api.put("/files/{name}")
async def upload(name: str, request: Request) -> dict[str, bool]:
    written = await files.put(name, request.stream(), content_type=request.headers.get("content-type", ""))
    return {"queued": written.queued}


@api.get("/files/{name}")
async def download(name: str) -> StreamingResponse:
    read = await files.get(name)
    return StreamingResponse(read.chunks, media_type=read.content_type or None)


app = guard.around(api)
