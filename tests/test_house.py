"""The house rules as tests: who may import whom, who reads the clock, what is never done.

A rule is a function from one file to problems; a problem names the place, the fault and what to do instead.
Exceptions are data with a reason each, and an exception that nothing needs any more is a problem too. Every
rule is shown bad samples at the end of this file, so that a rule that no longer bites fails.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70


@dataclass(frozen=True)
class Room:
    """What a folder or module under src/tocsin may import of ours and of others, beside itself and stdlib."""

    ours: frozenset[str]
    theirs: frozenset[str] = frozenset()


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def room(ours: str = "", theirs: str = "") -> Room:
    return Room(words(ours), words(theirs))


# The direction of imports (docs/architecture.md). A new dependency of a room is a decision made here.
ROOMS = {
    "limits": room(),
    "core": room("limits"),
    "plan": room("limits core", "yaml"),
    "store": room("limits core", "alembic msgspec psycopg sqlalchemy"),
    "edges": room("limits core", "aiosmtplib httpcore msgspec"),
    "engine": room("limits core plan store", "msgspec prometheus_client"),
    "web": room("limits core plan store engine", "jinja2 litestar markupsafe msgspec prometheus_client"),
    "drills": room("limits core engine"),
    "settings": room("limits", "msgspec"),
    "logs": room(),
}
FLOORS = ("events", "state", "promises", "paging", "acts")
"""Inside core/incident each room may use those before it."""
FREE = frozenset({"app", "cli", "__main__"})  # they wire everything, may import everything, and own the clock
WIRING_ONLY = {
    "app": "take what you need as an argument; app hands it in",
    "cli": "take what you need as an argument; nothing builds on the command line",
    "settings": "take the value as an argument; app reads settings and hands it in",
}

# Modules that few files may import: module -> (files or folders under src/tocsin, what to do instead).
DIAL = "take a client or socket from edges/egress.py; it checks addresses and bounds time and size"
SQL = "call a named query of store; only store speaks SQL"
PRIVATE_MODULES = {
    "httpcore": (("edges/egress.py",), DIAL),
    "socket": (("edges/egress.py",), DIAL),
    "ssl": (("edges/egress.py",), DIAL),
    # E-mail speaks SMTP through the library, on a socket that egress dialled.
    "aiosmtplib": (("edges/egress.py", "edges/channels/email.py"), DIAL),
    "sqlalchemy": (("store/",), SQL),
    "alembic": (("store/",), SQL),
    "sqlite3": (("store/",), SQL),
    "psycopg": (("store/",), SQL),
    "urllib.request": ((), DIAL),
    "http.client": ((), DIAL),
    "smtplib": ((), DIAL),
    "requests": ((), DIAL),
    "httpx": ((), DIAL),
    "aiohttp": ((), DIAL),
    "random": (("app/",), "take chosen values as arguments; chance comes from app"),
    "importlib.import_module": (("app/", "cli/"), "write a plain import; only app and cli load lazily"),
}

# What the standard library offers and core still may not use: core decides, it does not do.
CORE_MODULES_BANNED = words(
    "asyncio concurrent http io logging multiprocessing os pathlib random secrets select selectors socket "
    "sqlite3 ssl subprocess tempfile threading time urllib uuid"
)

NOW = "take `now` as an argument; only app/ and cli/ read the clock"
CLOCK_READS = {
    "datetime.datetime.now": NOW,
    "datetime.datetime.utcnow": NOW,
    "datetime.datetime.today": NOW,
    "datetime.date.today": NOW,
    "time.time": NOW,
    "time.time_ns": NOW,
    "time.localtime": NOW,
    "time.gmtime": NOW,
    "time.monotonic": NOW,
    "time.monotonic_ns": NOW,
    "time.perf_counter": NOW,
    "time.perf_counter_ns": NOW,
    "asyncio.get_running_loop.time": NOW,
    "asyncio.get_event_loop.time": NOW,
}
# file under src/tocsin -> {name: reason}
CLOCK_ALLOWED: dict[str, dict[str, str]] = {
    "store/writer.py": {"time.monotonic": "bounds how long a shared commit gathers jobs"},
}

# file under src/tocsin::function -> reason. For worker loops, which log, back off and move on.
CATCH_ALL_ALLOWED: dict[str, str] = {
    "store/writer.py::_in_savepoint": "a bad job fails alone: its error goes to its own caller",
    "store/writer.py::_alone": "the same, for a job that runs by itself; the writer thread must outlive it",
    "engine/intake.py::_flush": "a request that cannot be stored must not shut the door for all that follow",
    "engine/context.py::known": "an alert is taken whatever the plan has become; the engine says what is",
    "engine/intake.py::_one_by_one": "the same: its error goes to its own sender",
    "store/writer.py::_run": "the writer thread must outlive whatever it meets, or all wait for ever",
    "engine/wheels.py::run": "the engine pages on whatever one turn met; the log and the auditor tell of it",
    "app/connections.py::end_the_slow": "one that cannot be looked at must not keep the others from it",
    "app/loops.py::_every": "a small job that fails is tried again; it must not end the server",
    "engine/engine.py::_try": "a channel that raises is a bug of that channel, and must not stop the others",
    "engine/engine.py::_record": "an incident that cannot be decided must not repeat its message for ever",
    "engine/engine.py::_set_aside": "what cannot be told of is set aside all the same, or it fails for ever",
}

SHELL = "pass a list of arguments to subprocess without a shell"
CALLS_BANNED = {"os.system": SHELL, "os.popen": SHELL, "subprocess.getoutput": SHELL}

# Written in pieces, so that this file does not contain what it looks for.
HOSTS_BANNED = tuple(
    ".".join(parts)
    for parts in [
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"),
        ("deb", "debian", "org"),
        ("crates", "io"),
        ("proxy", "golang", "org"),
    ]
)
PATHS_BANNED = re.compile(r"(?<![\w.~-])/" + "(?:work|root)" + r"/[\w.]")


Function = ast.FunctionDef | ast.AsyncFunctionDef
Problem = tuple[int, str]  # a line, and a sentence that names the fault and what to do instead


@dataclass(frozen=True)
class Module:
    """One Python file: its place below the repository, and what it says."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @cached_property
    def inner(self) -> str | None:
        """The path under src/tocsin, if it is there."""
        prefix = "src/tocsin/"
        return self.path.removeprefix(prefix) if self.path.startswith(prefix) else None

    @cached_property
    def room(self) -> str | None:
        return None if self.inner is None else self.inner.split("/")[0].removesuffix(".py")

    @cached_property
    def names(self) -> dict[str, str]:
        """What each imported name stands for; `from time import time as t` gives {"t": "time.time"}."""
        found = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    bound = alias.asname or alias.name.split(".")[0]
                    found[bound] = alias.name if alias.asname else bound
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    found[alias.asname or alias.name] = f"{self.source_of(node)}.{alias.name}"
        return found

    def source_of(self, node: ast.ImportFrom) -> str:
        """The absolute module of a from-import, relative ones resolved."""
        if not node.level:
            return node.module or ""
        parts = self.path.removeprefix("src/").removesuffix(".py").split("/")[: -node.level]
        return ".".join([*parts, *(node.module.split(".") if node.module else [])])

    def dotted(self, node: ast.expr) -> str | None:
        """`d.now` -> "datetime.datetime.now": imported names are resolved, calls looked through."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            base = self.dotted(node.value)
            return base and f"{base}.{node.attr}"
        return self.dotted(node.func) if isinstance(node, ast.Call) else None

    def imports(self) -> Iterator[tuple[int, str]]:
        """Line and full name of each import; a from-import gives module.name, which may be a module."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from ((node.lineno, f"{self.source_of(node)}.{alias.name}") for alias in node.names)

    def functions(self) -> Iterator[Function]:
        for node in ast.walk(self.tree):
            if isinstance(node, Function):
                yield node


