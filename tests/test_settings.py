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
