"""`python -m listcutter`: serve List Cutter with guard's operations page. One process per data folder."""

import argparse
import os
import secrets
import threading
from pathlib import Path

import uvicorn

from faults.control import Control
from faults.links import FaultyStore, faulty_send
from faults.rules import Faults
from listcutter.app import make_app
from listcutter.service import Service
from tocsin_guard import Guard, LocalFiles, ObjectStore, Pager, Schedule, Token, s3
from tocsin_guard.push import Send, send_http

CACHE_BYTES = 2 * 1024**3


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m listcutter", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data"), help="Folder for everything that is kept.")
    parser.add_argument(
        "--host", default="127.0.0.1", help="There is no login: put your own in front before widening."
    )
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--s3-bucket", help="Keep lists in this bucket instead of local files.")
    parser.add_argument(
        "--s3-endpoint", help="Of the S3 service; AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are read."
    )
    parser.add_argument("--s3-region", default="auto")
    parser.add_argument("--pager", help="Push state changes here: Tocsin, or what takes PagerDuty Events v2.")
    parser.add_argument(
        "--faults", type=int, metavar="PORT", help="Drills: faults on request, steered at this port."
    )
    return parser.parse_args()


def the_token(data: Path) -> str:
    """The operators' token: from LISTCUTTER_TOKEN, else made once and kept in the data folder."""
    if given := os.environ.get("LISTCUTTER_TOKEN"):
        return given
    path = data / "token"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(24))
    return path.read_text().strip()


def make_store(wanted: argparse.Namespace) -> ObjectStore:
    if wanted.s3_bucket:
        return s3(wanted.s3_bucket, endpoint=wanted.s3_endpoint, region=wanted.s3_region)
    return LocalFiles(wanted.data / "store")


def start_control(links: dict[str, Faults], port: int) -> None:
    """Faults can be steered while the service runs, from a thread of their own."""
    config = uvicorn.Config(Control(links), host="127.0.0.1", port=port, log_level="warning")
    threading.Thread(target=uvicorn.Server(config).run, name="faults", daemon=True).start()
    print(f"Faults:          http://127.0.0.1:{port}/faults")


def main() -> None:
    wanted = read_arguments()
    token = the_token(wanted.data)
    pagers = [Pager(wanted.pager, os.environ["LISTCUTTER_PAGER_KEY"], "listcutter")] if wanted.pager else []
    store = make_store(wanted)
    send: Send = send_http
    at = f"http://{wanted.host}:{wanted.port}"
    print(f"List Cutter:     {at}/")
    print(f"Operations page: {at}/health/operations#token={token}")
    if wanted.faults:
        links = {"storage": Faults(), "push": Faults()}
        store, send = FaultyStore(store, links["storage"]), faulty_send(links["push"])
        start_control(links, wanted.faults)
    print(f"Its data is kept in {wanted.data}. Stop it with Ctrl-C.", flush=True)
    guard = Guard(
        wanted.data / "guard",
        name="listcutter",
        tokens=[Token.of("operator", token, ["control"])],
        pagers=pagers,
        send=send,
    )
    service = Service(
        wanted.data,
        guard,
        store,
        backup=LocalFiles(wanted.data / "backup"),
        schedule=Schedule(incremental_seconds=600),
        cache_bytes_max=CACHE_BYTES,
    )
    uvicorn.run(
        make_app(service),
        host=wanted.host,
        port=wanted.port,
        log_level="warning",
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    main()
