"""A page to Ana, and a clock that stands still."""

from dataclasses import replace
from datetime import UTC, datetime

from tocsin.core.model import Message, PersonId, SubjectId

NOW = datetime(2025, 1, 31, 12, 0, tzinfo=UTC)


def clock() -> datetime:
    return NOW


def page(**changes: object) -> Message:
    message = Message(
        key="INC-7/page/1/ring/1",
        person=PersonId("ana"),
        person_name="Ana",
        address="ana@example.com",
        secret="",
        subject="SEV1 Checkout: Error rate is 7%",
        text="Ana, you are being paged.\n\nSEV1 Checkout: Error rate is 7% (INC-7)\n",
        link="https://tocsin.example/a/b?c=1&d=2",
        incidents=(SubjectId("INC-7"),),
        urgent=True,
        repeat=False,
    )
    return replace(message, **changes)  # type: ignore[arg-type] # the test's own fields
