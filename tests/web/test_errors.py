"""What a reader sees when something breaks on the server: a sentence, and nothing of our insides."""

from __future__ import annotations

import logging

import pytest
from sqlalchemy import text

from tests.web.support.site import Site
from tocsin.web.site import BROKEN


@pytest.mark.parametrize("path", ["/incidents/{}", "/api/v1/incidents/{}"])
def test_a_bug_of_ours_is_logged_and_told_in_one_sentence(
    site: Site, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    site.alert("prometheus", "checkout is down")
    path = path.format(site.incident().id)
    site.store.write_now(lambda tx: tx.execute(text("UPDATE subjects SET state = 'sesame'")))
    accept = "text/html" if path.startswith("/incidents") else "application/json"
    with caplog.at_level(logging.ERROR, logger="tocsin.web"):
        answer = site.browser("ana").get(path, accept=accept)
    assert answer.status_code == 500
    assert BROKEN.replace("'", "&#39;") in answer.text or BROKEN in answer.text
    assert "sesame" not in answer.text
    assert "Traceback" not in answer.text
    assert caplog.records[-1].message == f"GET {path} failed"
