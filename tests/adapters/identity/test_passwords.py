"""Passwords: long enough is the only rule, whoever guesses waits, and a link sets one once."""

from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher
from sqlmodel import select

from adapters.database.engine import Database
from adapters.database.row_states import IdentityChannel, IdentityEventKind
from adapters.database.tables import IdentityEventRow, PasswordRow, Setting, SignInFailures
from adapters.identity.identity_events import ChangeAuthor
from adapters.identity.passwords import PasswordRefusedError, PasswordStore
from adapters.identity.sign_in_limits import ADDRESS_LIMIT, LONGEST_WAIT, USER_LIMIT, SignInLimits, generalise_address
from adapters.identity.users_and_tokens import IdentityStore, UnknownUserError
from domain.roles import Role

QUICK_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
ADMIN = ChangeAuthor("admin", IdentityChannel.CONSOLE, "10.0.0.1")
GOOD = "correct horse battery"
NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def passwords(database: Database) -> PasswordStore:
    IdentityStore(database).add_user("Anna", Role.COLLECTOR)
    return PasswordStore(database, QUICK_HASHER)


@on_sqlite
def test_a_password_names_its_user_and_is_kept_as_a_hash_alone(passwords: PasswordStore, database: Database) -> None:
    passwords.set_password("Anna", GOOD, ADMIN)
    assert passwords.find_user("Anna", GOOD) == passwords.find_user(" anna ", GOOD) == "Anna"
    assert passwords.find_user("Anna", GOOD + "x") is None
    assert passwords.find_user("nobody", GOOD) is None
    with database.reading() as session:
        [row] = session.exec(select(PasswordRow)).all()
    assert row.hash.startswith("$argon2id$")
    assert GOOD not in row.hash


@on_sqlite
def test_length_is_the_only_rule(passwords: PasswordStore) -> None:
    for refused in ("elevensigns", "", "x" * 201):
        with pytest.raises(PasswordRefusedError):
            passwords.set_password("Anna", refused, ADMIN)
    for kept in ("aaaaaaaaaaaa", "twelve signs", "x" * 200):
        passwords.set_password("Anna", kept, ADMIN)
        assert passwords.find_user("Anna", kept) == "Anna"


@on_sqlite
def test_an_accent_may_be_composed_in_either_way(passwords: PasswordStore) -> None:
    passwords.set_password("Anna", "café " * 3, ADMIN)
    assert passwords.find_user("Anna", "cafe\N{COMBINING ACUTE ACCENT} " * 3) == "Anna"


@on_sqlite
def test_an_inactive_user_has_no_password(passwords: PasswordStore, database: Database) -> None:
    passwords.set_password("Anna", GOOD, ADMIN)
    IdentityStore(database).deactivate_user("Anna")
    assert passwords.find_user("Anna", GOOD) is None
    with pytest.raises(UnknownUserError):
        passwords.make_link_code("Anna", ADMIN)


@on_sqlite
def test_a_stronger_hash_takes_the_place_of_a_weak_one_when_it_is_next_used(passwords: PasswordStore, database: Database) -> None:
    passwords.set_password("Anna", GOOD, ADMIN)
    stronger = PasswordStore(database, PasswordHasher(time_cost=2, memory_cost=8, parallelism=1))
    assert stronger.find_user("Anna", GOOD) == "Anna"
    with database.reading() as session:
        [row] = session.exec(select(PasswordRow)).all()
    assert ",t=2," in row.hash


@on_sqlite
def test_a_link_sets_a_password_once(passwords: PasswordStore, database: Database) -> None:
    first, second = passwords.make_link_code("Anna", ADMIN), passwords.make_link_code("Anna", ADMIN)
    assert passwords.find_link_user(first) is None, "a new link ends the one before"
    assert passwords.find_link_user(second) == "Anna"
    with pytest.raises(PasswordRefusedError):
        passwords.use_link(second, "short", ADMIN)
    assert passwords.use_link(second, GOOD, ADMIN) == "Anna"
    assert passwords.use_link(second, "another good one", ADMIN) is None
    assert passwords.find_user("Anna", GOOD) == "Anna"
    with database.reading() as session:
        events = session.exec(select(IdentityEventRow).where(IdentityEventRow.kind == IdentityEventKind.PASSWORD_SET)).all()
    assert [(event.user, event.made_by, event.address) for event in events] == [("Anna", "Anna", "10.0.0.1")]


@on_sqlite
def test_an_old_link_sets_nothing(passwords: PasswordStore, database: Database) -> None:
    code = passwords.make_link_code("Anna", ADMIN)
    with database.writing() as session:
        for row in session.exec(select(Setting)):
            row.value = {**row.value, "expires_at": (datetime.now(UTC) - timedelta(seconds=1)).isoformat()}
            session.add(row)
    assert passwords.use_link(code, GOOD, ADMIN) is None
    assert passwords.use_link("invented", GOOD, ADMIN) is None


# --- guessing


def test_waits_double_and_have_an_end() -> None:
    waits = [USER_LIMIT.find_wait(failures) for failures in (1, 4, 5, 6, 7, 50)]
    assert waits == [None, None, timedelta(seconds=30), timedelta(minutes=1), timedelta(minutes=2), LONGEST_WAIT]


@on_sqlite
def test_whoever_guesses_at_a_user_waits_and_a_restart_does_not_forget_it(database: Database) -> None:
    for number in range(USER_LIMIT.free):
        assert SignInLimits(database).begin_try("Anna", f"10.0.0.{number}", NOW) is None
    assert SignInLimits(database).begin_try(" anna", "10.0.0.99", NOW) == timedelta(seconds=30)
    assert SignInLimits(database).begin_try("louis", "10.0.0.99", NOW) is None, "others are not held up"
    assert SignInLimits(database).begin_try("anna", "10.0.0.99", NOW + timedelta(seconds=31)) is None
    assert SignInLimits(database).begin_try("anna", "10.0.0.99", NOW + timedelta(seconds=32)) == timedelta(seconds=59)


@on_sqlite
def test_whoever_guesses_from_an_address_waits_and_their_own_password_hides_nothing(database: Database) -> None:
    limits = SignInLimits(database)
    for number in range(ADDRESS_LIMIT.free - 1):
        assert limits.begin_try(f"user-{number}", "2001:db8::1", NOW) is None
        assert limits.begin_try("own", "2001:db8::2", NOW) is None
        limits.end_try("own", "2001:db8::2")
    assert limits.begin_try("other", "2001:db8::3", NOW) is None
    assert limits.begin_try("another", "2001:db8::4", NOW) == timedelta(seconds=30)


@on_sqlite
def test_failures_are_forgotten_after_an_hour_and_name_nobody(database: Database) -> None:
    limits = SignInLimits(database)
    for _ in range(USER_LIMIT.free):
        limits.begin_try("Anna", "10.0.0.1", NOW)
    with database.reading() as session:
        assert "anna" not in f"{session.exec(select(SignInFailures)).all()}".lower()
    assert limits.begin_try("Anna", "10.0.0.1", NOW + timedelta(hours=1, seconds=1)) is None


def test_an_address_is_a_network_of_ipv6() -> None:
    assert [generalise_address(each) for each in ("10.0.0.1", "2001:db8:0:1:2:3:4:5", "testclient")] == [
        "10.0.0.1",
        "2001:db8:0:1::/64",
        "testclient",
    ]
