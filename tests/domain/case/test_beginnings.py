"""With which entries cases begin: every kind of case that somebody opens is in the one table."""

from domain.case.beginnings import CASE_BEGINNINGS, list_opening_entries
from domain.identifiers import CaseKind
from domain.journal.entry_kinds import EntryKind

OPENED_BY_NOBODY = {CaseKind.ERASURE, CaseKind.SEAL}


def test_every_kind_of_case_says_with_what_it_begins() -> None:
    assert CASE_BEGINNINGS.keys() | OPENED_BY_NOBODY == set(CaseKind)


def test_who_opened_a_case_is_told_by_entries_that_name_somebody() -> None:
    assert list_opening_entries(CaseKind.SUSPENSION) == {EntryKind.SUSPENSION_ASKED}
    assert list_opening_entries(CaseKind.POLICY_ADOPTION) == {EntryKind.ADOPTION_ASKED, EntryKind.POLICY_SUBMITTED}
    assert list_opening_entries(CaseKind.INVOICE) == list_opening_entries(CaseKind.SEAL) == frozenset()
