"""Settings that depend on each other."""

from __future__ import annotations

import pytest

from tocsin.settings import BadSetting, read_settings


def test_a_server_with_a_certificate_is_reached_by_https() -> None:
    environment = {"TOCSIN_TLS_CERTIFICATE": "chain.pem", "TOCSIN_TLS_KEY": "key.pem"}
    assert read_settings({"port": "8443"}, environment).public_url == "https://127.0.0.1:8443"


@pytest.mark.parametrize("alone", ["TOCSIN_TLS_CERTIFICATE", "TOCSIN_TLS_KEY"])
def test_a_certificate_and_its_key_go_together(alone: str) -> None:
    with pytest.raises(BadSetting, match=r"^tls_certificate and tls_key go together\. Name both files"):
        read_settings({}, {alone: "some.pem"})


NO_ADDRESS = (
    "database is no address of PostgreSQL. Write it like postgresql://user:password@host:5432/name:"
    " in a password @ as %40, around an IPv6 address brackets, and one host alone."
)
AND_REMEDY = "Write it like postgresql://user@host/name, or leave it empty."
SOMETHING_ELSE = f"database is something else. {AND_REMEDY}"
BAD_DATABASES = {
    "postgresql://u:hunter2@db:abc/x": NO_ADDRESS,
    "postgresql://u:hunter2@db:99999/x": NO_ADDRESS,
    "postgresql://u:hunter2@db:-1/x": NO_ADDRESS,
    "postgresql://u:hunter2@db:0/x": NO_ADDRESS,
    "postgresql://u:hun@ter2@db/x": NO_ADDRESS,
    "postgresql://u:hunter2@::1/x": NO_ADDRESS,
    "postgresql://u:hunter2@[::1/x": NO_ADDRESS,
    "postgresql://u:hunter2@db1:1,db2:2/x": NO_ADDRESS,
    "postgresql://u:hunter2@db1,db2/x": NO_ADDRESS,
    "postgresql://u:hunter2@d b/x": NO_ADDRESS,
    "postgresql://u:hunter2@db/x#y": NO_ADDRESS,
    "postgresql://%": NO_ADDRESS,
    "postgres://u:hunter2@db/x": f"database is postgres. {AND_REMEDY}",
    "POSTGRESQL://u:hunter2@db/x": f"database is POSTGRESQL. {AND_REMEDY}",
    "mysql://u:hunter2@db/x": f"database is mysql. {AND_REMEDY}",
    "postgresql+asyncpg://u:hunter2@db/x": SOMETHING_ELSE,
    "u:hunter2@x://db": SOMETHING_ELSE,
    "postgresql:/u:hunter2@db/x": SOMETHING_ELSE,
    "u:hunter2@db/x": SOMETHING_ELSE,
    "hunter2": SOMETHING_ELSE,
    "sqlite": SOMETHING_ELSE,
    "sqlite:///x?mode=hunter2": f"database is sqlite. {AND_REMEDY}",
    "sqlite:///": f"database is sqlite. {AND_REMEDY}",
    "sqlite://u:hunter2@db/x": f"database is sqlite. {AND_REMEDY}",
}


@pytest.mark.parametrize(("address", "sentence"), BAD_DATABASES.items())
def test_an_address_that_no_database_has_is_refused_and_not_repeated(address: str, sentence: str) -> None:
    with pytest.raises(BadSetting) as refused:
        read_settings({"database": address}, {})
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    "address",
    [
        "",
        "postgresql://",
        "postgresql:///name",
        "postgresql://db",
        "postgresql://db:5433",
        "postgresql://ana@db/name",
        "postgresql://ana:hunter2@db:5433/name",
        "postgresql://ana:h#u/n:t?e r%402@db/name",
        "postgresql://ana:hunter2@[fe80::1]:5433/name",
        "postgresql://ana:hunter2@10.0.0.1/name?sslmode=require&application_name=tocsin",
        "postgresql:///name?host=/run/postgresql",
        "sqlite:////var/lib/tocsin/tocsin.db",
    ],
)
def test_an_address_that_a_database_may_have_is_taken(address: str) -> None:
    assert read_settings({}, {"TOCSIN_DATABASE": f" {address}\n"}).database == address


OTHERS = [
    ("public_url", "http://", "public_url is `http://`. Write it like https://tocsin.example.com."),
    ("public_url", "https://a/?b", "public_url is `https://a/?b`. Write it like https://tocsin.example.com."),
    ("public_url", "https://a b", "public_url is `https://a b`. Write it like https://tocsin.example.com."),
    ("public_url", "http://[::1", "public_url is `http://[::1`. Write it like https://tocsin.example.com."),
    (
        "public_url",
        "https://ana:hunter2@a",
        "public_url is no address without a password. Write it like https://tocsin.example.com.",
    ),
    ("data", " ", "data is empty. Name a directory."),
    *(
        (
            "smtp_host",
            host,
            "smtp_host is no host. Write it alone, like mail.example.com; its port is smtp_port.",
        )
        for host in (
            "mail.example.com:587",
            "smtp://mail.example.com",
            "ana:hunter2@mail",
            "[::1]",
            "a,b",
            "a b",
        )
    ),
]


@pytest.mark.parametrize(("name", "value", "sentence"), OTHERS)
def test_what_could_only_fail_later_is_refused_at_once(name: str, value: str, sentence: str) -> None:
    with pytest.raises(BadSetting) as refused:
        read_settings({name: value}, {})
    assert str(refused.value) == sentence
