"""`duecourse policy adopt`: it shows what would change, also while nothing runs, and asks only where something can take it."""

from datetime import timedelta
from pathlib import Path

import pytest

from adapters.config.settings import PROJECT
from adapters.database.engine import Database
from adapters.letters.letter_templates import LetterTemplates
from adapters.policies.policy_store import PolicyStore
from tests.adapters.policies.test_policy_store import folder
from tests.api.portfolio_world import POLICY, TODAY, PortfolioWorld
from tests.processes.commands import run_command

STANDARD = (PROJECT / "policies" / "standard.yaml").read_text(encoding="utf-8")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with one reminded invoice, on the version before the one in force."""
    at = tmp_path / "data"
    at.mkdir()
    database = Database(f"sqlite:///{at / 'duecourse.db'}")
    database.migrate()
    world = PortfolioWorld(database)
    world.account()
    invoice = world.invoice("I-1", due=TODAY - timedelta(days=2))
    assert invoice
    world.steps(invoice, 1)
    later = STANDARD.replace(f"version: {POLICY.version}", f"version: {POLICY.version + 1}").replace(
        "{day: 14, step: phone_call,", "{day: 2, step: early_call, act: call}\n  - {day: 14, step: phone_call,"
    )
    assert later != STANDARD
    PolicyStore(database, LetterTemplates()).load_folder(folder(tmp_path / "p", standard=STANDARD))
    PolicyStore(database, LetterTemplates()).load_folder(
        folder(tmp_path / "p", standard=later.replace("{day: 2, step: early_call", "{day: 10, step: early_call"))
    )
    database.close()
    return at


def test_a_dry_run_shows_what_would_change_and_asks_for_nothing(data: Path) -> None:
    shown = run_command("policy", "adopt", "standard", "--dry-run", "--data-dir", str(data))

    assert shown.returncode == 0, shown.stderr
    assert f"open invoices on older versions: 1 on version {POLICY.version}" in shown.stdout
    assert "second_reminder" in shown.stdout
    assert "asked for" not in shown.stdout


def test_an_adoption_is_asked_for_only_where_duecourse_runs(data: Path) -> None:
    refused = run_command("policy", "adopt", "standard", "--data-dir", str(data))

    assert refused.returncode == 2
    assert "nothing runs on" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_policy_that_is_not_in_force_and_a_folder_without_duecourse_are_named(data: Path, tmp_path: Path) -> None:
    unknown = run_command("policy", "adopt", "gentle", "--dry-run", "--data-dir", str(data))
    nowhere = run_command("policy", "adopt", "standard", "--dry-run", "--data-dir", str(tmp_path / "nowhere"))

    assert (unknown.returncode, nowhere.returncode) == (2, 2)
    assert "no policy 'gentle' is in force; name one of: standard" in unknown.stderr
    assert "there is no Duecourse in" in nowhere.stderr
