"""The operations page: files without any data in them, so they are answered without a token. What they
show they ask of the operations API, with the token of who looks.
"""

from pathlib import Path

ADDRESS = "/health/operations"
KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
HEADERS = (
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)


def _files() -> dict[str, tuple[str, bytes]]:
    """Each address with its content type and content."""
    found = {}
    for path in sorted((Path(__file__).parent / "page").iterdir()):
        kind = KINDS.get(path.suffix.removeprefix("."))
        if kind is not None:
            address = ADDRESS if path.suffix == ".html" else f"{ADDRESS}/{path.name}"
            found[address] = (f"{kind}; charset=utf-8", path.read_bytes())
    return found


FILES = _files()