def within(name: str, module: str) -> bool:
    """Is `name` that module, or something in it?"""
    return name == module or name.startswith(module + ".")


# The rules.

Rule = Callable[[Module], Iterator[Problem]]


def rooms_import_downwards(module: Module) -> Iterator[Problem]:
    if module.inner is None or module.inner == "__init__.py":
        return
    if module.room not in ROOMS.keys() | FREE:
        yield 1, f"{module.room} is no room. Put it into one, or add it to ROOMS in {__name__}."
        return
    for line, name in module.imports():
        top, _, rest = name.partition(".")
        if top != "tocsin" or rest.startswith("__version__"):
            continue
        target = rest.split(".")[0]
        if module.room in FREE:
            if target in ("app", "cli") and module.room not in (target, "cli", "__main__"):
                yield line, f"nobody imports {target}; {WIRING_ONLY[target]}."
        elif target != module.room and target not in ROOMS[module.room or ""].ours:
            remedy = WIRING_ONLY.get(target, "turn the call round: hand a value or a function in from app")
            yield line, f"{module.room} may not import tocsin.{target}; {remedy}."


def floors_of_the_incident_import_downwards(module: Module) -> Iterator[Problem]:
    parts = (module.inner or "").split("/")
    if parts[:2] != ["core", "incident"] or parts[2] not in FLOORS:
        return
    own = FLOORS.index(parts[2])
    for line, name in module.imports():
        target = name.removeprefix("tocsin.core.incident.").split(".")[0]
        if name.startswith("tocsin.core.incident.") and target in FLOORS[own + 1 :]:
            yield line, f"core/incident/{parts[2]} may not import {target}, which stands above it."


