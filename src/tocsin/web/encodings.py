"""Bodies that are not plain UTF-8: gzip is unpacked within bounds, the rest is named in a sentence.

Looked at by their first bytes: JSON never begins like gzip, and many a sender forgets to say what it sends.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from tocsin import limits

GZIP = b"\x1f\x8b"
_GZIP_FORMAT = 31
"""What zlib calls a gzip header and trailer with any window."""

_READ = ("", "identity", "gzip", "x-gzip")
_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")

DAMAGED = (
    "The body begins as gzip and cannot be unpacked: it is damaged, or its end is missing. Send it whole."
)
NOT_UTF_8 = "The body is UTF-16 or UTF-32. Send JSON as UTF-8."


class TooLarge(Exception):
    """More than BODY_BYTES; what is beyond is neither read nor unpacked."""


class Damaged(Exception):
    """No whole gzip."""


def unpacked(body: bytes) -> bytes:
    """What gzip holds; raises Damaged, or TooLarge without unpacking more than may be."""
    unpacking = zlib.decompressobj(_GZIP_FORMAT)
    try:
        content = unpacking.decompress(body, limits.BODY_BYTES + 1)
    except zlib.error as error:
        raise Damaged from error
    if len(content) > limits.BODY_BYTES:
        raise TooLarge
    if not unpacking.eof or unpacking.unused_data:
        raise Damaged
    return content


def foreign(headers: Iterable[tuple[bytes, bytes]], body: bytes) -> str:
    """What a body that could not be read is instead, and the remedy; empty when it is plain."""
    named = b",".join(value for name, value in headers if name == b"content-encoding").decode("latin-1")
    if named.strip().lower() not in _READ:
        said = "".join(letter for letter in named[:40] if letter.isprintable())
        return f"The body is compressed (Content-Encoding: {said}). Send it as it is, or as gzip."
    if body[:2] in _BYTE_ORDER_MARKS or b"\0" in body[:4]:
        return NOT_UTF_8
    return ""
