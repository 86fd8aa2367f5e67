"""`tocsin people load`: by itself, since reading people takes the whole plan room."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from tocsin.app.start import CannotStart, load_people, missing_by
from tocsin.cli.opening import open_store, settings_of
from tocsin.cli.result import Failure, Result


def people_load(parsed: Namespace) -> Result:
    """Replace the directory; whom the plan in force or a stand-in counts on, and is not there, is named."""
    with open_store(settings_of(parsed)) as store:
        try:
            count = load_people(store, Path(parsed.file))
        except CannotStart as wrong:
            raise Failure(str(wrong)) from wrong
        missing = missing_by(store)
    lines = [*(f"Warning: {sentence}" for sentence in missing), f"{count} people loaded."]
    return Result(lines, {"people": count, "warnings": missing})
