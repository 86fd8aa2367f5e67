"""Every server setting, once: its name, default and meaning. Flags win over environment over default.

`database` is read from `--database`, TOCSIN_DATABASE, or the file named by TOCSIN_DATABASE_FILE.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

DEMO_KEYS = {
    "prometheus": "tocsin-demo-key-prometheus-00001",
    "uptime": "tocsin-demo-key-uptime-000000001",
}
"""The demo's routing keys. They are no secret: the demo listens on loopback only."""

Network = IPv4Network | IPv6Network

_NAME_OR_NUMBERS = r"(?:[^\s/?#@:\[\]%,]+|\[[0-9A-Fa-f:.]+(?:%\w+)?\])"
_POSTGRESQL = re.compile(
    rf"postgresql://(?:[^:/@\s]*(?::[^@]*)?@)?{_NAME_OR_NUMBERS}?(?::(?P<port>[0-9]{{1,5}}))?"
    r"(?:/[^?#\s]*)?(?:\?[^#\s]*)?"
)
_SQLITE = re.compile(r"sqlite(?:\+pysqlite)?:///[^?\0]+")
_PUBLIC_URL = re.compile(rf"https?://{_NAME_OR_NUMBERS}(?::[0-9]{{1,5}})?(?:/[^?#@\s]*)?")
_HOST = re.compile(r"[^\s/?#@:\[\]%,]+|[0-9A-Fa-f:.]+(?:%\w+)?")


@dataclass(frozen=True)
class Setting:
    """One setting. A secret has no flag: flags are seen in the process list."""

    name: str
    default: str
    help: str
    secret: bool = False


SETTINGS = (
    Setting("data", "./data", "Directory for the database, the signing key and the lock."),
    Setting("database", "", "Such as postgresql://user@host/name. Empty: SQLite in the data directory."),
    Setting("host", "127.0.0.1", "Address to listen on."),
    Setting("port", "8080", "Port to listen on."),
    Setting("tls_certificate", "", "PEM file with the certificate chain, to serve https without a proxy."),
    Setting("tls_key", "", "PEM file with the certificate's key. Both files are read at start."),
    Setting("public_url", "", "Address that people reach the server at; links in pages begin with it."),
    Setting("role", "all", "What this node does: all, web or engine."),
    Setting("node", "", "Name of this node, unique among nodes on one database. Empty: the host's name."),
    Setting("plan", "", "Directory of the plan to put in force at start. Empty: the one in force."),
    Setting("people", "", "people.yaml to load at start. Empty: the people loaded before."),
    Setting("smtp_host", "", "Mail relay. Empty: no e-mail."),
    Setting("smtp_port", "587", "Port of the mail relay."),
    Setting("smtp_tls", "", "TLS to the relay: required, offered or never. Empty: required off loopback."),
    Setting("smtp_user", "", "Name for the mail relay, where it wants one."),
    Setting("smtp_password", "", "Password for the mail relay.", secret=True),
    Setting("smtp_from", "", "Sender of mail, such as tocsin@example.com."),
    Setting("egress_allow", "", "Networks of your own that webhooks may reach, as 10.1.0.0/16,10.2.0.0/16."),
    Setting("secret", "", "Key that signs links, 32 characters or more. Empty: made in data.", secret=True),
    Setting("keep_days", "400", "Days that resolved alerts and the delivery ledger are kept."),
    Setting("log", "json", "Log format: json or text."),
)


class BadSetting(Exception):
    """A setting cannot be used; the message names it, its value and the remedy."""


@dataclass(frozen=True)
class Settings:
    """What the server was told, checked. `demo` comes from the flag of that name alone."""

    data: Path
    database: str
    host: str
    port: int
    tls_certificate: str
    tls_key: str
    public_url: str
    role: str
    node: str
    plan: str
    people: str
    smtp_host: str
    smtp_port: int
    smtp_tls: str
    smtp_user: str
    smtp_password: str
    smtp_from: str
    egress_allow: tuple[Network, ...]
    secret: str
    keep_days: int
    log: str
    demo: bool = False


