"""`facts`, `classify` and `matrix`: what they come to, and every way in which they can be wrong."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tocsin.core.facts import Fact, FactKind, built_in
from tocsin.core.model import FactId, LevelId, ServiceId
from tocsin.core.policy import Classification, Matrix
from tocsin.plan.classify import read_classify, read_matrix
from tocsin.plan.conditions import condition_of
from tocsin.plan.document import Document
from tocsin.plan.facts import read_facts
from tocsin.plan.names import Names

LEVELS = ("P1", "P2", "P3")
BUILT_IN = built_in(map(LevelId, LEVELS), [ServiceId("shop")])
SOUND = """\
facts:
  error_rate: {is: percent, ask: What is the error rate?, usual: 0.5%}
  response_time: {is: duration, usual: 400ms}
  users: {is: number}
  data_loss: {is: yes or no}
  region: {is: text}
  urgency: {is: [low, high]}
  business: {is: {low: A workaround exists, high: Revenue is lost}, ask: What does it do to the business?}
  impact: {highest_of: [reach, business]}
  reach: {low: users < 10, high: users >= 10 or data_loss}
classify:
  - {level: P1, when: data_loss, because: data is lost}
  - {level: P2, when: response_time > 2 * usual(response_time), for: 5m, because: it is slow}
  - {level: P2, severity: error, class: latency, when: data_loss}
  - {level: P3}
matrix:
  impact: [low, high]
  urgency: {low: [P3, P2], high: [P2, P1]}
