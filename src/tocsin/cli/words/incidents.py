"""Incidents, and what can be asked of one."""

from __future__ import annotations

import argparse
from typing import Any

from tocsin.cli.words.parts import command, remote
from tocsin.core.deeds import DECLARE, OF_AN_INCIDENT, Blank, Deed

AN_INCIDENT = "INC-20261123-001"
"""What the examples call theirs."""

UNLESS_SAID = {"default": argparse.SUPPRESS}
"""Below a command that runs by itself: what was said before the name of this one stands."""


def incidents(commands: Any) -> None:
    """Add the list, one incident with every deed, declaring, and sending an alert."""
    listed = command(commands, "incidents", "client.incidents", "List incidents.", "tocsin incidents --all")
    listed.add_argument("--all", action="store_true", help="Resolved ones too.")
    remote(listed)
    _incident(commands)
    alert = command(
        commands, "alert", "client.alert", "Send an alert.", 'tocsin alert "disk is full" --key KEY'
    )
    alert.add_argument("summary", help="What is wrong.")
    alert.add_argument("--key", default=None, help="Routing key, or set TOCSIN_KEY. The demo's, if neither.")
    alert.add_argument("--dedup-key", default=None, help="Name of the alert; the summary, if not given.")
    alert.add_argument("--severity", default="critical", help="critical, error, warning or info.")
    alert.add_argument("--resolve", action="store_true", help="Say that it is over.")
    remote(alert)


def _incident(commands: Any) -> None:
    example = " ".join(["tocsin declare", *map(_shown, DECLARE.blanks)])
    declare = command(commands, DECLARE.name, "client.declare", f"{DECLARE.means}.", example)
    _blanks(declare, DECLARE)
    remote(declare)
    show = command(
        commands,
        "incident",
        "client.incident",
        "Show one incident, or ask something of it.",
        f"tocsin incident {AN_INCIDENT}",
    )
    show.add_argument("incident", metavar="ID", help="Its id.")
    remote(show)
    deeds = show.add_subparsers(title="what can be asked", metavar="DEED", prog="tocsin incident ID")
    for deed in OF_AN_INCIDENT.values():
        # In the order in which one would say it: what is asked for first, then what is given by name.
        words = [_shown(one) for one in sorted(deed.blanks, key=lambda blank: not blank.first)]
        example = " ".join([f"tocsin incident {AN_INCIDENT} {deed.name}", *words])
        parser = command(deeds, deed.name, "client.deed", f"{deed.means}.", example, **UNLESS_SAID)
        parser.set_defaults(deed=deed.name)
        _blanks(parser, deed)
        remote(parser, **UNLESS_SAID)


def _blanks(parser: argparse.ArgumentParser, deed: Deed) -> None:
    for blank in deed.blanks:
        name = blank.name if blank.first else f"--{blank.name}"
        required: dict[str, Any] = {} if blank.first else {"required": blank.required}
        many: dict[str, Any] = {"nargs": "+" if blank.required else "*", "default": []}
        parser.add_argument(name, help=blank.ask, **required, **(many if blank.kind.many else {}))


def _shown(blank: Blank) -> str:
    """A blank as an example fills it in."""
    quoted = f'"{blank.example}"' if " " in blank.example and not blank.kind.many else blank.example
    return quoted if blank.first else f"--{blank.name} {quoted}"
