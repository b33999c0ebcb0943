"""A version that people put in force: every process sees it, the folder of the next start does not undo it, and nothing is overwritten."""

from pathlib import Path

import pytest

from adapters.database.engine import Database
from adapters.letters.letter_templates import LetterTemplates
from adapters.policies.draft_check import check_draft, find_version_to_raise_to
from adapters.policies.in_force import OvertakenFile, list_overtaken_files
from adapters.policies.policy_store import PolicyStore
from domain.policy.collection_policy import PolicySnapshot
from domain.policy.policy_parsing import parse_policy
from domain.policy_adoption.progress import ForceResult
from tests.adapters.policies.test_policy_store import folder, policy

LETTERS = LetterTemplates()
KNOWN_LETTERS = LETTERS.list_templates("en")


def snapshot(version: int, segments: str = "[]", title: str = "Put in force", name: str = "standard") -> PolicySnapshot:
    return PolicySnapshot.from_policy(parse_policy(policy(name, version, segments, title), "draft.yaml", KNOWN_LETTERS))


@pytest.fixture
def store(database: Database, tmp_path: Path) -> PolicyStore:
    """Version 1 is in the folder."""
    store = PolicyStore(database, LETTERS)
    store.load_folder(folder(tmp_path / "p", standard=policy("standard")))
    return store


def test_another_process_follows_it_from_then_on(store: PolicyStore, database: Database) -> None:
    worker = PolicyStore(database, LETTERS)
    assert worker.get_for_segment("x").version == 1
    assert store.put_in_force(snapshot(2), replaces=1) == ForceResult()
    assert worker.get_for_segment("x").version == 2
    assert [each.version for each in worker.list_in_force()] == [2]


def test_done_twice_it_is_done_once(store: PolicyStore) -> None:
    assert store.put_in_force(snapshot(2)) == store.put_in_force(snapshot(2)) == ForceResult()
    assert [each.version for each in store.list_versions()] == [2, 1]


def test_the_next_start_with_the_old_folder_goes_on_with_it_and_says_so(store: PolicyStore, database: Database, tmp_path: Path) -> None:
    assert list_overtaken_files(database) == []
    store.put_in_force(snapshot(2))
    assert list_overtaken_files(database) == [OvertakenFile("standard", 1, 2)]

    restarted = PolicyStore(database, LETTERS)
    assert restarted.load_folder(tmp_path / "p") == []
    assert restarted.get_for_segment("x").version == 2
    assert list_overtaken_files(database) == [OvertakenFile("standard", 1, 2)]

    restarted.load_folder(folder(tmp_path / "p", standard=policy("standard", version=3)))
    assert restarted.get_for_segment("x").version == 3, "a higher number in the folder counts again"
    assert list_overtaken_files(database) == []


def test_the_folder_may_take_its_text_and_no_other_under_its_number(store: PolicyStore, database: Database, tmp_path: Path) -> None:
    store.put_in_force(snapshot(2))
    refused = store.load_folder_or_keep(folder(tmp_path / "p", standard=policy("standard", version=2, title="Another")))
    assert refused is not None
    assert "raise the version to 3" in refused.faults[0]
    assert store.get_for_segment("x") == snapshot(2)
    assert store.load_folder_or_keep(folder(tmp_path / "p", standard=policy("standard", version=2, title="Put in force"))) is None
    assert list_overtaken_files(database) == []


def test_what_has_come_into_force_meanwhile_is_never_replaced(store: PolicyStore, tmp_path: Path) -> None:
    store.load_folder(folder(tmp_path / "p", standard=policy("standard", version=2)))
    assert store.put_in_force(snapshot(2), replaces=1) == ForceResult(overtaken_by=2)
    assert store.put_in_force(snapshot(3), replaces=1) == ForceResult(overtaken_by=2), "it was compared with version 1"
    assert store.put_in_force(snapshot(1), replaces=2) == ForceResult(overtaken_by=2)
    assert [each.version for each in store.list_versions()] == [2, 1]


def test_what_the_others_in_force_contradict_is_refused_in_words(store: PolicyStore, tmp_path: Path) -> None:
    store.load_folder(folder(tmp_path / "p", standard=policy("standard"), key=policy("key", segments="[key]")))
    assert store.put_in_force(snapshot(2, segments="[key]", name="key"), replaces=1) == ForceResult()
    assert "claim the segment" in " ".join(store.put_in_force(snapshot(2, segments="[key]")).faults)
    assert "in force any more" in " ".join(store.put_in_force(snapshot(2, name="gone")).faults)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_draft_is_told_every_fault_with_its_line_and_its_least_version(store: PolicyStore, database: Database, tmp_path: Path) -> None:
    broken = policy("standard", version=2).replace("catch_up_days: 3", "catch_up_days: 0").replace("day: 7,", "day: 1,")
    faults = check_draft(database, LETTERS, tmp_path / "p", broken).faults
    assert faults
    assert all(fault.startswith("draft.yaml:") for fault in faults)
    good = check_draft(database, LETTERS, tmp_path / "p", policy("standard", version=1)).policy
    assert good is not None
    assert find_version_to_raise_to(good, store.list_versions()) == 2
    assert check_draft(database, LETTERS, tmp_path / "p", "policy: [").faults
