"""Commands that need no server start fast, because nothing of one is loaded."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.test_rehearse import HARBOUR, NIGHT

PROGRAM = """
import sys; from tocsin.cli import main
try: main(sys.argv[1:])
except SystemExit: pass
print([m for m in ('msgspec', 'sqlalchemy', 'litestar', 'asyncio') if m in sys.modules])
"""


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("rehearse", HARBOUR, "--level", "P1", *NIGHT), id="rehearse"),
        pytest.param(("plan", "check", HARBOUR), id="check"),
        pytest.param(("plan", "show", HARBOUR), id="show"),
        pytest.param(("plan", "diff", HARBOUR, HARBOUR), id="diff"),
        pytest.param(("severity", "why", HARBOUR, "--facts", "severity=error"), id="severity"),
        pytest.param(("oncall", "gaps", "--plan", HARBOUR), id="on call"),
    ],
)
def test_the_server_is_never_loaded(words: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
