"""The language of `when:`: what is right, what is said of what is wrong, and what holds when."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tocsin import limits
from tocsin.core.facts import Fact, FactKind, FactValue, built_in
from tocsin.core.model import FactId, LevelId, ServiceId
from tocsin.plan.conditions import Wrong, condition_of, read_condition
from tocsin.plan.conditions.parse import parse
from tocsin.plan.conditions.tree import written
from tocsin.plan.document import Document, Value

LOW_TO_HIGH = ("low", "medium", "high")
DECLARED = (
    Fact(FactId("error_rate"), FactKind.PERCENT, usual=1.0),
    Fact(FactId("users_affected"), FactKind.PERCENT),
    Fact(FactId("users"), FactKind.NUMBER, usual=200.0),
    Fact(FactId("response_time"), FactKind.DURATION, usual=timedelta(milliseconds=400)),
    Fact(FactId("impact"), FactKind.CHOICE, LOW_TO_HIGH),
    Fact(FactId("urgency"), FactKind.CHOICE, LOW_TO_HIGH),
    Fact(FactId("bucket"), FactKind.CHOICE, ("reachable", "in part", "no")),
    Fact(FactId("security"), FactKind.YES_OR_NO),
    Fact(FactId("data_loss"), FactKind.YES_OR_NO),
    Fact(FactId("region"), FactKind.TEXT),
)
FACTS = built_in([LevelId("P1"), LevelId("P2")], [ServiceId("shop"), ServiceId("web-1")]) | {
    fact.id: fact for fact in DECLARED
}


def known(**values: FactValue) -> dict[FactId, FactValue]:
    return {FactId(name): value for name, value in values.items()}


def holds(text: str, **values: FactValue) -> bool | None:
    return condition_of(text, FACTS).holds(known(**values))


RIGHT = """
error_rate > 5%                                | error_rate > 5%
error_rate>5 %                                 | error_rate > 5%
(error_rate > 5%)                              | error_rate > 5%
5% < error_rate                                | 5% < error_rate
data_loss                                      | data_loss
not data_loss == yes                           | not data_loss == yes
(data_loss or security) and impact == high     | (data_loss or security) and impact == high
data_loss or (security and impact == high)     | data_loss or security and impact == high
data_loss and (security and (impact == high))  | data_loss and security and impact == high
not (data_loss or security)                    | not (data_loss or security)
not (not data_loss)                            | not not data_loss
level in [P1, P2]                              | level in [P1, P2]
level not in [P1]                              | level not in [P1]
not level in [P1]                              | level not in [P1]
impact >= medium                               | impact >= medium
impact > urgency                               | impact > urgency
severity >= error                              | severity >= error
bucket == 'in part'                            | bucket == 'in part'
bucket == "in part"                            | bucket == 'in part'
bucket == no                                   | bucket == 'no'
service == web-1                               | service == web-1
region == eu-west-1                            | region == eu-west-1
region in ["it's", 7]                          | region in ["it's", 7]
users - 1 - 1 > usual(users) * 2 / 3           | users - 1 - 1 > usual(users) * 2 / 3
users - (1 - 1) > (usual(users) + 2) / 3       | users - (1 - 1) > (usual(users) + 2) / 3
users > -5                                     | users > -5
response_time > 2 * usual(response_time)       | response_time > 2 * usual(response_time)
lasted > 1h and response_time / 2 > 400ms      | lasted > 1h and response_time / 2 > 400ms
lasted / 15m > 2                               | lasted / 15m > 2
error_rate + users_affected > 10.5%            | error_rate + users_affected > 10.5%
yes                                            | yes
"""


@pytest.mark.parametrize(
    ("text", "wanted"), [[cell.strip() for cell in row.split("|")] for row in RIGHT.split("\n") if row]
)
def test_a_condition_has_one_way_to_be_written(text: str, wanted: str) -> None:
    assert condition_of(text, FACTS).text == wanted
    assert condition_of(wanted, FACTS) == condition_of(text, FACTS)


WRONG = """
eror_rate > 5% | 0
    There is no fact `eror_rate`. Did you mean `error_rate`?
