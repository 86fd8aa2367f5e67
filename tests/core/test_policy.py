"""Small questions that everybody asks of a plan."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.core.trial import level, policy
from tocsin.core.model import SYSTEM, Actor, ActorKind, LevelId, ServiceId, TeamId
from tocsin.core.policy import Cadence, Service, Step, Target

CHECKOUT = ServiceId("checkout")
PLAN = replace(
    policy(level("P1"), level("P2", rank=1)),
    services={CHECKOUT: Service(CHECKOUT, "Checkout")},
    integrations={"prometheus": CHECKOUT},
)


def test_a_level_is_found_by_its_id_and_an_unknown_one_is_our_bug() -> None:
    assert PLAN.level(LevelId("P2")).rank == 1
    with pytest.raises(KeyError, match="P3"):
        PLAN.level(LevelId("P3"))


def test_an_integration_that_the_plan_does_not_name_is_a_service_of_its_own() -> None:
    assert PLAN.service_of("prometheus") == "checkout"
    assert PLAN.service_of("stray") == "stray"
    assert PLAN.service_name(CHECKOUT) == "Checkout"
    assert PLAN.service_name(ServiceId("stray")) == "stray"


def test_what_nobody_did_tocsin_did() -> None:
    assert (str(SYSTEM), str(Actor(ActorKind.PERSON, "ana"))) == ("Tocsin", "ana")


NEXT = (Target(team=TeamId("ops"), next_of=True),)


@pytest.mark.parametrize("what", ["told by a step", "an audience", "the catch-all", "nobody"])
def test_a_plan_takes_turns_wherever_it_means_the_next_of_a_team(what: str) -> None:
    p1 = level("P1", "0m ana")
    rung: Step = p1.ladder[0]
    plans = {
        "told by a step": policy(replace(p1, ladder=(replace(rung, tell=NEXT),))),
        "an audience": policy(replace(p1, updates=(Cadence("inside", (), NEXT),))),
        "the catch-all": replace(policy(p1), catch_all=NEXT),
        "nobody": policy(p1),
    }
    assert plans[what].takes_turns == (what != "nobody")
