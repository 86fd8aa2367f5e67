"""Writes docs/reference/, and the tables in docs/plan/, from the definitions that the server runs by.

python -m scripts.docs            write what has changed
python -m scripts.docs --check    exit 1 when a page is not what it should be, and name it
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from os.path import normpath
from pathlib import Path

from scripts.reference.api import api_page
from scripts.reference.commands import cli_page
from scripts.reference.edges import edges_page
from scripts.reference.markdown import page, table
from scripts.reference.plan import plan_pages, schema_page
from scripts.reference.server import limits_page, metrics_page, settings_page
from scripts.reference.transitions import transitions_page

DIRECTORY = Path(__file__).parents[1] / "docs" / "reference"
REMEDY = "Run `make docs`, look at what changed, and commit it with the change that made it so."

PAGES: Mapping[str, tuple[Callable[[], str], str]] = {
    "settings.md": (settings_page, "every server setting: flag, environment, default"),
    "cli.md": (cli_page, "every command with its arguments and an example"),
    "api.md": (api_page, "every address: the API, where events go in, the pages"),
    "transitions.md": (transitions_page, "what an incident does: states, commands, deadlines, events"),
    "sources-and-channels.md": (edges_page, "what Tocsin understands, and how it reaches people"),
    "metrics.md": (metrics_page, "what /metrics shows"),
    "limits.md": (limits_page, "every bound, with its unit"),
    "plan.schema.json": (schema_page, "the JSON Schema of plan.yaml, for editors"),
}


def written() -> dict[str, str]:
    """Every page by its name, as it should be. The same code, the same bytes."""
    pages = {name: write() for name, (write, _) in PAGES.items()}
    rows = [(f"[{name.removesuffix('.md')}]({name})", what) for name, (_, what) in PAGES.items()]
    pages["README.md"] = page(
        "Reference",
        "`scripts/docs.py`",
        "These pages are written from the code, and the tests fail when they differ from it.",
        table(("page", "what it lists"), rows),
    )
    return {**pages, **plan_pages()}


def drifted(pages: Mapping[str, str], directory: Path = DIRECTORY) -> list[str]:
    """What is not as it should be, one sentence each."""
    problems = []
    for name, text in pages.items():
        path = directory / name
        shown = normpath(f"docs/reference/{name}")
        if not path.exists():
            problems.append(f"{shown} is missing.")
        elif path.read_text(encoding="utf-8") != text:
            problems.append(f"{shown} is not what the code says now.")
    known = set(pages)
    strangers = sorted(path.name for path in directory.glob("*") if path.name not in known)
    return problems + [f"docs/reference/{name} is written by nothing; delete it." for name in strangers]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or compare; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts.docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="Only compare.")
    pages = written()
    problems = drifted(pages)
    if parser.parse_args(arguments).check:
        for problem in problems:
            print(problem, file=sys.stderr)
        if problems:
            print(REMEDY, file=sys.stderr)
        return 1 if problems else 0
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        path = DIRECTORY / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"Wrote {normpath(f'docs/reference/{name}')}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
