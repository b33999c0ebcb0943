"""Who may sign in: tokens are kept as hashes, end when they should, and a sign-in link is good once."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from adapters.database.engine import Database
from adapters.database.tables import Setting, Token
from adapters.identity.users_and_tokens import Identity, UnknownUserError
from domain.roles import Actor, Role


@pytest.fixture
def identity(database: Database) -> Identity:
    return Identity(database)


def test_a_token_names_its_user_and_role(identity: Identity) -> None:
    token = identity.issue_token("anna.brandt", Role.COLLECTOR)

    assert token.startswith("dc_")
    assert identity.who(token) == Actor(user="anna.brandt", role=Role.COLLECTOR)


def test_the_database_knows_no_token_and_no_sign_in_code(identity: Identity, database: Database) -> None:
    token, code = identity.issue_token("anna", Role.COLLECTOR), identity.sign_in_code("anna", Role.COLLECTOR)

    with database.reading() as session:
        kept = f"{[row.model_dump() for row in session.exec(select(Token))]} {[row.model_dump() for row in session.exec(select(Setting))]}"

    assert token not in kept
    assert code not in kept


def test_an_unknown_token_is_nobodys(identity: Identity) -> None:
    assert identity.who("dc_invented") is None
    assert identity.who("") is None


def test_an_expired_token_is_nobodys(identity: Identity) -> None:
    assert identity.who(identity.issue_token("anna", Role.COLLECTOR, days=0)) is None


def test_a_revoked_token_is_nobodys_at_once(identity: Identity) -> None:
    token = identity.issue_token("anna", Role.COLLECTOR)
    assert identity.who(token) is not None

    assert identity.revoke(token)

    assert identity.who(token) is None
    assert not identity.revoke(token)


def test_revoking_a_user_ends_all_of_its_tokens_and_no_others(identity: Identity) -> None:
    first, second = identity.issue_token("anna", Role.COLLECTOR), identity.issue_token("anna", Role.AUDITOR)
    other = identity.issue_token("louis", Role.COLLECTOR)

    assert identity.revoke_user("anna") == 2

    assert (identity.who(first), identity.who(second)) == (None, None)
    assert identity.who(other) is not None


def test_an_inactive_user_cannot_sign_in(identity: Identity) -> None:
    token = identity.issue_token("anna", Role.COLLECTOR)

    identity.deactivate_user("anna")

    assert identity.who(token) is None
    with pytest.raises(UnknownUserError):
        identity.deactivate_user("nobody")


def test_a_users_tokens_keep_the_role_they_were_made_for(identity: Identity) -> None:
    auditing, collecting = identity.issue_token("anna", Role.AUDITOR), identity.issue_token("anna", Role.COLLECTOR)

    assert [actor.role for token in (auditing, collecting) if (actor := identity.who(token))] == [Role.AUDITOR, Role.COLLECTOR]


def test_a_sign_in_code_is_good_once(identity: Identity) -> None:
    code = identity.sign_in_code("admin", Role.ADMIN)

    session = identity.exchange(code)

    assert session is not None
    assert identity.who(session) == Actor(user="admin", role=Role.ADMIN)
    assert identity.exchange(code) is None


def test_an_old_or_invented_sign_in_code_is_worth_nothing(identity: Identity, database: Database) -> None:
    code = identity.sign_in_code("admin", Role.ADMIN)
    with database.writing() as session:
        for row in session.exec(select(Setting)):
            row.value = {**row.value, "expires_at": (datetime.now(UTC) - timedelta(seconds=1)).isoformat()}
            session.add(row)

    assert identity.exchange(code) is None
    assert identity.exchange("invented") is None
