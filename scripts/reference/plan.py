"""The plan's JSON Schema, and the tables of keys inside docs/plan/, from the definitions of the reader."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from scripts.reference.markdown import code, table
from tocsin.plan.language import PLAN
from tocsin.plan.messages import FIELDS
from tocsin.plan.people import PERSON
from tocsin.plan.schema import plan_schema
from tocsin.plan.shape import Table, tables, words

FOLDER = Path(__file__).parents[2] / "docs" / "plan"

_MARKED = re.compile(r"(<!-- (keys|fields): ([^\n]*?) -->\n).*?(<!-- end -->)", re.DOTALL)


def schema_page() -> str:
    """The schema as editors read it."""
    return json.dumps(plan_schema(), ensure_ascii=False, indent=1) + "\n"


def plan_pages() -> dict[str, str]:
    """The pages of docs/plan/ that hold tables of keys, by their path from the reference."""
    pages = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.md"))}
    return {f"../plan/{name}": with_tables(text) for name, text in pages.items() if _MARKED.search(text)}


def with_tables(text: str) -> str:
    """The text with each table between its marks written anew."""
    known = {**tables(PLAN), **tables(PERSON)}
    return _MARKED.sub(lambda found: f"{found[1]}{_table(found[2], found[3], known)}\n{found[4]}", text)


def _table(kind: str, name: str, known: Mapping[str, Table]) -> str:
    if kind == "fields":
        return table(("field", "what it is"), ((code(name), means) for name, means in FIELDS.items()))
    rows = [
        (code(key), words(one.kind), one.means, "it is required" if one.required else one.without)
        for key, one in known[name].keys.items()
    ]
    return table(("key", "what stands there", "meaning", "without it"), rows)
