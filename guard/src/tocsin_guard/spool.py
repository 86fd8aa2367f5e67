"""The bodies of queued operations that are too large for the journal: one file each, durable before it is
named there.
"""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from tocsin_guard import disk
from tocsin_guard.errors import GuardError
from tocsin_guard.handlers import Body

SUFFIX = ".body"


@dataclass(frozen=True)
class Spool:
    folder: Path  # of guard; a body given as a file must lie below it

    @property
    def bodies(self) -> Path:
        return self.folder / "spool"

    def path(self, id: int) -> Path:
        return self.bodies / f"{id}{SUFFIX}"

    async def keep(self, id: int, body: Body) -> None:
        """Have the body of an operation on the disk; a file is moved. Raises if the disk refuses."""
        try:
            await asyncio.to_thread(self._keep, self.path(id), body)
        except OSError as error:
            if error.errno in disk.FULL:
                raise disk.full(self.bodies) from error
            text = f"{self.bodies} could not be written ({error.strerror}); the request was not kept."
            raise GuardError(text) from error

    def _keep(self, path: Path, body: Body) -> None:
        if isinstance(body, Path):
            with body.open("rb") as file:
                os.fsync(file.fileno())
            body.replace(path)
            disk.sync_folder(self.bodies)
        else:
            disk.replace_file(path, lambda handle: disk.write_all(handle, body))

    def drop(self, id: int) -> None:
        self.path(id).unlink(missing_ok=True)

    def clean(self, owned: set[int], doubtful: bool) -> list[str]:
        """Remove what no operation owns; put it aside if the journal is `doubtful`: it may be somebody's."""
        disk.make_folder(self.bodies)
        names = {self.path(id).name for id in owned}
        problems = []
        for path in self.bodies.iterdir():
            if path.name in names:
                continue
            if doubtful and path.suffix == SUFFIX:
                kept = self._put_aside(path)
                problems.append(
                    f"{path.name} belongs to no line of the journal that can be read; it is now {kept}."
                )
            else:
                path.unlink()  # never acknowledged, or already applied
        return problems

    def _put_aside(self, path: Path) -> Path:
        folder = self.folder / "lost+found"
        disk.make_folder(folder)
        target, number = folder / path.name, 1
        while target.exists():
            number += 1
            target = folder / f"{path.stem}-{number}{SUFFIX}"
        path.replace(target)
        return target.relative_to(self.folder)
