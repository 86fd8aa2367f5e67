"""`tocsin plan check`: what is wrong with a plan as a whole, each with its place and its remedy."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.plan.cases import cases
from tocsin.edges.channels.email import EmailChannel
from tocsin.edges.channels.mailbox import MailboxChannel
from tocsin.edges.channels.webhook import WebhookChannel
from tocsin.plan.about import OURS
from tocsin.plan.checks import check
from tocsin.plan.people import read_people
from tocsin.plan.problems import PlanRefused

NOW = datetime(2026, 2, 2, 12, tzinfo=UTC)
SOUND = """\
plan: Harbour
about: {reviewed: 2026-01-19, review_every: 1 year}
levels:
  P1:
    acknowledge_within: 10m
    repeat_every: 10m
    ladder:
      - {after: 0m, page: "on call: primary"}
      - {unanswered: 5m, page: ana}
      - {stalled: 30m, page: "role: Lead", stage: Second}
      - {by_hand: true, page: "team: everybody"}
    updates:
      staff: {every: 30m, by: [email], to: "team: everybody"}
  P2: {urgent: false}
classify:
  - {severity: critical, level: P1}
  - {severity: warning, level: P2}
progress: {warn_before: 5m}
stages:
  Second: {tasks: [Ask for help]}
roles:
  Lead: {for: ana, not_with: [Scribe]}
  Scribe: {for: ben}
teams: {everybody: [ana, ben]}
rotas:
  primary: {people: [ana, ben], shift: 1w, starts: "2026-01-05 09:00"}
catch_all: [ana]
promises:
  Over: {within: 2h, kept_by: resolved}
notify:
  - {after: 0m, by: [email]}
messages:
  news: {to: staff, asks: [cause]}
