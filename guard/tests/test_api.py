"""The operations API: who may, what is refused and how, and what each answer holds."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guard.tests.support import ADMIN, READER, World, world
from tocsin_guard import Guard, Schedule, Settings, Token, memory
from tocsin_guard.recovery import snapshot
from tocsin_guard.routes import ROUTES
from tocsin_guard.tokens import CONTROL, READ


class Client:
    def __init__(self, w: World) -> None:
        self.w = w
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=w.guard.app), base_url="http://service"
        )

    async def __call__(self, method: str, path: str, body: Any = None, token: str = ADMIN) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return await self.http.request(method, path, json=body, headers=headers)

    async def data(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self(method, path, body)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    async def problem(self, method: str, path: str, body: Any = None, token: str = ADMIN) -> tuple[int, str]:
        answer = await self(method, path, body, token)
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem["status"] == answer.status_code
        return problem["status"], problem["detail"]


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Client]:
    schedule = Schedule(0, 0)
    w = world(tmp_path / "guard", backup=memory(), schedule=schedule, settings=Settings(retry_seconds=0))
    async with w.guard.running():
        client = Client(w)
        async with client.http:
            yield client


def concrete(address: str) -> str:
    filled = address.replace("/services/{}", "/services/R2_STORAGE").replace("/health/{}", "/health/r2")
    return filled.replace("{}", "1")


@pytest.mark.parametrize("route", ROUTES, ids=[f"{r.method} {r.address}" for r in ROUTES])
async def test_every_address_wants_a_token_with_its_scope(api: Client, route: Any) -> None:
    path = concrete(route.address)
    before = api.w.guard.events.select(1000)
    count = len(list(before))
    assert (await api(route.method, path, token="")).status_code == 401
    assert (await api(route.method, path, token="wrong-token-0123456789")).status_code == 401
    answer = await api(route.method, path, token=READER)
    if route.scope == CONTROL:
        assert answer.status_code == 403
        assert answer.json()["detail"] == "The token viewer lacks the scope control."
        assert len(list(api.w.guard.events.select(1000))) == count, "nothing happened"
    else:
        assert route.scope == READ
        assert answer.status_code in (200, 404)


async def test_without_a_token_the_answer_asks_for_one(api: Client) -> None:
    answer = await api("GET", "/health/status", token="")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Not authorised",
        "status": 401,
        "detail": "Send a token of this service: Authorization: Bearer ....",
    }


REFUSED: list[tuple[str, str, Any, int, str]] = [
    ("GET", "/health/nothing", None, 404, "There is no address /health/nothing."),
    ("PUT", "/health/status", None, 405, "This address takes GET, not PUT."),
    ("GET", "/health/events?limt=5", None, 400,
     "The query has no 'limt' here; known: level, limit, since, type."),
    ("GET", "/health/events?limit=5&limit=6", None, 400, "The query has 'limit' twice."),
    ("GET", "/health/events?limit=0", None, 400, "limit is a number from 1 to 1000; not '0'."),
    ("GET", "/health/events?limit=many", None, 400, "limit is a number from 1 to 1000; not 'many'."),
    ("GET", "/health/events?limit=1.5", None, 400, "limit is a whole number from 1 to 1000."),
    ("GET", "/health/events?level=loud", None, 400,
     "level is one of info, warning, error, critical; not 'loud'."),
    ("GET", "/health/events?since=yesterday", None, 400,
     "since is a time such as 2024-01-01T00:00:00Z; not 'yesterday'."),
    ("GET", "/health/metrics?hours=1000", None, 400, "hours is a number from 0.0166667 to 48; not '1000'."),
    ("GET", "/health/metrics?metric=mood", None, 400,
     "metric is one of response_time, error_rate; not 'mood'."),
    ("GET", "/health/queue/operations?status=LOST", None, 400,
     "status is one of QUEUED, PROCESSING, FAILED, COMPLETED, DISCARDED; not 'LOST'."),
    ("GET", "/health/s3/status", None, 404, "There is no object store 's3'; known: r2."),
    ("POST", "/health/services/KV/degrade", {"reason": "x"}, 404,
     "There is no service 'KV'; known: R2_STORAGE."),
    ("POST", "/health/services/R2_STORAGE/degrade", None, 400, 'Say why: {"reason": "..."}.'),
    ("POST", "/health/services/R2_STORAGE/degrade", {"reason": "  "}, 400, 'Say why: {"reason": "..."}.'),
    ("POST", "/health/services/R2_STORAGE/degrade", {"reason": 5}, 400,
     "reason is a text of at most 1000 characters."),
    ("POST", "/health/services/R2_STORAGE/degrade", {"why": "x"}, 400,
     "The body has no 'why' here; known: reason."),
    ("POST", "/health/services/R2_STORAGE/degrade", ["x"], 400,
     'The body is a JSON object, such as {"reason": "..."}.'),
    ("POST", "/health/queue/operations/77/retry", None, 404,
     "There is no operation 77; finished ones are remembered for a while only."),
    ("POST", "/health/queue/operations/x/retry", None, 404, "There is no operation 'x'."),
    ("POST", "/api/backup/create", {"type": "partial"}, 400,
     "type is one of full, incremental, emergency; not 'partial'."),
    ("POST", "/api/backup/create", {"service": "KV"}, 404,
     "There is no object store 'KV'; known: R2_STORAGE."),
    ("POST", "/api/backup/restore", {"id": "x", "reason": "test"}, 404, "There is no backup 'x'."),
    ("POST", "/health/notifications/broadcast", {"type": "X"}, 400,
     'A broadcast needs "type" and "message".'),
    ("POST", "/health/notifications/broadcast", {"type": "X", "message": "m", "severity": "WORSE"}, 400,
     "severity is one of INFO, LOW, MEDIUM, HIGH, CRITICAL; not 'WORSE'."),
    ("POST", "/health/notifications/9/clear", None, 404,
     "There is no broadcast 9; old ones are forgotten."),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "status", "detail"), REFUSED)
async def test_a_wrong_request_gets_a_sentence_and_changes_nothing(
    api: Client, method: str, path: str, body: Any, status: int, detail: str
) -> None:
    before = list(snapshot(api.w.guard))
    assert await api.problem(method, path, body) == (status, detail)
    assert list(snapshot(api.w.guard)) == before


async def test_bytes_that_are_no_json_and_too_many_are_refused(api: Client) -> None:
    path, headers = "/health/services/R2_STORAGE/degrade", {"Authorization": f"Bearer {ADMIN}"}
    for body, status in ((b"{", 400), (b"\xff\xfe", 400), (b"[" * 60_000, 400), (b"x" * 70_000, 413)):
        answer = await api.http.post(path, content=body, headers=headers)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"


async def test_acts_are_recorded_with_who_when_and_why(api: Client) -> None:
    await api.data("POST", "/health/services/R2_STORAGE/degrade", {"reason": "stabilise"})
    await api.data("POST", "/health/circuit-breaker/reset", {"reason": "store is back"})
    await api.data("POST", "/health/services/R2_STORAGE/restore")
    events = (await api.data("GET", "/health/events?limit=10"))["events"]
    acts = [(e["type"], e["by"], e["reason"]) for e in events if e["by"]]
    assert acts == [
        ("degraded_left", "oncall", ""),
        ("breaker_reset", "oncall", "store is back"),
        ("degraded_entered", "oncall", "stabilise"),
    ]
    assert all(e["at"].endswith("Z") for e in events)


async def test_an_outage_shows_everywhere(api: Client) -> None:
    w = api.w
    w.store.down = True
    for n in range(6):
        await w.files.put(f"k{n}", b"1")
    status = await api.data("GET", "/health/status")
    assert (status["overall_status"], status["total_queued"]) == ("UNHEALTHY", 6)
    assert status["warnings"][0] == "The circuit breaker of R2_STORAGE is OPEN."
    store = await api.data("GET", "/health/r2/status")
    assert (store["circuit_breaker"]["state"], store["queued"], store["degraded"]) == ("OPEN", 6, True)
    queue = await api.data("GET", "/health/queue/status")
    assert (queue["total_queued"], queue["held"]) == (6, ["R2_STORAGE"])
    history = await api.data("GET", "/health/circuit-breaker/history")
    assert [(c["from"], c["to"]) for c in history["history"]] == [("CLOSED", "OPEN")]
    errors = await api.data("GET", "/health/events?level=error")
    assert [e["type"] for e in errors["events"]] == ["breaker_open"]
    rate = await api.data("GET", "/health/metrics?hours=1&metric=error_rate")
    assert rate["summary"]["error_rate"] > 0.8
    test = await api.data("POST", "/health/r2/test")
    assert (test["passed"], test["steps"][0]["error"]) == (False, "the store is down")
    held = await api.data("POST", "/health/queue/process")
    assert held["held"] == ["R2_STORAGE is held back: the circuit breaker is open"]
    assert held["total_queued"] == 6
    assert (await api.problem("POST", "/health/services/R2_STORAGE/restore"))[0] == 409
    w.store.down = False
    assert (await api.data("POST", "/health/services/R2_STORAGE/force-recovery"))["status"] == "HEALTHY"
    assert (await api.data("POST", "/health/queue/process"))["total_queued"] == 0
    assert (await api.data("GET", "/health/status"))["overall_status"] == "HEALTHY"


async def test_a_failed_operation_is_found_retried_and_discarded(api: Client) -> None:
    w = api.w
    await w.guard.find("R2_STORAGE").degrade("x", "ana")
    await w.files.put("bad", b"1")
    await w.guard.find("R2_STORAGE").restore("ana", "")
    w.store.broken_keys = "bad"
    for _ in range(8):
        await w.pass_time(61, step=61)
        await w.guard.find("R2_STORAGE").reset("ana", "")
    failed = await api.data("GET", "/health/queue/operations?status=FAILED")
    assert [(o["key"], o["error"], o["status"]) for o in failed["operations"]] == [
        ("bad", "the store is down", "FAILED")
    ]
    id = failed["operations"][0]["id"]
    assert (await api.data("GET", "/health/status"))["overall_status"] == "DEGRADED"
    assert (await api.data("POST", f"/health/queue/operations/{id}/retry"))["status"] == "QUEUED"
    status, detail = await api.problem("POST", f"/health/queue/operations/{id}/discard", {"reason": "gone"})
    assert status == 409
    assert detail.startswith(f"Operation {id} is ")
    w.store.broken_keys = ""
    await w.pass_time(2)
    done = await api.data("GET", "/health/queue/operations?status=completed")
    assert [o["id"] for o in done["operations"]] == [id]


async def test_a_backup_is_made_listed_verified_and_restored_over_http(api: Client) -> None:
    await api.w.files.put("a", b"precious")
    made = await api.data("POST", "/api/backup/create", {"type": "emergency", "priority": "high"})
    assert made["state"] == "COMPLETED"
    assert (await api.data("GET", "/api/backup/stats"))["last_backup"]["id"] == made["id"]
    assert (await api.data("GET", "/api/backup/list"))["backups"][0]["id"] == made["id"]
    assert (await api.data("POST", "/api/backup/verify", {"id": made["id"]}))["ok"]
    await api.w.store.inner.delete("a")
    body = {"id": made["id"], "key": "a", "reason": "deleted by mistake"}
    assert (await api.data("POST", "/api/backup/restore", body))["restored"] == 1
    assert await (await api.w.files.get("a")).read() == b"precious"


async def test_what_is_not_configured_says_so(tmp_path: Path) -> None:
    w = world(tmp_path / "guard")
    async with w.guard.running():
        api = Client(w)
        async with api.http:
            assert (await api.data("GET", "/api/backup/stats"))["configured"] is False
            status, detail = await api.problem("POST", "/api/backup/create")
            assert status == 404
            assert detail.startswith("R2_STORAGE has no backup store")
            assert (await api.problem("GET", "/api/files/integrity-check"))[0] == 404


async def test_the_summary_without_token_is_off_unless_asked_for(api: Client) -> None:
    assert (await api("GET", "/health/status", token="")).status_code == 401
    api.w.guard.public_summary = True
    answer = await api("GET", "/health/status", token="")
    assert answer.json() == {"data": {"overall_status": "HEALTHY"}}
    assert (await api("GET", "/health/status", token="wrong-token-0123456789")).status_code == 401
    assert (await api("GET", "/health/services", token="")).status_code == 401


async def test_health_json_and_prometheus(api: Client) -> None:
    await api.w.files.put('a"b', b"1")
    answer = await api("GET", "/health", token=READER)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/health+json")
    assert answer.json()["status"] == "pass"
    text = (await api("GET", "/metrics", token=READER)).text
    assert 'tocsin_guard_calls_total{service="R2_STORAGE",operation="write"} 1' in text
    assert 'tocsin_guard_breaker_state{service="R2_STORAGE"} 0' in text
    api.w.store.down = True
    for n in range(5):
        await api.w.files.put(f"k{n}", b"1")
    answer = await api("GET", "/health", token=READER)
    assert (answer.status_code, answer.json()["status"]) == (503, "fail")
    assert (
        'tocsin_guard_breaker_state{service="R2_STORAGE"} 2'
        in (await api("GET", "/metrics", token=READER)).text
    )
    assert (await api("GET", "/metrics", token="")).status_code == 401


async def test_metrics_tell_percentiles_per_operation_by_the_minute(api: Client) -> None:
    w = api.w
    w.clock.advance(60 - w.clock.now() % 60)
    for n in range(1, 101):
        w.guard.metrics.record("R2_STORAGE", "read", n / 1000, failed=n > 95)
    w.clock.advance(60)
    w.guard.metrics.record("R2_STORAGE", "write", 1.0, failed=False)
    found = await api.data("GET", "/health/metrics?hours=1")
    read = next(o for o in found["operations"] if o["operation"] == "read")
    assert (read["count"], read["errors"], read["error_rate"], read["max_ms"]) == (100, 5, 0.05, 100)
    assert read["p50_ms"] == pytest.approx(50, rel=0.05)
    assert read["p95_ms"] == pytest.approx(95, rel=0.05)
    assert [m["count"] for m in found["series"]] == [100, 1]
    w.clock.advance(48 * 3600 + 120)
    w.guard.metrics.record("R2_STORAGE", "read", 0.1, failed=False)
    w.clock.advance(60)
    w.guard.metrics.roll()
    assert len(w.guard.metrics.minutes) == 1, "old minutes are forgotten"


def test_a_token_that_can_be_guessed_is_refused() -> None:
    with pytest.raises(ValueError, match="Token 'x' is too short"):
        Token.of("x", "short")
    with pytest.raises(ValueError, match="scopes are control, read"):
        Token.of("x", "a" * 30, ["write"])
    assert "a" * 30 not in repr(Token.of("x", "a" * 30))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "POST", "HEAD", "PUT", "DELETE"]),
    path=st.one_of(
        st.sampled_from([r.address for r in ROUTES]), st.text(max_size=30).map(lambda t: f"/health/{t}")
    ),
    query=st.binary(max_size=40),
    body=st.one_of(
        st.binary(max_size=60),
        st.dictionaries(
            st.sampled_from(["reason", "type", "message", "limit", "sample", "id", "wait"]),
            st.one_of(
                st.none(),
                st.booleans(),
                st.integers(),
                st.text(max_size=9),
                st.lists(st.integers(), max_size=2),
            ),
        ).map(lambda d: json.dumps(d).encode()),
    ),
)
def test_no_request_makes_the_api_fail(
    tmp_path_factory: pytest.TempPathFactory, method: str, path: str, query: bytes, body: bytes
) -> None:
    """Any bytes get an answer below 500."""

    async def ask() -> int:
        w = world(tmp_path_factory.mktemp("g") / "guard", backup=memory())
        status = 0

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            nonlocal status
            status = message.get("status", status)

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query + (b"&wait=0" if query else b""),
            "headers": [(b"authorization", f"Bearer {ADMIN}".encode())],
        }
        async with w.guard.running():
            await w.guard.app(scope, receive, send)
        return status

    if path != "/health/notifications/stream":
        assert 200 <= asyncio.run(ask()) < 500


async def test_mounted_below_a_path_it_answers_there(tmp_path: Path) -> None:
    w = world(tmp_path / "guard")
    transport = httpx.ASGITransport(app=w.guard.app, root_path="/ops")
    async with w.guard.running(), httpx.AsyncClient(transport=transport, base_url="http://x") as http:
        answer = await http.get("/ops/health/status", headers={"Authorization": f"Bearer {READER}"})
        assert answer.status_code == 200


async def test_lifespan_starts_and_stops_guard_with_the_app_and_tells_a_failed_start(tmp_path: Path) -> None:
    async def lifespan(guard: Guard, inner: Any) -> list[str]:
        sent: list[str] = []
        messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

        async def receive() -> Any:
            if len(messages) == 1:
                sent.append(f"started={guard.started}")
            return messages.pop(0)

        async def send(message: Any) -> None:
            sent.append(message["type"])

        await guard.around(inner)({"type": "lifespan"}, receive, send)
        sent.append(f"started={guard.started}")
        return sent

    async def knows(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "lifespan.startup"
        await send({"type": "lifespan.startup.complete"})
        assert (await receive())["type"] == "lifespan.shutdown"
        await send({"type": "lifespan.shutdown.complete"})

    async def knows_not(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("only http here")

    whole = [
        "lifespan.startup.complete", "started=True", "lifespan.shutdown.complete", "started=False",
    ]  # fmt: skip
    assert await lifespan(Guard(tmp_path / "a"), knows) == whole
    assert await lifespan(Guard(tmp_path / "b"), knows_not) == whole
    (tmp_path / "c").write_text("a file where the folder should be")
    assert (await lifespan(Guard(tmp_path / "c"), knows))[0] == "lifespan.startup.failed"
