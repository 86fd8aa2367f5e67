"""Bearer tokens with scopes. Only their SHA-256 is kept; comparing takes the same time for every token."""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass

READ, CONTROL = "read", "control"
SCOPES = frozenset({READ, CONTROL})
SECRET_CHARACTERS_MIN = 20


@dataclass(frozen=True, slots=True)
class Token:
    """`name` is who acts with it; it stands in every record. `control` includes `read`."""

    name: str
    sha256: str
    scopes: frozenset[str]

    @classmethod
    def of(cls, name: str, secret: str, scopes: Iterable[str] = (READ,)) -> "Token":
        """From the secret itself, as it comes from a file or the environment."""
        chosen = frozenset(scopes)
        if not chosen or not chosen <= SCOPES:
            raise ValueError(f"Token {name!r}: scopes are {', '.join(sorted(SCOPES))}.")
        if len(secret) < SECRET_CHARACTERS_MIN:
            raise ValueError(
                f"Token {name!r} is too short: use at least {SECRET_CHARACTERS_MIN} random characters, for "
                'instance from `python -c "import secrets; print(secrets.token_urlsafe(32))"`.'
            )
        return cls(name, hashlib.sha256(secret.encode()).hexdigest(), chosen)

    def may(self, scope: str) -> bool:
        return scope in self.scopes or CONTROL in self.scopes


def find(tokens: Iterable[Token], header: str) -> Token | None:
    """The token of an Authorization header. Every token is compared, found or not."""
    kind, _, secret = header.partition(" ")
    digest = hashlib.sha256(secret.strip().encode()).hexdigest()
    found = None
    for token in tokens:
        if hmac.compare_digest(token.sha256, digest):
            found = token
    return found if kind.lower() == "bearer" else None
