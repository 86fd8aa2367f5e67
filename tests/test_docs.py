"""The documents say what is so: generated pages are current, links lead somewhere, examples work."""

from __future__ import annotations

import base64
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from standardwebhooks import Webhook

from scripts import docs
from scripts.reference.api import addresses
from scripts.reference.commands import commands
from tocsin import limits
from tocsin.cli.parser import build_parser
from tocsin.core import history
from tocsin.core.incident import Status
from tocsin.core.model import DeadlineState, Outcome
from tocsin.plan import people, read
from tocsin.plan.language import PLAN
from tocsin.plan.problems import PlanRefused
from tocsin.plan.shape import tables
from tocsin.settings import SETTINGS

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
PLAN_PAGE = ROOT / "docs" / "plan" / "README.md"
WRITTEN_BY_HAND = sorted(
    path
    for path in (
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        ROOT / "guard" / "README.md",
        *ROOT.glob("examples/*/README.md"),
    )
    if REFERENCE not in path.parents
)
ALL = [*WRITTEN_BY_HAND, *sorted(REFERENCE.glob("*.md"))]

_FENCE = re.compile(r"^([ ]*)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_SETS_A_VARIABLE = re.compile(r"[A-Z_]+=\S*")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@dataclass(frozen=True)
class Block:
    """A fenced block of a document."""

    path: Path
    language: str
    text: str


@cache
def blocks(path: Path) -> tuple[Block, ...]:
    text = path.read_text(encoding="utf-8")
    return tuple(Block(path, found[2], found[3]) for found in _FENCE.finditer(text))


def prose(path: Path) -> str:
    """The text without its fenced blocks, in which brackets are no links."""
    return _FENCE.sub("", path.read_text(encoding="utf-8"))


def block(path: str, language: str, number: int = 0) -> str:
    return [one.text for one in blocks(ROOT / path) if one.language == language][number]


# The reference.


def test_the_reference_is_what_the_code_says() -> None:
    problems = docs.drifted(docs.written())
    assert not problems, "\n".join([*problems, docs.REMEDY])


def test_the_check_names_the_page_and_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "limits.md").write_text("old")
    (tmp_path / "left-over.md").write_text("old")
    pages = {"limits.md": "new", "cli.md": "new"}
    assert docs.drifted(pages, tmp_path) == [
        "docs/reference/limits.md is not what the code says now.",
        "docs/reference/cli.md is missing.",
        "docs/reference/left-over.md is written by nothing; delete it.",
    ]


def test_writing_twice_gives_the_same_bytes() -> None:
    assert docs.written() == docs.written()


def test_every_setting_command_and_limit_is_in_the_reference() -> None:
    told = {path.name: path.read_text(encoding="utf-8") for path in REFERENCE.glob("*.md")}
    lacking = [one.name for one in SETTINGS if f"| `{one.name}` |" not in told["settings.md"]]
    lacking += [one.words for one in commands(build_parser()) if f"## {one.words}\n" not in told["cli.md"]]
    lacking += [name for name in vars(limits) if name.isupper() and f"`{name}`" not in told["limits.md"]]
    assert not lacking


# Links.


def anchors(path: Path) -> set[str]:
    """As GitHub makes them: lower case, no punctuation, hyphens for spaces."""
    heads = (re.sub(r"[`*]", "", head).strip().lower() for head in _HEADING.findall(prose(path)))
    return {re.sub(r"[^\w\- ]", "", head).replace(" ", "-") for head in heads}


def broken_links(path: Path) -> Iterator[str]:
    for link in _LINK.findall(prose(path)):
        parts = urlsplit(link)
        if parts.scheme:
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        inside = target.is_relative_to(ROOT)
        if not inside or not target.exists():
            yield f"{name_of(path)} links to {link}, which does not exist."
        elif parts.fragment and parts.fragment not in anchors(target):
            yield f"{name_of(path)} links to {link}, and {name_of(target)} has no such heading."


