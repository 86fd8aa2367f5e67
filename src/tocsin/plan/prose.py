"""Reads the handbook: the parts of a plan that people read, wherever in the plan they stand."""

from __future__ import annotations

from collections.abc import Mapping

from tocsin.core.model import LevelId, RoleId, RotaId
from tocsin.plan.about import read_about, read_actions, read_channels, read_hand_over, read_training
from tocsin.plan.document import Document, Value
from tocsin.plan.handbook import Handbook
from tocsin.plan.messages import read_messages, read_runbooks
from tocsin.plan.names import Names
from tocsin.plan.phases import read_phases
from tocsin.plan.review import read_meeting


def read_handbook(
    document: Document, entries: Mapping[str, Value], files: Mapping[str, str], names: Names
) -> Handbook:
    """All that a plan says to people."""
    media = read_channels(document, entries.get("channels"))
    scenarios, skills = read_training(document, entries.get("training"))
    answers = _each(document, entries.get("rotas"), "answers_within")
    lengths = {name: document.duration(one) for name, one in answers.items()}
    return Handbook(
        about=read_about(document, entries.get("about")),
        examples={
            LevelId(name): document.texts(one)
            for name, one in _each(document, entries.get("levels"), "examples").items()
        },
        role_duties={
            RoleId(name): document.texts(one)
            for name, one in _each(document, entries.get("roles"), "duties").items()
        },
        rota_duties={
            RotaId(name): document.texts(one)
            for name, one in _each(document, entries.get("rotas"), "duties").items()
        },
        answers_within={RotaId(name): length for name, length in lengths.items() if length},
        readiness=document.texts(entries.get("readiness")),
        hand_over=read_hand_over(document, entries.get("hand_over")),
        phases=read_phases(document, entries.get("phases"), names),
        mitigations=document.named_texts(entries.get("mitigations")),
        runbooks=read_runbooks(document, entries.get("runbooks"), files),
        templates=read_messages(document, entries.get("messages"), files, media, names),
        media=media,
        meeting=read_meeting(document, entries.get("review")),
        actions=read_actions(document, entries.get("actions")),
        scenarios=scenarios,
        skills=skills,
        measures=document.texts(entries.get("measures")),
    )


def _each(document: Document, value: Value | None, key: str) -> dict[str, Value]:
    """One key of every entry of a section, where it is given. The section's own reader checks the rest."""
    entries = ((name, document.peek(entry).get(key)) for name, entry in document.peek(value).items())
    return {name: found for name, found in entries if found is not None}