def read_settings(
    flags: Mapping[str, str | None], environment: Mapping[str, str], *, demo: bool = False
) -> Settings:
    """The settings; raises BadSetting for the first that cannot be used."""
    found = {one.name: _find(one, flags, environment) for one in SETTINGS}
    port = _number("port", found["port"], most=65535)
    if bool(found["tls_certificate"]) != bool(found["tls_key"]):
        raise BadSetting("tls_certificate and tls_key go together. Name both files, or neither.")
    scheme = "https" if found["tls_certificate"] else "http"
    public_url = found["public_url"] or f"{scheme}://{_in_url(found['host'])}:{port}"
    if not _PUBLIC_URL.fullmatch(public_url):
        said = "no address without a password" if "@" in public_url else f"`{public_url}`"
        raise BadSetting(f"public_url is {said}. Write it like https://tocsin.example.com.")
    if not found["data"]:
        raise BadSetting("data is empty. Name a directory.")
    if found["smtp_host"] and not _HOST.fullmatch(found["smtp_host"]):
        raise BadSetting(
            "smtp_host is no host. Write it alone, like mail.example.com; its port is smtp_port."
        )
    if found["secret"] and len(found["secret"]) < 32:
        raise BadSetting("secret is shorter than 32 characters. Use a random one, or leave it empty.")
    if found["smtp_host"] and not found["smtp_from"]:
        raise BadSetting("smtp_from is missing. Name the sender of mail, such as tocsin@example.com.")
    return Settings(
        data=Path(found["data"]).expanduser().absolute(),
        database=_database(found["database"]),
        host=found["host"],
        port=port,
        tls_certificate=found["tls_certificate"],
        tls_key=found["tls_key"],
        public_url=public_url.rstrip("/"),
        role=_choice("role", found["role"], ("all", "web", "engine")),
        node=found["node"],
        plan=found["plan"],
        people=found["people"],
        smtp_host=found["smtp_host"],
        smtp_port=_number("smtp_port", found["smtp_port"], most=65535),
        smtp_tls=_choice("smtp_tls", found["smtp_tls"], ("", "required", "offered", "never")),
        smtp_user=found["smtp_user"],
        smtp_password=found["smtp_password"],
        smtp_from=found["smtp_from"],
        egress_allow=_networks(found["egress_allow"]),
        secret=found["secret"],
        keep_days=_number("keep_days", found["keep_days"], most=100_000),
        log=_choice("log", found["log"], ("json", "text")),
        demo=demo,
    )


def _find(one: Setting, flags: Mapping[str, str | None], environment: Mapping[str, str]) -> str:
    flag = flags.get(one.name)
    if flag is not None:
        return flag.strip()
    name = f"TOCSIN_{one.name.upper()}"
    if name in environment:
        return environment[name].strip()
    file = environment.get(f"{name}_FILE")
    if file is None:
        return one.default
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as wrong:
        raise BadSetting(f"{name}_FILE names {file}, which cannot be read: {wrong.strerror}.") from wrong


def _database(address: str) -> str:
    """The address as given, if it can be one. It is not repeated: a password may be anywhere in it."""
    kind, divided, _ = address.partition("://")
    if not address or _SQLITE.fullmatch(address):
        return address
    if kind != "postgresql" or not divided:
        kind = kind if divided and kind.isalnum() else "something else"
        raise BadSetting(f"database is {kind}. Write it like postgresql://user@host/name, or leave it empty.")
    found = _POSTGRESQL.fullmatch(address)
    if found is None or not 0 < int(found["port"] or 5432) <= 65535:
        raise BadSetting(
            "database is no address of PostgreSQL. Write it like postgresql://user:password@host:5432/name:"
            " in a password @ as %40, around an IPv6 address brackets, and one host alone."
        )
    return address


def _number(name: str, text: str, *, most: int) -> int:
    if not text.isdecimal() or not 0 < int(text) <= most:
        raise BadSetting(f"{name} is `{text}`. Write a whole number from 1 to {most}.")
    return int(text)


def _choice(name: str, text: str, choices: tuple[str, ...]) -> str:
    if text not in choices:
        raise BadSetting(f"{name} is `{text}`. Use one of: {', '.join(filter(None, choices))}.")
    return text


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(one.strip()) for one in text.split(",") if one.strip())
    except ValueError as wrong:
        raise BadSetting(f"egress_allow: {wrong}. Write networks like 10.1.0.0/16, with commas.") from wrong


def _in_url(host: str) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared, not bound
    return f"[{host}]" if ":" in host else host
