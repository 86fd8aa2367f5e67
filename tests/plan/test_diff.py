"""`tocsin plan diff`: what differs between two plans, in the plan's words."""

from __future__ import annotations

import pytest

from tocsin.core.policy import Policy
from tocsin.plan.diff import diff, diff_read
from tocsin.plan.read import compile_files, read_plan

BEFORE = """\
plan: Harbour
levels:
  P1:
    acknowledge_within: 5m
    repeat_every: 10m
    ladder:
      - {after: 0m, page: "on call: primary"}
      - {after: 15m, page: "on call: secondary"}
      - {stalled: 30m, page: "role: Lead"}
    updates:
      staff: {every: 30m, by: [email], to: "team: everybody"}
  P2: {urgent: false}
facts:
  users: {is: percent}
  urgency: {is: [low, high]}
  impact: {is: [low, high]}
classify:
  - {severity: critical, level: P1}
  - {level: P2, when: users < 5%}
matrix:
  impact: [low, high]
  urgency:
    low: [P2, P1]
    high: [P1, P1]
roles: {Lead: {for: ana}}
teams: {everybody: [ana, ben]}
rotas:
  primary: {people: [ana, ben], starts: 2026-01-05 09:00}
  secondary: {follows: primary}
catch_all: [ana]
services: {shop: Shop}
integrations: {prometheus: shop}
promises:
  Over: {within: 2h, kept_by: resolved}
review:
  due_when: level == P1
  steps: [{do: Report, from: resolved, within: 2d}]
calendar:
  Drill: {every: 3 months, for: training, starts: 2026-01-05}
"""

