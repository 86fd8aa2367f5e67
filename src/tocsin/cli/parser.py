"""Every command with its words. What a command does is loaded only when it runs, so that help is quick."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module
from typing import Any

from tocsin import __version__
from tocsin.core.deeds import DECLARE, OF_AN_INCIDENT, Blank, Deed
from tocsin.settings import SETTINGS

Parsed = argparse.Namespace

AN_INCIDENT = "INC-20261123-001"
"""What the examples call theirs."""

UNLESS_SAID = {"default": argparse.SUPPRESS}
"""Below a command that runs by itself: what was said before the name of this one stands."""


def build_parser() -> argparse.ArgumentParser:
    """The parser for the whole command line."""
    parser = argparse.ArgumentParser(
        prog="tocsin",
        description="The incident response plan you can run.",
        epilog="Try it: tocsin serve --demo",
    )
    parser.add_argument("--version", action="version", version=f"tocsin {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _server(commands)
    _plan(commands)
    _rehearse(commands)
    _severity(commands)
    _directory(commands)
    _incidents(commands)
    _on_call(commands)
    return parser


def _server(commands: Any) -> None:
    serve = _command(commands, "serve", "server.serve", "Run the server.", "tocsin serve --plan ./plan")
    serve.add_argument("--demo", action="store_true", help="Example plan, invented people, local mailbox.")
    _settings(serve)
    doctor = _command(
        commands, "doctor", "doctor.doctor", "Check this server's set-up.", "tocsin doctor --data ./data"
    )
    _settings(doctor)
    backup = _command(
        commands,
        "backup",
        "copies.backup",
        "Copy everything into one file, online.",
        "tocsin backup all.tocsin",
    )
    backup.add_argument("file", help="The file to write.")
    _settings(backup)
    restore = _command(
        commands,
        "restore",
        "copies.restore",
        "Load a backup into an empty database, of either kind.",
        "tocsin restore all.tocsin --database postgresql://tocsin@db.example.com/tocsin",
    )
    restore.add_argument("file", help="The backup to read.")
    restore.add_argument("--verify", action="store_true", help="Only check the file; load nothing.")
    _settings(restore)


def _severity(commands: Any) -> None:
    severity = _group(commands, "severity", "How bad it is by the plan.")
    why = _command(
        severity,
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


def _rehearse(commands: Any) -> None:
    rehearse = _command(
        commands,
        "rehearse",
        "rehearse.run",
        "Play an incident before it happens: who would be told what, and when.",
        'tocsin rehearse ./plan --level P1 --at "2026-11-22T03:00 Asia/Seoul" --ack-after 7m',
    )
    rehearse.add_argument("directory", help="Directory with plan.yaml, and people.yaml if there is one.")
    rehearse.add_argument(
        "--level", help="How bad it is. Default: the worst level, or what an alert of the script has."
    )
    rehearse.add_argument("--at", help="When it begins, in the plan's zone or the one named. Default: now")
    rehearse.add_argument("--facts", nargs="+", default=[], metavar="FACT=VALUE", help="What is known of it.")
    rehearse.add_argument("--service", help="What breaks. Default: the plan's first service")
    rehearse.add_argument("--for", dest="lasts", metavar="LENGTH", help="How long to play. Default: 2h")
    people = rehearse.add_mutually_exclusive_group()
    people.add_argument("--nobody-answers", action="store_true", help="So it is, if nothing else is said.")
    people.add_argument("--ack-after", metavar="LENGTH", help="Whoever is paged answers this much later.")
    rehearse.add_argument("--script", metavar="FILE", help="What people, sources and channels do.")
    rehearse.add_argument("--expect", metavar="FILE", help="What must come of it, or the exit code is 1.")
    rehearse.add_argument("--all", action="store_true", help="Run every file in rehearsals/ instead.")
    rehearse.add_argument("--markdown", action="store_true", help="Print a table for a document.")


def _plan(commands: Any) -> None:
    plan = _group(commands, "plan", "The response plan.")
    check = _command(plan, "check", "plan.check", "Find every problem of a plan.", "tocsin plan check ./plan")
    show = _command(plan, "show", "plan.show", "Read a plan aloud.", "tocsin plan show ./plan --markdown")
    show.add_argument("--markdown", action="store_true", help="As Markdown.")
    differs = _command(
        plan, "diff", "plan.diff", "Say how two plans differ.", "tocsin plan diff ./plan ./plan-new"
    )
    differs.add_argument("before", help="Directory with plan.yaml, or a version of `tocsin plan versions`.")
    differs.add_argument("after", help="The same, of the other plan.")
    apply = _command(
        plan, "apply", "plan.apply", "Put a plan in force, if it is sound.", "tocsin plan apply ./plan"
    )
    versions = _command(
        plan, "versions", "plan.versions", "List every plan that was in force.", "tocsin plan versions"
    )
    schema = _command(
        plan, "schema", "plan.schema", "Print the JSON Schema of plan.yaml.", "tocsin plan schema"
    )
    schema.set_defaults(json=True)
    for one in (check, show, apply):
        one.add_argument("directory", help="Directory with plan.yaml.")
    for one in (differs, apply, versions):
        _settings(one)


def _directory(commands: Any) -> None:
    people = _group(commands, "people", "Who can be paged.")
    load = _command(people, "load", "people.people_load", "Load people.", "tocsin people load people.yaml")
    load.add_argument("file", help="people.yaml; it replaces everybody.")
    _settings(load)
    listed = _command(people, "list", "admin.people_list", "List people.", "tocsin people list")
    _settings(listed)
    integration = _group(commands, "integration", "What may send alerts.")
    add = _command(
        integration,
        "add",
        "admin.integration_add",
        "Make a routing key.",
        "tocsin integration add prometheus",
    )
    add.add_argument("name", help="The integration, as the plan names it.")
    _settings(add)
    keys = _command(
        integration, "list", "admin.integration_list", "List routing keys.", "tocsin integration list"
    )
    _settings(keys)
    remove = _command(
        integration,
        "remove",
        "admin.integration_remove",
        "Take away the keys of an integration, or one of them.",
        "tocsin integration remove prometheus --key 3f9a0c",
    )
    remove.add_argument("name", help="The integration, as the plan names it.")
    remove.add_argument("--key", metavar="ID", help="Only this one, as `tocsin integration list` shows it.")
    _settings(remove)
    token = _group(commands, "token", "API tokens.")
    make = _command(
        token, "add", "admin.token_add", "Make an API token.", "tocsin token add ana --name laptop"
    )
    make.add_argument("person", help="Whose it is: what it does is done in this person's name.")
    make.add_argument("--name", default="token", help="What to call it.")
    make.add_argument("--days", type=int, default=365, help="How long it works.")
    _settings(make)
    tokens = _command(token, "list", "admin.token_list", "List API tokens.", "tocsin token list")
    _settings(tokens)
    revoke = _command(token, "remove", "admin.token_remove", "End a token.", "tocsin token remove 3f9a0c")
    revoke.add_argument("id", help="The id that `tocsin token list` shows.")
    _settings(revoke)
    sign_in = _command(
        commands,
        "sign-in",
        "signing_in.sign_in",
        "Make a one-time link to sign in with.",
        "tocsin sign-in ana",
    )
    sign_in.add_argument("person", help="Who is to sign in.")
    _settings(sign_in)


def _incidents(commands: Any) -> None:
    listed = _command(commands, "incidents", "client.incidents", "List incidents.", "tocsin incidents --all")
    listed.add_argument("--all", action="store_true", help="Resolved ones too.")
    _remote(listed)
    _incident(commands)
    alert = _command(
        commands, "alert", "client.alert", "Send an alert.", 'tocsin alert "disk is full" --key KEY'
    )
    alert.add_argument("summary", help="What is wrong.")
    alert.add_argument("--key", default=None, help="Routing key, or set TOCSIN_KEY. The demo's, if neither.")
    alert.add_argument("--dedup-key", default=None, help="Name of the alert; the summary, if not given.")
    alert.add_argument("--severity", default="critical", help="critical, error, warning or info.")
    alert.add_argument("--resolve", action="store_true", help="Say that it is over.")
    _remote(alert)


def _on_call(commands: Any) -> None:
    oncall = _group(commands, "oncall", "Who is on call, and who stands in.")
    who = _command(
        oncall,
        "who",
        "oncall.who",
        "Who is on call.",
        'tocsin oncall who primary --at "2026-11-22T03:00 Asia/Seoul"',
    )
    who.add_argument("rota", nargs="?", help="The rota. Default: every rota")
    who.add_argument("--at", metavar="TIME", help="When. Default: now")
    calendar = _command(
        oncall,
        "calendar",
        "oncall.calendar",
        "List the turns of a rota.",
        "tocsin oncall calendar primary --from 2026-11-01 --to 2026-12-01",
    )
    calendar.add_argument("rota", help="The rota.")
    gaps = _command(
        oncall,
        "gaps",
        "oncall.gaps",
        "Find where nobody is on call, one person is twice, or clocks change. Exit code 1: something is odd.",
        "tocsin oncall gaps --plan ./plan",
    )
    load = _command(
        oncall,
        "load",
        "oncall.load",
        "Hours, nights and weekends of everybody.",
        "tocsin oncall load primary --from 2026-11-01 --to 2026-12-01",
    )
    load.add_argument("rota", nargs="?", help="The rota. Default: all rotas together")
    for one, usual in ((calendar, "two weeks"), (gaps, "30 days"), (load, "30 days")):
        one.add_argument("--from", dest="since", metavar="TIME", help="From when. Default: now")
        one.add_argument("--to", dest="until", metavar="TIME", help=f"Until when. Default: {usual} later")
    for one in (who, calendar, gaps, load):
        one.add_argument("--plan", metavar="DIR", help="Ask this plan, without a server and its stand-ins.")
        one.add_argument(
            "--zone", help="Show times in this zone. Default: the one that a time names, or the plan's"
        )
        _remote(one)
    _stand_ins(oncall)


def _stand_ins(oncall: Any) -> None:
    override = _command(
        oncall,
        "override",
        "oncall.override",
        "Let somebody stand in.",
        "tocsin oncall override primary ben --from 2026-11-22T09:00 --to 2026-11-23T09:00 --for ana",
    )
    override.add_argument("rota", help="The rota.")
    override.add_argument("person", help="Who stands in.")
    override.add_argument("--from", dest="since", metavar="TIME", required=True, help="From when.")
    override.add_argument("--to", dest="until", metavar="TIME", required=True, help="Until when.")
    override.add_argument(
        "--for", dest="replaces", metavar="PERSON", help="Whom. Default: whoever has the first seat"
    )
    override.add_argument("--reason", default="", help="Why, for the record and the calendar.")
    listed = _command(
        oncall, "overrides", "oncall.overrides", "List who stands in.", "tocsin oncall overrides"
    )
    remove = _command(
        oncall,
        "override-remove",
        "oncall.override_remove",
        "Take a stand-in back, from now on.",
        "tocsin oncall override-remove 7",
    )
    remove.add_argument("id", type=int, help="The id that `tocsin oncall overrides` shows.")
    feed = _command(
        oncall,
        "feed",
        "oncall.feed",
        "Make a secret calendar address; the one before it ends.",
        "tocsin oncall feed primary",
    )
    feed.add_argument("rota", nargs="?", help="The rota. Default: your own turns, in all rotas")
    for one in (override, listed, remove, feed):
        _remote(one)


def _incident(commands: Any) -> None:
    example = " ".join(["tocsin declare", *map(_shown, DECLARE.blanks)])
    declare = _command(commands, DECLARE.name, "client.declare", f"{DECLARE.means}.", example)
    _blanks(declare, DECLARE)
    _remote(declare)
    show = _command(
        commands,
        "incident",
        "client.incident",
        "Show one incident, or ask something of it.",
        f"tocsin incident {AN_INCIDENT}",
    )
    show.add_argument("incident", metavar="ID", help="Its id.")
    _remote(show)
    deeds = show.add_subparsers(title="what can be asked", metavar="DEED", prog="tocsin incident ID")
    for deed in OF_AN_INCIDENT.values():
        # In the order in which one would say it: what is asked for first, then what is given by name.
        words = [_shown(one) for one in sorted(deed.blanks, key=lambda blank: not blank.first)]
        example = " ".join([f"tocsin incident {AN_INCIDENT} {deed.name}", *words])
        parser = _command(deeds, deed.name, "client.deed", f"{deed.means}.", example, **UNLESS_SAID)
        parser.set_defaults(deed=deed.name)
        _blanks(parser, deed)
        _remote(parser, **UNLESS_SAID)


def _blanks(parser: argparse.ArgumentParser, deed: Deed) -> None:
    for blank in deed.blanks:
        name = blank.name if blank.first else f"--{blank.name}"
        required: dict[str, Any] = {} if blank.first else {"required": blank.required}
        many: dict[str, Any] = {"nargs": "+" if blank.required else "*", "default": []}
        parser.add_argument(name, help=blank.ask, **required, **(many if blank.kind.many else {}))


def _shown(blank: Blank) -> str:
    """A blank as an example fills it in."""
    quoted = f'"{blank.example}"' if " " in blank.example and not blank.kind.many else blank.example
    return quoted if blank.first else f"--{blank.name} {quoted}"


def _group(commands: Any, name: str, help: str) -> Any:
    parser = commands.add_parser(name, help=help, description=help)
    return parser.add_subparsers(title="commands", metavar="COMMAND", required=True)


def _command(
    commands: Any, name: str, runs: str, help: str, example: str, **default: Any
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=help,
        description=help,
        epilog=f"Example: {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="Print JSON, for programs.", **default)
    parser.set_defaults(run=_lazily(runs))
    return parser


def _lazily(path: str) -> Callable[[Parsed], Any]:
    def run(parsed: Parsed) -> Any:
        module, function = path.split(".")
        return getattr(import_module(f"tocsin.cli.{module}"), function)(parsed)

    return run


def _settings(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("settings (or TOCSIN_NAME, or TOCSIN_NAME_FILE, in the environment)")
    for one in SETTINGS:
        if not one.secret:
            flag = f"--{one.name.replace('_', '-')}"
            group.add_argument(flag, default=None, metavar="VALUE", help=_help(one.help, one.default))


def _help(text: str, default: str) -> str:
    return f"{text} Default: {default}" if default else text


def _remote(parser: argparse.ArgumentParser, **default: Any) -> None:
    parser.add_argument("--url", help="Address of the server, or TOCSIN_URL.", **default)
    parser.add_argument("--token", help="API token; better set TOCSIN_TOKEN.", **default)
