"""people.yaml to contacts, and whom a plan names who is not among them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.core.directory import Address, Contact
from tocsin.core.model import PersonId
from tocsin.core.policy import NotifyRule, Person
from tocsin.plan.people import missing_people, read_people
from tocsin.plan.problems import PlanRefused
from tocsin.plan.read import compile_files, load_directory

DEMO = Path(__file__).parents[2] / "src/tocsin/demo"
ANA = "ana: {name: Ana, email: ana@example.com, channels: {email: ana@example.com}}\n"


def problems(text: str) -> list[str]:
    """Every problem of people who must be refused."""
    with pytest.raises(PlanRefused) as refused:
        read_people(text)
    return [str(one) for one in refused.value.problems]


def test_the_people_of_the_demo_are_exactly_these() -> None:
    people = read_people((DEMO / "people.yaml").read_text(encoding="utf-8"))
    zones = {"ana": "Lisbon", "ben": "London", "chloe": "Paris", "dara": "Dublin"}
    names = ("Ana Costa", "Ben Okafor", "Chloe Martin", "Dara Nolan")
    assert people == [
        Contact(
            PersonId(id),
            name,
            f"{id}@example.com",
            f"Europe/{zone}",
            {"mailbox": Address(f"{id}@example.com")},
        )
        for (id, zone), name in zip(zones.items(), names, strict=True)
    ]


def test_the_plan_of_the_demo_names_nobody_else() -> None:
    people = read_people((DEMO / "people.yaml").read_text(encoding="utf-8"))
    assert missing_people(compile_files(load_directory(DEMO)), (one.id for one in people)) == []


def test_a_person_may_have_addresses_with_secrets_and_rules_of_their_own() -> None:
    text = """
ben:
  name: Ben
  channels:
    webhook: {to: "https://ben.example.com/hook?x=1", secret: whsec_x}
    sms: +44 20 7946 0000
  rules:
    - {after: 0m, by: [sms]}
    - {after: 2m, by: [webhook, sms]}
