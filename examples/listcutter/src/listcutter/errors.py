"""What a user can be told. `str()` is one sentence that names the thing, the place and the remedy."""

from typing import ClassVar


class ListCutterError(Exception):
    status: ClassVar[int] = 400
    title: ClassVar[str] = "Not possible"


class BadList(ListCutterError):
    """The file cannot be read as a list."""

    status, title = 422, "Not a list that can be read"


class BadRequest(ListCutterError):
    """The request itself is wrong."""

    title = "Malformed request"


class Unknown(ListCutterError):
    """There is nothing there."""

    status, title = 404, "Unknown"


class TooMuch(ListCutterError):
    """A bound was passed."""

    status, title = 413, "Too large"


class Busy(ListCutterError):
    """Later it may work."""

    status, title = 503, "Not available"
