"""Erasing words for good."""

from __future__ import annotations

from typing import Any

from tocsin.cli.words.incidents import AN_INCIDENT
from tocsin.cli.words.parts import command, settings


def erase(commands: Any) -> None:
    """Add erase."""
    erase = command(
        commands,
        "erase",
        "erasing.run",
        "Erase words for good: of events, of an incident that is over, or wherever they stand.",
        f'tocsin erase {AN_INCIDENT} --event 7 --by ana --reason "a customer asked for it"',
    )
    erase.add_argument("incident", nargs="?", help="The incident. Without --event: all words of it.")
    erase.add_argument(
        "--event", nargs="+", type=int, default=[], metavar="NUMBER", help="Only these, with every copy."
    )
    erase.add_argument("--words", nargs="+", default=[], metavar="PHRASE", help="Every text that holds one.")
    erase.add_argument("--person", help="Every text with this person's name or one of their addresses.")
    erase.add_argument("--by", metavar="PERSON", help="Who erases. Recorded.")
    erase.add_argument("--reason", default="", help="Why, without the words themselves. Recorded.")
    erase.add_argument("--dry-run", action="store_true", help="Only say what would be erased.")
    erase.add_argument("--list", action="store_true", help="List what was erased before, by whom and why.")
    settings(erase)
