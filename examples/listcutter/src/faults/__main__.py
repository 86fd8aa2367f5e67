"""`python -m faults`: a proxy that makes things go wrong, and the words to steer it.

serve --link storage=9100:http://127.0.0.1:9000 [--link push=...] [--control 9101] [--seed 7]
show | clear | scenario outage|partial|corruption|communication
set storage outage=true | set storage error_rate=0.3 latency_seconds=2 keys_from=lists/ keys_to=lists/8
"""

import argparse
import asyncio
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import AsyncExitStack

import uvicorn

from faults.control import Control
from faults.proxy import proxying
from faults.rules import SCENARIOS, Faults, Malformed

CONTROL_PORT = 9101


def read_arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--control", type=int, default=CONTROL_PORT, help="Port that faults are steered at.")
    words = parser.add_subparsers(dest="word", required=True)
    serve = words.add_parser("serve", help="Run a proxy for each link.")
    serve.add_argument("--link", action="append", required=True, metavar="NAME=PORT:URL")
    serve.add_argument("--seed", type=int, default=0)
    words.add_parser("show", help="What goes wrong now, and what was done.")
    words.add_parser("clear", help="Nothing goes wrong any more.")
    words.add_parser("scenario", help="One of the tabletop scenarios.").add_argument(
        "name", choices=SCENARIOS
    )
    wanted = words.add_parser("set", help="Say what goes wrong on a link.")
    wanted.add_argument("link")
    wanted.add_argument("faults", nargs="+", metavar="NAME=VALUE")
    return parser.parse_args(given)


async def serve(wanted: argparse.Namespace) -> None:
    links: dict[str, Faults] = {}
    async with AsyncExitStack() as stack:
        for given in wanted.link:
            name, port, to = read_link(given)
            links[name] = Faults(wanted.seed)
            address = await stack.enter_async_context(proxying(to, links[name], port))
            print(f"{name}: {address} goes to {to}")
        print(f"Steer it at http://127.0.0.1:{wanted.control}/faults", flush=True)
        config = uvicorn.Config(Control(links), host="127.0.0.1", port=wanted.control, log_level="warning")
        await uvicorn.Server(config).serve()


def read_link(given: str) -> tuple[str, int, str]:
    name, equals, rest = given.partition("=")
    port, colon, to = rest.partition(":")
    if not (name and equals and colon and port.isdecimal() and to.startswith("http://")):
        raise Malformed(f"A link is NAME=PORT:URL, such as push=9100:http://127.0.0.1:9000; not {given!r}.")
    return name, int(port), to


def read_faults(given: Sequence[str]) -> dict[str, object]:
    """`outage=true latency_seconds=2` as JSON has it."""
    found: dict[str, object] = {}
    for one in given:
        name, _, value = one.partition("=")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def ask(port: int, method: str, path: str, body: object = None) -> int:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - the same
            print(json.dumps(json.load(answer), indent=2))
            return 0
    except urllib.error.HTTPError as refused:
        with refused:
            print(json.load(refused)["detail"], file=sys.stderr)
    except OSError as error:
        print(f"Nothing is steered at port {port} ({error}). Start it first.", file=sys.stderr)
    return 2


def main(given: Sequence[str] | None = None) -> int:
    wanted = read_arguments(given)
    if wanted.word == "serve":
        try:
            asyncio.run(serve(wanted))
        except Malformed as refused:
            print(refused, file=sys.stderr)
            return 2
        return 0
    if wanted.word == "set":
        return ask(wanted.control, "PUT", f"/faults/{wanted.link}", read_faults(wanted.faults))
    if wanted.word == "scenario":
        return ask(wanted.control, "PUT", f"/scenarios/{wanted.name}")
    return ask(wanted.control, "GET" if wanted.word == "show" else "DELETE", "/faults")


if __name__ == "__main__":
    sys.exit(main())
