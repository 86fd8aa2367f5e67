"""The plan: reading, changing, judging and playing it."""

from __future__ import annotations

from typing import Any

from tocsin import limits
from tocsin.cli.words.parts import command, group, settings


def plan(commands: Any) -> None:
    """Add what there is to do with plans."""
    of_plan = group(commands, "plan", "The response plan.")
    check = command(
        of_plan, "check", "plan.check", "Find every problem of a plan.", "tocsin plan check ./plan"
    )
    check.add_argument(
        "--all", action="store_true", help=f"List all of them. Default: the first {limits.PROBLEMS_SHOWN}"
    )
    show = command(of_plan, "show", "plan.show", "Read a plan aloud.", "tocsin plan show ./plan --markdown")
    show.add_argument("--markdown", action="store_true", help="As Markdown.")
    differs = command(
        of_plan, "diff", "plan.diff", "Say how two plans differ.", "tocsin plan diff ./plan ./plan-new"
    )
    differs.add_argument("before", help="Directory with plan.yaml, or a version of `tocsin plan versions`.")
    differs.add_argument("after", help="The same, of the other plan.")
    apply = command(
        of_plan, "apply", "plan.apply", "Put a plan in force, if it is sound.", "tocsin plan apply ./plan"
    )
    versions = command(
        of_plan,
        "versions",
        "stored_plans.versions",
        "List every plan that was in force.",
        "tocsin plan versions",
    )
    schema = command(
        of_plan, "schema", "plan.schema", "Print the JSON Schema of plan.yaml.", "tocsin plan schema"
    )
    schema.set_defaults(json=True)
    show.add_argument("plan", help="Directory with plan.yaml, or a version of `tocsin plan versions`.")
    for one in (check, apply):
        one.add_argument("directory", help="Directory with plan.yaml.")
    apply.add_argument(
        "--url", help="Put it in force by the API of this server. Default: on this machine's database"
    )
    apply.add_argument("--token", help="API token for --url; better set TOCSIN_TOKEN.")
    for one in (show, differs, apply, versions):
        settings(one)


def severity(commands: Any) -> None:
    """Add what judges."""
    of_severity = group(commands, "severity", "How bad it is by the plan.")
    why = command(
        of_severity,
        "why",
        "severity.why",
        "Judge what is known by a plan: the level, why, and every row that fits.",
        "tocsin severity why ./plan --facts error_rate=25% urgency=high",
    )
    why.add_argument("directory", help="Directory with plan.yaml.")
    why.add_argument(
        "--facts",
        nargs="+",
        default=[],
        metavar="FACT=VALUE",
        help="What is known: facts of the plan, and what an alert says of itself, as severity=error.",
    )
    why.add_argument("--for", dest="lasts", metavar="LENGTH", help="How long all of it holds. Default: 0s")


def rehearse(commands: Any) -> None:
    """Add rehearse."""
    parser = command(
        commands,
        "rehearse",
        "rehearse.run",
        "Play an incident before it happens: who would be told what, and when.",
        'tocsin rehearse ./plan --level P1 --at "2026-11-22T03:00 Asia/Seoul" --ack-after 7m',
    )
    parser.add_argument("directory", help="Directory with plan.yaml, and people.yaml if there is one.")
    parser.add_argument(
        "--level", help="How bad it is. Default: the worst level, or what an alert of the script has."
    )
    parser.add_argument("--at", help="When it begins, in the plan's zone or the one named. Default: now")
    parser.add_argument("--facts", nargs="+", default=[], metavar="FACT=VALUE", help="What is known of it.")
    parser.add_argument("--service", help="What breaks. Default: the plan's first service")
    parser.add_argument("--for", dest="lasts", metavar="LENGTH", help="How long to play. Default: 2h")
    people = parser.add_mutually_exclusive_group()
    people.add_argument("--nobody-answers", action="store_true", help="So it is, if nothing else is said.")
    people.add_argument("--ack-after", metavar="LENGTH", help="Whoever is paged answers this much later.")
    parser.add_argument("--script", metavar="FILE", help="What people, sources and channels do.")
    parser.add_argument("--expect", metavar="FILE", help="What must come of it, or the exit code is 1.")
    parser.add_argument("--all", action="store_true", help="Run every file in rehearsals/ instead.")
    parser.add_argument("--markdown", action="store_true", help="Print a table for a document.")
