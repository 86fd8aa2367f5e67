"""Every bound, in one place. The unit is the last word of the name."""

from __future__ import annotations

BODY_BYTES = 512 * 1024
"""The largest request body that intake reads (PagerDuty's own limit)."""

CLIENT_SECONDS = 20
"""How long a client may let a connection wait: for the head of a request, for its body, or for taking any
more of the answer."""

HEAD_BYTES = 64 * 1024
"""The longest address and headers of a request; a little more may be read before it is noticed."""

CONNECTIONS = 1_000
"""The most connections of one node. One more, and whoever has kept it waiting longest is let go."""

BATCH_SIGNALS = 1_000
"""The most signals in one request to the native address."""

INTAKE_WAITING_SIGNALS = 20_000
"""Signals accepted into memory and not yet committed; past it a sender is told to come back."""

INTAKE_COMMIT_SIGNALS = 2_000
"""The most signals in one commit, so that the engine's own work never waits long behind intake."""

SUMMARY_CHARACTERS = 1_024
DEDUP_KEY_CHARACTERS = 255
FIELD_CHARACTERS = 1_024
"""The longest source, component, group or class of an alert; the rest is cut off."""

LINK_CHARACTERS = 2_048
"""The longest address that is kept as a link or called."""

ALERT_LINKS = 20
"""The most links that one alert keeps as links; any more stay in its details."""

BODY_LEVELS = 32
"""How deep objects and lists in an event may nest; what lies deeper is replaced by a note."""

REJECTED_PROBLEMS = 20
"""The most problems that a refusal lists."""

SAMPLE_ALERTS = 5
"""How many summaries a joined batch of alerts shows in the timeline."""

TRIAGE_ALERTS = 1_000
"""The most alerts that one triage cycle looks at."""

WAKE_SUBJECTS = 200
"""The most subjects that one wake cycle takes, the worst level first; then it looks again."""

CHANNEL_MESSAGES = 16
"""The most messages on their way at once through a channel with one far end, such as a mail relay."""

WEBHOOK_MESSAGES = 500
"""The most webhooks on their way at once, one for each person: hosts that hang hold up nobody else."""

KEPT_ONE_IN = 4
"""Of a channel's places one in so many is for people whose last message by it was taken, and nobody else."""

TURN_MESSAGES = 16
"""The most messages of one channel that one turn takes, so that what is decided meanwhile goes on."""

BUNDLE_RINGS = 50
"""The most rings that one bundled message lists."""

CHANNEL_TIMEOUT_SECONDS = 10
"""How long a channel may take for one message."""

CHANNEL_STUCK_SECONDS = 12
"""How long the engine waits for a channel: past its own limit, so that it can say how far it came."""

CONNECT_TIMEOUT_SECONDS = 3
"""How long one address of a host may take to connect before its next address is tried."""

SMTP_QUIT_TIMEOUT_SECONDS = 1
"""How long a mail relay may take over the goodbye; the message is through by then."""

RESOLVER_THREADS = 100
"""How many host names are looked up at once, on threads that begin when they are needed: those whose name
server is dead must not stall the others."""

WEBHOOK_ANSWER_BYTES = 4_096
"""How much of a webhook's answer is read. Only its status counts."""

REPLY_CHARACTERS = 200
"""How much of a provider's own words a receipt keeps."""

LEASE_SECONDS = 15
"""How long a leased message belongs to its sender: longer than any channel may take."""

RETRY_FIRST_SECONDS = 2
RETRY_MOST_SECONDS = 30
"""A refused message is tried again after 2, 4, 8, 16, then every 30 seconds while it is still wanted."""

CLOCK_SKEW_SECONDS = 2
"""A node whose clock is further off the database's leases nothing and says so."""

CLOCK_BEHIND_SECONDS = 10
"""A stored time further ahead of the clock says that the clock was set back: nodes agree to less."""

QUARANTINE_SECONDS = 3_600
"""How long a subject that cannot be decided is set aside, loudly, while all others go on."""

LINK_HOURS = 24
"""How long an acknowledgement link works."""

PLAN_BYTES = 1024 * 1024
"""The largest plan file."""

PLAN_BODY_BYTES = 4 * 1024 * 1024
"""The largest request that puts a plan in force: all its files."""

PROBLEMS_SHOWN = 50
"""The most problems of a plan that one answer lists, unless all are asked for; the warnings come last."""

CONDITION_CHARACTERS = 500
"""The longest condition of a plan."""

PLAN_FILES = 500
"""The most files of a plan, messages and runbooks included."""

FACT_MOST = 10**12
"""The largest number that a fact may be; of a length of time, in seconds."""

RETENTION_ROWS = 1_000
"""The most rows that one turn of housekeeping removes, so that no page waits behind it."""

FOLD_INCIDENTS = 50
"""The most snapshots that are folded anew in one go, after an upgrade that folds otherwise."""

FOLD_EVENTS = 500
"""The most events that this takes, but for those of the incident at which it stops: no page waits longer."""

FAILING_INCIDENTS = 200
"""The most incidents that are told at once how many services fail, the worst level first."""

FAILING_SECONDS = 1
"""How often they are told at most."""

AUDIT_INCIDENTS = 200
"""The most incidents that one audit looks at; the next one goes on from there."""

AUDIT_EVENTS = 20_000
"""The most events that one audit folds, but for those of the incident at which it stops."""

AUDITOR_LEASE_SECONDS = 120
"""How long a node has the auditor's job. Taken anew each minute, it tells when one was up."""

AUDIT_LATE_SECONDS = 60
"""How late anything may be before the auditor says so: far above the engine's own seconds."""

REASON_CHARACTERS = 300
"""How much of somebody's words about why they do something is kept."""

OVERRIDES = 1_000
"""The most people who may be arranged to stand in, now and ahead: the engine reads them all."""

OVERRIDE_DAYS = 366
"""The longest that somebody may stand in; who stays longer belongs in the plan."""

CALENDAR_DAYS = 400
"""The longest stretch of on-call that one answer lists."""

NOTE_CHARACTERS = 4_000
"""How much of a note or an update is kept."""
