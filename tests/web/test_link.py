"""The acknowledgement link: a GET shows, a POST acknowledges, and it is good for nothing else."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import text

from tests.web.support.site import Site
from tests.web.test_pages import text_of
from tocsin.core.directory import Contact
from tocsin.core.incident import Status, commands
from tocsin.core.model import PersonId
from tocsin.store import directory


def test_a_scanner_that_follows_the_link_acknowledges_nothing(site: Site) -> None:
    site.alert("prometheus", "checkout is down")
    (link,) = site.links("ana")
    before = site.dump()
    scanner = site.browser()
    for _ in range(2):
        said = text_of(scanner.get(link).text)
        assert "Ana Costa, you are being paged Acknowledge" in said
        assert "checkout is down" in said
        assert "Nobody has acknowledged it yet" in said
    scanner.ask("HEAD", link)
    assert site.dump() == before


def test_the_button_acknowledges_for_the_person_who_was_paged_and_signs_nobody_in(site: Site) -> None:
    site.alert("prometheus", "checkout is down")
    (link,) = site.links("ana")
    phone = site.browser()
    answer = phone.post(link)
    said = text_of(answer.text)
    assert "Done, Ana Costa" in said
    assert "Acknowledged by Ana Costa at 03:00" in said
    assert "It is yours now." in said
    assert "<button" not in answer.text
    assert phone.cookies == {}
    assert phone.get("/").status_code == 303
    state = site.incident()
    assert state.status is Status.ACKNOWLEDGED
    assert state.acknowledged_by is not None
    assert state.acknowledged_by.id == "ana"


def test_a_signed_in_reader_of_somebodys_link_acknowledges_as_the_one_who_was_paged(site: Site) -> None:
    site.alert("prometheus", "checkout is down")
    site.browser("ben").post(site.links("ana")[0])
    taken_by = site.incident().acknowledged_by
    assert taken_by is not None
    assert taken_by.id == "ana"


def test_whoever_comes_second_hears_who_was_first(site: Site) -> None:
    site.alert("prometheus", "checkout is down")
    site.advance(minutes=5)
    site.ask("ben", commands.Acknowledge("web"))
    site.advance(minutes=1)
    for _ in range(2):
        said = text_of(site.browser().post(site.links("ana")[0]).text)
        assert "This was already acknowledged by Ben Okafor at 03:05." in said
    assert "Nothing is left to acknowledge here." in site.browser().get(site.links("ana")[0]).text


def test_after_the_end_the_link_says_that_it_is_over(site: Site) -> None:
    site.alert("prometheus", "checkout is down")
    site.ask("ben", commands.Resolve("fixed"))
    said = text_of(site.browser().post(site.links("ana")[0]).text)
    assert "This was already resolved at 03:00." in said


def test_the_link_of_an_incident_that_was_merged_acknowledges_where_it_goes_on(large_site: Site) -> None:
    site = large_site
    site.alert("prometheus", "checkout is down")
    site.alert("uptime", "catalogue is down")
    older, younger = sorted(site.incidents(), key=lambda one: one.id)
    link = site.links("ana")[-1]
    site.ask("ben", commands.Merge(older.id), younger.id)
    said = text_of(site.browser().get(link).text)
    assert "Ana Costa, you are being paged Acknowledge P1 Critical checkout is down" in said
    assert f"{younger.id} goes on here." in said
    assert "It is yours now." in text_of(site.browser().post(link).text)
    assert {one.id: one.status for one in site.incidents()} == {
        older.id: Status.ACKNOWLEDGED,
        younger.id: Status.MERGED,
    }


def test_the_link_of_a_merged_incident_opens_none_that_is_kept_from_its_holder(large_site: Site) -> None:
    site = large_site
    site.alert("prometheus", "checkout is down")
    site.alert("uptime", "catalogue is down")
    older, younger = sorted(site.incidents(), key=lambda one: one.id)
    link = site.links("ana")[-1]
    site.browser().post(site.links("ana")[0])
    site.ask("ben", commands.Acknowledge("web"), older.id)
    site.ask("ben", commands.Merge(older.id), younger.id)
    site.ask("ben", commands.Restrict((PersonId("ben"),)), older.id)
    for said in (text_of(site.browser().get(link).text), text_of(site.browser().post(link).text)):
        assert "checkout" not in said
        assert f"Merged into {older.id}" in said


def test_one_button_acknowledges_all_that_the_message_listed_and_tells_of_each(large_site: Site) -> None:
    site = large_site
    for integration in ("prometheus", "uptime"):
        site.alert(integration, f"{integration} is down", send=False)
    site.settle()
    link = site.links("ana")[-1]
    said = text_of(site.browser().get(link).text)
    assert "Acknowledge all 2" in said
    taken = next(one.id for one in site.incidents() if one.service == "catalogue")
    site.ask("ben", commands.Acknowledge("web"), taken)
    said = text_of(site.browser().post(link).text)
    assert "This was already acknowledged by Ben Okafor at 03:00." in said
    assert "It is yours now." in said
    assert {one.status for one in site.incidents()} == {Status.ACKNOWLEDGED}


def test_who_is_paged_although_it_was_acknowledged_can_answer(site: Site) -> None:
    site.alert("prometheus", "checkout is down")
    site.ask("ana", commands.Acknowledge("web"))
    site.advance(minutes=16)  # the plan pages dara unless it is resolved
    (link,) = site.links("dara")
    said = text_of(site.browser().get(link).text)
    assert "Dara Nolan, you are being paged Acknowledge" in said
    said = text_of(site.browser().post(link).text)
    assert "Your page is answered." in said
    assert "Acknowledged by Ana Costa at 03:00" in said


def test_an_old_link_shows_nothing_of_any_incident(site: Site) -> None:
    site.alert("prometheus", "checkout is down")
    (link,) = site.links("ana")
    site.now += timedelta(hours=24)
    for answer in (site.browser().get(link), site.browser().post(link)):
        assert answer.status_code == 410
        assert "This link does not work" in answer.text
        assert "checkout" not in answer.text
        assert "Ana" not in answer.text
    assert site.incident().status is Status.TRIGGERED


def forged(token: str) -> list[str]:
    """Tokens that are nearly right."""
    body, signature = token.split(".")
    return [
        body,
        f"{body}.",
        f".{signature}",
        f"{body}.{signature[:-2]}",
        f"{body[:-1]}A.{signature}",
        f"A{body}.{signature}",
        f"{body}.{signature[::-1]}",
        f"{body}.{'A' * 22}",
        f"{body}.{signature}.{signature}",
        f"{body}.{signature}%00",
        f"{body}.é",
        ".",
        "%2e%2e",
        "a" * 5_000,
    ]


def test_a_forged_link_is_refused(site: Site) -> None:
    site.alert("prometheus", "checkout is down")
    token = site.links("ana")[0].removeprefix("/a/")
    for wrong in forged(token):
        for method in ("GET", "POST"):
            answer = site.browser().ask(method, f"/a/{wrong}", accept="text/html")
            assert answer.status_code in (404, 410), wrong
            assert "checkout" not in answer.text
    assert site.incident().status is Status.TRIGGERED


def test_a_token_for_another_purpose_is_no_link(site: Site) -> None:
    site.alert("prometheus", "checkout is down")
    until = site.now + timedelta(hours=1)
    bundle = re.sub(r"\W", "", site.incident().id)
    token = site.signer.sign("sign-in", (bundle, "ana"), until)
    assert site.browser().post(f"/a/{token}").status_code == 410


@pytest.mark.parametrize("person", ["ben", "nobody"])
def test_a_link_is_good_only_for_what_was_sent_to_its_person(site: Site, person: str) -> None:
    site.alert("prometheus", "checkout is down")
    bundle = f"{site.incident().id}/1/0"
    token = site.signer.sign("acknowledge", (bundle, person), site.now + timedelta(hours=1))
    said = site.browser().post(f"/a/{token}").text
    assert "checkout is down" not in said
    assert site.incident().status is Status.TRIGGERED


def test_the_link_of_somebody_who_has_left_does_not_work(site: Site) -> None:
    site.alert("prometheus", "checkout is down")
    (link,) = site.links("ana")

    def without_ana(tx: object) -> None:
        left: list[Contact] = [one for id, one in directory.contacts(tx).items() if id != "ana"]  # type: ignore[arg-type]  # a transaction
        directory.replace_people(tx, left)  # type: ignore[arg-type]  # a transaction

    site.store.write_now(without_ana)
    assert site.browser().post(link).status_code == 410


def test_an_incident_that_cannot_be_read_does_not_keep_the_others_from_being_taken(large_site: Site) -> None:
    site = large_site
    for integration in ("prometheus", "uptime"):
        site.alert(integration, f"{integration} is down", send=False)
    site.settle()
    link = site.links("ana")[-1]
    damage = text("UPDATE subjects SET state = 'broken' WHERE id = :id")
    sound, broken = site.incidents()[:2]
    site.store.write_now(lambda tx: tx.execute(damage, {"id": broken.id}))
    phone = site.browser()
    assert sound.title in phone.get(link).text
    assert "It is yours now." in phone.post(link).text