def rooms_use_few_libraries(module: Module) -> Iterator[Problem]:
    if module.room not in ROOMS:
        return
    for line, name in module.imports():
        top = name.split(".")[0]
        if top in sys.stdlib_module_names or top == "tocsin" or top in ROOMS[module.room].theirs:
            continue
        allowed = ", ".join(sorted(ROOMS[module.room].theirs)) or "the standard library only"
        yield line, f"{module.room} may not import {top}; it uses {allowed}. Or decide it in ROOMS."


def few_files_dial_or_speak_sql(module: Module) -> Iterator[Problem]:
    if module.inner is None:
        return
    for line, name in module.imports():
        for private, (owners, instead) in PRIVATE_MODULES.items():
            if within(name, private) and not any(owned_by(module.inner, owner) for owner in owners):
                yield line, f"{private} is not for this file; {instead}."


def owned_by(inner: str, owner: str) -> bool:
    return inner.startswith(owner) if owner.endswith("/") else inner == owner


def core_only_decides(module: Module) -> Iterator[Problem]:
    if module.room != "core":
        return
    for line, name in module.imports():
        if (top := name.split(".")[0]) in CORE_MODULES_BANNED:
            yield line, f"core may not import {top}; take a value in, give an effect out."
    for node in ast.walk(module.tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            yield node.lineno, "core is not async; decide here, wait in engine."
        elif isinstance(node, ast.Call) and module.dotted(node.func) in ("open", "print", "input"):
            yield node.lineno, "core neither reads nor writes; return an effect."


def guard_stands_alone(module: Module) -> Iterator[Problem]:
    if module.path.startswith(("guard/", "examples/")):
        for line, name in module.imports():
            if within(name, "tocsin"):
                yield line, "guard and what embeds it may not import tocsin; services embed guard alone."


def imports_stand_at_the_top(module: Module) -> Iterator[Problem]:
    if module.inner is None or module.room in FREE:
        return
    for function in module.functions():
        for node in ast.walk(function):
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield (
                    node.lineno,
                    f"import inside {function.name}; move it to the top of the module, "
                    "and if that makes a circle, split the module. Only app and cli import lazily.",
                )


def only_the_clock_reads_the_clock(module: Module) -> Iterator[Problem]:
    if module.inner is None or module.room in FREE:
        return
    allowed = CLOCK_ALLOWED.get(module.inner, {})
    for line, name in clock_reads(module):
        if name not in allowed:
            yield line, f"{name} is not for this file; {CLOCK_READS[name]}."


def clock_reads(module: Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute | ast.Name) and (name := module.dotted(node)) in CLOCK_READS:
            yield node.lineno, name


def things_fit_a_screen(module: Module) -> Iterator[Problem]:
    # A migration is frozen as its generator wrote it.
    if not module.path.startswith(("src/", "guard/", "examples/")) or "/migrations/versions/" in module.path:
        return
    lines = len(module.text.splitlines())
    if lines > MODULE_LINES_MAX:
        yield 1, f"{lines} lines, at most {MODULE_LINES_MAX}; split it by what its parts are about."
    for function in module.functions():
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if lines > FUNCTION_LINES_MAX:
            yield (
                function.lineno,
                f"{function.name} has {lines} lines, at most {FUNCTION_LINES_MAX}; "
                "keep the branches here and move pure steps out.",
            )


def modules_say_what_they_hold(module: Module) -> Iterator[Problem]:
    name = module.path.rsplit("/", 1)[-1].removesuffix(".py")
    if name in ("util", "utils", "helpers", "common", "misc"):
        yield 1, f"{name} says nothing; name the module after what it holds."


def errors_are_caught_by_name(module: Module) -> Iterator[Problem]:
    if module.inner is None:
        return
    for line, place in catch_alls(module):
        if f"{module.inner}::{place}" not in CATCH_ALL_ALLOWED:
            yield (
                line,
                f"{place} catches everything; name the errors it can handle. "
                f"A worker loop is entered in CATCH_ALL_ALLOWED in {__name__} with its reason.",
            )


def guard_says_why_it_catches_everything(module: Module) -> Iterator[Problem]:
    """Guard runs other people's checks, handlers and apps, so it catches more than the house does."""
    if not module.path.startswith(("guard/", "examples/")):
        return
    lines = [*module.text.splitlines(), ""]
    for line, place in catch_alls(module):
        if not any("# " in text for text in lines[line - 1 : line + 1]):
            yield (
                line,
                f"{place} catches everything and does not say why; name the errors it can handle, "
                "or give the reason in a comment on the line.",
            )


def catch_alls(module: Module) -> Iterator[tuple[int, str]]:
    """Line and innermost function of each handler that catches everything."""
    place = dict.fromkeys(ast.walk(module.tree), "module")
    for function in module.functions():  # outer functions come first, so the innermost has the last word
        place.update(dict.fromkeys(ast.walk(function), function.name))
    for node, where in place.items():
        if isinstance(node, ast.ExceptHandler):
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            if any(each is None or module.dotted(each) in ("Exception", "BaseException") for each in caught):
                yield node.lineno, where


def no_shell(module: Module) -> Iterator[Problem]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            name = module.dotted(node.func)
            if name in CALLS_BANNED:
                yield node.lineno, f"{name} runs a shell; {CALLS_BANNED[name]}."
            for keyword in node.keywords:
                off = isinstance(keyword.value, ast.Constant) and not keyword.value.value
                if keyword.arg == "shell" and not off:
                    yield node.lineno, f"shell=True; {SHELL}."


def skips_say_why(module: Module) -> Iterator[Problem]:
    if not module.path.startswith("tests/"):
        return
    called = {id(node.func): node for node in ast.walk(module.tree) if isinstance(node, ast.Call)}
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Load):
            continue
        name = module.dotted(node)
        call = called.get(id(node))
        keywords = {keyword.arg for keyword in call.keywords} if call else set()
        positional = bool(call and call.args)
        if name in ("pytest.mark.skip", "pytest.skip"):
            silent = not positional and "reason" not in keywords
        else:
            silent = name in ("pytest.mark.skipif", "pytest.mark.xfail") and "reason" not in keywords
        if silent:
            yield node.lineno, f"{name} without a reason; say what is missing, or delete the test."


