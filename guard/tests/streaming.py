"""A service that only has guard, served by uvicorn as it is: no time-out for its end. Run as a program:
`python -m guard.tests.streaming FOLDER`; it says its port."""

import socket
import sys
from pathlib import Path

import uvicorn

from guard.tests.support import TOKENS
from tocsin_guard import Guard

if __name__ == "__main__":
    guard = Guard(Path(sys.argv[1]), tokens=TOKENS, reserve_bytes=0)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(listening.getsockname()[1], flush=True)
        config = uvicorn.Config(guard.app, log_level="warning")
        uvicorn.Server(config).run(sockets=[listening])
