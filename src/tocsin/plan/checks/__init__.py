"""What is wrong with a plan as a whole: `tocsin plan check`."""

from tocsin.plan.checks.check import Examined, check

__all__ = ["Examined", "check"]
