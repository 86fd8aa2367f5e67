"""Where each section of List Cutter's written guide stands in plans/listcutter, with every figure of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from tests.plan.reading import (
    holds,
    lasting,
    minutes,
    promise,
    promised,
    said,
    step,
    steps,
    template_says,
    the_level,
)
from tocsin.core.model import FactId, RoleId, StageId, TeamId
from tocsin.core.policy import Advance, Clock, Milestone, Moment, Rebase
from tocsin.plan.handbook import Plan
from tocsin.plan.sentences import spelled

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WORKER = "https://your-worker.example.com"


def overview(plan: Plan) -> None:
    assert plan.policy.name == "List Cutter"
    assert "Its R2 storage" in plan.handbook.about.scope
    assert plan.policy.reclassify.clocks is Rebase.CHANGE


def severity_levels(plan: Plan) -> None:
    found = [(level.id, level.name, level.respond_within) for level in plan.policy.levels]
    assert found == [
        ("Sev1", "Critical", minutes(5)),
        ("Sev2", "High", minutes(15)),
        ("Sev3", "Medium", HOUR),
        ("Sev4", "Low", 4 * HOUR),
    ]
    assert promise(plan, "Response").by_level == {
        level.id: level.respond_within for level in plan.policy.levels
    }
    assert [len(plan.handbook.examples[level.id]) for level in plan.policy.levels] == [4, 4, 4, 4]


def first_stakeholder_update(plan: Plan, level: str) -> timedelta | None:
    return next(one.first_within for one in the_level(plan, level).updates if one.audience == "everybody")


def severity_1(plan: Plan) -> None:
    assert the_level(plan, "Sev1").means == "Complete service unavailability"
    assert holds(plan, "Sev1", bucket="unreachable")
    assert holds(plan, "Sev1", operations_failing="all")
    assert holds(plan, "Sev1", breaker_open_for=minutes(16))
    assert holds(plan, "Sev1", users_with_corruption=2)
    assert not holds(plan, "Sev1", users_with_corruption=1)
    assert first_stakeholder_update(plan, "Sev1") == timedelta(0)


def severity_2(plan: Plan) -> None:
    assert the_level(plan, "Sev2").means == "Significant service degradation"
    assert holds(plan, "Sev2", error_rate=20.1)
    assert not holds(plan, "Sev2", error_rate=20.0)
    assert holds(plan, "Sev2", response_time=timedelta(seconds=10.1))
    assert not holds(plan, "Sev2", response_time=timedelta(seconds=10))
    assert lasting(plan, "Sev2", "error_rate") == {minutes(2)}
    assert holds(plan, "Sev2", bucket="partly")
    assert holds(plan, "Sev2", backup_failed=True)
    assert first_stakeholder_update(plan, "Sev2") == minutes(30)


def severity_3(plan: Plan) -> None:
    assert the_level(plan, "Sev3").means == "Minor service degradation"
    assert holds(plan, "Sev3", error_rate=5.0)
    assert not holds(plan, "Sev3", error_rate=4.9)
    assert holds(plan, "Sev3", response_time=timedelta(seconds=0.9), under_load=False)
    assert holds(plan, "Sev3", operations_failing="some")
    assert first_stakeholder_update(plan, "Sev3") == 2 * HOUR


def severity_4(plan: Plan) -> None:
    assert the_level(plan, "Sev4").means == "Minimal user impact"
    assert holds(plan, "Sev4", response_time=timedelta(seconds=0.9), under_load=True)
    daily = the_level(plan, "Sev4").updates[0]
    assert (daily.at, daily.by) == (Moment.DAILY, ("report",))


def response_team(plan: Plan) -> None:
    members = plan.policy.teams[TeamId("response")].members
    assert [one.role for one in members] == list(plan.policy.roles)[:4]


def role(name: str, duties: int) -> Callable[[Plan], None]:
    def check(plan: Plan) -> None:
        assert len(plan.handbook.role_duties[RoleId(name)]) == duties
        assert plan.policy.roles[RoleId(name)].default

    return check


def escalation_matrix(plan: Plan) -> None:
    paged = {
        level.id: [spelled(one.targets[0]) for one in level.ladder if one.stage]
        for level in plan.policy.levels
    }
    lead, manager = "role: Technical Lead", "role: Engineering Manager"
    assert paged == {
        "Sev1": [lead, manager, "role: CTO"],
        "Sev2": [lead, manager, "role: VP Engineering"],
        "Sev3": [lead, manager],
        "Sev4": [lead],
    }
    first = {
        level.id: spelled((level.ladder[0].targets + level.ladder[0].tell)[0]) for level in plan.policy.levels
    }
    operations = "team: operations"
    assert first == {"Sev1": "on call: engineer", "Sev2": operations, "Sev3": operations, "Sev4": operations}
    assert steps(plan, "Sev1")[1] == (Clock.ANSWER, minutes(5), ["on call: backup"], [])


def initial_response(plan: Plan) -> None:
    phase = promised(plan, "Initial response", minutes(0), minutes(5), Milestone.ACKNOWLEDGED)
    assert phase.runbook == "first-look"


def detection(plan: Plan) -> None:
    phase = plan.handbook.phases[0]
    assert [len(phase.sources[name]) for name in ("automated", "manual")] == [4, 3]


def runbook(name: str, *parts: str) -> Callable[[Plan], None]:
    def check(plan: Plan) -> None:
        text = plan.handbook.runbooks[name]
        for part in parts:
            assert said(text, WORKER + part if part.startswith("/") else part)

    return check


def initial_assessment(plan: Plan) -> None:
    assert len(plan.handbook.phases[0].checklist) == 4


def team_notification(plan: Plan) -> None:
    runbook("first-look", "/health/notifications/broadcast", "INCIDENT_DETECTED", "response_team")(plan)
    assert template_says(plan, "detected", "team: response", "symptoms", "level")


def phase(
    name: str, window: tuple[float, float] | None, ends: Milestone, *commands: str
) -> Callable[[Plan], None]:
    def check(plan: Plan) -> None:
        found = next(one for one in plan.handbook.phases if one.id == name)
        assert found.goal
        assert found.ends is ends
        if window is None:
            assert (found.starts, found.ends_by) == (None, None)
        else:
            promised(plan, name, minutes(window[0]), minutes(window[1]), ends)
        runbook(found.runbook, *commands)(plan)

    return check


def investigation(plan: Plan) -> None:
    phase("Investigation", (15, 60), Milestone.MITIGATED)(plan)
    found = next(one for one in plan.handbook.phases if one.id == "Investigation")
    assert len(found.checklist) == 3
    runbook(
        "investigate",
        "/health/metrics?hours=2",
        "/health/circuit-breaker/history",
        "/health/metrics?hours=1&metric=response_time",
        "/health/metrics?hours=1&metric=error_rate",
        "/health/queue/operations?status=FAILED",
        "/api/files/integrity-check",
    )(plan)


def resolution(plan: Plan) -> None:
    phase("Resolution", None, Milestone.RESOLVED, "/health/r2/test", "/api/files/test-operations")(plan)
    runbook("restore", "/health/circuit-breaker/reset", "/health/services/R2_STORAGE/restore")(plan)
    found = next(one for one in plan.handbook.phases if one.id == "Resolution")
    assert len(found.checklist) == 3


def validation(plan: Plan) -> None:
    phase("Validation", (15, 30), Milestone.CLOSED, "/health/check", "{1..15}", "sleep 60")(plan)
    runbook("validate", "/health/queue/status", "/health/queue/process", "SERVICE_RESTORED")(plan)
    assert promise(plan, "Validation").anchor is Milestone.RESOLVED


def team_template(plan: Plan) -> None:
    asked = ("impact", "current_actions", "users_affected", "next_update", "role: Incident Commander")
    assert template_says(plan, "alert", "everybody", "incident", "opened", "level", "status", "title", *asked)
    assert plan.policy.incident_id == "INC-{date:%Y-%m-%d}-{number:03d}"


def update_template(plan: Plan) -> None:
    fields = ("incident", "now", "status", "progress", "phase", "next_actions", "estimate", "next_update")
    assert template_says(plan, "update", "everybody", *fields)


def user_templates(plan: Plan) -> None:
    assert template_says(
        plan, "degraded", "users", "estimate", "next_update", "channel: status page", "channel: support"
    )
    assert template_says(
        plan, "restored", "users", "lasted", "affected_operations", "data_lost", "report_link"
    )


def status_page(plan: Plan) -> None:
    for name in ("investigating", "identified", "monitoring", "resolved"):
        assert template_says(plan, name, "users", "now")


def cadences(plan: Plan) -> None:
    found = {
        level.id: [(one.audience, one.first_within, one.every) for one in level.updates]
        for level in plan.policy.levels
    }
    assert found == {
        "Sev1": [("everybody", timedelta(0), minutes(30)), ("users", minutes(30), minutes(30))],
        "Sev2": [("everybody", minutes(30), HOUR), ("users", HOUR, HOUR)],
        "Sev3": [("everybody", 2 * HOUR, 4 * HOUR)],
        "Sev4": [("everybody", None, None)],
    }


def primary_channels(plan: Plan) -> None:
    media = plan.handbook.media
    assert media["slack"].at == "#incident-response"
    assert media["email"].at == "incident-alerts@listcutter.com"
    assert media["status page"].at == "https://status.listcutter.com"
    assert "in-app" in media
    assert plan.policy.channel == "#incident-response"


def secondary_channels(plan: Plan) -> None:
    media = plan.handbook.media
    assert (media["twitter"].at, media["support"].at) == ("@listcutter", "support@listcutter.com")
    assert media["phone"].at == "Emergency hotline"
    assert (media["status page"].instead, media["email"].instead) == ("twitter", "phone")


def triggers(plan: Plan) -> None:
    progress = plan.policy.progress
    assert (progress.warn_before, progress.extend_by) == (minutes(3), minutes(15))
    assert progress.counts == set(Advance)


def time_based(plan: Plan) -> None:
    stalled = {
        level.id: {one.after for one in level.ladder if one.clock is Clock.PROGRESS}
        for level in plan.policy.levels
    }
    assert stalled == {"Sev1": {minutes(15)}, "Sev2": {minutes(30)}, "Sev3": {2 * HOUR}, "Sev4": set()}
    assert step(plan, "Sev4", 2).clock is Clock.HAND


def impact_based(plan: Plan) -> None:
    several, doubt, security = plan.policy.triggers
    failing = FactId("services_failing")
    assert (several.when.holds({failing: 1.0}), several.when.holds({failing: 2.0})) == (False, True)
    assert [spelled(one) for one in several.page] == ["team: engineering management"]
    assert (doubt.when.text, [spelled(one) for one in doubt.page]) == ("data_integrity", ["role: CTO"])
    assert (security.when.text, security.page, security.restrict_to) == (
        "security",
        security.restrict_to,
        security.page,
    )


def stage(name: str, tasks: int, tell: str | None, often: int) -> Callable[[Plan], None]:
    def check(plan: Plan) -> None:
        found = plan.policy.stages[StageId(name)]
        assert (len(found.tasks), found.updates_every) == (tasks, often)
        assert [spelled(one) for one in found.tell] == ([tell] if tell else [])

    return check


def closure(plan: Plan) -> None:
    found = next(one for one in plan.handbook.phases if one.id == "Closure")
    assert (found.anchor, found.starts, found.ends_by) == (Milestone.RESOLVED, timedelta(0), 4 * HOUR)
    # Four lines of documentation and three of notification; the validation before is the runbook's.
    assert len(found.checklist) == 4 + 3
    runbook("validate", "Before the incident is closed", "/health/check")(plan)
    closed = plan.policy.review_steps[0]
    assert (closed.within, closed.kept_by) == (4 * HOUR, Milestone.CLOSED)


def data_collection(plan: Plan) -> None:
    assert len(next(one for one in plan.handbook.phases if one.id == "Closure").collect) == 4


def review(plan: Plan) -> None:
    held = plan.policy.review_steps[1]
    assert (held.anchor, held.not_before, held.within) == (Milestone.RESOLVED, 24 * HOUR, 48 * HOUR)


def agenda(plan: Plan) -> None:
    """The guide gives the four parts; the minutes are the plan's own."""
    assert list(plan.handbook.meeting.agenda) == [
        "Incident overview",
        "Root cause analysis",
        "Response evaluation",
        "Improvement actions",
    ]


