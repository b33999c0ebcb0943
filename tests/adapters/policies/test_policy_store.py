"""The policy book: all or nothing, no version changed, every segment under exactly one policy."""

import re
from pathlib import Path

import pytest

from adapters.config.settings import PROJECT
from adapters.database.engine import Database
from adapters.letters.letter_templates import LetterTemplates
from adapters.policies.policy_files import check_policies, list_policy_files
from adapters.policies.policy_store import PolicyStore
from domain.policy.policy_parsing import PolicyError
from tests.processes.commands import run_command


def first_version(name: str) -> str:
    """The project's own file, as though it had never been changed."""
    return re.sub(r"^version: \d+", "version: 1", (PROJECT / "policies" / name).read_text(encoding="utf-8"), flags=re.MULTILINE)


STANDARD, MATRIX = first_version("standard.yaml"), first_version("approvals.yaml")


def policy(name: str, version: int = 1, segments: str = "[]", title: str = "A policy") -> str:
    text = STANDARD.replace("policy: standard", f"policy: {name}").replace("version: 1", f"version: {version}")
    return text.replace("segments: []", f"segments: {segments}").replace("Standard invoice collection timeline", title)


def folder(at: Path, **files: str) -> Path:
    at.mkdir(exist_ok=True)
    for old in at.glob("*.yaml"):
        old.unlink()
    for name, text in files.items():
        (at / f"{name}.yaml").write_text(text, encoding="utf-8")
    return at


@pytest.fixture(scope="module")
def letters() -> LetterTemplates:
    return LetterTemplates()


@pytest.fixture
def store(database: Database, letters: LetterTemplates) -> PolicyStore:
    return PolicyStore(database, letters)


def test_a_segment_falls_under_the_policy_that_names_it_and_any_other_under_the_default(store: PolicyStore, tmp_path: Path) -> None:
    store.load_folder(folder(tmp_path / "p", standard=policy("standard"), gentle=policy("gentle", segments="[public, charity]")))

    assert store.get_for_segment("charity").name == "gentle"
    assert store.get_for_segment("standard").name == "standard"


def test_the_newest_version_is_in_force_and_the_earlier_one_is_kept(store: PolicyStore, tmp_path: Path) -> None:
    store.load_folder(folder(tmp_path / "p", standard=policy("standard")))
    first = store.get_for_segment("x")
    store.load_folder(folder(tmp_path / "p", standard=policy("standard", version=2, title="Another")))

    assert store.get_for_segment("x").version == 2
    assert store.get_version("standard", 1) == first
    assert [snapshot.version for snapshot in store.list_versions()] == [2, 1]


def test_loading_the_same_folder_again_changes_nothing(store: PolicyStore, tmp_path: Path) -> None:
    files = folder(tmp_path / "p", standard=policy("standard"))

    assert [snapshot.name for snapshot in store.load_folder(files)] == ["standard"]
    assert store.load_folder(files) == []


def test_a_changed_text_under_a_known_version_is_refused(store: PolicyStore, tmp_path: Path) -> None:
    store.load_folder(folder(tmp_path / "p", standard=policy("standard")))

    with pytest.raises(PolicyError, match="raise the version to 2"):
        store.load_folder(folder(tmp_path / "p", standard=policy("standard", title="Secretly harsher")))


def test_one_mistake_keeps_every_policy_out(store: PolicyStore, tmp_path: Path) -> None:
    files = folder(tmp_path / "p", standard=policy("standard"), broken=policy("broken", segments="[x]").replace("day: 7,", "day: 0,"))

    with pytest.raises(PolicyError, match=r"broken\.yaml"):
        store.load_folder(files)

    assert store.list_versions() == []


def test_two_policies_that_claim_one_segment_are_refused(store: PolicyStore, tmp_path: Path) -> None:
    files = folder(tmp_path / "p", standard=policy("standard"), a=policy("a", segments="[key]"), b=policy("b", segments="[key]"))

    with pytest.raises(PolicyError, match="a and b both claim the segment 'key'"):
        store.load_folder(files)


def test_a_folder_without_a_default_policy_is_refused(store: PolicyStore, tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="leave one policy without segments"):
        store.load_folder(folder(tmp_path / "p", a=policy("a", segments="[key]")))


def test_two_default_policies_are_refused(store: PolicyStore, tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="name the segments of all but one"):
        store.load_folder(folder(tmp_path / "p", a=policy("a"), b=policy("b")))


def test_an_empty_folder_is_refused(store: PolicyStore, tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="there is no policy"):
        store.load_folder(folder(tmp_path / "p"))