def every_test_is_collected(module: Module) -> Iterator[Problem]:
    if not module.path.startswith("tests/"):
        return
    collected = bool(re.search(r"/(test_[^/]*|[^/]*_test)\.py$", module.path))
    seen: set[tuple[str, str]] = set()
    for owner, test in written_tests(module):
        if not collected:
            yield test.lineno, f"{test.name} is never run; move it to a file named test_*.py."
        elif owner and not owner.startswith("Test"):
            yield test.lineno, f"{test.name} is never run; name its class Test*."
        elif (owner, test.name) in seen:
            yield test.lineno, f"{test.name} hides an earlier test of that name; rename one."
        seen.add((owner, test.name))
    made = ".TestCase" in module.text  # Hypothesis makes its state machines' tests: TestX = Machine.TestCase
    if collected and not seen and not made:
        yield 1, "a test file without a test; write one or delete the file."


def written_tests(module: Module) -> Iterator[tuple[str, Function]]:
    """Each test with the name of its class, or "" for a function of the module."""
    scopes: list[tuple[str, list[ast.stmt]]] = [("", module.tree.body)]
    scopes += [(node.name, node.body) for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef)]
    for owner, body in scopes:
        for node in body:
            if isinstance(node, Function) and node.name.startswith("test_"):
                yield owner, node


