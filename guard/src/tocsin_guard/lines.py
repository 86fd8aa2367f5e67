"""The journal's file: what a line is, and how it is read again after a crash.

One line is eight hexadecimal digits of CRC-32, a blank, and JSON; people can read it. Bytes that a record
carries, the body of a small upload, stand after a tab behind the JSON, as they are but for line ends.

- Crash while writing: the torn tail, a line without its end, is cut off at the next start, and so are zeros,
  the room that the file had for more (`growing`). It was never acknowledged.
- A damaged line: it is skipped and counted, or read where only its end is damaged. The file is kept aside as
  `journal.damaged-...`, everything readable is used, and the journal is written anew.
"""

import json
import os
import re
import shutil
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Record = dict[str, Any]  # {"kind": ..., ...}: what JSON can hold


_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode

_BEGINS = re.compile(rb".(?=[0-9a-f]{8} \{)", re.DOTALL)  # the byte before a line that follows
HALF = "backslashreplace"  # half of a character, as in a file's name that is not UTF-8, stays JSON's \udcff
BODY = "body"  # the one part of a record that is bytes


def encode(record: Record) -> bytes:
    body = record.get(BODY)
    if body is None:
        text = _json(record).encode(errors=HALF)
    else:
        text = b"%s\t%s" % (_json({**record, BODY: None}).encode(errors=HALF), _escaped(body))
    return b"%08x %s\n" % (zlib.crc32(text), text)


def decode(line: bytes) -> Record | None:
    """The record in a whole line, or None if it is damaged."""
    if len(line) < 11 or line[8:9] != b" " or not line.endswith(b"\n"):
        return None
    try:
        if int(line[:8], 16) != zlib.crc32(line[9:-1]):
            return None
        text, tab, body = line[9:-1].partition(b"\t")  # JSON has no tab: it writes \t
        record = json.loads(text)
    except ValueError:
        return None
    if not isinstance(record, dict):
        return None
    return record | {BODY: _unescaped(body)} if tab else record


# Escape never stands alone afterwards: "escape n" is a line end, "escape e" an escape.


def _escaped(body: bytes) -> bytes:
    return body.replace(b"\x1b", b"\x1be").replace(b"\n", b"\x1bn")


def _unescaped(text: bytes) -> bytes:
    return text.replace(b"\x1bn", b"\n").replace(b"\x1be", b"\x1b")


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was found at the start."""

    records: list[Record]
    torn_bytes: int
    damaged_lines: int


def recover(path: Path) -> Recovery:
    """Read a journal; cut off a torn tail. A file that is not there is an empty journal."""
    if not path.exists():
        return Recovery([], 0, 0)
    records: list[Record] = []
    whole = start = torn = damaged = 0
    with path.open("rb") as file:
        for line in file:
            start, place = start + len(line), start
            line = line.rstrip(b"\0")
            if (record := decode(line)) is not None:
                records.append(record)
            elif line.endswith(b"\n") or decode(line[:-1] + b"\n") is not None:
                damaged += 1  # also the last one: somebody may have heard that it is kept
                records += _without_their_ends(line)
            else:
                torn = len(line)
                break
            whole = place + len(line)
    if damaged:
        keep_aside(path)
    if path.stat().st_size > whole:
        with path.open("r+b") as file:
            file.truncate(whole)
            os.fsync(file.fileno())
    return Recovery(records, torn, damaged)


def _without_their_ends(line: bytes) -> list[Record]:
    """What a damaged line holds if only line ends in it are: a body may look like lines, so that each record
    is known by its own checksum to end where it does.
    """
    found, start = [], 0
    for end in (*(match.start() for match in _BEGINS.finditer(line)), len(line) - 1):
        if (record := decode(line[start:end] + b"\n")) is not None:
            found.append(record)
            start = end + 1
    return found


def keep_aside(path: Path) -> None:
    """Have the file as it is under a name of its own, also when the journal is written anew."""
    for number in range(1, 1000):
        copy = path.with_name(f"{path.name}.damaged-{number}")
        if not copy.exists():
            try:
                os.link(path, copy)
            except OSError:  # as on a disk shared with a virtual machine: no second name for a file
                shutil.copyfile(path, copy)
            return
