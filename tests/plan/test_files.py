"""A plan directory: what of it is read, and what is refused."""

from __future__ import annotations

from os import mkfifo
from pathlib import Path

import pytest

from tocsin import limits
from tocsin.plan.files import load_directory, version_of
from tocsin.plan.problems import PlanRefused


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    folder = tmp_path / "plan"
    for name in ("messages", "runbooks"):
        (folder / name).mkdir(parents=True)
    (folder / "plan.yaml").write_text("plan: Harbour\n")
    return folder


def refused(plan: Path) -> list[str]:
    with pytest.raises(PlanRefused) as raised:
        load_directory(plan)
    return [str(one) for one in raised.value.problems]


def test_messages_and_runbooks_are_part_of_the_plan_and_of_its_version(plan: Path) -> None:
    before = version_of(load_directory(plan))
    (plan / "messages/news.md").write_text("News.\n")
    (plan / "runbooks/restart.md").write_text("# Restart\n")
    files = load_directory(plan)
    assert list(files) == ["plan.yaml", "messages/news.md", "runbooks/restart.md"]
    assert version_of(files) != before


def test_nothing_else_is_read(plan: Path) -> None:
    (plan / "people.yaml").write_text("ana: {name: Ana}\n")
    (plan / "notes.md").write_text("Ours.\n")
    (plan / "messages/draft.txt").write_text("Ours.\n")
    assert list(load_directory(plan)) == ["plan.yaml"]


def test_every_file_that_can_not_be_read_is_told_at_once(plan: Path) -> None:
    (plan / "messages/latin.md").write_bytes(b"Caf\xe9\n")
    (plan / "runbooks/large.md").write_bytes(b"x" * 10_000_000)
    (plan / "runbooks/folder.md").mkdir()
    assert refused(plan) == [
        "messages/latin.md:1:4: Byte 3 is not UTF-8. Save the file as UTF-8.",
        f"runbooks/folder.md:1:1: {plan / 'runbooks/folder.md'} can not be read: Is a directory. "
        "Check the file and its rights.",
        "runbooks/large.md:1:1: The file is larger than 1024 KiB. Move prose into Markdown files.",
    ]


@pytest.mark.parametrize("target", ["/etc/hostname", "../secret.md", "/dev/zero"])
def test_a_link_that_leads_out_of_the_directory_is_refused(plan: Path, target: str) -> None:
    (plan.parent / "secret.md").write_text("secret\n")
    (plan / "messages/link.md").symlink_to(target if target[0] == "/" else plan.parent / "secret.md")
    assert refused(plan) == [
        "messages/link.md:1:1: messages/link.md leads out of the plan's directory. Put the file itself there."
    ]


def test_a_link_to_itself_is_a_problem(plan: Path) -> None:
    (plan / "messages/a.md").symlink_to("a.md")
    assert refused(plan) == [
        f"messages/a.md:1:1: {plan / 'messages/a.md'} can not be read: Too many levels of symbolic links. "
        "Check the file and its rights."
    ]


def test_a_pipe_is_a_problem_and_nobody_waits_for_it(plan: Path) -> None:
    (plan / "plan.yaml").unlink()
    mkfifo(plan / "plan.yaml")
    assert refused(plan) == [
        f"plan.yaml:1:1: {plan / 'plan.yaml'} can not be read: It is no regular file. "
        "Check the file and its rights."
    ]


def test_the_file_instead_of_its_directory_is_refused(plan: Path) -> None:
    assert refused(plan / "plan.yaml") == [
        f"plan.yaml:1:1: {plan / 'plan.yaml'} is a file. Name the directory that holds it, `{plan}`."
    ]


def test_a_link_inside_the_directory_is_followed(plan: Path) -> None:
    (plan / "runbooks/restart.md").write_text("# Restart\n")
    (plan / "runbooks/again.md").symlink_to(plan / "runbooks/restart.md")
    assert load_directory(plan)["runbooks/again.md"] == "# Restart\n"


def test_a_plan_of_too_many_files_is_refused(plan: Path) -> None:
    for number in range(limits.PLAN_FILES + 5):
        (plan / f"messages/{number:03d}.md").write_text("x\n")
    assert refused(plan) == [
        "plan.yaml:1:1: The plan has more than 500 files. Take out what the plan does not name."
    ]