"""


class Read:
    """The three sections of a text."""

    def __init__(self, text: str) -> None:
        document = Document("plan.yaml")
        entries = document.mapping(document.parse(text, ""))
        self.facts = read_facts(document, entries.get("facts"), BUILT_IN)
        known = BUILT_IN | self.facts
        names = Names(levels=LEVELS, facts=known)
        self.rows = read_classify(document, entries.get("classify"), names)
        self.matrix = read_matrix(document, entries.get("matrix"), names)
        self.problems = [str(one) for one in sorted(document.problems)]
        self.known = known


def test_facts_are_what_the_plan_says_each_after_those_it_is_worked_out_from() -> None:
    read = Read(SOUND)
    low_high = ("low", "high")
    choosers = tuple(
        (choice, condition_of(text, read.known))
        for choice, text in (("low", "users < 10"), ("high", "users >= 10 or data_loss"))
    )
    assert read.problems == []
    assert list(read.facts.values()) == [
        Fact(FactId("error_rate"), FactKind.PERCENT, ask="What is the error rate?", usual=0.5),
        Fact(FactId("response_time"), FactKind.DURATION, usual=timedelta(milliseconds=400)),
        Fact(FactId("users"), FactKind.NUMBER),
        Fact(FactId("data_loss"), FactKind.YES_OR_NO),
        Fact(FactId("region"), FactKind.TEXT),
        Fact(FactId("urgency"), FactKind.CHOICE, low_high),
        Fact(
            FactId("business"),
            FactKind.CHOICE,
            low_high,
            "What does it do to the business?",
            means=("A workaround exists", "Revenue is lost"),
        ),
        Fact(FactId("reach"), FactKind.CHOICE, low_high, chosen_by=choosers),
        Fact(FactId("impact"), FactKind.CHOICE, low_high, highest_of=(FactId("reach"), FactId("business"))),
    ]


def test_rows_and_matrix_are_what_the_plan_says() -> None:
    read = Read(SOUND)
    slow = condition_of("response_time > 2 * usual(response_time)", read.known)
    lost = condition_of("data_loss", read.known)
    assert read.rows == (
        Classification({}, LevelId("P1"), lost, because="data is lost"),
        Classification({}, LevelId("P2"), slow, timedelta(minutes=5), "it is slow"),
        Classification({"severity": "error", "class": "latency"}, LevelId("P2"), lost),
        Classification({}, LevelId("P3")),
    )
    cells = {("low", "low"): "P3", ("low", "high"): "P2", ("high", "low"): "P2", ("high", "high"): "P1"}
    assert read.matrix == Matrix(
        FactId("impact"), FactId("urgency"), {cell: LevelId(level) for cell, level in cells.items()}
    )


KINDS = "Write number, percent, duration, yes or no, text, or choices like [low, high]."
WRONG = [
    (
        "facts: {rate: {is: percnt}}",
        f"1:20: facts.rate.is: `percnt` is no kind of fact. {KINDS}",
    ),
    (
        "facts: {rate: {ask: How many?}}",
        "1:15: facts.rate: `is` is missing. Add `is: ...` here.",
    ),
    (
        "facts: {rate: {is: percent, unit: m}}",
        "1:29: facts.rate.unit: `unit` means nothing here. Use one of: is, ask, usual, highest_of.",
    ),
    (
        "facts: {level: {is: percent}}",
        "1:16: facts.level: `level` is a word of the language, so no fact can be called so. "
        "Call it something else.",
    ),
    (
        "facts: {in: {is: percent}}",
        "1:13: facts.in: `in` is a word of the language, so no fact can be called so. "
        "Call it something else.",
    ),
    (
        "facts: {error rate: {is: percent}}",
        "1:21: facts.error rate: `error rate` can not be the name of a fact. "
        "Use letters, digits and underscores.",
    ),
    (
        "facts: {rate: {is: percent, usual: 5m}}",
        "1:36: facts.rate.usual: `5m` does not fit `rate`. Say a percentage with its sign, such as 25%.",
    ),
    (
        "facts: {rate: {is: [low, high], usual: middle}}",
        "1:40: facts.rate.usual: `middle` does not fit `rate`. Say one of low, high.",
    ),
    (
        "facts: {size: {is: [low, low, high]}}",
        "1:20: facts.size.is: The choice `low` stands here twice. Keep one of them.",
    ),
    (
        "facts: {size: {is: [low]}}",
        "1:20: facts.size.is: A fact has 2 to 20 choices, and these are 1. "
        "Write them like [low, medium, high], the lowest first.",
    ),
    (
        "facts: {size: {is: [a/b, c]}}",
        "1:20: facts.size.is: `a/b` can not be a choice. Use letters, digits, spaces and . - _ @ +.",
    ),
    (
        "facts: {users: {is: number}, size: {low: users < 5, low: users < 6, high: usres > 5}}",
        "1:53: facts.size.low: `low` stands here twice. Keep one of them.",
        "1:75: facts.size.high: There is no fact `usres`. Did you mean `users`?",
    ),
    (
        "facts: {size: {low: level == P1, high: lasted > 1h}}",
        "1:21: facts.size.low: `level` can not decide how bad it is. "
        "Use facts that people or alerts give; time is for ladders.",
        "1:40: facts.size.high: `lasted` can not decide how bad it is. "
        "Use facts that people or alerts give; time is for ladders.",
    ),
    (
        "facts: {a: {highest_of: [b, c], ask: Which?}, b: {is: [low, high]}, c: {is: [high, low]}}",
        "1:25: facts.a.highest_of: `c` has other choices than `b`, or another order. "
        "Give both the same: low, high.",
        "1:38: facts.a.ask: `a` is worked out, so `ask` means nothing here. Leave it out.",
    ),
    (
        "facts: {a: {highest_of: [b, d, c]}, b: {is: [low, high]}, c: {is: percent}}",
        "1:25: facts.a.highest_of: There is no fact `d`. Facts are: a, b, c.",
        "1:25: facts.a.highest_of: `c` has no choices. Take the highest of facts with choices.",
    ),
    (
        "facts: {a: {low: b == low, high: b == high}, b: {highest_of: [a]}}",
        "1:12: facts.a: `a` is worked out from itself. "
        "Let people or alerts give one of the facts in the circle.",
        "1:49: facts.b: `b` is worked out from itself. "
        "Let people or alerts give one of the facts in the circle.",
    ),
    (
        "facts: {a: {highest_of: []}}",
        "1:25: facts.a.highest_of: Nothing is named here. "
        "Name facts with the same choices, like [one, other].",
    ),
    (
        "classify: [{level: P9, severity: bad, host: web}]",
        "1:20: classify[1].level: There is no level `P9`. Levels are: P1, P2, P3.",
        "1:34: classify[1].severity: `bad` is no severity. Use one of: critical, error, warning, info.",
        "1:39: classify[1].host: `host` means nothing here. "
        "Use one of: level, when, for, because, severity, source, component, group, class.",
    ),
    (
        "classify: [{severity: info}]",
        "1:12: classify[1]: `level` is missing. Add `level: ...` here.",
    ),
    (
        "classify: [{level: P1, when: services_failing > 1, for: 5m, source: web}]",
        "1:57: classify[1].for: `source` is what an alert says at one moment, so it can not last. "
        "Leave out `source` or `for`.",
    ),
    (
        "classify: [{level: P1, when: group == web, for: 5m}]",
        "1:49: classify[1].for: `group` is what an alert says at one moment, so it can not last. "
        "Leave out `group` or `for`.",
    ),
    (
        "classify: [{level: P1, for: 5m}]",
        "1:29: classify[1].for: Nothing here can last. Add a `when:`, or leave `for:` out.",
    ),
    (
        "classify: [{level: P1, when: rate > 5%, for: soon}]",
        "1:30: classify[1].when: There is no fact `rate`. Facts are: level, status, service, severity, "
        "lasted, alerts, services_failing, source, component, group, class.",
        "1:46: classify[1].for: A length of time is expected here. Write it like 90s, 5m, 2h, 1d or 1w.",
    ),
    (
        "facts: {a: {is: [x, y]}, b: {is: [x, y]}}\nmatrix: {a: [x], b: {x: [P1], z: [P2, P3]}}",
        "2:13: matrix.a: The matrix has no place for `a` y. Name each once: x, y.",
        "2:21: matrix.b: The matrix has no place for `b` y. Name each once: x, y.",
        "2:34: matrix.b.z: This row has 2 levels for 1 columns. Write one for each of: x.",
    ),
    (
        "facts: {a: {is: [x, y]}, b: {is: percent}}\nmatrix: {a: [x, y, y], b: {x: [P1, P7, P1]}}",
        "2:13: matrix.a: These are not the choices of `a`. Name each once: x, y.",
        "2:27: matrix.b: `b` has no choices. A matrix is made of two facts with choices.",
        "2:36: matrix.b.x[2]: There is no level `P7`. Levels are: P1, P2, P3.",
    ),
    (
        "facts: {a: {is: [x, y]}}\nmatrix: {a: [x, y], c: {x: [P1, P1]}}",
        "2:24: matrix.c: There is no fact `c`. Facts are: level, status, service, severity, lasted, alerts, "
        "services_failing, source, component, group, class, a.",
    ),
    (
        "facts: {a: {is: [x, y]}}\nmatrix: {a: [x, y]}",
        "2:9: matrix: A matrix has one fact across and one down. "
        "Write it like {impact: [low, high], urgency: {low: [P3, P2], high: [P2, P1]}}.",
    ),
]


@pytest.mark.parametrize(
    ("text", "said"), [(row[0], row[1:]) for row in WRONG], ids=[row[1] for row in WRONG]
)
def test_what_is_wrong_is_said_with_its_place(text: str, said: tuple[str, ...]) -> None:
    assert Read(text).problems == [f"plan.yaml:{one}" for one in said]


NO_SECTIONS = """\
facts: 5
facts: [a]
facts: {a: 5}
facts: {a: {}}
facts: {a: {[x]: y}}
facts: {? {} : 1}
matrix: 5
matrix: []
matrix: {a: [], b: {}}
classify: 5
classify: {level: []}
"""


@pytest.mark.parametrize("text", NO_SECTIONS.splitlines())
def test_what_is_no_section_at_all_is_said_and_read_on(text: str) -> None:
    assert Read(text).problems


def test_there_is_an_end_to_facts() -> None:
    lines = "\n".join(f"  fact_{number}: {{is: number}}" for number in range(101))
    assert Read(f"facts:\n{lines}").problems == [
        "plan.yaml:2:3: facts: There are more than 100 facts. Leave out what decides nothing."
    ]
