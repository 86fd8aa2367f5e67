"""Every `curl` of the List Cutter plan works as written, once host and token are put in.

The table is ours, so that this holds without the plan at hand. Where the plan lies beside the repository
(../shared/seeds), each of its own `curl` and `watch` lines is run as well, by a real shell and a real curl.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from guard.tests.servers import served
from guard.tests.support import ADMIN, TOKENS
from tocsin_guard import Guard, LocalFiles

HOST = "https://your-worker.example.com"
TOKEN = "<admin_token>"

BODY_BROADCAST = (
    '{"type": "INCIDENT_DETECTED", "message": "Incident detected: [Brief Description]", '
    '"severity": "HIGH", "target": "response_team"}'
)
BODY_RESTORED = (
    '{"type": "SERVICE_RESTORED", "message": "Service has been fully restored. All systems operational.", '
    '"severity": "INFO"}'
)
# method, address, body, path in the answer, what it reads (None: only that it is there)
TABLE: list[tuple[str, str, str, str, Any]] = [
    ("GET", "/health/status", "", ".data.overall_status", "HEALTHY"),
    ("GET", "/health/r2/status", "", ".data.circuit_breaker.state", "CLOSED"),
    ("GET", "/health/services", "", ".data.services.0.name", "R2_STORAGE"),
    ("GET", "/health/events?limit=50", "", ".data.events", None),
    ("GET", "/health/events?limit=1000", "", ".data.count", None),
    ("GET", "/health/events?level=error&limit=100", "", ".data.events", None),
    ("GET", "/health/events?since=2024-01-01T00:00:00Z", "", ".data.events.0.type", None),
    ("GET", "/health/metrics?hours=2", "", ".data.summary.count", None),
    ("GET", "/health/metrics?hours=1&metric=response_time", "", ".data.summary.p95_ms", None),
    ("GET", "/health/metrics?hours=1&metric=error_rate", "", ".data.summary.error_rate", 0),
    ("POST", "/health/check", "", ".data.passed", True),
    ("POST", "/health/r2/test", "", ".data.passed", True),
    ("GET", "/health/circuit-breaker/history", "", ".data.history", None),
    ("POST", "/health/circuit-breaker/reset", "", ".data.changed", False),
    ("POST", "/health/services/R2_STORAGE/degrade", '{"reason": "Incident response stabilization"}',
     ".data.degraded", True),
    ("POST", "/health/services/R2_STORAGE/restore", "", ".data.degraded", False),
    ("POST", "/health/services/R2_STORAGE/force-recovery", "", ".data.status", "HEALTHY"),
    ("GET", "/health/queue/status", "", ".data.total_queued", 0),
    ("GET", "/health/queue/operations?status=FAILED", "", ".data.operations", None),
    ("POST", "/health/queue/process", "", ".data.total_queued", 0),
    ("GET", "/api/backup/stats", "", ".data.configured", True),
    ("POST", "/api/backup/create", '{"type": "emergency"}', ".data.state", "COMPLETED"),
    ("POST", "/api/backup/create", '{"type": "emergency", "priority": "high"}', ".data.priority", "high"),
    ("POST", "/api/files/integrity-check", "", ".data.ok", True),
    ("POST", "/api/files/test-operations", "", ".data.passed", True),
    ("POST", "/health/notifications/broadcast", BODY_BROADCAST, ".data.target", "response_team"),
    ("POST", "/health/notifications/broadcast", BODY_RESTORED, ".data.type", "SERVICE_RESTORED"),
]  # fmt: skip

SEED = Path(__file__).resolve().parents[3] / "shared" / "seeds" / "001_f9d3d8697fd0d3e8.txt"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("guard")
    guard = Guard(folder / "data", tokens=TOKENS, public_summary=True)
    guard.objects(LocalFiles(folder / "store"), backup=LocalFiles(folder / "backup"))
    with served(guard.app) as url:
        yield url


def read(answer: Any, path: str) -> Any:
    """What jq reads at a plain path; a part that is not there fails."""
    for part in path.removeprefix(".").split("."):
        answer = answer[int(part) if part.isdecimal() else part]
    return answer


def shell(command: str) -> str:
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize(
    ("method", "path", "body", "jq", "value"), TABLE, ids=[f"{r[0]} {r[1]} {r[2][:30]}" for r in TABLE]
)
def test_each_address_of_the_plan_answers_what_it_expects(
    address: str, method: str, path: str, body: str, jq: str, value: Any
) -> None:
    command = f"curl -sS --fail-with-body -X {method} '{address}{path}' -H 'Authorization: Bearer {ADMIN}'"
    if body:
        command += f" -H 'Content-Type: application/json' -d '{body}'"
    found = read(json.loads(shell(command)), jq)
    if value is not None:
        assert found == value


def test_the_watch_lines_without_token_get_the_summary_and_nothing_else(address: str) -> None:
    assert json.loads(shell(f"curl -s {address}/health/status")) == {"data": {"overall_status": "HEALTHY"}}
    assert json.loads(shell(f"curl -s {address}/health/queue/status")) == {"data": {"total_queued": 0}}
    assert json.loads(shell(f"curl -s {address}/health/services"))["status"] == 401


def seed_commands() -> list[str]:
    """The plan's own curl commands, each with its continued lines, as they stand in its fences."""
    if not SEED.exists():
        return []
    found = []
    for block in re.findall(r"```bash\n(.*?)```", SEED.read_text(encoding="utf-8"), re.DOTALL):
        lines = [line for line in block.splitlines() if not line.lstrip().startswith("#")]
        text = "\n".join(lines)
        pattern = r"(?:^|\n)[ ]*((?:curl|watch)(?:\\\n|[^\n']|'[^']*')*)"
        found += [match.strip() for match in re.findall(pattern, text)]
    return found


def test_every_line_of_the_plan_that_calls_the_service_is_found() -> None:
    if not SEED.exists():
        pytest.skip("the plan is not beside this repository")
    text = SEED.read_text(encoding="utf-8")
    assert sum(command.count("curl -") for command in seed_commands()) == text.count("curl -")


@pytest.mark.parametrize("command", seed_commands() or ["absent"])
def test_each_command_of_the_plan_works_as_written(address: str, command: str, tmp_path: Path) -> None:
    if command == "absent":
        pytest.skip("the plan is not beside this repository")
    command = command.replace(HOST, address).replace(TOKEN, ADMIN)
    if command.startswith("watch"):
        _watch(command)
        return
    output = shell(f"cd '{tmp_path}' && {command.replace('curl ', 'curl -sS --fail-with-body ', 1)}")
    saved = list(tmp_path.iterdir())
    answer = json.loads(saved[0].read_text() if saved else output)
    assert "data" in answer, answer


def _watch(command: str) -> None:
    """What `watch` repeats, once; where jq is not installed its path is read by us."""
    match = re.fullmatch(r"watch -n (\d+) '(.*) \| jq \"(.*)\"'", command)
    assert match, command
    found = read(json.loads(shell(match[2])), match[3])
    assert found == ("HEALTHY" if match[1] == "10" else 0)
    if shutil.which("jq"):
        assert json.loads(shell(f'{match[2]} | jq "{match[3]}"')) == found
