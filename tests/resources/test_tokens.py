"""Tokens and sessions in both kinds of database, and the command that manages tokens."""

import time
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from domain.access import Principal, Scope, check_name, lifetime
from domain.errors import InvalidInput, NotFound
from resources.database.database import Database
from resources.database.sessions import Session, Sessions
from resources.database.tables import metadata
from resources.database.tokens import Tokens, hash_of
from testing.deployment import Deployment

pytest_plugins = ["tests.service.databases"]
SESSION = Session("token ci", Scope.WRITE)


def everything(database: Database) -> str:
    """Return all that is stored."""
    with database.begin() as connection:
        return "".join(str(connection.execute(sa.select(table)).all()) for table in metadata.sorted_tables)


def test_a_token_is_found_until_it_expires_or_is_revoked(database_url: str) -> None:
    tokens = Tokens(database=Database(url=database_url))
    token = tokens.create("ci", Scope.WRITE, lifetime("30d"))
    found = tokens.find(token)
    assert found is not None
    assert (found.name, found.scope) == ("ci", Scope.WRITE)
    assert found.expires_at is not None
    assert found.expires_at - found.created_at == 30 * 86400
    assert tokens.all() == [found]
    with pytest.raises(InvalidInput, match="ci"):
        tokens.create("ci", Scope.READ)
    past = tokens.create("past", Scope.OPERATE, -1)
    assert tokens.find(past) is None
    for wrong in ("", "reflector_", token[:-1], f"{token}x", token.upper(), "\0", hash_of(token), "reflector_\udc80"):
        assert tokens.find(wrong) is None
    tokens.revoke("ci")
    assert tokens.find(token) is None
    with pytest.raises(NotFound, match="ci"):
        tokens.revoke("ci")
    assert [one.name for one in tokens.all()] == ["past"]


def test_of_tokens_and_cookies_only_hashes_are_stored(database_url: str) -> None:
    database = Database(url=database_url)
    tokens = [Tokens(database=database).create(f"t{n}", Scope.READ) for n in range(3)]
    assert len({*tokens}) == 3
    assert all(len(token) > 50 for token in tokens)
    stored = everything(database)
    assert "t2" in stored
    assert not [token for token in tokens if token in stored or token.removeprefix("reflector_") in stored]


def test_a_session_ends_by_itself_by_request_and_with_its_token(database_url: str) -> None:
    database, soon = Database(url=database_url), time.time() + 60
    tokens, sessions = Tokens(database=database), Sessions(database=database)
    token = tokens.create("ci", Scope.WRITE)
    sessions.begin("own", SESSION, soon)
    sessions.begin("of the token", SESSION, soon, hash_of(token))
    sessions.begin("past", SESSION, time.time() - 1)
    assert sessions.find("own") == sessions.find("of the token") == SESSION
    assert sessions.find("past") is None
    tokens.revoke("ci")
    assert sessions.find("of the token") is None
    assert sessions.find("own") == SESSION
    sessions.end("own")
    assert sessions.find("own") is None
    expired = tokens.create("short", Scope.READ, -1)
    sessions.begin("of an expired token", SESSION, soon, hash_of(expired))
    assert sessions.find("of an expired token") is None
    assert "past" not in everything(database).replace("'of", "")


@given(st.sampled_from(Scope), st.sampled_from(Scope), st.sampled_from(Scope))
def test_scopes_include_each_other_in_order(a: Scope, b: Scope, c: Scope) -> None:
    assert a.includes(a)
    assert a.includes(b) or b.includes(a)
    assert not (a.includes(b) and b.includes(c)) or a.includes(c)
    assert (a.includes(b) and b.includes(a)) == (a == b)
    assert not Principal().may(a)
    assert Principal("x", a).may(b) == a.includes(b)


@given(st.text())
def test_any_text_is_a_lifetime_and_a_name_or_refused(text: str) -> None:
    for parse in (lifetime, check_name):
        with suppress(InvalidInput):
            assert parse(text)
    assert lifetime("1h") == 3600


@pytest.mark.slow
def test_the_command_makes_lists_and_revokes(deployment: Deployment, tmp_path: Path) -> None:
    made = deployment.json("tokens", "create", "ci", "--scope", "write", "--expires", "30d")
    assert made["token"].startswith("reflector_")
    plain = deployment.reflector("tokens", "create", "grafana", "--scope", "operate")
    assert (plain.returncode, plain.stdout.startswith("reflector_"), plain.stdout.count("\n")) == (0, True, 1)
    listed = deployment.json("tokens", "list")
    assert [(one["name"], one["scope"]) for one in listed] == [("ci", "write"), ("grafana", "operate")]
    assert all(secret not in str(listed) for secret in (made["token"], plain.stdout.strip()))
    assert deployment.reflector("tokens", "revoke", "ci").returncode == 0
    again = deployment.reflector("tokens", "revoke", "ci")
    assert (again.returncode, "there is no token 'ci'" in again.stderr) == (1, True)
    refused = deployment.reflector("tokens", "create", "x", "--scope", "read", "--expires", "soon")
    assert (refused.returncode, "30d" in refused.stderr) == (1, True)
    assert [one["name"] for one in deployment.json("tokens", "list")] == ["grafana"]