PYTHON_RULES: list[Rule] = [
    rooms_import_downwards,
    floors_of_the_incident_import_downwards,
    rooms_use_few_libraries,
    few_files_dial_or_speak_sql,
    core_only_decides,
    guard_stands_alone,
    imports_stand_at_the_top,
    only_the_clock_reads_the_clock,
    things_fit_a_screen,
    modules_say_what_they_hold,
    errors_are_caught_by_name,
    guard_says_why_it_catches_everything,
    no_shell,
    skips_say_why,
    every_test_is_collected,
]


def text_names_no_machine(text: str) -> Iterator[Problem]:
    for number, line in enumerate(text.splitlines(), 1):
        for host in HOSTS_BANNED:
            if host in line:
                yield number, f"names {host}; name the package, its client knows where to ask."
        if match := PATHS_BANNED.search(line):
            yield number, f"{match.group()}... is a path of one machine; write it relative to the repository."


# The house as it stands.


def python_files() -> list[Module]:
    paths = [
        path
        for top in ("src", "guard", "examples", "tests", "bench", "scripts")
        for path in (ROOT / top).rglob("*.py")
    ]
    return [Module(str(path.relative_to(ROOT)), path.read_text()) for path in sorted(paths)]


def committed_texts() -> Iterator[tuple[str, str]]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        if path.is_file() and b"\0" not in (content := path.read_bytes()):
            yield name, content.decode(errors="replace")


def told(path: str, problems: Iterable[Problem]) -> Iterator[str]:
    return (f"{path}:{line}: {sentence}" for line, sentence in problems)


def expect_none(problems: Iterable[str]) -> None:
    if found := "\n".join(problems):
        pytest.fail(found, pytrace=False)


