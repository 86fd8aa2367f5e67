"""cli.md: every command, from the parser that reads them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from scripts.reference.markdown import code, page, table
from tocsin.cli.parser import build_parser

SETTINGS_GROUP = "settings"


@dataclass(frozen=True, slots=True)
class Command:
    """A command that runs: `words` as it is typed, and its parser."""

    words: str
    parser: argparse.ArgumentParser


def commands(parser: argparse.ArgumentParser) -> Iterator[Command]:
    """Every command below the parser, in the order of its help."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                inner = list(commands(below))
                # A command that needs nothing below it, as `tocsin incident ID`, is one itself.
                if not inner or below.get_default("run"):
                    yield Command(below.prog, below)
                yield from inner


def cli_page() -> str:
    """Every command with its help, arguments, options and example."""
    parser = build_parser()
    found = list(commands(parser))
    return page(
        "Command line",
        "`src/tocsin/cli/words`",
        "Exit codes: 0 done, 1 not done, 2 a fault in the words, the plan or the settings.",
        "Commands marked *server* work on the database of a server, which may be running: give them the same"
        " settings as the server has. Commands marked *API* speak to a running server from anywhere.",
        table(
            ("command", "works on", "what it does"),
            ((f"[{code(one.words)}](#{_anchor(one)})", _on(one), _help(one)) for one in found),
        ),
        *map(_command, found),
    )


def _command(one: Command) -> str:
    rows = [(_name(action), _meaning(action)) for action in _own(one.parser)]
    parts = [
        f"## {one.words}",
        _help(one),
        f"```console\n$ {_example(one.parser)}\n```",
        table(("argument", "meaning"), rows),
    ]
    if _settings(one.parser):
        parts.append("It also takes every [setting](settings.md).")
    return "\n\n".join(parts)


def _anchor(one: Command) -> str:
    """Where a heading of these words can be linked to."""
    return one.words.lower().replace(" ", "-")


def _own(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Its arguments without help and settings, those without a dash first."""
    settings = {id(action) for action in _settings(parser)}
    # What is asked below a command has a place of its own.
    own = [
        action
        for action in parser._actions
        if id(action) not in settings
        and not isinstance(action, argparse._HelpAction)
        and not isinstance(action, argparse._SubParsersAction)
    ]
    return sorted(own, key=lambda action: bool(action.option_strings))


def _settings(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    groups = [group for group in parser._action_groups if (group.title or "").startswith(SETTINGS_GROUP)]
    return [action for group in groups for action in group._group_actions]


def _on(one: Command) -> str:
    speaks = any("--url" in action.option_strings for action in one.parser._actions)
    found = ["server"] * bool(_settings(one.parser)) + ["API"] * speaks
    return " or ".join(found) or "files"


def _help(one: Command) -> str:
    return one.parser.description or ""


def _example(parser: argparse.ArgumentParser) -> str:
    return (parser.epilog or "").removeprefix("Example: ")


def _name(action: argparse.Action) -> str:
    if not action.option_strings:
        return code(action.dest.upper())
    value = "" if action.nargs == 0 else f" {action.dest.upper()}"
    return code(f"{', '.join(action.option_strings)}{value}")


def _meaning(action: argparse.Action) -> str:
    told = action.help or ""
    plain = action.default not in (None, False, argparse.SUPPRESS)
    return f"{told} Default: {action.default}." if plain else told
