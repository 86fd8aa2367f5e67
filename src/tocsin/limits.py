"""Every bound, in one place. The unit is the last word of the name."""

from __future__ import annotations

BODY_BYTES = 512 * 1024
"""The largest request body that intake reads (PagerDuty's own limit)."""

BATCH_SIGNALS = 1_000
"""The most signals in one request to the native address."""

INTAKE_WAITING_SIGNALS = 20_000
"""Signals accepted into memory and not yet committed; past it a sender is told to come back."""

INTAKE_COMMIT_SIGNALS = 2_000
"""The most signals in one commit, so that the engine's own work never waits long behind intake."""

SUMMARY_CHARACTERS = 1_024
DEDUP_KEY_CHARACTERS = 255
SAMPLE_ALERTS = 5
"""How many summaries a joined batch of alerts shows in the timeline."""

TRIAGE_ALERTS = 2_000
"""The most alerts that one triage cycle looks at."""

WAKE_SUBJECTS = 200
"""The most subjects that one wake cycle takes, the worst level first; then it looks again."""

LEASE_MESSAGES = 64
"""The most messages that one outbox cycle leases."""

BUNDLE_RINGS = 50
"""The most rings that one bundled message lists."""

CHANNEL_TIMEOUT_SECONDS = 10
"""How long a channel may take for one message."""

LEASE_SECONDS = 15
"""How long a leased message belongs to its sender: longer than any channel may take."""

RETRY_FIRST_SECONDS = 2
RETRY_MOST_SECONDS = 30
"""A refused message is tried again after 2, 4, 8, 16, then every 30 seconds while it is still wanted."""

CLOCK_SKEW_SECONDS = 2
"""A node whose clock is further off the database's leases nothing and says so."""

QUARANTINE_SECONDS = 3_600
"""How long a subject that cannot be decided is set aside, loudly, while all others go on."""

LINK_HOURS = 24
"""How long an acknowledgement link works."""
