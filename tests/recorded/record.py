"""Records the streams of `tour.py`, and what every stream folds to: `python -m tests.recorded.record`.

Streams of a release stay as they are for ever: whatever writes events later must read those.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import UTC
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.recorded.tour import TOURS
from tocsin.core.incident import FOLD, fold_all
from tocsin.core.incident.events import Recorded
from tocsin.store.codec import dump
from tocsin.store.event_codec import event_from, event_row
from tocsin.store.schema import from_micros, to_micros

HERE = Path(__file__).parent
STATES = HERE / "states.json"
RAISE_IT = (
    "Recorded events fold to another state than before (%s). Raise FOLD in core/incident/state/fold.py, so "
    "that stored snapshots are folded anew, and run `python -m tests.recorded.record`."
)


def streams() -> dict[str, list[Recorded]]:
    """Every recorded stream by its name, read by the production codec."""
    return {path.stem: [_read(line) for line in path.read_text().splitlines()] for path in files()}


def files() -> list[Path]:
    """Where they are: one file for each stream, one line for each event."""
    return sorted(HERE.glob("*.jsonl"))


def states() -> dict[str, Any]:
    """What each stream folds to now."""
    return {name: json.loads(dump(fold_all(stream))) for name, stream in streams().items()}


def otherwise(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The streams that fold to something else than was recorded of them."""
    return [name for name, state in now.items() if name in recorded and recorded[name] != state]


def _read(line: str) -> Recorded:
    row = json.loads(line)
    return event_from(SimpleNamespace(**row | {"at": from_micros(row["at"])}))


def _line(seq: int, one: Recorded) -> str:
    row = event_row("incident", "INC-20261123-001", seq, one)
    kept = {name: value for name, value in row.items() if name not in ("kind", "id", "seq")}
    return json.dumps(kept | {"at": to_micros(one.at.astimezone(UTC))}, ensure_ascii=False)


def main() -> None:
    """Write the streams, unless they only fold otherwise and FOLD was not raised."""
    before: Any = json.loads(STATES.read_text()) if STATES.exists() else {"fold": 0, "states": {}}
    same = set()
    for name, stream in TOURS.items():
        path = HERE / f"{name}.jsonl"
        text = "\n".join(_line(seq, one) for seq, one in enumerate(stream, 1)) + "\n"
        if path.exists() and path.read_text() == text:
            same.add(name)
        path.write_text(text)
    now = states()
    changed = [one for one in otherwise(before["states"], now) if one in same or one not in TOURS]
    if changed and before["fold"] == FOLD:
        sys.exit(RAISE_IT % ", ".join(changed))
    STATES.write_text(json.dumps({"fold": FOLD, "states": now}, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
