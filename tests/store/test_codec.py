"""What is stored is read by several threads, also by the first that ever read it."""

from __future__ import annotations

import subprocess
import sys

AT_ONCE = """
import sys, threading
from tocsin.core.incident import Incident
from tocsin.store.codec import load, made_of
from tocsin.store.errors import Corrupt

sys.setswitchinterval(1e-6)
barrier = threading.Barrier(8)

def read(number):
    barrier.wait()
    for _ in range(200):
        try:
            load('{"unknown": 1}', Incident) if number % 2 else made_of({"unknown": 1}, Incident)
        except Corrupt:
            pass

threads = [threading.Thread(target=read, args=(number,)) for number in range(8)]
[one.start() for one in threads]
[one.join() for one in threads]
"""
TRIES = 3


def test_threads_that_meet_a_class_for_the_first_time_do_not_end_the_process() -> None:
    """In a process of its own: it has met no class yet, and the pity of it would be a crash."""
    for _ in range(TRIES):
        done = subprocess.run([sys.executable, "-c", AT_ONCE], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
