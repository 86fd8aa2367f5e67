"""Whom a plan means, read aloud, and the verb that goes with them."""

from __future__ import annotations

import pytest

from tocsin.core.aloud import are, called
from tocsin.core.model import PersonId, RoleId, RotaId, TeamId
from tocsin.core.policy import Target

ANA, PRIMARY, LEAD = Target(PersonId("ana")), Target(rota=RotaId("primary")), Target(role=RoleId("Lead"))
TEAM, NEXT = Target(team=TeamId("ops")), Target(team=TeamId("ops"), next_of=True)


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        ((ANA,), "ana is"),
        ((PRIMARY,), "whoever is on call as primary is"),
        ((LEAD,), "the Lead is"),
        ((TEAM,), "team ops are"),
        ((NEXT,), "the next of team ops is"),
        ((Target(),), "nobody is"),
        ((LEAD, PRIMARY, ANA), "the Lead, whoever is on call as primary and ana are"),
    ],
)
def test_targets_are_read_aloud(targets: tuple[Target, ...], words: str) -> None:
    assert f"{called(targets)} {are(targets)}" == words