frobnicate | 0
    There is no fact `frobnicate`. Facts are: level, status, service, severity, lasted, alerts, \
services_failing, source, component, group, class, error_rate and 9 more.
users-error_rate > 1 | 0
    There is no fact `users-error_rate`. Write spaces around the minus: `users - error_rate`.
users_affected > 15m | 17
    `users_affected` is a percentage and can not be compared with 15m. Compare it with a percentage, \
such as 20%.
users_affected > 50 | 17
    `users_affected` is a percentage and can not be compared with 50. Write `50%`.
15 < lasted | 5
    `lasted` is a length of time and can not be compared with 15. Write `15m`.
users > error_rate | 8
    `users` is a number and can not be compared with `error_rate`. Compare it with a number, such as \
100.
impact == bucket | 10
    `impact` is a choice and can not be compared with `bucket`. Compare it with one of its choices.
impact == hihg | 10
    `hihg` is none of the choices of `impact`. Did you mean `high`?
level in [P1, P7] | 14
    `P7` is none of the choices of `level`. Choices are: P1, P2.
impact == severe | 10
    `severe` is none of the choices of `impact`. Choices are: low, medium, high.
level > P2 | 6
    `level` has no order, so `>` means nothing here. Compare with `==`, or write `level in [...]`.
data_loss > no | 10
    `data_loss` has no order, so `>` means nothing here. Compare with `==`, or write `data_loss in \
[...]`.
error_rate | 0
    `error_rate` is a percentage, so it neither holds nor fails. Compare it with a value.
data_loss and impact | 14
    `impact` is a choice, so it neither holds nor fails. Compare it, as in `impact == high`.
usual(users_affected) > 1 | 0
    The plan does not say what `users_affected` usually is. Add `usual:` to the fact \
`users_affected`.
usual(userz) > 1 | 6
    There is no fact `userz`. Did you mean `users`?
usual(5) > 1 | 6
    A fact is expected here. Write it like `usual(response_time)`.
usual users | 6
    `(` is missing here. Write it like `usual(response_time)`.
users + error_rate > 1 | 6
    `users` is a number and `error_rate` a percentage: they can not be added. Only like and like can \
be added or divided, and anything be multiplied by a number.
lasted * lasted > 1h | 7
    `lasted` is a length of time and `lasted` a length of time: they can not be multiplied. Only \
like and like can be added or divided, and anything be multiplied by a number.
impact + 1 > 2 | 0
    `impact` is a choice and can not be added. Calculate with numbers, percentages and lengths of \
time.
-security | 1
    `security` is yes or no and can not be negative. Calculate with numbers, percentages and lengths \
of time.
'text' | 0
    Nothing is compared with the text `text`. Compare it with a fact that is text or a choice.
users = 5 | 6
    `=` means nothing here. Write `==`.
data_loss && security | 10
    `&` means nothing here. Write `and`.
data_loss !security | 10
    `!` means nothing here. Write `not`.
users > 5 $ | 10
    `$` means nothing here. A condition is made of facts, numbers, comparisons, and, or, not. Put \
other text into quotes.
bucket == 'in part | 10
    This quotation mark has no second one. Close the quotation.
lasted > 5 minutes | 11
    `minutes` is no unit. Units are: %, ms, s, m, h, d, w. Write them like 5m.
lasted > 5min | 10
    `min` is no unit. Units are: %, ms, s, m, h, d, w. Write them like 5m.
users > 1.2.3 | 8
    This is no number. Write it like 20, 0.5, 20%, 400ms or 15m.
users > 1234567890123 | 8
    This number is too long. Write at most 12 digits.
users > | 7
    The condition ends too early. A fact or a value must stand here.
users > and 5 | 8
    `and` can not stand here. A fact or a value must stand here.
(users > 5 | 10
    `)` is missing here. Close the parenthesis.
users > 5) | 9
    `)` does not follow from what stands before it. Join two conditions with `and` or `or`.
5% < error_rate < 20% | 16
    Three values can not be compared at once. Join two comparisons with `and`, as in `error_rate > \
5% and error_rate < 20%`.
level in P1 | 9
    `[` is missing here. Write it like `level in [P1, P2]`.
