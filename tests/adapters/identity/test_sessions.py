"""Sessions end by themselves, by their user and by what opened them, and go on in another role under a new secret."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import col, select

from adapters.database.engine import Database
from adapters.database.row_states import IdentityChannel, IdentityEventKind, SignInMethod
from adapters.database.tables import IdentityEventRow, Token
from adapters.identity.identity_events import ChangeAuthor
from adapters.identity.sessions import SessionOrigin, UnknownSessionError, build_session_id
from adapters.identity.users_and_tokens import IdentityStore
from domain.roles import Actor, Role

ANNA = ChangeAuthor("anna", IdentityChannel.CONSOLE, "10.0.0.1")
ORIGIN = SessionOrigin(SignInMethod.PASSWORD, ANNA, "Firefox")
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def identity(database: Database) -> IdentityStore:
    store = IdentityStore(database)
    store.add_user("anna", Role.COLLECTOR)
    store.add_user("anna", Role.COLLECTIONS_MANAGER)
    return store


def age(database: Database, **past: timedelta) -> None:
    with database.writing() as session:
        for row in session.exec(select(Token)):
            for column, ago in past.items():
                setattr(row, column, datetime.now(UTC) - ago)
            session.add(row)


def test_a_session_ends_when_nobody_uses_it(identity: IdentityStore, database: Database) -> None:
    secret = identity.sessions.open_session("anna", Role.COLLECTOR, ORIGIN)
    age(database, last_used_at=timedelta(hours=11))
    assert IdentityStore(database).authenticate(secret, is_used=False) is not None
    age(database, last_used_at=timedelta(hours=12))
    assert IdentityStore(database).authenticate(secret) is None
    assert identity.sessions.list_sessions() == []


def test_use_lets_a_session_go_on_and_a_page_that_reads_itself_again_does_not(identity: IdentityStore, database: Database) -> None:
    secret = identity.sessions.open_session("anna", Role.COLLECTOR, ORIGIN)
    age(database, last_used_at=timedelta(hours=11))
    IdentityStore(database).authenticate(secret, is_used=False)
    [before] = identity.sessions.list_sessions()
    IdentityStore(database).authenticate(secret)
    [after] = identity.sessions.list_sessions()
    assert after.last_used_at - before.last_used_at > timedelta(hours=10)


def test_a_session_ends_after_a_week_however_it_is_used(identity: IdentityStore, database: Database) -> None:
    secret = identity.sessions.open_session("anna", Role.COLLECTOR, ORIGIN)
    [known] = identity.sessions.list_sessions("anna")
    assert known.expires_at - known.created_at == timedelta(days=7)
    age(database, expires_at=timedelta(seconds=1))
    assert IdentityStore(database).authenticate(secret) is None


def test_a_session_is_ended_by_its_user_or_whoever_may_and_by_nobody_else(identity: IdentityStore, database: Database) -> None:
    secret = identity.sessions.open_session("anna", Role.COLLECTOR, ORIGIN)
    name = build_session_id(secret)
    for wrong in (name[:-1], "", "%" * len(name), "x" * len(name)):
        with pytest.raises(UnknownSessionError):
            identity.sessions.revoke_session(wrong, ANNA)
    with pytest.raises(UnknownSessionError):
        identity.sessions.revoke_session(name, ANNA, owner="louis")
    assert identity.authenticate(secret) is not None
    assert identity.sessions.revoke_session(name, ANNA, owner="ANNA").id == name
    assert identity.authenticate(secret) is None
    identity.sessions.revoke_session(name, ANNA)
    with database.reading() as session:
        kinds = [event.kind for event in session.exec(select(IdentityEventRow).order_by(col(IdentityEventRow.id)))]
    assert kinds[-2:] == [IdentityEventKind.SIGNED_IN, IdentityEventKind.SESSION_ENDED], "ended once"


def test_a_session_goes_on_in_another_role_under_a_new_secret(identity: IdentityStore) -> None:
    secret = identity.sessions.open_session("anna", Role.COLLECTOR, ORIGIN)
    [before] = identity.sessions.list_sessions()
    renewed = identity.sessions.change_role(secret, Role.COLLECTIONS_MANAGER, ANNA)
    assert identity.authenticate(secret) is None
    assert identity.authenticate(renewed) == Actor(user="anna", role=Role.COLLECTIONS_MANAGER)
    [after] = identity.sessions.list_sessions()
    assert after.expires_at == before.expires_at
    assert identity.sessions.find_last_role("anna", set(Role)) == Role.COLLECTIONS_MANAGER
    for wrong, role in ((secret, Role.COLLECTOR), (renewed, Role.ADMIN), ("dc_x", Role.COLLECTOR)):
        with pytest.raises(UnknownSessionError):
            identity.sessions.change_role(wrong, role, ANNA)


def test_a_session_ends_with_the_token_that_opened_it(identity: IdentityStore) -> None:
    token = identity.issue_token("anna", Role.COLLECTOR, days=1)
    secret = identity.open_session_with_token(token, ORIGIN)
    assert secret is not None
    assert identity.open_session_with_token(secret, ORIGIN) is None, "a session opens no other"
    [known] = identity.sessions.list_sessions()
    assert known.expires_at - known.created_at < timedelta(days=1)
    identity.sessions.end_session(token, ANNA)
    assert identity.authenticate(token) is not None, "signing out ends no token"
    identity.revoke_token(token)
    assert identity.authenticate(secret) is None


def test_a_users_sessions_end_together(identity: IdentityStore) -> None:
    secrets = [identity.sessions.open_session("anna", Role.COLLECTOR, ORIGIN) for _ in range(2)]
    token = identity.issue_token("anna", Role.COLLECTOR)
    assert identity.sessions.end_sessions_of("anna", ANNA) == 2
    assert [identity.authenticate(secret) for secret in secrets] == [None, None]
    assert identity.authenticate(token) is not None
