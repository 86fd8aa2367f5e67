"""Where each section of ABADA Music Studio's written plan stands in plans/abada, with every figure of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from tests.plan.reading import (
    holds,
    minutes,
    promise,
    promised,
    said,
    step,
    steps,
    template_says,
    the_level,
)
from tocsin.core.model import FactId, LevelId, RoleId, RotaId
from tocsin.core.policy import Clock, Milestone, Moment, Rebase, Task
from tocsin.plan.handbook import Plan

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def the_document(plan: Plan) -> None:
    about = plan.handbook.about
    assert (plan.policy.name, about.version, about.status) == ("ABADA Music Studio", "1.0.0", "active")
    assert (about.owner, about.reviewed, about.review_by) == (
        "DevOps Team",
        date(2026, 1, 19),
        date(2026, 4, 19),
    )


def objectives(plan: Plan) -> None:
    assert list(plan.handbook.about.objectives) == [
        "Minimise impact",
        "Recover rapidly",
        "Communicate clearly",
        "Improve continuously",
    ]


def scope(plan: Plan) -> None:
    assert plan.handbook.about.scope == (
        "Production website (music.abada.kr)",
        "API services (Cloudflare Workers)",
        "Data storage (KV Store)",
        "Related infrastructure",
    )
    assert list(plan.policy.services) == ["website", "api", "storage"]


def severity_levels(plan: Plan) -> None:
    found = [(level.id, level.name, level.respond_within) for level in plan.policy.levels]
    assert found == [
        ("P1", "Critical", minutes(15)),
        ("P2", "High", HOUR),
        ("P3", "Medium", 4 * HOUR),
        ("P4", "Low", 24 * HOUR),
    ]
    assert promise(plan, "Response").by_level == {
        level.id: level.respond_within for level in plan.policy.levels
    }
    assert promise(plan, "Response").kept_by is Milestone.ACKNOWLEDGED
    assert all(len(plan.handbook.examples[level.id]) == 2 for level in plan.policy.levels)
    assert holds(plan, "P1", data_loss=True)
    assert holds(plan, "P2", error_rate=5.1)
    assert not holds(plan, "P2", error_rate=5.0)


def severity_matrix(plan: Plan) -> None:
    matrix = plan.policy.matrix
    assert matrix is not None
    assert (matrix.across, matrix.down) == ("impact", "urgency")
    rows = {"low": ("P4", "P3", "P2"), "medium": ("P3", "P2", "P1"), "high": ("P2", "P1", "P1")}
    assert matrix.cells == {
        (down, across): level
        for down, levels in rows.items()
        for across, level in zip(("low", "medium", "high"), levels, strict=True)
    }


def impact_assessment(plan: Plan) -> None:
    chosen = dict(plan.policy.facts[FactId("user_impact")].chosen_by)
    users = FactId("users_affected")
    for share, impact in ((0.0, "low"), (9.9, "low"), (10.0, "medium"), (50.0, "medium"), (50.1, "high")):
        assert [name for name, when in chosen.items() if when.holds({users: share})][-1] == impact
    business = plan.policy.facts[FactId("business_impact")]
    assert business.values == ("low", "medium", "high")
    assert plan.policy.facts[FactId("impact")].highest_of == ("user_impact", "business_impact")


def detection(plan: Plan) -> None:
    phase = promised(plan, "Detection", minutes(0), minutes(5), Milestone.VERIFIED)
    assert [len(phase.sources[name]) for name in ("automated", "manual")] == [3, 3]
    assert phase.checklist[0].do == "Acknowledge the alert"
    assert len(phase.checklist) == 4
    page = phase.checklist[3].when
    assert page is not None
    assert [level for level in ("P1", "P2", "P3", "P4") if page.holds({FactId("level"): level})] == [
        "P1",
        "P2",
    ]


def assessment(plan: Plan) -> None:
    phase = promised(plan, "Assessment", minutes(5), minutes(15), Milestone.MITIGATING)
    assert len(phase.checklist) == 5
    # Four in the list of actions and six initial questions; when it started stands in both.
    assert len(phase.questions) == 4 + 6 - 1
    assert plan.policy.channel == "#incident-{date:%Y%m%d}"


def mitigation(plan: Plan) -> None:
    phase = promised(plan, "Mitigation", minutes(15), minutes(60), Milestone.MITIGATED)
    assert len(phase.checklist) == 4
    assert said(phase.checklist[1].do, "roll back", "scale", "maintenance mode", "redirect traffic")
    moves = plan.handbook.mitigations
    assert [len(moves[name]) for name in moves] == [1, 2, 2, 1, 2]
    assert moves["Bad deployment"] == ("Roll back with `wrangler rollback`",)


def resolution(plan: Plan) -> None:
    phase = next(one for one in plan.handbook.phases if one.id == "Resolution")
    assert (phase.starts, phase.ends_by, phase.ends) == (None, None, Milestone.CLOSED)
    assert len(phase.checklist) == 5


def follow_up(plan: Plan) -> None:
    phase = next(one for one in plan.handbook.phases if one.id == "Follow-up")
    assert (phase.anchor, phase.starts, phase.ends_by) == (Milestone.RESOLVED, timedelta(0), 48 * HOUR)
    assert len(phase.checklist) == 4
    complete = promise(plan, "Follow-up complete")
    assert (complete.anchor, complete.within, complete.kept_by) == (Milestone.RESOLVED, 48 * HOUR, None)


def internal_communication(plan: Plan) -> None:
    found = {
        level.id: [
            (one.every, one.at, one.by, len(one.to)) for one in level.updates if one.audience == "inside"
        ]
        for level in plan.policy.levels
    }
    assert found == {
        "P1": [(minutes(15), None, ("slack", "phone"), 2)],
        "P2": [(minutes(30), None, ("slack",), 2)],
        "P3": [(HOUR, None, ("slack",), 1)],
        "P4": [(None, Moment.RESOLVED, ("jira",), 1)],
    }


def external_communication(plan: Plan) -> None:
    found = {
        level.id: [one.by for one in level.updates if one.audience == "outside"]
        for level in plan.policy.levels
    }
    assert found == {"P1": [("status page", "twitter")], "P2": [("status page",)], "P3": [], "P4": []}
    assert plan.handbook.media["status page"].at == "status.abada.kr"


def status_page_updates(plan: Plan) -> None:
    assert template_says(plan, "investigating", "outside", "service", "symptoms")
    assert template_says(plan, "identified", "outside", "service", "expected")
    assert template_says(plan, "monitoring", "outside", "service")
    assert template_says(plan, "resolved", "outside", "service")


def escalation_of_p1(plan: Plan) -> None:
    assert steps(plan, "P1") == [
        (Clock.LADDER, minutes(0), ["on call: primary"], []),
        (Clock.LADDER, minutes(15), ["on call: secondary"], []),
        (Clock.LADDER, minutes(30), ["role: Tech Lead"], ["team: management"]),
        (Clock.LADDER, minutes(60), ["role: Engineering Manager"], []),
        (Clock.LADDER, minutes(120), ["role: CTO", "role: VP Engineering"], ["team: engineering"]),
    ]
    assert step(plan, "P1", 2).promise == "Assessed and mitigation begun"
    assert step(plan, "P1", 2).until is Milestone.MITIGATING
    assert {step(plan, "P1", number).until for number in (3, 4, 5)} == {Milestone.RESOLVED}
    assert step(plan, "P1", 4).tasks == (Task("Open the war room"),)
    assert step(plan, "P1", 5).tasks == (Task("Call all hands on deck"),)


def escalation_of_p2(plan: Plan) -> None:
    assert steps(plan, "P2") == [
        (Clock.LADDER, minutes(0), ["on call: primary"], []),
        (Clock.LADDER, minutes(60), [], ["on call: primary"]),
        (Clock.LADDER, 2 * HOUR, ["role: Tech Lead"], []),
        (Clock.LADDER, 4 * HOUR, [], ["role: Engineering Manager"]),
    ]
    assert step(plan, "P2", 2).promise == "Assessed and mitigation begun"
    assert (steps(plan, "P3")[0][3], steps(plan, "P4")) == (["on call: primary"], [])


def contact_directory(plan: Plan) -> None:
    """Whom the table names; the table itself is refused (tests/plan/contacts)."""
    assert {"Tech Lead", "Engineering Manager", "CTO"} < set(plan.policy.roles)
    assert set(plan.policy.rotas) == {"primary", "secondary"}


def schedule(plan: Plan) -> None:
    primary, secondary = (plan.policy.rotas[RotaId(name)] for name in ("primary", "secondary"))
    assert len(primary.people) == 3
    assert (primary.layers[0].shift, primary.layers[0].unit) == (1, "w")
    assert (secondary.follows, secondary.ahead) == ("primary", 1)


def responsibilities(plan: Plan) -> None:
    duties = plan.handbook.rota_duties
    assert (len(duties[RotaId("primary")]), len(duties[RotaId("secondary")])) == (5, 3)
    assert plan.handbook.answers_within == {"secondary": minutes(30)}


def expectations(plan: Plan) -> None:
    assert the_level(plan, "P1").acknowledge_within == minutes(15)
    assert the_level(plan, "P2").acknowledge_within == minutes(30)
    assert len(plan.handbook.readiness) == 4


def hand_over(plan: Plan) -> None:
    assert len(plan.handbook.hand_over.checklist) == 5
    assert plan.handbook.hand_over.confirmed_by == "both"


def five_whys(plan: Plan) -> None:
    assert plan.handbook.meeting.methods == ("Five whys",)


def contributing_factors(plan: Plan) -> None:
    factors = plan.handbook.meeting.factors
    assert {name: len(factors[name]) for name in factors} == {
        "Technical": 3,
        "Process": 3,
        "Human": 3,
        "External": 3,
    }


def action_items(plan: Plan) -> None:
    assert plan.handbook.actions.need == ("owner", "due date")
    assert len(plan.handbook.actions.steps) == 4


def when_to_review(plan: Plan) -> None:
    texts = [one.text for one in plan.policy.review_due_when]
    assert texts == [
        "level == P1",
        "level == P2 and lasted > 1h",
        "data_loss",
        "security",
        "review_asked_for",
    ]


def review_timeline(plan: Plan) -> None:
    found = [(one.id, one.anchor, one.not_before, one.within) for one in plan.policy.review_steps]
    opened, resolved = Milestone.OPENED, Milestone.RESOLVED
    assert found == [
        ("Incident report drafted", resolved, timedelta(0), 2 * DAY),
        ("Post-mortem meeting scheduled", opened, 3 * DAY, 5 * DAY),
        ("Post-mortem meeting held", opened, 5 * DAY, 7 * DAY),
        ("Action items assigned and tracked", opened, 7 * DAY, 14 * DAY),
    ]


def agenda(plan: Plan) -> None:
    assert list(plan.handbook.meeting.agenda.values()) == [minutes(n) for n in (5, 15, 10, 20, 15, 10)]


def blameless(plan: Plan) -> None:
    assert len(plan.handbook.meeting.rules) == 5
    assert "Learn, don't punish" in plan.handbook.meeting.rules


def incident_report(plan: Plan) -> None:
    assert plan.handbook.meeting.report == (
        "Summary",
        "Impact",
        "Timeline",
        "Root cause",
        "Contributing factors",
        "Resolution",
        "Action items",
        "Lessons learned",
        "Attachments",
    )
    assert plan.policy.incident_id == "INC-{date:%Y%m%d}-{number:03d}"


def communication_templates(plan: Plan) -> None:
    lead = "role: Incident Commander"
    assert template_says(
        plan, "initial-alert", "inside", "level", "service", "symptoms", "affected", lead, "room"
    )
    assert template_says(plan, "update", "inside", "now", "status", "progress", "next_steps", "estimate")
    assert template_says(plan, "resolution", "inside", "lasted", "cause", "fix", "review")


def runbook(name: str, *commands: str) -> Callable[[Plan], None]:
    def check(plan: Plan) -> None:
        assert said(plan.handbook.runbooks[name], *commands)

    return check


def tools(plan: Plan) -> None:
    found = {name: tool.at for name, tool in plan.handbook.about.tools.items()}
    assert found == {
        "Cloudflare Dashboard": "dash.cloudflare.com",
        "GitHub": "github.com/saintgo7/web-music-heartlib",
        "Slack": "abada.slack.com",
        "Status Page": "status.abada.kr",
    }


def documents(plan: Plan) -> None:
    assert list(plan.handbook.about.documents.values()) == [
        "./PRODUCTION_DEPLOYMENT.md",
        "./SECURITY_HARDENING.md",
        "../scripts/ROLLBACK.sh",
        "./MONITORING_DASHBOARD.md",
    ]


def who_decides(plan: Plan) -> None:
    assert plan.policy.reclassify.clocks is Rebase.OPENED
    assert plan.policy.roles[RoleId("Incident Commander")].at == (LevelId("P1"), LevelId("P2"))


TABLE: dict[str, Callable[[Plan], None]] = {
    "# ABADA Music Studio - Incident Response Plan": the_document,
    "### Objectives": objectives,
    "### Scope": scope,
    "### Severity Levels": severity_levels,
    "### Severity Matrix": severity_matrix,
    "### Impact Assessment": impact_assessment,
    "## Response Procedures": who_decides,
    "### Phase 1: Detection (0-5 minutes)": detection,
    "### Phase 2: Assessment (5-15 minutes)": assessment,
    "### Phase 3: Mitigation (15-60 minutes)": mitigation,
    "### Phase 4: Resolution (varies)": resolution,
    "### Phase 5: Follow-up (within 48 hours)": follow_up,
    "### Internal Communication": internal_communication,
    "### External Communication": external_communication,
    "### Status Page Updates": status_page_updates,
    "### P1 Incidents": escalation_of_p1,
    "### P2 Incidents": escalation_of_p2,
    "### Contact Directory": contact_directory,
    "### Schedule Template": schedule,
    "### On-Call Responsibilities": responsibilities,
    "### On-Call Expectations": expectations,
    "### On-Call Handoff": hand_over,
    "### 5 Whys Analysis": five_whys,
    "### Contributing Factors": contributing_factors,
    "### Action Items": action_items,
    "### When to Hold Post-Mortem": when_to_review,
    "### Post-Mortem Timeline": review_timeline,
    "### Post-Mortem Meeting Agenda": agenda,
    "### Blameless Culture": blameless,
    "### Incident Report Template": incident_report,
    "### Communication Templates": communication_templates,
    "#### Website Down": runbook(
        "website-down",
        "https://www.cloudflarestatus.com/",
        "wrangler pages deployment list",
        "wrangler deployments list",
        "wrangler rollback",
        "dig music.abada.kr",
    ),
    "#### API Errors": runbook(
        "api-errors",
        "Cloudflare Dashboard",
        "wrangler tail",
        "wrangler kv:key list --namespace-id=<ID>",
        "wrangler rollback",
        "limit rates",
    ),
    "#### Slow Performance": runbook(
        "slow-performance", "Cloudflare Analytics", "response times", "deployed lately", "KV Store", "caching"
    ),
    "#### Data Loss": runbook(
        "data-loss",
        "**Stop. Change nothing.**",
        "Write down",
        "which data",
        "./scripts/kv-backup.sh list",
        "./scripts/kv-backup.sh restore <date>",
    ),
    "### Tools and Access": tools,
    "### Related Documents": documents,
}

CHAPTERS = frozenset(
    {
        "## Table of Contents",
        "## Overview",
        "## Incident Classification",
        "## Communication Plan",
        "## Escalation Path",
        "## On-Call Schedule",
        "## Root Cause Analysis",
        "## Post-Mortem Process",
        "## Templates",
        "## Runbook Quick Reference",
        "### Common Scenarios",
        "## Appendix",
    }
)
"""Headings with nothing of their own below them."""