runbooks: [restart]
"""
FILES = {"messages/news.md": "It is {{cause}}.\n", "runbooks/restart.md": "# Restart\n"}
PEOPLE = """\
ana: {name: Ana Costa, channels: {email: ana@example.com}}
ben: {name: Ben Okafor, channels: {email: ben@example.com}}
"""


def checked(
    text: str, people: str | None = PEOPLE, now: datetime = NOW, files: Mapping[str, str] = FILES
) -> list[str]:
    return [str(one) for one in check({"plan.yaml": text, **files}, now, people).problems]


def test_the_sound_plan_has_neither_problems_nor_warnings() -> None:
    assert checked(SOUND) == []


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("primary", '`primary` is a rota, not a person. Write "on call: primary".'),
        ("On call: primary", '`On call: primary` is not how a target is spelled. Write "on call: primary".'),
        ("on call: none", "There is no rota `none`. Rotas are: primary."),
        ("a, b", '`a, b` can not be the id of a person. Write an id from people.yaml, or "on call: ROTA".'),
        ("zoe", "There is no person `zoe`. Add them to people.yaml, or name somebody else."),
    ],
)
def test_a_target_that_is_none_is_complained_of_once(target: str, sentence: str) -> None:
    (said,) = checked(SOUND.replace("unanswered: 5m, page: ana", f'unanswered: 5m, page: "{target}"'))
    assert said.split(": ", 2)[2] == sentence


def test_a_target_without_its_space_is_used_all_the_same() -> None:
    assert checked(SOUND.replace("on call: primary", "on call:primary")) == []


def test_people_whom_nothing_reaches_are_warned_of() -> None:
    people = PEOPLE.replace("email: ana@example.com", 'phone: "+999 1234", sms: "+999 1234"')
    people = people.replace("{email: ben@example.com}", "{}")
    described = SOUND + "channels: {phone: {at: our provider}, sms: {at: our provider}}\n"
    remedy = "Give them an e-mail address or a webhook in `channels`."
    assert checked(described, people) == [
        "people.yaml:1:6: ana: Warning: phone, sms: Tocsin sends nothing by these yet; "
        f"Ana Costa is reached by nothing else. {remedy}",
        f"people.yaml:2:6: ben: Warning: Ben Okafor has no channel. {remedy}",
    ]


LATE = "Begin `rules` with `after: 0m`."


@pytest.mark.parametrize(
    ("first", "within", "said"),
    [
        pytest.param("0m", "10m", "", id="at once"),
        pytest.param("9m", "10m", "", id="in time"),
        pytest.param("10m", "10m", "Ben Okafor hears of a page after 10 min", id="when it is over"),
        pytest.param("30m", "10m", "Ben Okafor hears of a page after 30 min", id="long after"),
    ],
)
def test_rules_that_begin_too_late_are_warned_of(first: str, within: str, said: str) -> None:
    rules = f"rules: [{{after: {first}, by: [email]}}]}}"
    people = PEOPLE.replace("ben@example.com}}", f"ben@example.com}}, {rules}")
    when = f"when `P1` is to be acknowledged within {within[:-1]} min"
    place = "people.yaml:2:68: ben.rules: Warning"
    assert checked(SOUND, people) == ([f"{place}: {said}, {when}. {LATE}"] if said else [])


def test_every_channel_that_is_ours_can_be_sent_by() -> None:
    media = (EmailChannel, MailboxChannel, WebhookChannel)
    assert tuple(one.name for one in media) == OURS


CASES = cases("doubtful_plans.txt", SOUND)


@pytest.mark.parametrize(("text", "sentences"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_what_is_wrong_or_hardly_meant_is_said_with_its_place(text: str, sentences: list[str]) -> None:
    assert checked(text) == sentences


def test_a_file_that_the_plan_does_not_name_is_warned_of() -> None:
    assert checked(SOUND, files=FILES | {"messages/olds.md": "Old.\n"}) == [
        "messages/olds.md:1:1: Warning: The plan does not name this file. "
        "Name it in `messages`, or delete it."
    ]


def test_a_question_whose_answer_goes_nowhere_is_warned_of() -> None:
    assert checked(SOUND, files=FILES | {"messages/news.md": "It is over.\n"}) == [
        "plan.yaml:33:9: messages.news: Warning: People are asked for `cause`, which the text does not use. "
        "Write {{cause}} into messages/news.md."
    ]


def test_an_empty_file_is_a_problem() -> None:
    assert checked(SOUND, files=FILES | {"runbooks/restart.md": " \n"}) == [
        "runbooks/restart.md:1:1: The file is empty. Write its text."
    ]


def test_a_turn_that_falls_into_a_change_of_clocks_is_warned_of() -> None:
    text = SOUND.replace("plan: Harbour", "plan: Harbour\nzone: Asia/Seoul")
    text = text.replace('"2026-01-05 09:00"', '"2026-01-04 01:30", zone: Europe/Lisbon')
    assert checked(text) == [
        "plan.yaml:27:12: rotas.primary: Warning: primary changes at Sun 2026-03-29 01:30 Europe/Lisbon, "
        "which is skipped that day: it changes at 02:00. "
        "It is so 2 times in the time that is looked at. "
        "Choose an hour that the clocks neither skip nor repeat."
    ]


def test_problems_of_the_people_come_with_those_of_the_plan() -> None:
    people = PEOPLE.replace("Ben Okafor", "TBD")
    assert checked(SOUND.replace("every: 30m", "every: soon"), people) == [
        "people.yaml:2:13: ben.name: `TBD` is not filled in. Write what is true of this person.",
        "plan.yaml:13:22: levels.P1.updates.staff.every: A length of time is expected here. "
        "Write it like 90s, 5m, 2h, 1d or 1w.",
    ]


@pytest.mark.parametrize(
    ("file", "count", "first"),
    [
        (
            "abada.yaml",
            10,
            "people.yaml:3:9: on-call-primary.name: `TBD` is not filled in. "
            "Write what is true of this person.",
        ),
        (
            "listcutter.yaml",
            2,
            "people.yaml:3:9: incident-commander.name: `[Name]` is not filled in. "
            "Write what is true of this person.",
        ),
    ],
)
def test_the_contacts_of_the_written_plans_are_rejected(file: str, count: int, first: str) -> None:
    text = (Path(__file__).parent / "contacts" / file).read_text(encoding="utf-8")
    with pytest.raises(PlanRefused) as refused:
        read_people(text)
    assert len(refused.value.problems) == count
    assert str(refused.value.problems[0]) == first


@pytest.mark.parametrize("number", ["+82-10-xxxx-xxxx", "+49 30 ****", "(555) 01XX", "+44 20 ____ 1234"])
def test_masked_numbers_are_no_numbers(number: str) -> None:
    with pytest.raises(PlanRefused) as refused:
        read_people(f'ana: {{name: Ana, channels: {{phone: "{number}"}}}}')
    assert str(refused.value).endswith(f"The number `{number}` is masked. Write every digit.")


@pytest.mark.parametrize(
    "step",
    ["{unanswered: 5m, page: ana}", '{after: 5m, page: "next of: everybody"}', "{stalled: 40m, page: ana}"],
)
def test_a_step_that_stands_twice_to_page_again_or_somebody_else_is_meant(step: str) -> None:
    twice = SOUND.replace("{unanswered: 5m, page: ana}", f"{step}\n      - {step}")
    assert not [one for one in checked(twice) if "the same as" in one]
