"""Users at the command line: added, listed, and let in no more."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.composition import open_database
from adapters.config.settings import Settings
from adapters.identity.users_and_tokens import IdentityStore, UnknownUserError
from cli.app import _run_command, app
from domain.roles import Actor, Role

Run = Callable[..., str]


@pytest.fixture
def identity(tmp_path: Path) -> IdentityStore:
    return IdentityStore(open_database(Settings.load(data_dir=tmp_path)))


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str, status: int = 0) -> str:
        """What `duecourse user …` prints; fails when it ends with another status."""
        monkeypatch.setenv("COLUMNS", "200")
        capsys.readouterr()
        assert _run_command(lambda: app(["user", *words, "--data-dir", str(tmp_path)])) == status
        printed = capsys.readouterr()
        return printed.err if status else printed.out

    return run


def test_users_are_listed_with_their_roles_and_good_tokens(identity: IdentityStore, user: Run) -> None:
    user("add", "anna.brandt", "collector", "--email", "anna@creditor.example", "--full-name", "Anna Brandt")
    user("add", "anna.brandt", "auditor")
    user("add", "louis", "admin")
    identity.issue_token("louis", Role.ADMIN)
    identity.issue_token("louis", Role.ADMIN, days=0)
    anna, louis = [[cell.strip() for cell in line.split("│")[1:-1]] for line in user("list").splitlines() if "│" in line]
    assert anna == ["anna.brandt", "Anna Brandt", "anna@creditor.example", "auditor, collector", "yes", "0"]
    assert louis == ["louis", "", "", "admin", "yes", "1"]


def test_a_user_who_is_deactivated_signs_in_no_more_until_added_again(identity: IdentityStore, user: Run) -> None:
    token = identity.issue_token("anna.brandt", Role.COLLECTOR)
    assert user("deactivate", "anna.brandt") == "anna.brandt can sign in no more\n"
    assert identity.authenticate(token) is None
    assert [(known.active, known.tokens) for known in identity.list_users()] == [(False, 0)]
    user("add", "anna.brandt", "collector")
    assert identity.authenticate(token) is None, "an old token stays dead"
    assert identity.authenticate(identity.issue_token("anna.brandt", Role.COLLECTOR)) == Actor(user="anna.brandt", role=Role.COLLECTOR)


def test_who_is_no_user_is_named_with_what_to_do(identity: IdentityStore, user: Run) -> None:
    assert "`duecourse user list`" in user("deactivate", "nobody", status=UnknownUserError.exit_status)


def test_a_role_is_taken_from_a_user_and_its_tokens_with_it(identity: IdentityStore, user: Run) -> None:
    collects, audits = identity.issue_token("anna.brandt", Role.COLLECTOR), identity.issue_token("anna.brandt", Role.AUDITOR)
    assert user("remove-role", "anna.brandt", "collector") == "anna.brandt is auditor\n"
    assert identity.authenticate(collects) is None
    assert identity.authenticate(audits) == Actor(user="anna.brandt", role=Role.AUDITOR)
    assert "no role" in user("remove-role", "anna.brandt", "auditor")
    assert "`duecourse user list`" in user("remove-role", "anna.brandt", "auditor", status=UnknownUserError.exit_status)


def test_a_sign_in_link_brings_nobody_back(identity: IdentityStore) -> None:
    code = identity.issue_sign_in_code("anna.brandt", Role.COLLECTOR)
    identity.deactivate_user("anna.brandt")
    assert identity.exchange_sign_in_code(code) is None
    assert [(known.active, known.tokens) for known in identity.list_users()] == [(False, 0)]


@pytest.mark.parametrize(("words", "days"), [((), 90), (("--days", "7"), 7)])
def test_a_token_ends_and_says_when(
    tmp_path: Path, identity: IdentityStore, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], days: int
) -> None:
    first = datetime.now(UTC) + timedelta(days=days)
    assert _run_command(lambda: app(["token", "collector", "--user", "anna", *words, "--data-dir", str(tmp_path)])) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("dc_")
    assert printed.out.count("\n") == 1, "the token alone, so that a script can read it"
    last = datetime.now(UTC) + timedelta(days=days)
    assert any(f"expires on {day:%Y-%m-%d}" in printed.err for day in (first, last)), "on either side of midnight"
