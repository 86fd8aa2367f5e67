"""Deleting one version of an object on an S3 server, and no other.

obstore deletes without a condition. But it signs addresses, and a request to a signed address may carry
headers that are not signed: so If-Match goes with it.
"""

import http.client
import ssl
import urllib.request
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import obstore
from obstore import exceptions

from tocsin_guard.errors import Changed, Unavailable
from tocsin_guard.exchange import exchange, unanswered

# What a server says when the bucket itself is gone (S3 and most, Azure): that is no answer about a key.
NO_BUCKET = ("NoSuchBucket", "ContainerNotFound")
NOTHING = '"-"'  # no object has it
SIGNED = timedelta(minutes=15)  # how far the clocks may be apart, as in any request to S3


async def delete_on_condition(store: Any, key: str, etag: str, timeout_seconds: float) -> bool:
    """False if it cannot be asked for here: the server refuses a condition or a signed address, or it can be
    reached by a proxy or a certificate only that obstore knows. Nothing was deleted then.

    Nothing there is no error. Raises Changed if there is another version, or any if `etag` is "", Unavailable
    without an answer.
    """
    try:
        url = await obstore.sign_async(store, "DELETE", key, SIGNED)
    except exceptions.BaseError:  # nothing to sign with: obstore's own request tells why, or does it without
        return False
    parts = urlsplit(url)
    if parts.scheme in urllib.request.getproxies():
        return False
    try:
        status, said = await exchange("DELETE", url, {"If-Match": etag or NOTHING}, b"", timeout_seconds)
    except ssl.SSLCertVerificationError:
        return False
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(f"{parts.hostname} {unanswered(error, timeout_seconds)}") from error
    if status == 412:
        raise Changed(f"{key} is not the version that was expected.")
    if status == 404 and any(code.encode() in said for code in NO_BUCKET):
        raise Unavailable(f"The store did not do it: {NO_BUCKET[0]}: the place of {key!r} is gone.")
    if status in (408, 409, 429) or (status >= 500 and status != 501):
        raise Unavailable(f"The store did not do it: {parts.hostname} answered {status}.")
    return status == 404 or 200 <= status < 300
