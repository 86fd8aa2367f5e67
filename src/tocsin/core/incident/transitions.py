"""What a person may ask for in which state, with the word on the button."""

from __future__ import annotations

from collections.abc import Mapping

from tocsin.core.incident import commands
from tocsin.core.incident.status import Status

Buttons = Mapping[type[commands.IncidentCommand], str]

_ALWAYS: Buttons = {
    commands.SetFacts: "Say what is known",
    commands.AddNote: "Add a note",
    commands.MarkDone: "Done",
    commands.PostUpdate: "Update",
    commands.Link: "Link",
    commands.Restrict: "Restrict",
}
_RUNNING: Buttons = {
    commands.FalsePositive: "False positive",
    commands.SetEstimate: "Estimate",
    commands.Escalate: "Escalate",
    commands.ExtendProgress: "Extend",
    commands.SetLevel: "Level",
    commands.Assign: "Assign",
    commands.HandOver: "Hand over",
    commands.ConfirmHandOver: "Confirm",
    commands.Merge: "Merge",
}
_OPEN: Buttons = {
    commands.Acknowledge: "Acknowledge",
    commands.Verify: "Verify",
    commands.BeginMitigation: "Begin mitigation",
    commands.Mitigate: "Mitigated",
    commands.Resolve: "Resolve",
    **_RUNNING,
}
_MITIGATED: Buttons = {
    commands.Acknowledge: "Acknowledge",
    commands.Resolve: "Resolve",
    commands.Reopen: "Reopen",
    **_RUNNING,
}
TRANSITIONS: Mapping[Status, Buttons] = {
    Status.TRIGGERED: {**_OPEN, **_ALWAYS},
    Status.ACKNOWLEDGED: {**_OPEN, **_ALWAYS},
    Status.MITIGATED: {**_MITIGATED, **_ALWAYS},
    Status.RESOLVED: {
        commands.Reopen: "Reopen",
        commands.Close: "Close",
        commands.FalsePositive: "False positive",
        **_ALWAYS,
    },
    Status.CLOSED: {commands.Reopen: "Reopen", **_ALWAYS},
    Status.MERGED: {commands.AddNote: "Add a note"},
}
"""What a person may ask for in which state, with the word on the button."""
