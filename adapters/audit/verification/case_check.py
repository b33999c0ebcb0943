"""Check that every case's row has the kind, account and invoice of its entries, and the policy, holds and outcome that they lead to. The
chain's own check covers its count and head."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Text, cast, select
from sqlmodel import Session, col

from adapters.audit.verification.journal_evidence import JournalEvidence, parse_json_list, split_batches
from adapters.database.tables import Case
from domain.approval.result import ApprovalResult
from domain.audit.verification_report import VerificationFinding
from domain.billing.billing_events import InvoiceStatus
from domain.case.beginnings import CASE_BEGINNINGS
from domain.credit_request.request_case import CreditRequestStage
from domain.credit_review.review_case import CreditReviewStage
from domain.identifiers import CaseKind, find_case_kind
from domain.journal.entry_kinds import EntryKind
from domain.payment_plan.state import PlanStage

_ENDING_FACTS = {
    (CaseKind.INVOICE, EntryKind.CASE_CLOSED): "outcome",
    (CaseKind.DISPUTE, EntryKind.DISPUTE_RESOLVED): "resolution",
    (CaseKind.SUSPENSION, EntryKind.SUSPENSION_ENDED): "ending",
    (CaseKind.WRITE_OFF, EntryKind.WRITE_OFF_ENDED): "ending",
    (CaseKind.POLICY_ADOPTION, EntryKind.ADOPTION_ENDED): "ending",
    (CaseKind.CREDIT_REQUEST, EntryKind.CREDIT_ENDED): "ending",
}
"""The entries that end a case, with the fact that says how. An invoice's journal has entries of the same kinds, as the news of others."""

_ENDINGS = {
    (CaseKind.APPROVAL, EntryKind.APPROVAL_GRANTED): ApprovalResult.APPROVED.value,
    (CaseKind.APPROVAL, EntryKind.APPROVAL_REJECTED): ApprovalResult.REJECTED.value,
    (CaseKind.APPROVAL, EntryKind.APPROVAL_RETURNED): ApprovalResult.RETURNED.value,
    (CaseKind.APPROVAL, EntryKind.APPROVAL_LAPSED): ApprovalResult.LAPSED.value,
    (CaseKind.PAYMENT_PLAN, EntryKind.PLAN_COMPLETED): PlanStage.COMPLETED.value,
    (CaseKind.PAYMENT_PLAN, EntryKind.PLAN_BROKEN): PlanStage.BROKEN.value,
    (CaseKind.CREDIT_REVIEW, EntryKind.CREDIT_REVIEW_ENDED): CreditReviewStage.ENDED.value,
}
"""The entries that end a case in one way only."""

_KINDS_WITH_EVERY_ENDING = frozenset({kind for kind, _ in _ENDING_FACTS} | {CaseKind.APPROVAL, CaseKind.CREDIT_REVIEW}) - {CaseKind.INVOICE}
"""The kinds of cases that are over only with one of these entries. An invoice's is over as soon as billing says that it is settled."""

_UNASKED = {CaseKind.CREDIT_REQUEST: CreditRequestStage.NOT_ASKED.value}
"""The outcome of a case that was begun for what it then refused: its journal has the refusal, and neither a beginning nor an end."""

_POLICY_KINDS = frozenset({EntryKind.CASE_OPENED.value, EntryKind.POLICY_ADOPTED.value})
_HOLD_KINDS = frozenset({EntryKind.HOLD_PLACED.value, EntryKind.HOLD_LIFTED.value})
_COLUMNS = (
    col(Case.case_id),
    col(Case.kind),
    col(Case.account_id),
    col(Case.invoice_id),
    col(Case.outcome),
    col(Case.policy),
    col(Case.policy_version),
    cast(col(Case.holds), Text).label("holds"),
)


