"""Every command with its words. What a command does is loaded only when it runs, so that help is quick."""

from __future__ import annotations

import argparse

from tocsin import __version__
from tocsin.cli.words.directory import directory
from tocsin.cli.words.erase import erase
from tocsin.cli.words.incidents import incidents
from tocsin.cli.words.oncall import on_call
from tocsin.cli.words.plan import plan, rehearse, severity
from tocsin.cli.words.server import server


def build_parser() -> argparse.ArgumentParser:
    """The parser for the whole command line."""
    parser = argparse.ArgumentParser(
        prog="tocsin",
        description="The incident response plan you can run.",
        epilog="Try it: tocsin serve --demo",
    )
    parser.add_argument("--version", action="version", version=f"tocsin {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in (server, plan, rehearse, severity, directory, incidents, on_call, erase):
        add(commands)
    return parser
