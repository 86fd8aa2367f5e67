"""Tokens, routing keys and numbers: kept as hashes, good once where once is meant."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial

from tests.store.conftest import NewDatabase
from tocsin.core.model import PersonId
from tocsin.store import access, counters, directory
from tocsin.store.access import Token, TokenKind
from tocsin.store.store import Store

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANA = PersonId("ana")


def add(store: Store, secret: str, kind: TokenKind = TokenKind.SIGN_IN, lasts: timedelta = HOUR) -> None:
    store.write_now(lambda tx: access.add(tx, secret, kind, ANA, "phone", NOW, NOW + lasts))


def find(store: Store, secret: str, kind: TokenKind, now: datetime = NOW) -> Token | None:
    return store.read_now(lambda tx: access.find(tx, secret, now, kind))


def test_a_token_is_good_for_its_kind_until_it_expires(store: Store) -> None:
    add(store, "s3cret")
    found = find(store, "s3cret", TokenKind.SIGN_IN)
    assert found is not None
    assert (found.person, found.name, found.expires_at) == ("ana", "phone", NOW + HOUR)
    assert "s3cret" not in str(found)
    assert find(store, "s3cret", TokenKind.SESSION) is None
    assert find(store, "other", TokenKind.SIGN_IN) is None
    assert find(store, "s3cret", TokenKind.SIGN_IN, NOW + HOUR) is None


def test_a_sign_in_link_works_once(store: Store) -> None:
    add(store, "s3cret")
    use = partial(access.use_once, secret="s3cret", kind=TokenKind.SIGN_IN, now=NOW)
    assert store.write_now(use) is not None
    assert store.write_now(use) is None


def test_of_two_who_use_a_link_at_once_one_gets_in(new_database: NewDatabase) -> None:
    url = new_database("postgresql")
    nodes = [Store(url) for _ in range(4)]
    for turn in range(5):
        add(nodes[0], f"s3cret {turn}")
        use = partial(access.use_once, secret=f"s3cret {turn}", kind=TokenKind.SIGN_IN, now=NOW)
        with ThreadPoolExecutor(4) as threads:
            got_in = list(threads.map(lambda node, use=use: node.write_now(use), nodes))
        assert sum(one is not None for one in got_in) == 1
    for node in nodes:
        node.close()


def test_a_session_lasts_while_it_is_used_and_ends_when_revoked(store: Store) -> None:
    add(store, "s3cret", TokenKind.SESSION)
    token = find(store, "s3cret", TokenKind.SESSION)
    assert token is not None
    store.write_now(partial(access.touch, token=token, now=NOW, until=NOW + 2 * HOUR))
    assert find(store, "s3cret", TokenKind.SESSION, NOW + HOUR) is not None
    assert store.write_now(partial(access.revoke, token_hash=token.hash))
    assert find(store, "s3cret", TokenKind.SESSION) is None
    assert not store.write_now(partial(access.revoke, token_hash=token.hash))


def test_expired_tokens_are_removed(store: Store) -> None:
    add(store, "short", lasts=HOUR)
    add(store, "long", lasts=2 * HOUR)
    assert store.write_now(partial(access.expire, now=NOW + HOUR)) == 1
    assert len(store.read_now(lambda tx: access.of_kind(tx, TokenKind.SIGN_IN))) == 1


def test_an_integration_may_have_two_keys_while_one_is_changed(store: Store) -> None:
    for key in ("old", "new", "new"):
        store.write_now(partial(directory.add_key, integration="prometheus", key=key, now=NOW))
    known = store.read_now(directory.keys)
    assert known == {directory.hashed("old"): "prometheus", directory.hashed("new"): "prometheus"}
    assert store.write_now(partial(directory.remove_keys, integration="prometheus")) == 2
    assert store.read_now(directory.keys) == {}


def test_numbers_are_given_out_once_across_nodes(new_database: NewDatabase) -> None:
    url = new_database("postgresql")
    nodes = [Store(url) for _ in range(4)]
    draw = partial(counters.next_number, name="incident")
    with ThreadPoolExecutor(4) as threads:
        drawn = list(threads.map(lambda number: nodes[number % 4].write_now(draw), range(100)))
    assert sorted(drawn) == list(range(1, 101))
    for node in nodes:
        node.close()