def test_a_policy_whose_file_is_gone_takes_no_new_invoices(store: PolicyStore, tmp_path: Path) -> None:
    store.load_folder(folder(tmp_path / "p", old=policy("old")))
    store.load_folder(folder(tmp_path / "p", new=policy("new")))

    assert store.get_for_segment("x").name == "new"
    assert store.get_version("old", 1) is not None


def test_no_policy_at_all_says_what_to_do(store: PolicyStore) -> None:
    with pytest.raises(PolicyError, match="duecourse up"):
        store.get_for_segment("standard")


def test_a_letter_that_one_language_lacks_is_no_letter(tmp_path: Path, letters: LetterTemplates) -> None:
    files = folder(tmp_path / "p", standard=policy("standard").replace("letter: courtesy", "letter: sternly"))

    with pytest.raises(PolicyError, match="no letter template 'sternly' in every language"):
        check_policies(sorted(files.glob("*.yaml")), letters)


def test_the_projects_own_policies_are_good(letters: LetterTemplates) -> None:
    checked = check_policies(list_policy_files(PROJECT / "policies"), letters)

    assert [policy.policy for _, policy in checked.policies] == ["standard"]
    assert [matrix.title for _, matrix in checked.matrices] == ["Standard approval matrix"]


def test_the_approval_matrix_is_kept_version_by_version_and_the_newest_is_in_force(store: PolicyStore, tmp_path: Path) -> None:
    store.load_folder(folder(tmp_path / "p", standard=STANDARD, approvals=MATRIX.replace("Standard approval matrix", "Ours")))
    first = store.get_matrix()
    store.load_folder(folder(tmp_path / "p", standard=STANDARD, approvals=MATRIX.replace("version: 1", "version: 2")))

    assert first.load_matrix().title == "Ours"
    assert store.get_matrix().version == 2
    assert store.get_matrix_version(1) == first
    assert [snapshot.name for snapshot in store.list_versions()] == ["standard"]
    assert [snapshot.name for snapshot in store.list_in_force()] == ["standard"]


def test_a_folder_without_an_approval_matrix_falls_under_the_projects_own(store: PolicyStore, tmp_path: Path) -> None:
    store.load_folder(folder(tmp_path / "p", standard=STANDARD))

    assert store.get_matrix().load_matrix().title == "Standard approval matrix"


def test_an_approval_matrix_with_a_gap_keeps_every_policy_out(store: PolicyStore, tmp_path: Path) -> None:
    gap = MATRIX.replace("act: credit_note, amount: {over: middle}", "act: credit_note, amount: {over: large}")

    with pytest.raises(PolicyError, match=r"approvals\.yaml:\d+: nobody approves a credit note with an amount over middle up to large"):
        store.load_folder(folder(tmp_path / "p", standard=STANDARD, approvals=gap))

    assert store.list_versions() == []
    with pytest.raises(PolicyError, match="no approval matrix is loaded"):
        store.get_matrix()


def test_a_changed_matrix_under_a_known_version_is_refused_and_nothing_else_is_kept(store: PolicyStore, tmp_path: Path) -> None:
    store.load_folder(folder(tmp_path / "p", standard=STANDARD, approvals=MATRIX))
    eased = MATRIX.replace("quorum: 2", "quorum: 1")

    with pytest.raises(PolicyError, match=r"approval matrix was in force with another text, .* raise the version to 2"):
        store.load_folder(folder(tmp_path / "p", standard=STANDARD.replace("version: 1", "version: 2"), approvals=eased))

    assert [snapshot.version for snapshot in store.list_versions()] == [1]


def test_no_policy_takes_the_name_of_the_approval_matrix(store: PolicyStore, tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="the name 'approvals' is the approval matrix's"):
        store.load_folder(folder(tmp_path / "p", standard=STANDARD, sly=policy("approvals", segments="[x]")))


@pytest.mark.parametrize(
    ("good", "bad", "status", "message"),
    [
        ("", "", 0, "every question answered once: good"),
        ("act: write_off, amount: {over: large}", "act: write_off, amount: {over: middle}", 2, "both answer for a write off"),
        ("act: policy_change, sign", "act: fee_waiver, sign", 2, "nobody approves any policy change; add a rule for it"),
    ],
)
def test_policy_check_ends_with_2_and_names_what_a_matrix_leaves_open_or_answers_twice(
    tmp_path: Path, good: str, bad: str, status: int, message: str
) -> None:
    file = tmp_path / "approvals.yaml"
    file.write_text(MATRIX.replace(good, bad, 1), encoding="utf-8")
    (tmp_path / "data").mkdir()

    ended = run_command("policy", "check", str(file), "--data-dir", str(tmp_path / "data"))

    assert (ended.returncode, message in ended.stdout + ended.stderr) == (status, True)
