"""plan.yaml to a policy: exactly what it says, or every problem at once, whole sentences with their place."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.trial import Trial
from tests.plan.cases import cases
from tocsin import limits
from tocsin.core.model import FactId, LevelId, PersonId, RotaId, ServiceId
from tocsin.core.oncall import Layer, Rota
from tocsin.core.policy import (
    Classification,
    Level,
    Milestone,
    NotifyRule,
    Policy,
    Service,
    Step,
    Target,
)
from tocsin.plan.problems import PlanRefused, Problem
from tocsin.plan.read import compile_files, load_directory, load_stored, version_of

HARBOUR = Path(__file__).parents[1] / "support/harbour"
SOUND = """\
plan: Harbour
zone: Europe/London
levels:
  P1:
    repeat_every: 10m
    ladder:
      - {after: 0m, page: "on call: primary"}
      - {after: 5m, page: [ana, ben]}
  P2: {name: Low}
classify:
  - {severity: critical, level: P1}
services: {shop: Shop}
integrations: {prometheus: shop}
rotas:
  primary: {people: [ana, ben], shift: 1w, starts: "2026-01-05 09:00"}
catch_all: [ana]
notify:
  - {after: 0m, by: [email]}
"""


def compiled(text: str) -> Policy:
    return compile_files({"plan.yaml": text})


def problems(text: str) -> list[str]:
    """Every problem of a plan that must be refused."""
    with pytest.raises(PlanRefused) as refused:
        compiled(text)
    found = [str(one) for one in refused.value.problems]
    if len(found) <= limits.PROBLEMS_SHOWN:
        assert str(refused.value) == "\n".join(found)
    return found


def minutes(number: int) -> timedelta:
    return timedelta(minutes=number)


def on_call(name: str) -> tuple[Target, ...]:
    return (Target(rota=RotaId(name)),)


def test_a_plan_is_exactly_the_figures_that_it_says() -> None:
    files = load_directory(HARBOUR)
    ana, ben, chloe, dara = map(PersonId, ("ana", "ben", "chloe", "dara"))
    acknowledged, resolved = Milestone.ACKNOWLEDGED, Milestone.RESOLVED
    critical = (
        Step(minutes(0), on_call("primary"), acknowledged),
        Step(minutes(5), on_call("secondary"), acknowledged),
        Step(minutes(15), (Target(person=dara),), resolved),
    )
    high = (
        Step(minutes(0), on_call("primary"), acknowledged),
        Step(minutes(15), on_call("secondary"), acknowledged),
    )
    monday = datetime(2026, 1, 5, 9)  # noqa: DTZ001  # wall-clock time in the rota's own zone
    p1, p2, p3 = map(LevelId, ("P1", "P2", "P3"))
    assert compile_files(files) == Policy(
        version=version_of(files),
        name="Harbour Lane",
        zone="Europe/London",
        incident_id="INC-{date:%Y%m%d}-{number:03d}",
        levels=(
            Level(p1, "Critical", 0, True, minutes(5), critical, minutes(10), minutes(30)),
            Level(p2, "High", 1, True, minutes(15), high, minutes(15), minutes(120)),
            Level(p3, "Medium", 2, False, None, (), None, None),
        ),
        classifications=(
            Classification({"severity": "critical"}, p1),
            Classification({"severity": "error"}, p2),
            Classification({"severity": "warning"}, p3),
            Classification({"severity": "info"}, p3),
        ),
        services={
            ServiceId("checkout"): Service(ServiceId("checkout"), "Checkout"),
            ServiceId("catalogue"): Service(ServiceId("catalogue"), "Catalogue"),
        },
        integrations={"prometheus": ServiceId("checkout"), "uptime": ServiceId("catalogue")},
        rotas={
            RotaId("primary"): Rota(RotaId("primary"), (Layer((ana, ben, chloe), monday, "Europe/London"),)),
            RotaId("secondary"): Rota(
                RotaId("secondary"), (Layer((ben, chloe, ana), monday, "Europe/London"),)
            ),
        },
        catch_all=(Target(person=dara),),
        notify_rules=(
            NotifyRule(minutes(0), ("mailbox", "email")),
            NotifyRule(minutes(2), ("webhook",)),
        ),
    )


def test_what_a_plan_leaves_out_has_a_default() -> None:
    small = "plan: Small\nlevels: {P1: {}}\ncatch_all: ana\nrotas: {r: {people: ana, starts: 2026-01-05}}\n"
    policy = compiled(small)
    assert (policy.zone, policy.incident_id) == ("UTC", "INC-{date:%Y%m%d}-{number:03d}")
    assert policy.levels == (Level(LevelId("P1"), "P1", 0, True, None, (), None, None),)
    assert policy.catch_all == (Target(person=PersonId("ana")),)
    midnight = datetime(2026, 1, 5)  # noqa: DTZ001  # wall-clock time in the rota's own zone
    assert policy.rotas == {RotaId("r"): Rota(RotaId("r"), (Layer((PersonId("ana"),), midnight, "UTC"),))}
    assert (policy.services, policy.integrations, policy.classifications) == ({}, {}, ())


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90s", timedelta(seconds=90)),
        ("5m", timedelta(minutes=5)),
        ("2h", timedelta(hours=2)),
        ("1d", timedelta(days=1)),
        ("1w", timedelta(weeks=1)),
        ("366d", timedelta(days=366)),
    ],
)
def test_lengths_of_time_have_a_unit(text: str, length: timedelta) -> None:
    assert compiled(SOUND.replace("5m", text)).levels[0].ladder[1].after == length


def test_words_that_yaml_would_turn_into_values_stay_words() -> None:
    policy = compiled(SOUND.replace("P2: {name: Low}", "no: {name: off}").replace("Harbour", "2026-01-05"))
    assert policy.name == "2026-01-05"
    assert (policy.levels[1].id, policy.levels[1].name) == ("no", "off")


def test_the_version_is_of_the_files_and_of_nothing_else() -> None:
    assert compiled(SOUND).version == compiled(SOUND).version
    assert compiled(SOUND).version != compiled(SOUND + "# a comment\n").version
    assert version_of({"a": "bc", "d": ""}) != version_of({"a": "b", "cd": ""})
    assert version_of({"a": "1", "b": "2"}) == version_of({"b": "2", "a": "1"})


# What is wrong.


CASES = cases("broken_plans.txt", SOUND)


def test_the_sound_plan_is_sound() -> None:
    assert compiled(SOUND).name == "Harbour"


@pytest.mark.parametrize(("text", "sentences"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_a_broken_plan_is_refused_with_whole_sentences(text: str, sentences: list[str]) -> None:
    assert problems(text) == sentences


def test_problems_stand_in_the_order_of_the_file() -> None:
    found = problems("".join(f"key{number}: x\n" for number in range(30)))
    lines = [int(sentence.split(":")[1]) for sentence in found]
    assert len(found) == 33
    assert lines == sorted(lines)


def test_a_remedy_lists_a_few_names_and_counts_the_rest() -> None:
    services = "".join(f"  s{number}: x\n" for number in range(20))
    found = problems(SOUND.replace("services: {shop: Shop}\n", f"services:\n{services}"))
    assert found[0].endswith("Services are: s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11 and 8 more.")


def test_a_long_ladder_is_refused() -> None:
    steps = "      - {after: 5m, page: ana}\n" * 99
    found = problems(SOUND.replace("  P2:", f"{steps}  P2:"))
    assert found == [
        "plan.yaml:7:7: levels.P1.ladder: This ladder has more than 100 steps. "
        "Page several people in one step, or use `repeat_every`."
    ]


def test_a_plan_that_was_in_force_loads_whatever_a_newer_checker_says() -> None:
    old = SOUND.replace("people: [ana, ben]", "people: []").replace("severity: critical", "severity: odd")
    assert len(problems(old)) == 2
    stored = load_stored({"plan.yaml": old})
    assert stored.rotas[RotaId("primary")].people == ()
    assert load_stored({"plan.yaml": SOUND}) == compiled(SOUND)


# Files that are no plans at all.


def loaded(tmp_path: Path, content: bytes) -> list[str]:
    """The problems of a plan directory with these bytes in it."""
    (tmp_path / "plan.yaml").write_bytes(content)
    with pytest.raises(PlanRefused) as refused:
        compile_files(load_directory(tmp_path))
    return [str(one) for one in refused.value.problems]


BYTES = {
    "random bytes": (b"\x8f\x1c\xa2" * 50, "1:1: Byte 0 is not UTF-8. Save the file as UTF-8."),
    "UTF-16": (SOUND.encode("utf-16"), "1:1: Byte 0 is not UTF-8. Save the file as UTF-8."),
    "UTF-32": (SOUND.encode("utf-32-be"), "1:1: This character can not stand in YAML. Take it out."),
    "Latin-1": (b"plan: x\nzone: Caf\xe9\n", "2:10: Byte 17 is not UTF-8. Save the file as UTF-8."),
    "a surrogate": (b"plan: \xed\xa0\x80", "1:7: Byte 6 is not UTF-8. Save the file as UTF-8."),
    "control characters": (
        b"plan: x\n\xc3\xa9: a\x07",
        "2:5: This character can not stand in YAML. Take it out.",
    ),
    "nothing": (b"", "1:1: The file is empty. Start with `plan: NAME`."),
    "NULs": (b"\0" * 1_000, "1:1: This character can not stand in YAML. Take it out."),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "1:1: Byte 0 is not UTF-8. Save the file as UTF-8."),
    "too much": (
        b"# " + b"x" * 10_000_000,
        "1:1: The file is larger than 1024 KiB. Move prose into Markdown files.",
    ),
    "an alias bomb": (
        b"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n",
        "2:8: YAML aliases (*name) are not allowed. Write the value out.",
    ),
    "deep lists": (
        b"[" * 10_000 + b"]" * 10_000,
        "1:21: This is nested more than 20 levels deep. A plan needs no more than five.",
    ),
    "deep lists without an end": (
        b"[" * 1_000_000,
        "1:21: This is nested more than 20 levels deep. A plan needs no more than five.",
    ),
    "deep mappings": (
        b"{a: " * 10_000,
        "1:81: This is nested more than 20 levels deep. A plan needs no more than five.",
    ),
    "deep dashes": (
        b"- " * 500_000,
        "1:41: This is nested more than 20 levels deep. A plan needs no more than five.",
    ),
    "deep indentation": (
        b"".join(b" " * depth + b"a:\n" for depth in range(1_000)),
        "21:21: This is nested more than 20 levels deep. A plan needs no more than five.",
    ),
}


@pytest.mark.parametrize(("content", "sentence"), BYTES.values(), ids=BYTES)
def test_a_file_that_is_no_plan_is_refused_at_once(tmp_path: Path, content: bytes, sentence: str) -> None:
    started = time.monotonic()
    assert loaded(tmp_path, content) == [f"plan.yaml:{sentence}"]
    assert time.monotonic() - started < 3


def test_a_file_of_the_largest_size_is_read(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_bytes(SOUND.encode().ljust(limits.PLAN_BYTES, b"#"))
    assert compile_files(load_directory(tmp_path)).name == "Harbour"
    too_long = SOUND + "é" * ((limits.PLAN_BYTES - len(SOUND)) // 2 + 1)
    assert problems(too_long) == [
        "plan.yaml:1:1: The file is larger than 1024 KiB. Move prose into Markdown files."
    ]


def test_a_cut_inside_a_letter_does_not_hide_that_the_file_is_too_large(tmp_path: Path) -> None:
    assert loaded(tmp_path, b"##" + "é".encode() * 1_000_000) == [
        "plan.yaml:1:1: The file is larger than 1024 KiB. Move prose into Markdown files."
    ]


def test_a_byte_order_mark_and_other_line_ends_are_read() -> None:
    windows = "\ufeff" + SOUND.replace("\n", "\r\n")
    assert replace(compiled(windows), version="") == replace(compiled(SOUND), version="")


def test_a_missing_plan_says_where_it_should_be(tmp_path: Path) -> None:
    with pytest.raises(PlanRefused) as refused:
        load_directory(tmp_path / "plans")
    path = tmp_path / "plans" / "plan.yaml"
    assert str(refused.value) == (
        f"plan.yaml:1:1: There is no {path}. Create {path}, or name the directory that holds the plan."
    )


def test_a_plan_that_can_not_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").mkdir()
    with pytest.raises(PlanRefused) as refused:
        load_directory(tmp_path)
    assert str(refused.value) == (
        f"plan.yaml:1:1: {tmp_path / 'plan.yaml'} can not be read: Is a directory. "
        "Check the file and its rights."
    )


@pytest.mark.parametrize(
    "line",
    ["key{number}: x\n", "? [{number}]\n: x\n", "levels: {{L{number}: {{ladder: [{{page: q}}]}}}}\n"],
)
def test_a_megabyte_of_problems_is_told_in_bounded_time(line: str) -> None:
    text = "".join(line.format(number=number) for number in range(20_000))[:500_000]
    started = time.monotonic()
    problems(text)
    assert time.monotonic() - started < 10


# Whatever stands in the file.

HARBOUR_TEXT = (HARBOUR / "plan.yaml").read_text(encoding="utf-8")
SCRAPS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [":", "- ", "\n", "  ", "{", "}", "[", "]", '"', "'", "&a", "*a", "!!x", "|", "\t", "\0"]
    ),
    st.sampled_from(["0m", "999999w", "9999-12-31 23:59", "on call: primary", "null", "~", "true", "<<: x"]),
)


@settings(max_examples=200, deadline=timedelta(seconds=5))
@given(st.text(max_size=300))
def test_any_text_is_a_plan_or_is_refused(text: str) -> None:
    compiled_or_refused(text)


@settings(max_examples=250, deadline=timedelta(seconds=5))
@given(
    st.lists(st.tuples(st.integers(0, len(HARBOUR_TEXT)), st.integers(0, 30), SCRAPS), min_size=1, max_size=4)
)
def test_any_damage_to_a_plan_compiles_or_is_refused(damage: list[tuple[int, int, str]]) -> None:
    text = HARBOUR_TEXT
    for at, length, scrap in damage:
        text = text[:at] + scrap + text[at + length :]
    compiled_or_refused(text)


def compiled_or_refused(text: str) -> None:
    """Nothing else may happen."""
    refused: list[Problem] = []
    try:
        usable(compiled(text))
    except PlanRefused as raised:
        refused = raised.problems
        text = ""
    assert refused == sorted(refused)
    assert bool(refused) != bool(text)


def usable(policy: Policy) -> None:
    """An incident of every level opens and pages under this plan, today and after a long outage."""
    for level in policy.levels:
        trial = Trial(policy)
        trial.join(level.id)
        trial.outage(minutes=60 * 24 * 400)


@pytest.mark.parametrize(
    ("level", "breached", "stands"),
    [("P1", True, True), ("P1", False, False), ("P2", True, False), ("P1", None, None), ("P2", None, False)],
)
def test_a_promise_with_a_time_for_each_level_stands_at_these_and_while_its_condition_holds(
    level: str, breached: bool | None, stands: bool | None
) -> None:
    facts = "facts: {breached: {is: yes or no, ask: Is it a breach?}}\n"
    plan = compiled(SOUND + facts + "promises: {Report: {within: {P1: 2h}, when: breached}}\n")
    known = {FactId("level"): level} | ({FactId("breached"): breached} if breached is not None else {})
    condition = plan.promises[0].when
    assert condition is not None
    assert condition.text == "level in [P1] and (breached)"
    assert condition.needs == {"level", "breached"}
    assert condition.holds(known) is stands
