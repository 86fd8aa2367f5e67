"""Running and keeping a server."""

from __future__ import annotations

from typing import Any

from tocsin.cli.words.parts import command, settings


def server(commands: Any) -> None:
    """Add serve, doctor, backup and restore."""
    serve = command(commands, "serve", "server.serve", "Run the server.", "tocsin serve --plan ./plan")
    serve.add_argument("--demo", action="store_true", help="Example plan, invented people, local mailbox.")
    settings(serve)
    doctor = command(
        commands, "doctor", "doctor.doctor", "Check this server's set-up.", "tocsin doctor --data ./data"
    )
    settings(doctor)
    backup = command(
        commands,
        "backup",
        "copies.backup",
        "Copy everything into one file, online.",
        "tocsin backup all.tocsin",
    )
    backup.add_argument("file", help="The file to write.")
    settings(backup)
    restore = command(
        commands,
        "restore",
        "copies.restore",
        "Load a backup into an empty database, of either kind.",
        "tocsin restore all.tocsin --database postgresql://tocsin@db.example.com/tocsin",
    )
    restore.add_argument("file", help="The backup to read.")
    restore.add_argument("--verify", action="store_true", help="Only check the file; load nothing.")
    settings(restore)
