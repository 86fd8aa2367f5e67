"""Small questions that everybody asks of a plan."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.core.trial import level, policy
from tocsin.core.model import SYSTEM, Actor, ActorKind, LevelId, ServiceId
from tocsin.core.policy import Service

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
