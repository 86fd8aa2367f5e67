"""What can go wrong, by what the caller should do about it."""

from typing import ClassVar


class GuardError(Exception):
    """Any error of guard. `str()` is one sentence that names the thing, the place and the remedy."""


class Refused(GuardError):
    """The request cannot be done as asked; nothing has changed."""

    status: ClassVar[int] = 409
    title: ClassVar[str] = "Not possible in this state"


class Unknown(Refused):
    """There is nothing of that name."""

    status = 404
    title = "Unknown"


class Malformed(Refused):
    """The request itself is wrong."""

    status = 400
    title = "Malformed request"


class Unavailable(GuardError):
    """The dependency did not answer, or answered that it cannot. Trying later may work."""


class DiskFull(Unavailable):
    """The local disk has no room: the work was refused, and nothing that was taken before is lost."""


class StoreAnswer(GuardError):
    """The store works and said no. It is not a failure of the store."""


class NotFound(StoreAnswer):
    """There is no object under that key."""


class Changed(StoreAnswer):
    """The object is not the version that a conditional write expected."""


class Rejected(StoreAnswer):
    """The store will never take this request as it is (a bad key, too large, not supported)."""


class Corrupt(GuardError):
    """Bytes differ from their recorded checksum, and no good copy was found."""
