"""Who uses one key goes one after another, whoever gives up meanwhile."""

import asyncio

import pytest

from tocsin_guard.keylocks import KeyLocks


async def test_users_of_a_key_go_in_the_order_in_which_they_came() -> None:
    locks, went = KeyLocks(), []

    async def use(key: str, name: str) -> None:
        async with locks.alone(key):
            await asyncio.sleep(0)
            went.append(name)

    await asyncio.gather(use("a", "1"), use("a", "2"), use("b", "other"), use("a", "3"))
    assert went == ["1", "other", "2", "3"]
    assert not locks._held, "nobody uses it, nothing is kept"


@pytest.mark.parametrize("turns", range(5))
async def test_who_gives_up_while_waiting_holds_up_nobody(turns: int) -> None:
    """Also in the very moment in which his turn comes."""
    locks, went = KeyLocks(), []

    async def use(name: str) -> None:
        async with locks.alone("a"):
            await asyncio.sleep(0)
            went.append(name)

    first, second, third = (asyncio.create_task(use(name)) for name in "123")
    for _ in range(turns):
        await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(first, second, third, return_exceptions=True)
    assert [name for name in went if name != "2"] == ["1", "3"]
    assert not locks._held