level in [P1, P2 | 16
    `]` is missing here. Write it like `level in [P1, P2]`.
users in [5, users] | 13
    Only values can stand in this list. Write it like `level in [P1, P2]`.
"""


@pytest.mark.parametrize(("text", "at", "said"), re.findall(r"(.+) \| (\d+)\n    (.+)", WRONG))
def test_what_is_wrong_is_said_at_its_letter(text: str, at: str, said: str) -> None:
    with pytest.raises(Wrong) as caught:
        condition_of(text, FACTS)
    assert (str(caught.value), caught.value.at) == (said, int(at))


@pytest.mark.parametrize(
    "text", ["(" * 30 + "data_loss" + ")" * 30, "not " * 30 + "data_loss", "- " * 30 + "5"]
)
def test_nesting_is_bounded(text: str) -> None:
    with pytest.raises(Wrong, match=r"nested more than 20 levels deep\. Work part of it out as a fact\."):
        condition_of(text, FACTS)


def test_a_long_sum_counts_as_nested_and_a_long_list_of_conditions_does_not() -> None:
    with pytest.raises(Wrong, match="nested more than 20 levels deep"):
        condition_of("users" + " + 1" * 30 + " > 5", FACTS)
    assert condition_of(" or ".join(["data_loss"] * 30), FACTS).needs == {"data_loss"}


def test_length_is_bounded() -> None:
    too_long = "data_loss" + " " * limits.CONDITION_CHARACTERS
    with pytest.raises(Wrong, match=r"This condition is too long\. A condition has at most 500 characters\."):
        condition_of(too_long, FACTS)


HOLDS: list[tuple[str, dict[str, FactValue], bool | None]] = [
    ("error_rate > 5%", {"error_rate": 5.0}, False),
    ("error_rate > 5%", {"error_rate": 5.1}, True),
    ("error_rate > 5%", {}, None),
    ("error_rate > 5%", {"users": 9.0}, None),
    ("error_rate > 5% or data_loss", {"data_loss": True}, True),
    ("error_rate > 5% or data_loss", {"data_loss": False}, None),
    ("error_rate > 5% and data_loss", {"data_loss": False}, False),
    ("error_rate > 5% and data_loss", {"data_loss": True}, None),
    ("not data_loss", {}, None),
    ("not data_loss", {"data_loss": False}, True),
    ("impact >= medium", {"impact": "medium"}, True),
    ("impact >= medium", {"impact": "low"}, False),
    ("impact > urgency", {"impact": "high", "urgency": "medium"}, True),
    ("medium < impact", {"impact": "high"}, True),
    ("severity >= error", {"severity": "critical"}, True),
    ("severity >= error", {"severity": "warning"}, False),
    ("level in [P1, P2]", {"level": "P2"}, True),
    ("level not in [P1, P2]", {"level": "P2"}, False),
    ("level in [P1]", {}, None),
    ("bucket == no", {"bucket": "no"}, True),
    ("response_time > 2 * usual(response_time)", {"response_time": timedelta(milliseconds=801)}, True),
    ("response_time > 2 * usual(response_time)", {"response_time": timedelta(milliseconds=799)}, False),
    ("lasted >= 1h", {"lasted": timedelta(minutes=60)}, True),
    ("users / 0 > 1", {"users": 5.0}, None),
    ("users * users * users * users * 999999999999 > 1", {"users": 1e80}, None),
    ("lasted * 999999999999 > 1h", {"lasted": timedelta(days=9999)}, True),
    ("users > -5", {"users": -4.0}, True),
    ("region == component", {"region": "a", "component": "a"}, True),
    ("yes", {}, True),
]


@pytest.mark.parametrize(("text", "values", "wanted"), HOLDS)
def test_a_condition_holds_or_not_or_is_not_known(
    text: str, values: dict[str, FactValue], wanted: bool | None
) -> None:
    assert holds(text, **values) is wanted


def test_needs_are_the_facts_it_looks_at_and_not_what_they_usually_are() -> None:
    found = condition_of("response_time > 2 * usual(users) * 1s or not (data_loss and level in [P1])", FACTS)
    assert found.needs == {"response_time", "data_loss", "level"}


@pytest.mark.parametrize(
    ("yaml", "column"),
    [
        ("when: eror_rate > 5%", 7),
        ("when: data_loss or eror_rate > 5%", 20),
        ("when: 'data_loss or eror_rate > 5%'", 21),
        ('when: "data_loss or \\x65ror_rate > 5%"', 7),
        ("when: data_loss or\n  eror_rate > 5%", 7),
        ("when: 'region == ''x'' or eror_rate'", 7),
    ],
)
def test_the_column_is_the_letters_own_or_the_values_where_yaml_hides_it(yaml: str, column: int) -> None:
    document = Document("plan.yaml")
    value = document.mapping(document.parse(yaml, ""))["when"]
    assert read_condition(document, value, FACTS) is None
    (problem,) = document.problems
    assert (problem.line, problem.column, problem.path) == (1, column, "when")


def test_a_list_is_no_condition() -> None:
    document = Document("plan.yaml")
    value: Value = document.parse("[data_loss]", "")
    assert read_condition(document, value, FACTS) is None
    assert [str(one) for one in document.problems] == [
        "plan.yaml:1:1: Text is expected here. Write a word or a line."
    ]


# Whatever people write, and an independent opinion on what it means.

SIGNS_AND_WORDS = "and or not in ( ) [ ] , + - * / == < >= 5 5% 15m usual usual(users) yes é 0"
WORDS = st.sampled_from([*FACTS, *LOW_TO_HIGH, *SIGNS_AND_WORDS.split(" ")])


@given(st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=20).map(" ".join)))
def test_random_text_is_a_condition_or_is_refused(text: str) -> None:
    document = Document("plan.yaml")
    node = yaml.ScalarNode("", text, yaml.Mark("", 0, 0, 0, "", 0), yaml.Mark("", 0, 0, len(text), "", 0))
    found = read_condition(document, Value(node, "when"), FACTS)
    if found is not None:
        assert found.holds({}) in (True, False, None)
    else:
        (problem,) = document.problems
        assert 1 <= problem.column <= len(text) + 1
        assert re.fullmatch(r".+\. .+[.?]", f"{problem.message} {problem.remedy}", re.DOTALL)


class Maybe:
    """Three values for Python's own operators: yes 1, no 0, not known a half; `&` is the least of them."""

    def __init__(self, worth: float) -> None:
        self.worth = worth

    def __and__(self, other: Maybe) -> Maybe:
        return Maybe(min(self.worth, other.worth))

    def __or__(self, other: Maybe) -> Maybe:
        return Maybe(max(self.worth, other.worth))

    def __invert__(self) -> Maybe:
        return Maybe(1 - self.worth)


class Amount:
    """A number that may not be known, for Python's own operators; comparing gives a Maybe."""

    def __init__(self, value: float | None) -> None:
        self.value = value

    def _by(self, other: Amount, function: Callable[[Any, Any], Any]) -> Any:
        known = self.value is not None and other.value is not None
        return function(self.value, other.value) if known else None

    def __add__(self, other: Amount) -> Amount:
        return Amount(self._by(other, operator.add))

    def __sub__(self, other: Amount) -> Amount:
        return Amount(self._by(other, operator.sub))

    def __mul__(self, other: Amount) -> Amount:
        return Amount(self._by(other, operator.mul))

    def __neg__(self) -> Amount:
        return Amount(None if self.value is None else -self.value)

    def is_(self, sign: str, other: Amount) -> Maybe:
        held = self._by(other, SIGNS[sign])
        return Maybe(0.5 if held is None else held)


SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
Both = tuple[str, str]
"""A condition, and the same as Python would have it."""


def amounts(names: list[str], unit: str) -> st.SearchStrategy[Both]:
    named = st.sampled_from(names).map(lambda name: (name, name.replace("(", "_").rstrip(")")))
    leaves = named | st.integers(0, 50).map(lambda number: (f"{number}{unit}", f"Amount({number})"))
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            joined(inner, {"+": "+", "-": "-"}),
            joined(inner, {"+": "+", "-": "-"}).map(lambda both: (f"({both[0]})", f"({both[1]})")),
            st.tuples(inner, st.integers(0, 9)).map(
                lambda two: (f"({two[0][0]}) * {two[1]}", f"({two[0][1]}) * Amount({two[1]})")
            ),
            inner.map(lambda both: (f"-({both[0]})", f"-({both[1]})")),
        ),
        max_leaves=4,
    )


