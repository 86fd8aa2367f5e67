"""The API of the plan in force, so that the place where a plan is reviewed can also put it in force."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from litestar import Response, get, put
from litestar.connection import Request
from litestar.exceptions import HTTPException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from tocsin import limits
from tocsin.engine.enforce import changes, enforce, warnings
from tocsin.plan import checks
from tocsin.plan.files import check_given
from tocsin.plan.handbook import Plan
from tocsin.plan.problems import PlanRefused, Problem, foremost
from tocsin.store import plans
from tocsin.store.writer import Lane
from tocsin.web.auth import ONLY, PLAN, Viewer
from tocsin.web.bodies import PlanFiles
from tocsin.web.services import Services

log = logging.getLogger("tocsin.web")

Asking = Request[Viewer, Any, Any]


@dataclass(frozen=True)
class PlanInForce:
    """The plan that new incidents go by: its files, and since when."""

    version: str
    since: str
    files: dict[str, str]


@dataclass(frozen=True)
class PlanPut:
    """What came of it: `changes` from the plan before, in the plan's words; `warnings` of people who are
    missing and rotas that are gone while incidents still page by them.

    It is `fresh` unless it was in force already.
    """

    version: str
    name: str
    fresh: bool
    changes: list[str]
    warnings: list[str]


class PlanProblems(HTTPException):
    """The plan is refused; `problems` has the foremost of `total`."""

    status_code = 422

    def __init__(self, problems: Sequence[Problem]) -> None:
        number = sum(not one.warning for one in problems)
        have = "a problem" if number == 1 else f"{number:,} problems"
        self.problems, self.total = foremost(problems), len(problems)
        which = f"the first {len(self.problems)} of {self.total:,}, warnings last"
        lists = "them all" if len(self.problems) == self.total else which
        super().__init__(f"The plan has {have}; the one in force stays in force. `problems` lists {lists}.")

    @property
    def more(self) -> dict[str, object]:
        """What the refusal says besides its sentence."""
        return {"total": self.total, "shown": len(self.problems), "problems": self.problems}


def routes(services: Services) -> list[HTTPRouteHandler]:
    """What stands under /api/v1."""
    one_at_a_time = asyncio.Lock()

    @get("/plan", summary="The plan in force", opt={PLAN: True})
    async def show_plan() -> PlanInForce:
        found = await services.store.read(lambda tx: (plans.current(tx), plans.versions(tx)))
        if found[0] is None:
            raise NotFoundException("There is no plan in force yet.")
        (version, files), versions = found[0], found[1]
        return PlanInForce(version, dict(versions)[version].isoformat(), files)

    @put(
        "/plan",
        summary="Put a plan in force for new incidents, if it is sound; the same plan again changes nothing",
        status_code=200,
        opt={PLAN: ONLY},
        request_max_body_size=limits.PLAN_BODY_BYTES,
    )
    async def put_plan(request: Asking, data: JSONBody[PlanFiles]) -> Response[PlanPut]:
        async with one_at_a_time:
            # On a thread, for a large plan takes a second, in which pages must go on.
            plan = await asyncio.to_thread(_sound, services, data.files)
            services.context.learn(plan.policy)
            job = partial(enforce, policy=plan.policy, files=data.files, now=services.clock())
            done = await services.store.write(job, Lane.ACT)
            services.context.forget()
            differ = await asyncio.to_thread(changes, done, plan)
            known = await asyncio.to_thread(warnings, done, plan.policy)
        if done.fresh:
            log.info("Plan version %s was put in force by %s.", done.version, request.user.contact.id)
        put_in_force = PlanPut(done.version, plan.policy.name, done.fresh, differ, known)
        return Response(put_in_force, status_code=201 if done.fresh else 200)

    return [show_plan, put_plan]


def _sound(services: Services, files: Mapping[str, str]) -> Plan:
    """The plan that the files say; raises PlanProblems."""
    try:
        check_given(files)
    except PlanRefused as refused:
        raise PlanProblems(refused.problems) from refused
    examined = checks.check(files, services.clock())
    if examined.plan is None or not examined.sound:
        raise PlanProblems(examined.problems)
    return examined.plan
