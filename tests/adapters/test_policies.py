"""The policy book: all or nothing, no version changed, every segment under exactly one policy."""

from pathlib import Path

import pytest

from adapters.database import Database
from adapters.letters import LetterBook
from adapters.policies import PolicyBook, check_policies
from adapters.settings import PROJECT
from domain.policy_text import PolicyError

STANDARD = (PROJECT / "policies" / "standard.yaml").read_text(encoding="utf-8")


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
def letters() -> LetterBook:
    return LetterBook()


@pytest.fixture
def book(database: Database, letters: LetterBook) -> PolicyBook:
    return PolicyBook(database, letters)


def test_a_segment_falls_under_the_policy_that_names_it_and_any_other_under_the_default(book: PolicyBook, tmp_path: Path) -> None:
    book.load(folder(tmp_path / "p", standard=policy("standard"), gentle=policy("gentle", segments="[public, charity]")))

    assert book.for_segment("charity").name == "gentle"
    assert book.for_segment("standard").name == "standard"


def test_the_newest_version_is_in_force_and_the_earlier_one_is_kept(book: PolicyBook, tmp_path: Path) -> None:
    book.load(folder(tmp_path / "p", standard=policy("standard")))
    first = book.for_segment("x")
    book.load(folder(tmp_path / "p", standard=policy("standard", version=2, title="Another")))

    assert book.for_segment("x").version == 2
    assert book.version("standard", 1) == first
    assert [snapshot.version for snapshot in book.versions()] == [2, 1]


def test_loading_the_same_folder_again_changes_nothing(book: PolicyBook, tmp_path: Path) -> None:
    files = folder(tmp_path / "p", standard=policy("standard"))

    assert [snapshot.name for snapshot in book.load(files)] == ["standard"]
    assert book.load(files) == []


def test_a_changed_text_under_a_known_version_is_refused(book: PolicyBook, tmp_path: Path) -> None:
    book.load(folder(tmp_path / "p", standard=policy("standard")))

    with pytest.raises(PolicyError, match="raise the version to 2"):
        book.load(folder(tmp_path / "p", standard=policy("standard", title="Secretly harsher")))


def test_one_mistake_keeps_every_policy_out(book: PolicyBook, tmp_path: Path) -> None:
    files = folder(tmp_path / "p", standard=policy("standard"), broken=policy("broken", segments="[x]").replace("day: 7,", "day: 0,"))

    with pytest.raises(PolicyError, match=r"broken\.yaml"):
        book.load(files)

    assert book.versions() == []


def test_two_policies_that_claim_one_segment_are_refused(book: PolicyBook, tmp_path: Path) -> None:
    files = folder(tmp_path / "p", standard=policy("standard"), a=policy("a", segments="[key]"), b=policy("b", segments="[key]"))

    with pytest.raises(PolicyError, match="a and b both claim the segment 'key'"):
        book.load(files)


def test_a_folder_without_a_default_policy_is_refused(book: PolicyBook, tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="leave one policy without segments"):
        book.load(folder(tmp_path / "p", a=policy("a", segments="[key]")))


def test_two_default_policies_are_refused(book: PolicyBook, tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="name the segments of all but one"):
        book.load(folder(tmp_path / "p", a=policy("a"), b=policy("b")))


def test_an_empty_folder_is_refused(book: PolicyBook, tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="there is no policy"):
        book.load(folder(tmp_path / "p"))


def test_a_policy_whose_file_is_gone_takes_no_new_invoices(book: PolicyBook, tmp_path: Path) -> None:
    book.load(folder(tmp_path / "p", old=policy("old")))
    book.load(folder(tmp_path / "p", new=policy("new")))

    assert book.for_segment("x").name == "new"
    assert book.version("old", 1) is not None


def test_no_policy_at_all_says_what_to_do(book: PolicyBook) -> None:
    with pytest.raises(PolicyError, match="duecourse up"):
        book.for_segment("standard")


def test_a_letter_that_one_language_lacks_is_no_letter(tmp_path: Path, letters: LetterBook) -> None:
    files = folder(tmp_path / "p", standard=policy("standard").replace("letter: courtesy", "letter: sternly"))

    with pytest.raises(PolicyError, match="no letter template 'sternly' in every language"):
        check_policies(sorted(files.glob("*.yaml")), letters)


def test_the_projects_own_policies_are_good(letters: LetterBook) -> None:
    assert [policy.policy for _, policy in check_policies(sorted((PROJECT / "policies").glob("*.yaml")), letters)] == ["standard"]
