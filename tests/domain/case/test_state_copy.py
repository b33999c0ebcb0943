"""A case that is put back to its copy is as it was, whatever was done to it meanwhile."""

from datetime import UTC, datetime

from domain.case.account_case import AccountCase
from domain.case.effects import ReinstateInBilling
from domain.case.state_copy import copy_state, has_changed, restore_state
from domain.clock import Moment
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import Journal

NOW = Moment(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC))


def change(case: AccountCase) -> None:
    case.write_entry(EntryKind.NOTE_ADDED, NOW, note="note:1")
    case.add_effect(ReinstateInBilling(account_id="A"))
    case.mark_seen("act-2")
    case.next_number("approval")


def test_what_was_changed_is_undone_and_the_chain_goes_on_from_where_it_was() -> None:
    case = AccountCase(journal=Journal(case_id="suspension:A", account_id="A"), seen=["act-1"])
    case.write_entry(EntryKind.CASE_OPENED, NOW)
    before = case.model_dump_json()
    copied = copy_state(case)
    change(case)
    assert case.model_dump_json() != before
    assert copied.model_dump_json() == before

    restore_state(case, copied)
    assert case.model_dump_json() == before
    change(case)
    assert case.journal.pending[-1].previous == case.journal.pending[0].hash


def test_what_is_different_is_found_beside_what_is_not_asked_for() -> None:
    case = AccountCase(journal=Journal(case_id="suspension:A", account_id="A"), seen=["act-1"])
    copied = copy_state(case)
    assert not has_changed(case, copied, beside=())
    case.write_entry(EntryKind.CASE_OPENED, NOW)
    case.mark_seen("act-2")
    assert has_changed(case, copied, beside=("seen",))
    assert not has_changed(case, copied, beside=("journal", "seen"))
    case.next_number("approval")
    assert has_changed(case, copied, beside=("journal", "seen"))
