"""With synchronous=FULL SQLite keeps what it committed; with less it is seen losing: the check can fail."""

import random
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
import sqlalchemy

from tests.support.powerloss import PowerLossDisk, supported

# An exception in a callback cannot travel through SQLite: it becomes a warning, and that fails the test.
pytestmark = pytest.mark.skipif(supported() is not None, reason=str(supported()))

INSERTS = 200
INSERT = "INSERT INTO page (id, body) VALUES (?, hex(randomblob(700)))"
SYNCED_ONLY_OR_ADVERSARIAL = pytest.mark.parametrize(
    "adversarial", [False, True], ids=["synced only", "adversarial"]
)


@dataclass(frozen=True)
class PowerCut:
    """What one image held, beside how many inserts had been acknowledged when it was taken."""

    acknowledged: int
    found: list[int]
    integrity: str

    @property
    def lost(self) -> int:
        return max(0, self.acknowledged - len(self.found))

    @property
    def broken(self) -> bool:
        return self.integrity != "ok" or self.found != list(range(len(self.found)))


@dataclass
class Cutter:
    """Takes images of `disk` at moments of chance, and opens them when all is over."""

    disk: PowerLossDisk
    directory: Path
    chance: random.Random
    adversarial: bool = False
    acknowledged: int = 0
    taken: list[tuple[int, Path]] = field(default_factory=list)

    def cut(self) -> None:
        # Counted before the image: what is acknowledged while it is taken may be in it or not.
        acknowledged, into = self.acknowledged, self.directory / f"image-{len(self.taken)}"
        survivors = random.Random(self.chance.random()) if self.adversarial else None
        self.disk.image(into, survivors=survivors)
        self.taken.append((acknowledged, into))

    def cut_sometimes(self) -> None:
        if self.chance.random() < 0.04:
            self.cut()

    def run(self, connection: sqlite3.Connection) -> list[PowerCut]:
        """Two hundred inserts with power cuts in the middle of commits; one seed gives one run."""
        self.disk.before_change = self.cut_sometimes
        for number in range(INSERTS):
            connection.execute(INSERT, (number,))
            self.acknowledged += 1
        self.disk.before_change = lambda: None
        self.cut()
        return self.cuts()

    def cuts(self) -> list[PowerCut]:
        return [PowerCut(acknowledged, *read_back(into / "db")) for acknowledged, into in self.taken]


def read_back(path: Path) -> tuple[list[int], str]:
    try:
        with closing(sqlite3.connect(path)) as connection:
            integrity = "\n".join(row[0] for row in connection.execute("PRAGMA integrity_check"))
            return [row[0] for row in connection.execute("SELECT id FROM page ORDER BY id")], integrity
    except sqlite3.DatabaseError as error:
        return [], str(error)


@contextmanager
def database(directory: Path, synchronous: str, journal: str = "WAL") -> Iterator[sqlite3.Connection]:
    """A connection through the disk, its table made durable before `synchronous` takes effect."""
    uri = f"file:{directory}/db?vfs=powerloss"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA synchronous={'FULL' if journal == 'WAL' else 'EXTRA'}")
        connection.execute(f"PRAGMA journal_mode={journal}")
        # So few pages that the log is checkpointed and begun again several times within one test.
        connection.execute("PRAGMA wal_autocheckpoint=40")
        connection.execute("CREATE TABLE IF NOT EXISTS page (id INTEGER PRIMARY KEY, body TEXT NOT NULL)")
        connection.execute(f"PRAGMA synchronous={synchronous}")
        yield connection


@pytest.fixture
def disk() -> PowerLossDisk:
    disk = PowerLossDisk()
    disk.register("powerloss")
    return disk


@pytest.mark.parametrize("seed", [1, 2])
@SYNCED_ONLY_OR_ADVERSARIAL
def test_full_keeps_every_acknowledged_insert(
    disk: PowerLossDisk, tmp_path: Path, adversarial: bool, seed: int
) -> None:
    with database(tmp_path, "FULL") as connection:
        cuts = Cutter(disk, tmp_path, random.Random(seed), adversarial).run(connection)
    assert len(cuts) > 15
    assert [cut for cut in cuts if cut.lost or cut.broken] == []
    assert disk.sync_count > INSERTS


