"""A plan that cannot be used, as commands answer that want something else of it than its problems."""

from __future__ import annotations

from tocsin.cli.result import Result
from tocsin.plan.problems import PlanRefused, foremost, listed


def refusal(refused: PlanRefused) -> Result:
    """Its foremost problems, with exit code 2."""
    shown = foremost(refused.problems)
    data = [{"file": one.file, "line": one.line, "message": str(one)} for one in shown]
    total = len(refused.problems)
    return Result(listed(refused.problems), {"total": total, "shown": len(shown), "problems": data}, 2)
