"""What every command has: name, help, example, JSON; and settings or a server where it needs them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module
from typing import Any

from tocsin.settings import SETTINGS

Parsed = argparse.Namespace


def group(commands: Any, name: str, help: str) -> Any:
    """A word that only commands follow; returns where they are added."""
    parser = commands.add_parser(name, help=help, description=help)
    return parser.add_subparsers(title="commands", metavar="COMMAND", required=True)


def command(
    commands: Any, name: str, runs: str, help: str, example: str, **default: Any
) -> argparse.ArgumentParser:
    """A command, and `module.function` of this room that it runs, loaded only then."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=help,
        description=help,
        epilog=f"Example: {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="Print JSON, for programs.", **default)
    parser.set_defaults(run=_lazily(runs), usage=parser)
    return parser


def _lazily(path: str) -> Callable[[Parsed], Any]:
    def run(parsed: Parsed) -> Any:
        module, function = path.split(".")
        return getattr(import_module(f"tocsin.cli.{module}"), function)(parsed)

    return run


def settings(parser: argparse.ArgumentParser) -> None:
    """For a command on the server's machine."""
    these = parser.add_argument_group("settings (or TOCSIN_NAME, or TOCSIN_NAME_FILE, in the environment)")
    for one in SETTINGS:
        if not one.secret:
            flag = f"--{one.name.replace('_', '-')}"
            these.add_argument(flag, default=None, metavar="VALUE", help=_help(one.help, one.default))


def _help(text: str, default: str) -> str:
    return f"{text} Default: {default}" if default else text


def remote(parser: argparse.ArgumentParser, **default: Any) -> None:
    """For a command that speaks to a server."""
    parser.add_argument("--url", help="Address of the server, or TOCSIN_URL.", **default)
    parser.add_argument("--token", help="API token; better set TOCSIN_TOKEN.", **default)