"""
    channels = {
        "webhook": Address("https://ben.example.com/hook?x=1", "whsec_x"),
        "sms": Address("+44 20 7946 0000"),
    }
    rules = (
        NotifyRule(timedelta(0), ("sms",)),
        NotifyRule(timedelta(minutes=2), ("webhook", "sms")),
    )
    (ben,) = read_people(text)
    assert ben == Contact(PersonId("ben"), "Ben", "", "UTC", channels, rules)
    assert ben.as_person(frozenset({"sms", "email"})) == Person(
        PersonId("ben"), "Ben", frozenset({"sms"}), rules
    )


MAIL = "Write it like ana@example.com."
HOOK = "Write it like https://example.com/hook."
BROKEN: list[tuple[str, str, list[str]]] = [
    ("empty file", "", ["1:1: The file is empty. Start with `ana: {name: Ana Costa}`."]),
    ("nobody", "{}", ["1:1: A team needs at least one person. Write `ana: {name: Ana Costa}`."]),
    ("a list", "- ana\n- ben\n", ["1:1: A mapping is expected here. Write `name: value` lines."]),
    (
        "a person of one word",
        "ana: Ana",
        ["1:6: ana: A mapping is expected here. Write `name: value` lines."],
    ),
    ("no name", "ana: {email: a@example.com}", ["1:6: ana: `name` is missing. Add `name: ...` here."]),
    ("twice", ANA + ANA, ["2:1: ana: `ana` stands here twice. Keep one of them."]),
    (
        "an unknown key",
        "ana: {name: Ana, phone: 1}",
        ["1:18: ana.phone: `phone` means nothing here. Use one of: name, email, zone, channels, rules."],
    ),
    (
        "an odd id",
        '"ana, ben": {name: Ana}',
        [
            "1:13: ana, ben: `ana, ben` can not be used as a name. "
            "Use up to 64 letters, digits, spaces and . - _ @ +."
        ],
    ),
    (
        "an unknown zone",
        "ana: {name: Ana, zone: Lisbon}",
        ["1:24: ana.zone: There is no time zone `Lisbon`. Use an IANA name such as Europe/London."],
    ),
    (
        "an e-mail without an at",
        "ana: {name: Ana, email: ana}",
        [f"1:25: ana.email: This is no e-mail address. {MAIL}"],
    ),
    (
        "an e-mail of two lines",
        'ana: {name: Ana, email: "a@example.com\\nBcc: b@example.com"}',
        ["1:25: ana.email: This must be a single line. Take out line breaks and control characters."],
    ),
    (
        "an e-mail for two",
        "ana: {name: Ana, channels: {email: 'a@example.com, b@example.com'}}",
        [f"1:36: ana.channels.email: This is no e-mail address. {MAIL}"],
    ),
    (
        "an e-mail with a name",
        "ana: {name: Ana, channels: {email: {to: 'Ana <a@example.com>'}}}",
        [f"1:41: ana.channels.email.to: This is no e-mail address. {MAIL}"],
    ),
    (
        "a webhook without a scheme",
        "ana: {name: Ana, channels: {webhook: example.com/hook}}",
        [f"1:38: ana.channels.webhook: This is no address of a webhook. {HOOK}"],
    ),
    (
        "a webhook of another scheme",
        "ana: {name: Ana, channels: {webhook: 'file:///etc/passwd'}}",
        [f"1:38: ana.channels.webhook: This is no address of a webhook. {HOOK}"],
    ),
    (
        "a webhook with a password",
        "ana: {name: Ana, channels: {webhook: 'https://ana:x@example.com/'}}",
        [f"1:38: ana.channels.webhook: This is no address of a webhook. {HOOK}"],
    ),
    (
        "a webhook without an address",
        "ana: {name: Ana, channels: {webhook: {secret: x}}}",
        ["1:38: ana.channels.webhook: `to` is missing. Add `to: ...` here."],
    ),
    (
        "an empty address",
        "ana: {name: Ana, channels: {sms: ''}}",
        ["1:34: ana.channels.sms: Text is expected here. Write a word or a line."],
    ),
    (
        "a list of addresses",
        "ana: {name: Ana, channels: {sms: [1, 2]}}",
        ["1:34: ana.channels.sms: A mapping is expected here. Write `name: value` lines."],
    ),
    (
        "a rule for a channel that is not there",
        "ana: {name: Ana, channels: {sms: '1'}, rules: [{after: 0m, by: [smss, call]}]}",
        [
            "1:47: ana.rules: `ana` has no channel call, smss. "
            "Add it to `channels`, or take it out of `rules`."
        ],
    ),
    (
        "a rule without a channel",
        "ana: {name: Ana, rules: [{after: 0m, by: []}]}",
        ["1:42: ana.rules[1].by: No channel is named here. Write it like [email]."],
    ),
    (
        "one address for two people",
        ANA + "ben: {name: Ben, email: ANA@example.com}",
        [
            "2:6: ben: `ANA@example.com` is the e-mail address of `ana` too. "
            "Give everybody an address of their own."
        ],
    ),
    (
        "several at once",
        "ana: {name: Ana, email: ana}\nben: {zone: Mars}\n",
        [
            f"1:25: ana.email: This is no e-mail address. {MAIL}",
            "2:6: ben: `name` is missing. Add `name: ...` here.",
            "2:13: ben.zone: There is no time zone `Mars`. Use an IANA name such as Europe/London.",
        ],
    ),
    (
        "an alias",
        "ana: &a {name: Ana}\nben: *a\n",
        ["2:6: YAML aliases (*name) are not allowed. Write the value out."],
    ),
    (
        "too deep",
        "[" * 10_000,
        ["1:21: This is nested more than 20 levels deep. A plan needs no more than five."],
    ),
    (
        "too long",
        "#" * 2_000_000,
        ["1:1: The file is larger than 1024 KiB. Move prose into Markdown files."],
    ),
]


@pytest.mark.parametrize(("text", "sentences"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_broken_people_are_refused_with_whole_sentences(text: str, sentences: list[str]) -> None:
    assert problems(text) == [f"people.yaml:{sentence}" for sentence in sentences]


PLAN = """\
plan: Harbour
levels:
  P1:
    repeat_every: 10m
    ladder:
      - {after: 0m, page: "on call: primary"}
      - {after: 5m, page: [ana, zoe]}
      - {after: 9m, page: zoe}
rotas:
  primary: {people: [ana, zoe, zoe, yan], starts: "2026-01-05 09:00"}
catch_all: [zoe]
"""


def test_whoever_the_plan_names_and_nobody_knows_is_told_with_every_place() -> None:
    policy = compile_files({"plan.yaml": PLAN})
    assert missing_people(policy, [PersonId("ana")]) == [
        "There is no person `zoe`, whom the plan names in rota primary, step 2 of P1, step 3 of P1, "
        "catch_all. Add them to people.yaml.",
        "There is no person `yan`, whom the plan names in rota primary. Add them to people.yaml.",
    ]
    assert missing_people(policy, map(PersonId, ("ana", "yan", "zoe", "ben"))) == []


DEMO_TEXT = (DEMO / "people.yaml").read_text(encoding="utf-8")
SCRAPS = st.one_of(
    st.text(max_size=20), st.sampled_from([":", "\n", "{", "}", "[", "'", "&a", "*a", "\0", "~"])
)


@settings(max_examples=200, deadline=timedelta(seconds=5))
@given(
    st.lists(st.tuples(st.integers(0, len(DEMO_TEXT)), st.integers(0, 30), SCRAPS), min_size=1, max_size=3)
)
def test_any_damage_to_people_reads_or_is_refused(damage: list[tuple[int, int, str]]) -> None:
    text = DEMO_TEXT
    for at, length, scrap in damage:
        text = text[:at] + scrap + text[at + length :]
    read, refused = 0, 0
    try:
        read = len(read_people(text))
    except PlanRefused as raised:
        refused = len(raised.problems)
    assert bool(read) != bool(refused)
