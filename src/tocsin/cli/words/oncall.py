"""Who is on call, and who stands in."""

from __future__ import annotations

from typing import Any

from tocsin.cli.words.parts import command, group, remote


def on_call(commands: Any) -> None:
    """Add what is asked of rotas."""
    oncall = group(commands, "oncall", "Who is on call, and who stands in.")
    who = command(
        oncall,
        "who",
        "oncall.who",
        "Who is on call.",
        'tocsin oncall who primary --at "2026-11-22T03:00 Asia/Seoul"',
    )
    who.add_argument("rota", nargs="?", help="The rota. Default: every rota")
    who.add_argument("--at", metavar="TIME", help="When. Default: now")
    calendar = command(
        oncall,
        "calendar",
        "oncall.calendar",
        "List the turns of a rota.",
        "tocsin oncall calendar primary --from 2026-11-01 --to 2026-12-01",
    )
    calendar.add_argument("rota", help="The rota.")
    gaps = command(
        oncall,
        "gaps",
        "oncall.gaps",
        "Find where nobody is on call, one person is twice, or clocks change. Exit code 1: something is odd.",
        "tocsin oncall gaps --plan ./plan",
    )
    load = command(
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
        remote(one)
    _stand_ins(oncall)


def _stand_ins(oncall: Any) -> None:
    override = command(
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
    listed = command(
        oncall, "overrides", "oncall.overrides", "List who stands in.", "tocsin oncall overrides"
    )
    remove = command(
        oncall,
        "override-remove",
        "oncall.override_remove",
        "Take a stand-in back, from now on.",
        "tocsin oncall override-remove 7",
    )
    remove.add_argument("id", type=int, help="The id that `tocsin oncall overrides` shows.")
    feed = command(
        oncall,
        "feed",
        "oncall.feed",
        "Make a secret calendar address; the one before it ends.",
        "tocsin oncall feed primary",
    )
    end = command(
        oncall,
        "feed-remove",
        "oncall.feed_remove",
        "End a secret calendar address.",
        "tocsin oncall feed-remove primary",
    )
    for one in (feed, end):
        one.add_argument("rota", nargs="?", help="The rota. Default: your own turns, in all rotas")
    for one in (override, listed, remove, feed, end):
        remote(one)
