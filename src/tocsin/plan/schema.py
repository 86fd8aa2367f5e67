"""The JSON Schema of plan.yaml, for editors, from the definitions that the reader uses."""

from __future__ import annotations

from typing import Any

from tocsin.plan.language import PLAN
from tocsin.plan.shape import schema

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def plan_schema() -> dict[str, Any]:
    """What an editor can check while somebody writes; `tocsin plan check` finds the rest."""
    return {
        "$schema": DIALECT,
        "title": "A response plan for Tocsin",
        "description": "Checked while you write. `tocsin plan check` finds what only the whole plan shows.",
        **schema(PLAN),
    }
