"""What every address for control has in common: wrong words change nothing, acts are recorded."""

from typing import Any

import pytest

from guard.tests.test_api import Client, api, concrete
from tocsin_guard.recovery import snapshot
from tocsin_guard.routes import ROUTES, Route
from tocsin_guard.tokens import CONTROL

__all__ = ["api"]  # the fixture


@pytest.mark.parametrize("name", ["reason", "wait"])
@pytest.mark.parametrize("route", ROUTES, ids=[f"{r.method} {r.address}" for r in ROUTES])
async def test_a_wrong_reason_or_wait_is_found_before_anything_is_done(
    api: Client, route: Route, name: str
) -> None:
    if name not in route.body:
        return
    guard = api.w.guard
    backups, integrity = guard.backups["R2_STORAGE"], guard.integrity["R2_STORAGE"]
    before = list(snapshot(guard))
    wrongs: list[Any] = [5 if name == "reason" else "soon", [], {}, None, 10**400]
    for wrong in wrongs:
        body = {"type": "full", "message": "m", name: wrong}
        body = {key: value for key, value in body.items() if key in route.body}
        status, detail = await api.problem(route.method, concrete(route.address), body)
        assert status == 400
        assert detail.startswith(f"{name} is a ")
    assert list(snapshot(guard)) == before
    assert (backups._waiting, backups._running, backups.done, integrity.last) == ([], None, [], None)


async def test_every_address_for_control_records_who_when_and_why(api: Client) -> None:
    guard = api.w.guard
    await api.w.files.put("a", b"1")
    await guard.find("R2_STORAGE").degrade("x", "ana")
    await api.w.files.put("k", b"1")
    await guard.find("R2_STORAGE").restore("ana", "")
    api.w.store.broken_keys = "k"
    for _ in range(8):
        await api.w.pass_time(61, step=61)
        await guard.find("R2_STORAGE").reset("ana", "")
    made = await api.data("POST", "/api/backup/create", {"type": "full"})
    known = {"id": made["id"], "type": "full", "message": "m"}
    orders = [r for r in ROUTES if r.scope == CONTROL]
    for route in sorted(orders, key=lambda r: "/clear" in r.address):
        reason = f"why {route.address}"
        body = {name: known.get(name) for name in route.body & known.keys()} | {"reason": reason}
        address = concrete(route.address)
        if route.address.endswith("/discard"):  # it has just been retried
            for _ in range(8):
                await api.w.pass_time(61, step=61)
                await guard.find("R2_STORAGE").reset("ana", "")
        await api.data("POST", address, body)
        newest = next(e for e in guard.events.select(50) if e.by == "oncall")
        assert newest.reason == reason, route.address
