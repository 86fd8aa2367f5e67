"""Plans changed at random: each is checked or refused. Nothing crashes, and nothing takes long."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.core.trial import Trial
from tocsin.core.policy import Policy
from tocsin.plan.checks import check
from tocsin.plan.diff import diff
from tocsin.plan.files import load_directory
from tocsin.plan.read import load_stored
from tocsin.plan.show import as_markdown, as_text, show

ROOT = Path(__file__).parents[2] / "plans"
NAMES = ("abada", "listcutter", "nis2")
NOW = datetime(2026, 2, 2, 12, tzinfo=UTC)
WORDS = (
    *("", " ", "0m", "5m", "366d", "999999w", "-1m", "50%", "0%", "1 month", "5m to 15m", "2026-02-30"),
    *("on call: primary", "role: CTO", "team: operations", "next of: management", "public", "ana", "P1"),
    *("Sev1", "resolved", "acknowledged", "opened", "true", "null", "~", "{{x}}", "{date:%Y}", "#", "x" * 70),
    *("level == P1", "not (level", "1 + 1", "users_affected / 0 > 1", "usual(level)", "a: b", "é", "\u2028"),
)


def tree(name: str) -> yaml.Node:
    root = yaml.compose(files(name)["plan.yaml"], Loader=yaml.CSafeLoader)
    assert root is not None
    return root


@cache
def files(name: str) -> Mapping[str, str]:
    return load_directory(ROOT / name)


@cache
def policy_of(name: str) -> Policy:
    return load_stored(files(name))


def nodes(node: yaml.Node) -> Iterator[Any]:
    """Every list and mapping below, itself included."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, yaml.MappingNode):
            yield one
            waiting += [value for _, value in one.value]
        elif isinstance(one, yaml.SequenceNode):
            yield one
            waiting += one.value


def text(word: str) -> yaml.Node:
    return yaml.ScalarNode("tag:yaml.org,2002:str", word)


def change(root: yaml.Node, how: str, where: int, place: int, word: str) -> None:
    """Change one entry of one list or mapping."""
    places = list(nodes(root))
    node = places[where % len(places)]
    if not node.value:
        return
    at = place % len(node.value)
    entry = node.value[at]
    pair = isinstance(node, yaml.MappingNode)
    match how:
        case "delete":
            del node.value[at]
        case "duplicate":
            node.value.insert(place % 7, copy.deepcopy(entry))
        case "replace":
            node.value[at] = (entry[0], text(word)) if pair else text(word)
        case "rename" if pair:
            node.value[at] = (text(word), entry[1])
        case "graft":
            other = copy.deepcopy(places[place % len(places)])
            node.value[at] = (entry[0], other) if pair else other
        case "wrap":
            wrapped = yaml.SequenceNode("tag:yaml.org,2002:seq", [entry[1] if pair else entry])
            node.value[at] = (entry[0], wrapped) if pair else wrapped


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["delete", "duplicate", "replace", "rename", "graft", "wrap"]),
        st.integers(0, 1_000),
        st.integers(0, 1_000),
        st.one_of(st.sampled_from(WORDS), st.text(max_size=8)),
    ),
    min_size=1,
    max_size=4,
)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changes=CHANGES)
def test_a_plan_changed_at_random_is_checked_or_refused(
    name: str, changes: list[tuple[str, int, int, str]]
) -> None:
    root = tree(name)
    for one in changes:
        change(root, *one)
    changed = {**files(name), "plan.yaml": yaml.serialize(root, Dumper=yaml.CSafeDumper, allow_unicode=True)}
    people = (ROOT / name / "people.yaml").read_text(encoding="utf-8")
    started = time.process_time()
    examined = check(changed, NOW, people)
    assert time.process_time() - started < 5
    assert list(examined.problems) == sorted(examined.problems)
    assert examined.plan is not None or not examined.sound
    if examined.plan is None:
        return
    as_text(show(examined.plan))
    as_markdown(show(examined.plan))
    diff(policy_of(name), examined.plan.policy)
    if examined.sound:
        policy = examined.plan.policy
        assert diff(policy, load_stored(changed)) == []
        for level in policy.levels[:1]:
            trial = Trial(policy)
            trial.join(level.id)
            trial.outage(minutes=60 * 24 * 5)