@SYNCED_ONLY_OR_ADVERSARIAL
def test_normal_loses_recent_inserts_and_breaks_nothing(
    disk: PowerLossDisk, tmp_path: Path, adversarial: bool
) -> None:
    with database(tmp_path, "NORMAL") as connection:
        cuts = Cutter(disk, tmp_path, random.Random(3), adversarial).run(connection)
    assert [cut for cut in cuts if cut.broken] == []
    assert 0 < max(cut.lost for cut in cuts) < INSERTS / 2, "a checkpoint makes durable what it covers"


def test_off_loses_everything_since_the_last_sync(disk: PowerLossDisk, tmp_path: Path) -> None:
    with database(tmp_path, "OFF") as connection:
        cuts = Cutter(disk, tmp_path, random.Random(4)).run(connection)
    assert [cut for cut in cuts if cut.broken or cut.found] == []
    assert cuts[-1].lost == INSERTS


def test_off_breaks_the_database_when_unsynced_writes_survive_in_part(
    disk: PowerLossDisk, tmp_path: Path
) -> None:
    with database(tmp_path, "OFF") as connection:
        cuts = Cutter(disk, tmp_path, random.Random(5), adversarial=True).run(connection)
    assert any(cut.broken for cut in cuts)
    assert any(cut.found for cut in cuts)


@SYNCED_ONLY_OR_ADVERSARIAL
def test_full_keeps_what_another_thread_committed(
    disk: PowerLossDisk, tmp_path: Path, adversarial: bool
) -> None:
    cutter = Cutter(disk, tmp_path, random.Random(6), adversarial)
    enough = threading.Event()

    def write() -> None:
        with database(tmp_path, "FULL") as connection:
            while cutter.acknowledged < INSERTS or not enough.is_set():
                connection.execute(INSERT, (cutter.acknowledged,))
                cutter.acknowledged += 1

    writer = threading.Thread(target=write)
    writer.start()
    for _ in range(20):
        enough.wait(cutter.chance.uniform(0, 0.005))
        cutter.cut()
    enough.set()
    writer.join()
    cutter.cut()
    assert cutter.acknowledged >= INSERTS
    # An image from before the table was there holds nothing, and nothing was promised then.
    assert [cut for cut in cutter.cuts() if cut.lost or (cut.acknowledged and cut.broken)] == []


@pytest.mark.parametrize(("synchronous", "loses"), [("FULL", False), ("OFF", True)])
def test_sqlalchemy_opens_it_by_url(
    disk: PowerLossDisk, tmp_path: Path, synchronous: str, loses: bool
) -> None:
    engine = sqlalchemy.create_engine(f"sqlite+pysqlite:///file:{tmp_path}/db?vfs=powerloss&uri=true")
    sqlalchemy.event.listen(
        engine, "connect", lambda raw, _: raw.execute(f"PRAGMA synchronous={synchronous}")
    )
    cutter = Cutter(disk, tmp_path, random.Random(7))
    with database(tmp_path, "FULL"):
        disk.before_change = cutter.cut_sometimes
        for number in range(INSERTS):
            with engine.begin() as connection:
                connection.exec_driver_sql(INSERT, (number,))
            cutter.acknowledged += 1
        disk.before_change = lambda: None
        cutter.cut()
        engine.dispose()
    assert any(cut.lost for cut in cutter.cuts()) == loses
    assert [cut for cut in cutter.cuts() if cut.broken] == []


@pytest.mark.parametrize(("synchronous", "lost_max"), [("EXTRA", 0), ("FULL", 1)])
def test_a_deleted_journal_is_back_unless_its_directory_was_synced(
    disk: PowerLossDisk, tmp_path: Path, synchronous: str, lost_max: int
) -> None:
    with database(tmp_path, synchronous, journal="DELETE") as connection:
        cuts = Cutter(disk, tmp_path, random.Random(8)).run(connection)
    assert [cut for cut in cuts if cut.broken] == []
    assert max(cut.lost for cut in cuts) == lost_max


