"""`policy check` says no to everything that the next start would refuse, and a start goes on with the last good policies."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.config.settings import Settings
from adapters.database.engine import Database
from adapters.database.tables import PolicyVersion
from adapters.letters.letter_templates import LetterTemplates
from adapters.policies.policy_store import PolicyStore
from adapters.policies.refusal import find_refusal
from adapters.start_check import StartCheckError, check_next_start, load_letters_for_start
from domain.policy.policy_parsing import PolicyError
from tests.adapters.policies.test_policy_store import MATRIX, folder, policy
from tests.databases import _sqlite_template


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A data folder and a folder of policies, both new; the policies are good."""
    folder(tmp_path / "policies", standard=policy("standard"), approvals=MATRIX)
    (tmp_path / "letters").mkdir()
    return Settings(data_dir=tmp_path / "data", policies_dir=tmp_path / "policies", letters_dir=tmp_path / "letters")


@pytest.fixture
def started(settings: Settings) -> Settings:
    """The same after a first start."""
    start(settings)
    return settings


def start(settings: Settings) -> None:
    settings.data_dir.mkdir(exist_ok=True)
    if not (file := settings.data_dir / "duecourse.db").exists():
        shutil.copy(_sqlite_template(), file)
    database = Database(settings.resolved_database_url)
    PolicyStore(database, load_letters_for_start(settings)).load_folder(settings.policies_dir)
    database.close()


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def write_bytes(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


BROKEN: dict[str, tuple[Callable[[Settings], object], str]] = {
    "a changed text under a version that was in force": (
        lambda s: write(s.policies_dir / "standard.yaml", policy("standard", title="Secretly harsher")),
        r"standard\.yaml:1: standard version 1 was in force with another text, .* raise the version to 2",
    ),
    "a changed matrix under a version that was in force": (
        lambda s: write(s.policies_dir / "approvals.yaml", MATRIX.replace("quorum: 2", "quorum: 1")),
        r"approvals\.yaml:1: version 1 of the approval matrix was in force with another text, .* raise the version to 2",
    ),
    "two policies that claim one segment": (
        lambda s: [write(s.policies_dir / f"{name}.yaml", policy(name, segments="[key]")) for name in ("a", "b")],
        r"a and b both claim the segment 'key'",
    ),
    "no policy for all other accounts": (
        lambda s: write(s.policies_dir / "standard.yaml", policy("standard", version=2, segments="[key]")),
        r"leave one policy without segments",
    ),
    "no policy at all": (lambda s: (s.policies_dir / "standard.yaml").unlink(), r"there is no policy \(\*\.yaml\) in "),
    "a policy that is not UTF-8": (
        lambda s: write_bytes(s.policies_dir / "standard.yaml", b"policy: standard\ntitle: \xe4rgerlich\n"),
        r"standard\.yaml:2: this is not UTF-8 text; save the file as UTF-8",
    ),
    "a policy that is a folder": (lambda s: (s.policies_dir / "x.yaml").mkdir(), r"x\.yaml:1: this file cannot be read"),
    "a policy that contains itself": (
        lambda s: write(s.policies_dir / "x.yaml", "policy: x\ntimeline: &a [*a]\n"),
        r"x\.yaml:1: a part of this contains itself",
    ),
    "a version that no database keeps": (
        lambda s: write(s.policies_dir / "standard.yaml", policy("standard", version=2**31)),
        r"standard\.yaml:\d+: version: .* less than or equal to 2147483647",
    ),
    "a company file with an unknown key": (
        lambda s: write(s.data_dir / "company.yaml", "nmae: Lindenhof\n"),
        r"company\.yaml: .*nmae: extra inputs",
    ),
    "a company file that is not UTF-8": (
        lambda s: write_bytes(s.data_dir / "company.yaml", b"name: L\xfcbeck\n"),
        r"company\.yaml:1: this is not UTF-8",
    ),
    "a word that no letter knows": (
        lambda s: write(s.letters_dir / "en" / "words.yaml", "please_pay: Pay {everything}\n"),  # type: ignore[operator]
        r"words\.yaml:1: please_pay: names \{everything\}, which is not known there",
    ),
    "a letter that is no template": (
        lambda s: write(s.letters_dir / "de" / "reminder.j2", "{% extends layout %}\n{% block subject %}Mahnung\n"),  # type: ignore[operator]
        r"de/reminder\.j2:\d+: .*; correct the template",
    ),
    "a letter without a subject": (
        lambda s: write(s.letters_dir / "de" / "reminder.j2", "Bitte zahlen Sie.\n"),  # type: ignore[operator]
        r"de/reminder\.j2:1: the letter has no subject",
    ),
    "an added language without a letter that the policy sends": (
        lambda s: write(
            s.letters_dir / "it" / "words.yaml",  # type: ignore[operator]
            (Path(__file__).parents[3] / "letters" / "en" / "words.yaml").read_text(encoding="utf-8"),
        ),
        r"standard\.yaml:\d+: there is no letter template 'courtesy' in every language",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_the_next_start_would_refuse_the_check_refuses_with_the_same_words(case: str, started: Settings) -> None:
    break_it, expected = BROKEN[case]
    break_it(started)

    with pytest.raises(StartCheckError, match=expected):
        check_next_start(started)
    with pytest.raises((StartCheckError, PolicyError), match=expected):
        start(started)


def test_the_check_names_the_mistakes_of_every_part_at_once(started: Settings) -> None:
    for part in ("a company file with an unknown key", "a word that no letter knows", "a changed text under a version that was in force"):
        BROKEN[part][0](started)

    with pytest.raises(StartCheckError) as refused:
        check_next_start(started)

    for named in ("nmae", "please_pay", "raise the version to 2"):
        assert named in str(refused.value)


def test_the_check_refuses_real_letters_with_the_bank_account_of_an_invented_company(started: Settings) -> None:
    real = started.model_copy(update={"smtp_host": "mail.example.com", "sender": "dues@your-company.com"})

    with pytest.raises(StartCheckError, match="bank account of an invented company"):
        check_next_start(real)


def test_the_check_names_certificates_that_are_not_there(started: Settings) -> None:
    with pytest.raises(StartCheckError, match=r"DUECOURSE_SMTP_CA_FILE names nowhere\.pem, which cannot be used"):
        check_next_start(started.model_copy(update={"smtp_host": "127.0.0.1", "smtp_ca_file": Path("nowhere.pem")}))


def test_the_check_refuses_letters_in_a_folder_that_is_not_there(started: Settings, tmp_path: Path) -> None:
    with pytest.raises(StartCheckError, match=r"DUECOURSE_LETTERS_DIR names .*gone, which is no folder"):
        check_next_start(started.model_copy(update={"letters_dir": tmp_path / "gone"}))


def test_a_draft_is_checked_in_place_of_the_file_with_its_policy(started: Settings, tmp_path: Path) -> None:
    draft = write(tmp_path / "drafts" / "next.yaml", policy("standard", version=2, title="Next"))

    checked, notes = check_next_start(started, [draft])

    assert [(file, found.version) for file, found in checked.policies] == [(draft, 2)]
    assert notes == []
    with pytest.raises(StartCheckError, match="raise the version to 2"):
        check_next_start(started, [write(draft, policy("standard", title="The same version"))])
    with pytest.raises(StartCheckError, match=r"standard and other both have 'segments: \[\]'|other and standard both have"):
        check_next_start(started, [write(draft, policy("other"))])


def test_a_text_that_stays_out_of_force_under_an_older_version_is_noted(started: Settings) -> None:
    write(started.policies_dir / "standard.yaml", policy("standard", version=3))
    start(started)
    write(started.policies_dir / "standard.yaml", policy("standard", version=2, title="Older"))

    _, [note] = check_next_start(started)

    assert "standard version 2 is older than version 3, which stays in force; raise the version to 4" in note


def test_the_check_changes_nothing_before_the_first_start(settings: Settings) -> None:
    check_next_start(settings)

    assert not settings.data_dir.exists()


def test_the_check_refuses_a_database_of_a_newer_version(started: Settings) -> None:
    database = Database(started.resolved_database_url)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    database.close()

    with pytest.raises(StartCheckError, match="newer version of Duecourse"):
        check_next_start(started)


# --- a start goes on with the last good policies


@pytest.fixture
def store(database: Database) -> PolicyStore:
    return PolicyStore(database, LetterTemplates())


def test_a_start_with_a_bad_policy_goes_on_with_the_last_good_ones_and_keeps_why(
    store: PolicyStore, database: Database, tmp_path: Path
) -> None:
    store.load_folder_or_keep(folder(tmp_path / "p", standard=policy("standard"), approvals=MATRIX))
    bad = folder(tmp_path / "p", standard=policy("standard", version=2).replace("catch_up_days", "catchup_days"), approvals=MATRIX)

    refusal = store.load_folder_or_keep(bad)

    assert refusal is not None
    assert any("did you mean 'catch_up_days'?" in fault for fault in refusal.faults)
    assert [(snapshot.name, snapshot.version) for snapshot in store.list_in_force()] == [("standard", 1)]
    assert store.get_for_segment("x").version == 1
    assert find_refusal(database) == refusal


def test_the_same_mistake_at_the_next_start_is_refused_since_the_first_one(store: PolicyStore, tmp_path: Path) -> None:
    store.load_folder_or_keep(folder(tmp_path / "p", standard=policy("standard"), approvals=MATRIX))
    bad = folder(tmp_path / "p", standard=policy("standard", title="Changed"), approvals=MATRIX)

    assert store.load_folder_or_keep(bad) == store.load_folder_or_keep(bad)


def test_a_start_that_finds_the_folder_good_again_forgets_the_refusal(store: PolicyStore, database: Database, tmp_path: Path) -> None:
    store.load_folder_or_keep(folder(tmp_path / "p", standard=policy("standard"), approvals=MATRIX))
    store.load_folder_or_keep(folder(tmp_path / "p", standard=policy("standard", title="Changed"), approvals=MATRIX))

    assert store.load_folder_or_keep(folder(tmp_path / "p", standard=policy("standard", version=2), approvals=MATRIX)) is None

    assert find_refusal(database) is None
    assert store.get_for_segment("x").version == 2


def test_a_first_start_with_a_bad_policy_stops(store: PolicyStore, database: Database, tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="both have"):
        store.load_folder_or_keep(folder(tmp_path / "p", a=policy("a"), b=policy("b"), approvals=MATRIX))

    assert find_refusal(database) is None


def test_a_start_stops_when_the_last_good_policy_sends_a_letter_that_is_gone(
    store: PolicyStore, database: Database, tmp_path: Path
) -> None:
    store.load_folder_or_keep(folder(tmp_path / "p", standard=policy("standard"), approvals=MATRIX))
    with database.writing() as session:
        row = session.get_one(PolicyVersion, ("standard", 1))
        row.snapshot = row.snapshot.replace('"letter":"reminder"', '"letter":"gone"')

    with pytest.raises(PolicyError, match="raise the version"):
        store.load_folder_or_keep(folder(tmp_path / "p", standard=policy("standard", title="Changed"), approvals=MATRIX))