@pytest.mark.parametrize("path", ALL, ids=name_of)
def test_every_link_leads_somewhere(path: Path) -> None:
    assert not list(broken_links(path))


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md" or not page.exists():
            continue
        seen.add(page)
        paths = (urlsplit(link).path for link in _LINK.findall(prose(page)) if not urlsplit(link).scheme)
        waiting += [(page.parent / path).resolve() for path in paths if path]
    assert not {name_of(page) for page in ALL} - {name_of(page) for page in seen}


# Commands.


@dataclass(frozen=True)
class Example:
    """A command line of a document."""

    path: Path
    line: str

    def __str__(self) -> str:
        return f"{name_of(self.path)}: {self.line}"


def examples(path: Path) -> Iterator[Example]:
    """What stands behind a `$` in console blocks."""
    for one in blocks(path):
        if one.language == "console":
            for line in one.text.splitlines():
                if line.lstrip().startswith("$ "):
                    yield Example(path, line.lstrip()[2:])


def words_of(example: Example) -> list[str]:
    words = shlex.split(example.line)
    while words and _SETS_A_VARIABLE.fullmatch(words[0]):
        words.pop(0)
    return words


@cache
def make_targets() -> frozenset[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return frozenset(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))


@cache
def served() -> tuple[re.Pattern[str], ...]:
    """A pattern for each address that a server answers."""
    return tuple(re.compile(re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(path))) for path in addresses())


def fault_of(example: Example) -> str:
    """What is wrong with an example, in words; "" when it names what exists."""
    words = words_of(example)
    if words[0] == "make":
        targets = [word for word in words[1:] if not _SETS_A_VARIABLE.fullmatch(word)]
        unknown = set(targets) - make_targets()
        return f"the Makefile has no target {', '.join(sorted(unknown))}" if unknown else ""
    if words[0].endswith("tocsin"):
        try:
            build_parser().parse_args(words[1:])
        except SystemExit as stopped:
            return "the command line does not know this" if stopped.code else ""
        return ""
    if words[0] == "curl":
        path = urlsplit(next(word for word in words if word.startswith(("http://", "https://")))).path
        return "" if any(one.fullmatch(path or "/") for one in served()) else f"no address {path} is served"
    return "" if words[0] in KNOWN_PROGRAMS else f"{words[0]} is not in KNOWN_PROGRAMS"


KNOWN_PROGRAMS = frozenset({".", "cp", "export", "git", "mkdir", "python3"})

EXAMPLES = [example for path in ALL for example in examples(path)]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_every_example_names_what_exists(example: Example) -> None:
    assert not fault_of(example)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("make coffee", "the Makefile has no target coffee"),
        ("tocsin serve --colour red", "the command line does not know this"),
        ("curl http://127.0.0.1:8080/v3/enqueue", "no address /v3/enqueue is served"),
        ("TOCSIN_KEY=x reboot", "reboot is not in KNOWN_PROGRAMS"),
    ],
)
def test_an_example_that_names_nothing_is_found(line: str, fault: str) -> None:
    assert fault_of(Example(ROOT / "README.md", line)) == fault


def test_the_readme_begins_with_two_commands() -> None:
    assert block("README.md", "console") == "$ make run\n$ make alert\n"


# What the documents show.


def test_the_glossary_has_every_event_state_and_outcome() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    lacking = [name for name in history.EVENT_CLASSES if f"`{name}`" not in text]
    lacking += [state for state in Status if f"\n**{state}.** " not in text]
    lacking += [word for word in (*Outcome, *DeadlineState) if not re.search(rf"\b{word}\b", text, re.I)]
    assert not lacking


def test_the_glossary_is_in_order() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    terms = re.findall(r"^\*\*(.+?)\.\*\*", text, re.MULTILINE)
    assert terms == sorted(set(terms), key=lambda term: term.replace(" ", "").lower())


@pytest.mark.parametrize("path", ["docs/plan/README.md", "docs/start.md"])
def test_the_plans_shown_have_no_problems(path: str) -> None:
    assert read.compile_files({read.PLAN_FILE: block(path, "yaml")}).levels


