"""The JSON Schema: it takes our plans, refuses what the reader refuses, and knows every key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.plan.test_examples import PLANS
from tocsin.plan.language import PLAN
from tocsin.plan.schema import plan_schema
from tocsin.plan.shape import tables


class Editor(yaml.CSafeLoader):
    """Reads YAML as editors do: numbers and true are values, a date is text."""


Editor.yaml_implicit_resolvers = {
    letter: [one for one in resolvers if one[0] != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def as_an_editor(text: str) -> Any:
    return yaml.load(text, Editor)  # noqa: S506  # a SafeLoader


TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "boolean": (bool,),
}


def fits(value: Any, schema: Mapping[str, Any]) -> bool:
    """What of JSON Schema our schema uses."""
    types = schema.get("type", [])
    wanted = [types] if isinstance(types, str) else types
    if wanted and not any(isinstance(value, TYPES[name]) for name in wanted):
        return False
    if "anyOf" in schema and not any(fits(value, one) for one in schema["anyOf"]):
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if "pattern" in schema and isinstance(value, str) and not re.search(schema["pattern"], value):
        return False
    if isinstance(value, list):
        return all(fits(one, schema.get("items", {})) for one in value)
    if isinstance(value, dict):
        known, rest = schema.get("properties", {}), schema.get("additionalProperties", True)
        named = all(fits(name, schema.get("propertyNames", {})) for name in value)
        inside = all(
            fits(one, known[name]) if name in known else rest is True or (rest and fits(one, rest))
            for name, one in value.items()
        )
        return named and inside and set(schema.get("required", ())) <= set(value)
    return True


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.name)
def test_our_plans_fit(path: Path) -> None:
    plan = as_an_editor((path / "plan.yaml").read_text(encoding="utf-8"))
    schema = plan_schema()
    for section, value in plan.items():
        assert fits(value, schema["properties"][section]), section
    assert fits(plan, schema)


@pytest.mark.parametrize(
    "text",
    [
        "levels: {P1: {}}\ncatch_all: ana\n",
        "plan: x\nlevels: {P1: {}}\ncatch_all: ana\nlevel: x\n",
        "plan: x\nlevels: {P1: {repeat_every: 5}}\ncatch_all: ana\n",
        "plan: x\nlevels: {P1: {ladder: [{until: whenever}]}}\ncatch_all: ana\n",
        'plan: x\nlevels: {"P1 ": {}}\ncatch_all: ana\n',
        "plan: x\nlevels: {P1: {urgent: maybe}}\ncatch_all: ana\n",
        "plan: x\nlevels: {P1: {}}\ncatch_all: ana\nphases: {A: {window: soon}}\n",
        "plan: x\nlevels: {P1: {}}\ncatch_all: ana\ncalendar: {A: {every: 1y, for: x}}\n",
    ],
)
def test_what_the_reader_refuses_by_its_shape_does_not_fit(text: str) -> None:
    assert not fits(as_an_editor(text), plan_schema())


def test_every_key_says_what_it_means() -> None:
    keys = [(table.id, name, key) for table in tables(PLAN).values() for name, key in table.keys.items()]
    assert [(id, name) for id, name, key in keys if not key.means or key.means.endswith(".")] == []