class _CaseEvidence:
    """What a case's entries say of its row; `standing` has the entry that placed each hold which stands."""

    def __init__(self, first: JournalEvidence) -> None:
        self.first, self.is_sound, self.kind = first, first.case_is_sound, find_case_kind(first.case_id)
        self.status: JournalEvidence | None = None
        self.ending: JournalEvidence | None = None
        self.beginning: JournalEvidence | None = None
        self.unasked = ""
        self.policy: JournalEvidence | None = None
        self.standing: dict[str, JournalEvidence] = {}
        self.last_hold: JournalEvidence | None = None

    def add(self, entry: JournalEvidence) -> None:
        if (self.kind, entry.kind) in _ENDING_FACTS or (self.kind, entry.kind) in _ENDINGS:
            self.ending, self.beginning = entry, None
        elif self.kind and entry.kind in CASE_BEGINNINGS.get(self.kind, ()):
            self.ending, self.beginning, self.unasked = None, entry, ""
        elif self.kind and entry.kind == EntryKind.ACT_REFUSED.value and self.beginning is None:
            self.unasked = _UNASKED.get(self.kind, "")
        if entry.facts.get("status"):
            self.status = entry
        if entry.kind in _POLICY_KINDS and entry.facts.get("policy"):
            self.policy = entry
        elif entry.kind in _HOLD_KINDS:
            self.last_hold = entry
            if entry.kind == EntryKind.HOLD_PLACED.value:
                self.standing[entry.get_text("hold")] = entry
            else:
                self.standing.pop(entry.get_text("hold"), None)

    def find_difference(self, row: Any) -> tuple[JournalEvidence, str] | None:
        """Return what the row contradicts, and how; None when it contradicts nothing."""
        if (row.account_id, row.invoice_id) != (self.first.account_id, self.first.invoice_id):
            return self.first, f"is not of the account {row.account_id}, or not about {row.invoice_id or 'no invoice'}"
        if row.kind != find_case_kind(row.case_id):
            return self.first, f"is no case of the kind {row.kind}"
        if not self.is_sound:
            return None
        if self.unasked and row.outcome == self.unasked:
            return None
        if self.ending and (ended := self._get_outcome(self.ending)) != row.outcome:
            return self.ending, f"is said to have ended as {row.outcome or 'nothing'}, and ended as {ended}"
        if not self.ending and row.outcome and self._is_open():
            return self.status or self.beginning or self.first, f"is said to have ended as {row.outcome}, and its journal has no end"
        if row.kind != CaseKind.INVOICE:
            return None
        if self.policy and (row.policy, row.policy_version) != (self.policy.facts["policy"], self.policy.facts.get("policy_version")):
            return self.policy, f"is said to follow the policy {row.policy}, version {row.policy_version}"
        holds = {str(hold.get("hold_id")) for hold in parse_json_list(row.holds)}
        if holds != self.standing.keys():
            differing = min(holds ^ self.standing.keys())
            return self.standing.get(
                differing
            ) or self.last_hold or self.first, f"is said {'' if differing in holds else 'not '}to be held by {differing}"
        return None

    def _is_open(self) -> bool:
        """Whether the entries say so: of kinds that may end without an entry of its own, they do not."""
        is_collected = self.kind is CaseKind.INVOICE and (self.status is None or self.status.facts["status"] == InvoiceStatus.OPEN)
        return is_collected or self.kind in _KINDS_WITH_EVERY_ENDING

    def _get_outcome(self, ending: JournalEvidence) -> str:
        key = (self.kind, ending.kind)
        return _ENDINGS[key] if key in _ENDINGS else ending.get_text(_ENDING_FACTS[key])  # type: ignore[index]


class CaseCheck:
    """Compares each case's row with the case's entries."""

    table = "cases"
    kinds = (
        _POLICY_KINDS
        | _HOLD_KINDS
        | {EntryKind.ACT_REFUSED.value}
        | frozenset(entry_kind.value for _, entry_kind in (*_ENDING_FACTS, *_ENDINGS))
        | frozenset(entry_kind.value for entry_kinds in CASE_BEGINNINGS.values() for entry_kind in entry_kinds)
    )

    def __init__(self, session: Session) -> None:
        self._session = session
        self._cases: dict[str, _CaseEvidence] = {}

    def add_evidence(self, entry: JournalEvidence) -> None:
        case = self._cases.get(entry.case_id)
        if case is None:
            case = self._cases[entry.case_id] = _CaseEvidence(entry)
        case.add(entry)

    def check_evidence(self) -> Iterator[VerificationFinding]:
        cases, self._cases = self._cases, {}
        for batch in split_batches(cases):
            for row in self._session.execute(select(*_COLUMNS).where(col(Case.case_id).in_(batch))):
                if difference := cases[row.case_id].find_difference(row):
                    proof, what = difference
                    yield proof.build_finding(self.table, row.case_id, what)

    def finish(self) -> Iterator[VerificationFinding]:
        yield from self.check_evidence()