CHANGES = {
    "nothing": (("", ""), []),
    "a comment": (("plan: Harbour", "plan: Harbour # ours"), []),
    "the name": (("plan: Harbour", "plan: Quay"), ["The plan is called Quay, was Harbour."]),
    "the zone": (
        ("plan: Harbour", "plan: Harbour\nzone: Asia/Seoul"),
        [
            "The zone is Asia/Seoul, was UTC.",
            "Rota primary is no longer: ana and ben take turns of 1 week, from Mon 2026-01-05 09:00 (UTC).",
            "Rota primary is now: ana and ben take turns of 1 week, from Mon 2026-01-05 09:00 (Asia/Seoul).",
        ],
    ),
    "a step's time": (
        ("after: 15m", "after: 10m"),
        ["P1: on call: secondary is paged after 10 min, was 15 min."],
    ),
    "a step's clock": (
        ("stalled: 30m", "unanswered: 30m"),
        ["P1: role: Lead is paged 30 min later, if nobody has acknowledged, was 30 min without progress."],
    ),
    "a step's end": (
        ('page: "on call: secondary"', 'page: "on call: secondary", until: resolved'),
        [
            "P1: After 15 min: page whoever is on call as secondary, unless it is resolved. "
            "Was: After 15 min: page whoever is on call as secondary, unless somebody has acknowledged."
        ],
    ),
    "whom a step pages": (
        ('page: "on call: secondary"', "page: ben"),
        [
            "P1: new step: After 15 min: page ben, unless somebody has acknowledged.",
            "P1: gone is: After 15 min: page whoever is on call as secondary, unless somebody has "
            "acknowledged.",
        ],
    ),
    "a promise of a level": (
        ("acknowledge_within: 5m", "acknowledge_within: 90s"),
        ["P1: somebody acknowledges within 90 s, was 5 min."],
    ),
    "a promise that is given up": (
        ("    acknowledge_within: 5m\n", ""),
        ["P1, no longer: somebody acknowledges within 5 min."],
    ),
    "a cadence": (("every: 30m", "every: 1h"), ["P1: updates staff come every 1 h, was every 30 min."]),
    "a warning of an update": (
        ("every: 30m", "every: 30m, warn: [5m, 10m]"),
        ["P1: whoever leads is warned of updates staff 10 min and 5 min before, was nothing."],
    ),
    "a warning of a promise": (
        ("kept_by: resolved}", "kept_by: resolved, warn: 30m, tell: ben}"),
        [
            "Promised no longer: Over: within 2 h after it was opened. It is kept when it is resolved.",
            "Promised now: Over: within 2 h after it was opened. It is kept when it is resolved. "
            "Whoever leads is warned 30 min before. Ben is told too.",
        ],
    ),
    "a task's time": (
        ('page: "on call: secondary"', 'page: "on call: secondary", tasks: [{do: Call, within: 5m}, Log]'),
        [
            "P1: After 15 min: page whoever is on call as secondary and see to it: Call (within 5 min); Log, "
            "unless somebody has acknowledged. "
            "Was: After 15 min: page whoever is on call as secondary, unless somebody has acknowledged."
        ],
    ),
    "a level more": (
        ("P2: {urgent: false}", "P2: {urgent: false}\n  P3: {urgent: false}"),
        ["Level P3 is new."],
    ),
    "a level's urgency": (("P2: {urgent: false}", "P2: {urgent: true}"), ["P2 is urgent now."]),
    "a row": (
        ("users < 5%", "users < 10%"),
        ["The level is no longer P2 when users < 5%.", "The level is now P2 when users < 10%."],
    ),
    "a cell": (("low: [P2, P1]", "low: [P2, P2]"), ["The matrix at low and high gives P2, was P1."]),
    "a fact": (
        ("users: {is: percent}", "users: {is: percent, ask: How many?}"),
        [
            "Fact no longer: users, a percentage.",
            "Fact now: users, a percentage: How many?",
        ],
    ),
    "a fact that is worked out": (
        ("impact: {is: [low, high]}", "impact: {low: users < 5%, high: users >= 5%}"),
        [
            "Fact no longer: impact, low or high.",
            "Fact now: impact, the last of these that holds: low when users < 5%; high when users >= 5%.",
        ],
    ),
    "a step's time and its end": (
        ('after: 15m, page: "on call: secondary"', 'after: 10m, page: "on call: secondary", until: resolved'),
        [
            "P1: After 10 min: page whoever is on call as secondary, unless it is resolved. "
            "Was: After 15 min: page whoever is on call as secondary, unless somebody has acknowledged."
        ],
    ),
    "the condition of a promise that has a time for each level": (
        ("Over: {within: 2h, ", "Over: {within: {P1: 2h}, when: users > 5%, "),
        [
            "Promised no longer: Over: within 2 h after it was opened. It is kept when it is resolved.",
            "Promised now: Over: within 2 h at P1 after it was opened, when users > 5%. "
            "It is kept when it is resolved.",
        ],
    ),
    "a role's holder": (("Lead: {for: ana}", "Lead: {for: ben}"), ["Lead falls to ben, was ana."]),
    "a team": (
        ("everybody: [ana, ben]", "everybody: [ana]"),
        ["Team everybody is ana, was ana and ben."],
    ),
    "somebody joins a rota": (
        ("people: [ana, ben]", "people: [ana, ben, chloe]"),
        ["chloe joins rota primary."],
    ),
    "somebody leaves a rota": (("people: [ana, ben]", "people: [ben]"), ["ana leaves rota primary."]),
    "a rota's turns": (
        ("{people: [ana, ben]", "{people: [ana, ben], shift: 1d"),
        [
            "Rota primary is no longer: ana and ben take turns of 1 week, from Mon 2026-01-05 09:00 (UTC).",
            "Rota primary is now: ana and ben take turns of 1 day, from Mon 2026-01-05 09:00 (UTC).",
        ],
    ),
    "somebody joins a rota whose turns change": (
        ("{people: [ana, ben]", "{people: [ana, ben, chloe], shift: 1d"),
        [
            "chloe joins rota primary.",
            "Rota primary is no longer: ana and ben take turns of 1 week, from Mon 2026-01-05 09:00 (UTC).",
            "Rota primary is now: ana, ben and chloe take turns of 1 day, from Mon 2026-01-05 09:00 (UTC).",
        ],
    ),
    "the catch-all": (("catch_all: [ana]", "catch_all: [ben]"), ["The catch-all is ben, was ana."]),
    "a service's name": (("{shop: Shop}", "{shop: Store}"), ["Service shop is called Store, was Shop."]),
    "an integration": (
        (
            "{shop: Shop}\nintegrations: {prometheus: shop}",
            "{shop: Shop, bay: Bay}\nintegrations: {prometheus: bay}",
        ),
        ["Service bay is new.", "prometheus reports on bay, was shop."],
    ),
    "a promise": (
        ("within: 2h", "within: 3h"),
        [
            "Promised no longer: Over: within 2 h after it was opened. It is kept when it is resolved.",
            "Promised now: Over: within 3 h after it was opened. It is kept when it is resolved.",
        ],
    ),
    "when a review is due": (
        ("due_when: level == P1", "due_when: level == P2"),
        ["A review is due no longer when level == P1.", "A review is due now when level == P2."],
    ),
    "a duty": (("3 months", "1 month"), ["Drill is due every month, was every 3 months."]),
}


def policy(text: str) -> Policy:
    return compile_files({"plan.yaml": text})


@pytest.mark.parametrize(("change", "sentences"), CHANGES.values(), ids=CHANGES)
def test_a_difference_is_said_in_the_plans_words(change: tuple[str, str], sentences: list[str]) -> None:
    assert change[0] in BEFORE
    assert diff(policy(BEFORE), policy(BEFORE.replace(*change, 1))) == sentences


@pytest.mark.parametrize("change", [one for one, said in CHANGES.values() if said])
def test_what_is_undone_is_said_too(change: tuple[str, str]) -> None:
    assert diff(policy(BEFORE.replace(*change, 1)), policy(BEFORE))


def test_what_people_read_is_compared_too() -> None:
    before = {"plan.yaml": BEFORE + "runbooks: [restart]\n", "runbooks/restart.md": "# Restart\n"}
    after = {**before, "runbooks/restart.md": "# Restart, slowly\n"}
    after["plan.yaml"] = before["plan.yaml"] + "readiness: [A laptop]\n"
    one, other = (read_plan(files).handbook for files in (before, after))
    assert diff_read(one, one) == []
    assert diff_read(one, other) == [
        "Runbook restart has changed.",
        "What people read about what is expected of those on call has changed.",
    ]
