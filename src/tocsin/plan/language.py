"""The whole language: every section of plan.yaml, with what may stand there and what it means."""

from __future__ import annotations

from tocsin.plan.about import ABOUT, ACTIONS, CHANNEL, HAND_OVER, TRAINING
from tocsin.plan.calendar import DUTY
from tocsin.plan.classify import MATRIX, ROW
from tocsin.plan.escalation import PROGRESS, RECLASSIFY, STAGE, TRIGGER
from tocsin.plan.facts import FACT
from tocsin.plan.levels import LEVEL
from tocsin.plan.messages import MESSAGE
from tocsin.plan.notify import RULE
from tocsin.plan.phases import PHASE
from tocsin.plan.promises import PROMISE
from tocsin.plan.review import REVIEW
from tocsin.plan.roles import ROLE
from tocsin.plan.rotas import ROTA
from tocsin.plan.shape import (
    CONDITION,
    TARGETS,
    TEXT,
    TEXTS,
    ZONE,
    Either,
    Key,
    Many,
    Named,
    Table,
)

PLAN = Table(
    "plan.yaml",
    {
        "plan": Key(TEXT, "the plan's name", required=True),
        "about": Key(ABOUT, "the plan as a document"),
        "zone": Key(ZONE, "the zone of rotas that name none, and of the date in incident ids", "`UTC`"),
        "incident_id": Key(TEXT, "what incidents are called", "`INC-{date:%Y%m%d}-{number:03d}`"),
        "channel": Key(TEXT, "where an incident is talked about; a `{date:...}` may stand in it"),
        "services": Key(Named(TEXT), "what can break, and what people call it"),
        "integrations": Key(Named(TEXT), "what sends alerts, and which service it speaks about"),
        "levels": Key(Named(LEVEL), "how bad it can be, the worst first", required=True),
        "facts": Key(Named(Either((FACT, Named(CONDITION)))), "what is known of an incident, or worked out"),
        "classify": Key(Many(ROW), "which level an alert has: of the rows that fit, the worst"),
        "matrix": Key(MATRIX, "the level by two facts"),
        "reclassify": Key(RECLASSIFY, "what a change of level does"),
        "progress": Key(PROGRESS, "what counts as progress"),
        "stages": Key(Named(STAGE), "what an escalation brings besides its page"),
        "escalate_when": Key(Named(TRIGGER), "escalation by impact"),
        "roles": Key(Named(ROLE), "what one person does in an incident"),
        "teams": Key(Named(TARGETS), "people, rotas or roles under one name"),
        "rotas": Key(Named(ROTA), "people who take turns"),
        "readiness": Key(TEXTS, "what is expected of whoever is on call"),
        "hand_over": Key(HAND_OVER, "how a turn passes on"),
        "catch_all": Key(TARGETS, "whom to page when everybody else is out of reach", required=True),
        "notify": Key(Many(RULE), "how people are told, unless they have rules of their own", "all at once"),
        "phases": Key(Named(PHASE), "what happens when"),
        "promises": Key(Named(PROMISE), "what else is due by a time"),
        "mitigations": Key(Named(TEXTS), "first moves, by what has happened"),
        "runbooks": Key(TEXTS, "the files of `runbooks/`, without `.md`"),
        "messages": Key(Named(MESSAGE), "the files of `messages/`, without `.md`"),
        "channels": Key(Named(CHANNEL), "where a channel leads, and what stands in for it"),
        "review": Key(REVIEW, "when a review is due, and how it is held"),
        "actions": Key(ACTIONS, "what follows a review"),
        "calendar": Key(Named(DUTY), "what is done again and again"),
        "training": Key(TRAINING, "what is practised"),
        "measures": Key(TEXTS, "what is measured"),
    },
)
