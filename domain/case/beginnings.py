"""With which entries of its own journal a case of each kind begins."""

from collections.abc import Mapping

from domain.identifiers import CaseKind
from domain.journal.entry_kinds import EntryKind

CASE_BEGINNINGS: Mapping[CaseKind, frozenset[EntryKind]] = {
    CaseKind.INVOICE: frozenset({EntryKind.CASE_OPENED, EntryKind.CASE_REOPENED}),
    CaseKind.DISPUTE: frozenset({EntryKind.DISPUTE_RAISED}),
    CaseKind.PAYMENT_PLAN: frozenset({EntryKind.PLAN_PROPOSED}),
    CaseKind.SUSPENSION: frozenset({EntryKind.CASE_OPENED, EntryKind.SUSPENSION_ASKED, EntryKind.SUSPENSION_BEGUN_ANEW}),
    CaseKind.CREDIT_REVIEW: frozenset({EntryKind.CREDIT_REVIEW_REFERRED}),
    CaseKind.WRITE_OFF: frozenset({EntryKind.WRITE_OFF_HANDED_OVER}),
    CaseKind.APPROVAL: frozenset({EntryKind.APPROVAL_REQUESTED}),
    CaseKind.POLICY_ADOPTION: frozenset({EntryKind.ADOPTION_ASKED, EntryKind.POLICY_SUBMITTED}),
    CaseKind.CREDIT_REQUEST: frozenset({EntryKind.CREDIT_ASKED}),
}
"""A case of an id that was over begins again with one of them. Other cases' journals may have entries of the same kinds, as news of it.
Erasures and seals are begun by nothing else than what they are."""

_NAME_NOBODY = frozenset({EntryKind.CASE_OPENED, EntryKind.CASE_REOPENED, EntryKind.SUSPENSION_BEGUN_ANEW})
"""Those by which a case begins of itself, or goes on."""


def list_opening_entries(kind: CaseKind) -> frozenset[EntryKind]:
    """Return the kinds of entries by which somebody, or Duecourse's timeline, opens a case of this kind."""
    return CASE_BEGINNINGS.get(kind, frozenset()) - _NAME_NOBODY
