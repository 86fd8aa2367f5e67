"""The same for Django, in one file. Run: GUARD_TOKEN=... uvicorn with_django:app"""

import os

import django  # type: ignore[import-untyped]
from django.conf import settings  # type: ignore[import-untyped]
from django.core.asgi import get_asgi_application  # type: ignore[import-untyped]
from django.http import HttpRequest, JsonResponse, StreamingHttpResponse  # type: ignore[import-untyped]
from django.http.response import HttpResponseBase  # type: ignore[import-untyped]
from django.urls import path  # type: ignore[import-untyped]
from django.views.decorators.csrf import csrf_exempt  # type: ignore[import-untyped]

from tocsin_guard import Guard, LocalFiles, Token

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY=os.environ["GUARD_TOKEN"])
django.setup()

guard = Guard("var/guard", tokens=[Token.of("oncall", os.environ["GUARD_TOKEN"], ["control"])])
files = guard.objects(LocalFiles("var/store"), backup=LocalFiles("var/backup"), cache_bytes_max=1 << 30)


@csrf_exempt  # type: ignore[untyped-decorator] # Django has no types of its own
async def file(request: HttpRequest, name: str) -> HttpResponseBase:
    if request.method == "PUT":
        written = await files.put(name, request.body, content_type=request.content_type or "")
        return JsonResponse({"queued": written.queued})
    read = await files.get(name)
    return StreamingHttpResponse(read.chunks, content_type=read.content_type or "application/octet-stream")


urlpatterns = [path("files/<str:name>", file)]
app = guard.around(
    get_asgi_application()
)  # Django knows no lifespan; `around` starts and stops guard all the same
