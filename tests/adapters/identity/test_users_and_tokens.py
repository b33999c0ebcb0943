"""Who may sign in: tokens are kept as hashes, end when they should, and a sign-in link is good once."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from adapters.database.engine import Database
from adapters.database.tables import Setting, Token
from adapters.identity.users_and_tokens import IdentityStore, UnknownUserError
from domain.roles import Actor, Role


@pytest.fixture
def identity(database: Database) -> IdentityStore:
    return IdentityStore(database)


def test_a_token_names_its_user_and_role(identity: IdentityStore) -> None:
    token = identity.issue_token("anna.brandt", Role.COLLECTOR)

    assert token.startswith("dc_")
    assert identity.authenticate(token) == Actor(user="anna.brandt", role=Role.COLLECTOR)


def test_the_database_knows_no_token_and_no_sign_in_code(identity: IdentityStore, database: Database) -> None:
    token, code = identity.issue_token("anna", Role.COLLECTOR), identity.issue_sign_in_code("anna", Role.COLLECTOR)

    with database.reading() as session:
        kept = f"{[row.model_dump() for row in session.exec(select(Token))]} {[row.model_dump() for row in session.exec(select(Setting))]}"

    assert token not in kept
    assert code not in kept


def test_an_unknown_token_is_nobodys(identity: IdentityStore) -> None:
    assert identity.authenticate("dc_invented") is None
    assert identity.authenticate("") is None


def test_an_expired_token_is_nobodys(identity: IdentityStore) -> None:
    assert identity.authenticate(identity.issue_token("anna", Role.COLLECTOR, days=0)) is None


def test_a_revoked_token_is_nobodys_at_once(identity: IdentityStore) -> None:
    token = identity.issue_token("anna", Role.COLLECTOR)
    assert identity.authenticate(token) is not None

    assert identity.revoke_token(token)

    assert identity.authenticate(token) is None
    assert not identity.revoke_token(token)


def test_revoking_a_user_ends_all_of_its_tokens_and_no_others(identity: IdentityStore) -> None:
    first, second = identity.issue_token("anna", Role.COLLECTOR), identity.issue_token("anna", Role.AUDITOR)
    other = identity.issue_token("louis", Role.COLLECTOR)

    assert identity.revoke_user_tokens("anna") == 2

    assert (identity.authenticate(first), identity.authenticate(second)) == (None, None)
    assert identity.authenticate(other) is not None


def test_an_inactive_user_cannot_sign_in(identity: IdentityStore) -> None:
    token = identity.issue_token("anna", Role.COLLECTOR)

    identity.deactivate_user("anna")

    assert identity.authenticate(token) is None
    with pytest.raises(UnknownUserError):
        identity.deactivate_user("nobody")


def test_a_users_tokens_keep_the_role_they_were_made_for(identity: IdentityStore) -> None:
    auditing, collecting = identity.issue_token("anna", Role.AUDITOR), identity.issue_token("anna", Role.COLLECTOR)

    assert [actor.role for token in (auditing, collecting) if (actor := identity.authenticate(token))] == [Role.AUDITOR, Role.COLLECTOR]


def test_a_sign_in_code_is_good_once(identity: IdentityStore) -> None:
    code = identity.issue_sign_in_code("admin", Role.ADMIN)

    session = identity.exchange_sign_in_code(code)

    assert session is not None
    assert identity.authenticate(session) == Actor(user="admin", role=Role.ADMIN)
    assert identity.exchange_sign_in_code(code) is None


def test_an_old_or_invented_sign_in_code_is_worth_nothing(identity: IdentityStore, database: Database) -> None:
    code = identity.issue_sign_in_code("admin", Role.ADMIN)
    with database.writing() as session:
        for row in session.exec(select(Setting)):
            row.value = {**row.value, "expires_at": (datetime.now(UTC) - timedelta(seconds=1)).isoformat()}
            session.add(row)

    assert identity.exchange_sign_in_code(code) is None
    assert identity.exchange_sign_in_code("invented") is None