def framework(plan: Plan) -> None:
    assert plan.handbook.meeting.methods == ("Five whys", "Fishbone")
    factors = plan.handbook.meeting.factors
    assert {name: len(factors[name]) for name in factors} == {
        "People": 3,
        "Process": 3,
        "Technology": 3,
        "Environment": 3,
    }


def actions(plan: Plan) -> None:
    found = plan.handbook.actions
    assert found.categories == {"Immediate": 7 * DAY, "Short-term": 28 * DAY, "Long-term": 90 * DAY}
    assert found.need == ("owner", "due date", "success criteria")
    assert found.statuses == ("Not started", "In progress", "Complete")


def report(plan: Plan) -> None:
    assert len(plan.handbook.meeting.report) == 8
    assert plan.handbook.meeting.report[-1] == "Appendices"


def duties(purpose: str, *wanted: tuple[str, int, str]) -> Callable[[Plan], None]:
    def check(plan: Plan) -> None:
        found = [(one.id, one.count, one.unit) for one in plan.policy.calendar if one.purpose == purpose]
        assert found == list(wanted)

    return check


def scenarios(plan: Plan) -> None:
    assert list(plan.handbook.scenarios) == [
        "Complete R2 outage",
        "Partial degradation",
        "Data corruption",
        "Communication failure",
    ]


