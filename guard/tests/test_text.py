"""Text that is no UTF-8, and payloads that are no JSON, harm nobody but whoever gave them."""

import asyncio
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guard.tests.support import ADMIN, world
from tocsin_guard import Guard, LocalFiles, Settings
from tocsin_guard.errors import Malformed, Unavailable
from tocsin_guard.lines import Record, decode, encode, recover

HALF = "half a character: \ud800"


@given(st.text(st.characters(exclude_categories=())), st.binary())
def test_any_text_and_any_bytes_come_back_from_a_line(text: str, body: bytes) -> None:
    record: Record = {"kind": text, "body": body}
    line = encode(record)
    assert line.count(b"\n") == 1
    assert decode(line) == record


def asking(guard: Guard) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=guard.app),
        base_url="http://service",
        headers={"Authorization": f"Bearer {ADMIN}"},
    )


async def test_half_a_character_in_a_reason_stops_neither_the_journal_nor_the_events(tmp_path: Path) -> None:
    w = world(tmp_path / "guard")
    async with w.guard.running(), asking(w.guard) as http:
        degraded = await http.post(
            "/health/services/R2_STORAGE/degrade", content=json.dumps({"reason": HALF})
        )
        assert degraded.status_code == 200
        assert (await w.files.put("k", b"1")).queued
        await w.guard.journal.compact()
        assert (await http.get("/health/events")).json()["data"]["events"][0]["reason"] == HALF
    again = world(tmp_path / "guard")
    async with again.guard.running():
        mode = again.guard.dependencies["R2_STORAGE"].mode
        assert mode is not None
        assert mode.reason == HALF


async def test_a_file_whose_name_is_no_utf8_is_a_stray_and_no_error(tmp_path: Path) -> None:
    w = world(tmp_path / "guard", store=LocalFiles(tmp_path / "store"))
    async with w.guard.running(), asking(w.guard) as http:
        await w.files.put("a", b"1")
        (tmp_path / "store" / "objects" / os.fsdecode(b"st\xffray")).write_bytes(b"2")
        answer = await http.post("/api/files/integrity-check")
        assert answer.json()["data"]["stray"] == ["st\udcffray"]


async def test_a_payload_that_is_no_json_is_refused_at_the_door_also_while_all_is_well(
    tmp_path: Path,
) -> None:
    w = world(tmp_path / "guard", settings=Settings(retry_seconds=0))
    mail = w.guard.dependency("MAIL")
    done: list[Any] = []

    @w.guard.work(mail, "send")
    async def send(payload: Any, idempotency_key: str) -> None:
        done.append(payload)

    async with w.guard.running():
        with pytest.raises(Malformed) as refused:
            await send.run("ana", {"when": datetime(2026, 1, 1, tzinfo=UTC)}, "one")
        assert str(refused.value) == (
            "The payload of send for MAIL must be what JSON can hold, or it could not be queued: "
            "Object of type datetime is not JSON serializable."
        )
        assert done == []


async def test_a_record_that_cannot_be_written_holds_up_no_compaction(tmp_path: Path) -> None:
    w = world(tmp_path / "guard")
    async with w.guard.running():
        for _ in range(3):
            with pytest.raises(TypeError):
                await w.guard.journal.append({"kind": "n", "n": object()})
            w.guard.journal.note({"kind": "n", "n": object()})
        await asyncio.wait_for(w.guard.journal.compact(), 5)
        await asyncio.wait_for(w.guard.journal.append({"kind": "n"}), 5)


async def test_what_a_handler_does_to_its_payload_stays_with_it(tmp_path: Path) -> None:
    """Also where it is no JSON: the operation would be missing when the journal is written anew."""
    w = world(tmp_path / "guard", settings=Settings(retry_seconds=0))
    mail = w.guard.dependency("MAIL", Settings(retry_seconds=0))
    seen: list[Any] = []

    @w.guard.work(mail, "send")
    async def send(payload: Any, idempotency_key: str) -> None:
        seen.append(payload["to"].pop())
        payload["tried"] = datetime(2026, 1, 1, tzinfo=UTC)
        raise Unavailable("no answer")

    async with w.guard.running():
        asked: dict[str, Any] = {"to": ["ana"]}
        assert (await send.run("k", asked, "one")).queued
        assert asked == {"to": ["ana"]}
        await w.guard.queue.drain()
        await w.guard.journal.compact()
    assert len(seen) >= 2
    taken = [r for r in recover(w.guard.journal.path).records if r["kind"] == "taken"]
    assert [r["payload"] for r in taken] == [{"to": ["ana"]}]