@pytest.mark.parametrize("rule", PYTHON_RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps(rule: Rule) -> None:
    expect_none(problem for module in python_files() for problem in told(module.path, rule(module)))


def test_committed_files_name_no_registry_and_no_path_of_this_machine() -> None:
    expect_none(
        problem for path, text in committed_texts() for problem in told(path, text_names_no_machine(text))
    )


def test_every_exception_is_still_needed() -> None:
    modules = {module.inner: module for module in python_files() if module.inner}
    clock = {f"{path}::{name}" for path, names in CLOCK_ALLOWED.items() for name in names}
    reads = {f"{path}::{name}" for path, module in modules.items() for _, name in clock_reads(module)}
    catches = {f"{path}::{place}" for path, module in modules.items() for _, place in catch_alls(module)}
    stale = sorted((clock - reads) | (CATCH_ALL_ALLOWED.keys() - catches))
    assert not stale, f"delete these exceptions, nothing needs them: {', '.join(stale)}"


# The rules themselves: each is shown what it must find: path, source, and how the problem starts.

CORE, ENGINE, EDGE, APP = (f"src/tocsin/{name}.py" for name in ("core/a", "engine/a", "edges/a", "app"))
TEST = "tests/test_a.py"
BAD: dict[Rule, list[tuple[str, str, str]]] = {
    rooms_import_downwards: [
        (CORE, "import tocsin.plan.load", ":1: core may not import tocsin.plan; turn the call round"),
        (CORE, "from tocsin import store", ":1: core may not import tocsin.store;"),
        (CORE, "from ..engine import wake", ":1: core may not import tocsin.engine;"),
        (EDGE, "from tocsin.store import x", ":1: edges may not import tocsin.store;"),
        (
            ENGINE,
            "from tocsin.settings import x",
            ":1: engine may not import tocsin.settings; take the value",
        ),
        (ENGINE, "from tocsin.app import x", ":1: engine may not import tocsin.app; take what you need"),
        (APP, "from tocsin import cli", ":1: nobody imports cli;"),
        ("src/tocsin/attic/a.py", "", ":1: attic is no room."),
    ],
    floors_of_the_incident_import_downwards: [
        (
            "src/tocsin/core/incident/paging/a.py",
            "from tocsin.core.incident.acts import course",
            ":1: core/incident/paging may not import acts, which stands above it.",
        ),
    ],
    rooms_use_few_libraries: [
        (CORE, "import yaml", ":1: core may not import yaml; it uses the standard library only."),
        (ENGINE, "from litestar import x", ":1: engine may not import litestar; it uses msgspec"),
    ],
    few_files_dial_or_speak_sql: [
        (EDGE, "import httpcore", ":1: httpcore is not for this file; take a client"),
        (EDGE, "from urllib import request", ":1: urllib.request is not for this file;"),
        (ENGINE, "import sqlite3", ":1: sqlite3 is not for this file; call a named query"),
        (ENGINE, "from random import choice", ":1: random is not for this file;"),
        (ENGINE, "from importlib import import_module", ":1: importlib.import_module is not for this file;"),
        (APP, "import ssl", ":1: ssl is not for this file;"),
    ],
    core_only_decides: [
        (CORE, "import os.path", ":1: core may not import os;"),
        (CORE, "async def f(): ...", ":1: core is not async;"),
        (CORE, "open('x')", ":1: core neither reads nor writes;"),
    ],
    guard_stands_alone: [
        ("guard/a.py", "from tocsin.core import x", ":1: guard and what embeds it may not import tocsin;")
    ],
    imports_stand_at_the_top: [(CORE, "def f():\n    import re", ":2: import inside f;")],
    only_the_clock_reads_the_clock: [
        (CORE, "import datetime as d\nd.datetime.now()", ":2: datetime.datetime.now is not"),
        (CORE, "from datetime import date\ndate.today()", ":2: datetime.date.today is not"),
        (ENGINE, "from time import time as t\nf(clock=t)", ":2: time.time is not"),
        (ENGINE, "import asyncio\nasyncio.get_running_loop().time()", ":2: asyncio.get_running_loop.time is"),
    ],
    things_fit_a_screen: [
        (CORE, "x = 1\n" * (MODULE_LINES_MAX + 1), ":1: 401 lines, at most 400;"),
        (CORE, "def f():\n" + "    x = 1\n" * FUNCTION_LINES_MAX, ":1: f has 71 lines, at most 70;"),
    ],
    modules_say_what_they_hold: [("src/tocsin/core/utils.py", "", ":1: utils says nothing;")],
    errors_are_caught_by_name: [
        (ENGINE, "def f():\n  try: g()\n  except Exception: h()", ":3: f catches everything;"),
        (ENGINE, "try: g()\nexcept (OSError, BaseException): h()", ":2: module catches everything;"),
        (ENGINE, "try: g()\nexcept: h()", ":2: module catches everything;"),
    ],
    guard_says_why_it_catches_everything: [
        ("guard/a.py", "def f():\n  try: g()\n  except Exception: h()", ":3: f catches everything and does"),
        ("examples/a.py", "try: g()\nexcept BaseException:\n  h()\n# Late.", ":2: module catches everything"),
    ],
    no_shell: [
        ("bench/a.py", "import subprocess\nsubprocess.run('x', shell=True)", ":2: shell=True;"),
        ("scripts/a.py", "from os import system\nsystem('x')", ":2: os.system runs a shell;"),
    ],
    skips_say_why: [
        (
            TEST,
            "import pytest\n@pytest.mark.skip\ndef test_a(): ...",
            ":2: pytest.mark.skip without a reason;",
        ),
        (TEST, "import pytest\npytest.skip()", ":2: pytest.skip without a reason;"),
        (TEST, "import pytest\npytest.mark.skipif(True)", ":2: pytest.mark.skipif without a reason;"),
    ],
    every_test_is_collected: [
        ("tests/a.py", "def test_a(): ...", ":1: test_a is never run; move it"),
        (TEST, "class A:\n  def test_a(self): ...", ":2: test_a is never run; name its class"),
        (TEST, "def test_a(): ...\ndef test_a(): ...", ":2: test_a hides an earlier test"),
        (TEST, "", ":1: a test file without a test;"),
    ],
}

GOOD = [
    (CORE, "from tocsin import __version__, limits\nfrom tocsin.core import model\nimport re"),
    ("src/tocsin/core/incident/a.py", "from . import events\nfrom ..policy import Policy"),
    (ENGINE, "from tocsin.core import model\nfrom tocsin.store import reads\nasync def f(): ..."),
    ("src/tocsin/edges/egress.py", "import ssl, socket, httpcore, aiosmtplib"),
    ("src/tocsin/edges/channels/email.py", "import aiosmtplib\nfrom urllib.parse import quote"),
    ("src/tocsin/store/a.py", "import sqlalchemy, sqlite3"),
    ("src/tocsin/cli.py", "def main():\n    from tocsin.app import serve\n    import time; time.time()"),
    ("src/tocsin/__main__.py", "from tocsin.cli import main"),
    (CORE, "def f(now, message): return now.time(), message.date, message.random"),
    (CORE, "try: f()\nexcept (KeyError, ValueError): g()"),
    (
        "tests/test_a.py",
        "import pytest\n@pytest.mark.skip(reason='no moon')\ndef test_a(): pytest.skip('no moon')",
    ),
    ("guard/src/tocsin_guard/a.py", "import tocsin_guard.breaker"),
]


@pytest.mark.parametrize(
    ("rule", "path", "source", "problem"),
    [(rule, *sample) for rule, samples in BAD.items() for sample in samples],
)
def test_a_rule_catches_what_it_bans(rule: Rule, path: str, source: str, problem: str) -> None:
    found = list(told(path, rule(Module(path, source))))
    assert len(found) == 1
    assert found[0].startswith(path + problem)


@pytest.mark.parametrize(("path", "source"), GOOD)
def test_the_rules_let_good_code_pass(path: str, source: str) -> None:
    assert [problem for rule in PYTHON_RULES for problem in rule(Module(path, source))] == []


def test_every_rule_has_a_bad_sample() -> None:
    assert BAD.keys() == set(PYTHON_RULES)


@pytest.mark.parametrize("text", ["GET /api/work/1", "src/work/a.py", "/workers/", "the root/branch"])
def test_paths_of_the_product_are_no_machine(text: str) -> None:
    assert list(text_names_no_machine(text)) == []
