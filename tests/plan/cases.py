"""Plans that differ from a sound one, and what is said of each."""

from __future__ import annotations

import re
from pathlib import Path


def cases(file: str, sound: str) -> list[tuple[str, str, list[str]]]:
    """Of a file of cases: a name, the broken text, and the problems.

    A case is `# name`, then `- before` and `+ after` for each change to the sound plan (lines of `-` with no
    `+` are taken out whole) or `= line` for each line of another plan, then the sentences.
    """
    found = []
    blocks = (Path(__file__).parent / file).read_text(encoding="utf-8").split("\n\n")
    for block in blocks:
        name, *lines = block.strip("\n").split("\n")
        sentences = [line for line in lines if line[0] not in "-+="]
        whole = [line[2:] for line in lines if line[0] == "="]
        text = "".join(f"{line}\n" for line in whole) if whole else sound
        changes = "\n".join(line for line in lines if line[0] in "-+")
        for change in re.findall(r"((?:^-.*\n?)+)((?:^\+.*\n?)*)", changes, re.MULTILINE):
            before, after = ("\n".join(line[2:] for line in part.splitlines()) for part in change)
            before += "" if change[1] else "\n"
            assert before in text, f"{name}: {before}"
            text = text.replace(before, after)
        found.append((name.removeprefix("# "), text.replace("␀", "\0").replace("␉", "\t"), sentences))
    return found