def test_the_small_plan_to_begin_with_is_checked_as_the_page_says(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(block("docs/start.md", "yaml"), encoding="utf-8")
    checked = subprocess.run(
        [sys.executable, "-m", "tocsin", "plan", "check", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"$ tocsin plan check ./plan\n{checked.stdout}" == block("docs/start.md", "console", 2)


def whole(text: str) -> str:
    """A fragment of plan.yaml put in its place in the whole plan that the plan's page shows."""
    keys = re.findall(r"^(\w+):", text, re.MULTILINE)
    kept = re.split(r"^(?=\w+:)", block("docs/plan/README.md", "yaml"), flags=re.MULTILINE)
    return text + "".join(part for part in kept if part.split(":")[0] not in keys)


def plan_fragments() -> list[str]:
    return [one.text for one in blocks(PLAN_PAGE) if one.language == "yaml"][1:-1]


@pytest.mark.parametrize("text", plan_fragments(), ids=lambda text: text.split(":")[0])
def test_every_key_of_the_plan_is_shown_as_it_is_written(text: str) -> None:
    try:
        read.compile_files({read.PLAN_FILE: whole(text)})
    except PlanRefused as refused:
        # A fragment may name levels, services and rotas that the whole plan has under other names.
        strange = [one for one in refused.problems if not one.message.startswith("There is no ")]
        assert not strange


def test_every_section_and_table_of_the_plan_has_a_heading() -> None:
    headings = set(_HEADING.findall(prose(PLAN_PAGE)))
    shown = set(re.findall(r"^(\w+):", block("docs/plan/README.md", "yaml"), re.MULTILINE))
    assert shown <= PLAN.keys.keys() <= headings
    assert tables(PLAN).keys() - {PLAN.id} <= headings


def test_every_table_of_the_plan_stands_on_its_page() -> None:
    marks = set(re.findall(r"<!-- keys: (.*) -->", PLAN_PAGE.read_text(encoding="utf-8")))
    assert marks == {*tables(PLAN), *tables(people.PERSON)}


@pytest.mark.parametrize(
    ("path", "number"), [("docs/plan/README.md", -1), ("docs/start.md", 1), ("docs/start.md", -1)]
)
def test_the_people_shown_can_be_loaded(path: str, number: int) -> None:
    assert people.read_people(block(path, "yaml", number))


def webhook_check() -> Any:
    """`is_genuine` as docs/start.md shows it."""
    names: dict[str, Any] = {}
    exec(compile(block("docs/start.md", "python"), "docs/start.md", "exec"), names)  # noqa: S102  # our own text
    return names["is_genuine"]


@pytest.mark.parametrize(
    ("changed", "genuine"),
    [({}, True), ({"webhook-id": "msg_2"}, False), ({"webhook-signature": "v1,"}, False)],
)
def test_the_webhook_check_that_is_shown_checks(changed: dict[str, str], genuine: bool) -> None:
    secret = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
    now, body = datetime.now(UTC), '{"type": "page"}'
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", now, body),
    }
    assert webhook_check()(secret, headers | changed, body.encode()) is genuine


@pytest.mark.skipif(shutil.which("promtool") is None, reason="Prometheus is not on this machine")
@pytest.mark.parametrize(("path", "number"), [("docs/start.md", 2), ("docs/operate.md", 0)])
def test_the_rules_shown_are_rules(path: str, number: int, tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(block(path, "yaml", number))
    subprocess.run(["promtool", "check", "rules", str(tmp_path / "rules.yml")], check=True)


@pytest.mark.skipif(shutil.which("amtool") is None, reason="Alertmanager is not on this machine")
def test_the_alertmanager_snippet_is_a_configuration(tmp_path: Path) -> None:
    (tmp_path / "alertmanager.yml").write_text(block("docs/start.md", "yaml", 3))
    subprocess.run(["amtool", "check-config", str(tmp_path / "alertmanager.yml")], check=True)


def test_alert_rules_name_real_metrics() -> None:
    named = set(re.findall(r"\btocsin_\w+", block("docs/operate.md", "yaml")))
    told = (REFERENCE / "metrics.md").read_text(encoding="utf-8")
    assert not {name for name in named if f"`{name}`" not in told}
