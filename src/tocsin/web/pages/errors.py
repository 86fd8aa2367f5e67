"""What people see when something cannot be done: what happened, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from litestar import Response
from litestar.response import Redirect

from tocsin.web.auth import Viewer
from tocsin.web.pages.frame import Asking, Frame, frame, render, times_for
from tocsin.web.services import Services

NEXT = {
    400: ("That could not be understood", "Go back, check what you entered, and try again."),
    403: ("That is not allowed", "Open the page again and use the button on it."),
    404: ("There is no such page", "Check the address, or look for the incident in the list."),
    405: ("That address takes no such request", "Open the page again and use the button on it."),
    409: ("That is not possible now", "Open the page again: it has changed meanwhile."),
    413: ("That was too much at once", "Go back and enter less."),
    429: ("Too many requests", "Wait a few seconds, then try again."),
    503: ("Not stored", "Try again in a moment. If it happens again, tell whoever runs this server."),
}
OTHERWISE = ("Something went wrong", "Try again. If it happens again, tell whoever runs this server.")


@dataclass(frozen=True)
class ErrorPage:
    """An error in words. `detail` is the sentence that the refusing code gave."""

    frame: Frame
    status: int
    title: str
    detail: str
    advice: str


def error_page(services: Services, request: Asking, status: int, detail: str) -> Response[str]:
    """The page for an error; who is not signed in is sent to do that, and comes back."""
    if status == 401:
        return Redirect(f"/sign-in?next={quote(_back_to(request), safe='/')}", status_code=303)
    user = request.scope.get("user")
    viewer = user if isinstance(user, Viewer) else None
    times = times_for(services, viewer.contact if viewer else None)
    title, advice = NEXT.get(status, OTHERWISE)
    page = ErrorPage(frame(services, viewer, times, "error"), status, title, detail, advice)
    return render("error.html", page, status)


def _back_to(request: Asking) -> str:
    """The page to come back to. A button's address has no page; the one it stands on is above it."""
    path = request.url.path
    if request.method in ("GET", "HEAD"):
        query = request.url.query
        return f"{path}?{query}" if query else path
    return path.rpartition("/")[0] or "/"