def test_an_image_has_the_log_and_not_the_shared_memory(disk: PowerLossDisk, tmp_path: Path) -> None:
    with database(tmp_path, "FULL") as connection:
        disk.image(tmp_path / "open")
        assert (tmp_path / "db-shm").exists()
        connection.execute(INSERT, (0,))
    disk.image(tmp_path / "closed")
    assert not (tmp_path / "db-wal").exists()
    for image in ("open", "closed"):
        assert {path.name for path in (tmp_path / image).iterdir()} == {"db", "db-wal"}
    assert read_back(tmp_path / "closed" / "db") == ([0], "ok")


def test_a_truncation_is_undone_until_it_is_synced(disk: PowerLossDisk, tmp_path: Path) -> None:
    with database(tmp_path, "FULL") as connection:
        connection.execute(INSERT, (0,))
        before = (tmp_path / "db-wal").read_bytes()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        assert (tmp_path / "db-wal").read_bytes() == b""
        disk.image(tmp_path / "truncated")
        connection.execute(INSERT, (1,))
        disk.image(tmp_path / "synced")
        assert (tmp_path / "truncated" / "db-wal").read_bytes() == before
        assert (tmp_path / "synced" / "db-wal").read_bytes() == (tmp_path / "db-wal").read_bytes()
    assert read_back(tmp_path / "truncated" / "db") == ([0], "ok")
    assert read_back(tmp_path / "synced" / "db") == ([0, 1], "ok")


def test_what_was_there_before_is_durable(disk: PowerLossDisk, tmp_path: Path) -> None:
    with database(tmp_path, "FULL") as connection:
        connection.execute(INSERT, (0,))
    disk = PowerLossDisk()
    disk.register("powerloss")
    with database(tmp_path, "OFF"):
        disk.image(tmp_path / "image")
    assert read_back(tmp_path / "image" / "db") == ([0], "ok")


def test_unsynced_writes_survive_by_the_sector_and_by_the_seed(disk: PowerLossDisk, tmp_path: Path) -> None:
    with database(tmp_path, "OFF") as connection:
        connection.execute("PRAGMA wal_autocheckpoint=0")
        for number in range(INSERTS):
            connection.execute(INSERT, (number,))
        written = (tmp_path / "db-wal").read_bytes()
        for seed in range(8):
            for turn in "ab":
                disk.image(tmp_path / f"{seed}{turn}", survivors=random.Random(seed))
    images = [(tmp_path / f"{seed}a" / "db-wal").read_bytes() for seed in range(8)]
    assert written in images, "the odds of a survivor may be 1"
    assert images == [(tmp_path / f"{seed}b" / "db-wal").read_bytes() for seed in range(8)]
    assert len(set(images)) > 4
    assert any(torn_pages(image, written) for image in images)


def test_it_says_why_a_python_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert supported() is None
    built_in = ModuleSpec("_sqlite3", None, origin="built-in")
    monkeypatch.setattr("tests.support.powerloss.importlib.util.find_spec", lambda _: built_in)
    assert supported() == "this Python has SQLite linked in statically, so no VFS can be registered with it"
    monkeypatch.setattr("tests.support.powerloss.sys.platform", "darwin")
    assert supported() == "the power loss VFS is untested on darwin"


def torn_pages(image: bytes, written: bytes) -> list[int]:
    """The pages of a log, by their number in it, of which some sectors are as written and some are not."""
    torn = []
    header, frame_header, page, sector = 32, 24, 4096, 512
    for number, frame in enumerate(range(header, len(written), frame_header + page)):
        first = (frame + frame_header) // sector * sector + sector
        whole = [slice(start, start + sector) for start in range(first, frame + page - sector, sector)]
        if len({image[place] == written[place] for place in whole if any(written[place])}) == 2:
            torn.append(number)
    return torn