def skills(plan: Plan) -> None:
    assert list(plan.handbook.skills) == ["Technical", "Communication", "Coordination", "Documentation"]


def measures(plan: Plan) -> None:
    assert plan.handbook.measures == (
        "time to detect",
        "time to resolve",
        "customer impact",
        "communication kept",
    )


MONITORING = runbook(
    "first-look",
    "watch -n 10",
    "/health/status",
    "/health/metrics?hours=1&metric=error_rate",
    "watch -n 30",
    ".data.total_queued",
)
EMERGENCY = runbook(
    "stabilize",
    "/api/backup/create",
    '"priority": "high"',
    "/health/services/R2_STORAGE/force-recovery",
)

TABLE: dict[str, Callable[[Plan], None]] = {
    "## Overview": overview,
    "### Severity Levels": severity_levels,
    "#### Severity 1 - Critical": severity_1,
    "#### Severity 2 - High": severity_2,
    "#### Severity 3 - Medium": severity_3,
    "#### Severity 4 - Low": severity_4,
    "### Primary Response Team": response_team,
    "#### Incident Commander": role("Incident Commander", 4),
    "#### Technical Lead": role("Technical Lead", 4),
    "#### Operations Manager": role("Operations Manager", 4),
    "#### Communications Lead": role("Communications Lead", 4),
    "### Escalation Matrix": escalation_matrix,
    "### Initial Response (First 5 Minutes)": initial_response,
    "#### 1. Incident Detection": detection,
    "#### 2. Immediate Actions": runbook(
        "first-look",
        "/health/status",
        "/health/r2/status",
        "/health/events?limit=50",
        "/health/queue/status",
    ),
    "#### 3. Initial Assessment": initial_assessment,
    "#### 4. Team Notification": team_notification,
    "#### Phase 1: Stabilization (0-15 minutes)": phase(
        "Stabilization",
        (0, 15),
        Milestone.MITIGATING,
        "/health/services/R2_STORAGE/degrade",
        "/health/services",
        "incident_state.json",
        "/health/events?limit=1000",
        "incident_logs.json",
        "/api/backup/stats",
        "/api/backup/create",
    ),
    "#### Phase 2: Investigation (15-60 minutes)": investigation,
    "#### Phase 3: Resolution (Variable Duration)": resolution,
    "#### Phase 4: Validation (15-30 minutes)": validation,
    "### Internal Communication": cadences,
    "#### Team Notification Template": team_template,
    "#### Status Update Template": update_template,
    "#### User Notification Templates": user_templates,
    "#### Status Page Updates": status_page,
    "#### Primary Channels": primary_channels,
    "#### Secondary Channels": secondary_channels,
    "### Automatic Escalation Triggers": triggers,
    "#### Time-Based Escalation": time_based,
    "#### Impact-Based Escalation": impact_based,
    "#### Level 1 Escalation": stage("Escalation 1", 2, None, 50),
    "#### Level 2 Escalation": stage("Escalation 2", 3, "team: engineering management", 100),
    "#### Level 3 Escalation": stage("Escalation 3", 3, "team: executives", 100),
    "#### Incident Closure": closure,
    "#### Data Collection": data_collection,
    "### Post-Incident Review (24-48 hours)": review,
    "#### Review Meeting Agenda": agenda,
    "#### Root Cause Analysis Framework": framework,
    "#### Improvement Action Planning": actions,
    "### Post-Incident Report Template": report,
    "### Monitoring Commands": MONITORING,
    "### Log Analysis": runbook(
        "investigate", "/health/events?level=error&limit=100", "/health/events?since=2024-01-01T00:00:00Z"
    ),
    "### Emergency Actions": EMERGENCY,
    "### Regular Training Schedule": duties(
        "training",
        ("Procedures review", 1, "month"),
        ("Tabletop exercise", 3, "month"),
        ("Full incident simulation", 6, "month"),
        ("Training refresh", 1, "year"),
    ),
    "### Tabletop Exercise Scenarios": scenarios,
    "### Skills Development": skills,
    "### Regular Review Process": duties(
        "review",
        ("Recent incidents", 1, "week"),
        ("Incident trends", 1, "month"),
        ("Update of procedures", 3, "month"),
        ("Process overhaul", 1, "year"),
    ),
    "### Metrics and KPIs": measures,
    "### Feedback Collection": duties(
        "feedback",
        ("Team feedback", 1, "month"),
        ("Customer feedback", 3, "month"),
        ("Stakeholder feedback", 3, "month"),
        ("Vendor and partner feedback", 1, "year"),
    ),
}

CHAPTERS = frozenset(
    {
        "# Incident Response Guide",
        "## Incident Classification",
        "## Incident Response Team",
        "## Response Procedures",
        "### Incident Response Flow",
        "## Communication Protocols",
        "### External Communication",
        "### Communication Channels",
        "## Escalation Procedures",
        "### Escalation Actions",
        "## Post-Incident Analysis",
        "### Immediate Post-Incident (0-4 hours)",
        "## Incident Response Tools",
        "## Training and Preparedness",
        "## Continuous Improvement",
    }
)
"""Headings with nothing of their own below them."""