def joined(inner: st.SearchStrategy[Both], words: Mapping[str, str]) -> st.SearchStrategy[Both]:
    return st.tuples(inner, st.sampled_from(sorted(words)), inner).map(
        lambda three: (
            f"{three[0][0]} {three[1]} {three[2][0]}",
            f"{three[0][1]} {words[three[1]]} {three[2][1]}",
        )
    )


def compared(inner: st.SearchStrategy[Both]) -> st.SearchStrategy[Both]:
    return st.tuples(inner, st.sampled_from(sorted(SIGNS)), inner).map(
        lambda three: (
            f"{three[0][0]} {three[1]} {three[2][0]}",
            f"({three[0][1]}).is_({three[1]!r}, {three[2][1]})",
        )
    )


def member(names: list[str]) -> Both:
    either = " | ".join(f"(impact).is_('==', {name})" for name in names)
    return f"impact in [{', '.join(names)}]", f"({either})"


CHOICES = st.sampled_from(["impact", "urgency"]).map(lambda name: (name, name))
MEMBERS = st.lists(st.sampled_from(LOW_TO_HIGH), min_size=1).map(member)
CONDITIONS = st.recursive(
    st.one_of(
        compared(amounts(["users", "usual(users)"], "")),
        compared(amounts(["error_rate", "users_affected"], "%")),
        compared(amounts(["lasted", "response_time"], "s")),
        compared(CHOICES),
        MEMBERS,
        MEMBERS.map(lambda both: (both[0].replace(" in ", " not in "), f"(~{both[1]})")),
        st.sampled_from(["data_loss", "security"]).map(lambda name: (name, name)),
    ),
    lambda inner: st.one_of(
        joined(inner, {"and": "&", "or": "|"}),
        joined(inner, {"and": "&", "or": "|"}).map(lambda both: (f"({both[0]})", f"({both[1]})")),
        inner.map(lambda both: (f"(not ({both[0]}))", f"(~({both[1]}))")),
    ),
    max_leaves=6,
).filter(lambda both: len(both[0]) <= limits.CONDITION_CHARACTERS)
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "users": st.integers(0, 50).map(float),
        "error_rate": st.integers(0, 50).map(float),
        "users_affected": st.integers(0, 50).map(float),
        "lasted": st.integers(0, 50).map(lambda seconds: timedelta(seconds=seconds)),
        "response_time": st.integers(0, 50).map(lambda seconds: timedelta(seconds=seconds)),
        "impact": st.sampled_from(LOW_TO_HIGH),
        "urgency": st.sampled_from(LOW_TO_HIGH),
        "data_loss": st.booleans(),
        "security": st.booleans(),
    },
)


@given(CONDITIONS)
def test_printing_and_reading_again_gives_the_same(both: Both) -> None:
    tree = parse(both[0], FACTS)
    assert parse(written(tree), FACTS) == tree


@given(CONDITIONS, VALUES)
def test_a_condition_means_what_python_would_make_of_it(both: Both, values: dict[str, FactValue]) -> None:
    names: dict[str, Any] = {"Amount": Amount, "usual_users": Amount(200.0)}
    names |= {choice: Amount(rank) for rank, choice in enumerate(LOW_TO_HIGH)}
    for name in ("users", "error_rate", "users_affected", "lasted", "response_time"):
        value = values.get(name)
        names[name] = Amount(value.total_seconds() if isinstance(value, timedelta) else value)  # type: ignore[arg-type]
    for name in ("impact", "urgency"):
        names[name] = Amount(LOW_TO_HIGH.index(str(values[name])) if name in values else None)
    for name in ("data_loss", "security"):
        names[name] = Maybe(float(bool(values[name])) if name in values else 0.5)
    wanted = eval(both[1], {"__builtins__": {}}, names).worth  # noqa: S307  # a text of our own making
    assert condition_of(both[0], FACTS).holds(known(**values)) is {1: True, 0: False}.get(wanted)
