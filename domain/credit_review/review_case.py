"""A credit review: an analyst's verdict on whether an account can pay and wants to, and what follows from it."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from domain import identifiers as ids
from domain.case.account_case import AccountCase
from domain.case.effects import AdoptSegment, LiftHold, MakeDossier, NotifyRole, PlaceHold
from domain.clock import Moment, start_of_day
from domain.credit_review.commands import CollectionCourse, GiveCreditVerdict, ReferralReason
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import SYSTEM
from domain.roles import Role
from domain.timeline.holds import Hold, HoldKind


class CreditReviewStage(StrEnum):
    """REFERRED: an analyst owes a verdict. REVIEWED: one stands."""

    REFERRED = "referred"
    REVIEWED = "reviewed"
    ENDED = "ended"


def build_insolvency_hold(account_id: str, since: datetime) -> Hold:
    """What stops the collection of an insolvent customer's invoice. `since` is business time."""
    return Hold(hold_id=ids.credit_review_case_id(account_id), kind=HoldKind.CREDIT_REVIEW, since=since, reason="insolvency")


class CreditReviewCase(AccountCase):
    """While no verdict stands, the invoices go on; an insolvency notice, and a verdict of insolvency, hold them all."""

    invoice_ids: list[str] = Field(default_factory=list)
    reason: ReferralReason | None = None
    verdict: GiveCreditVerdict | None = None
    segment: str | None = None
    stopped: bool = False
    due: bool = False
    ended: bool = False

    @property
    def hold_id(self) -> str:
        return ids.credit_review_case_id(self.journal.account_id)

    @property
    def course(self) -> CollectionCourse | None:
        return self.verdict.course if self.verdict else None

    @property
    def waiting_for(self) -> str:
        if self.ended:
            return "nothing"
        return "time" if self.verdict and not self.due else "verdict"

    def wakes_at(self) -> datetime | None:
        """When the account is to be reviewed anew."""
        waits = self.verdict is not None and self.verdict.next_review_on is not None and not self.due and not self.ended
        return start_of_day(self.verdict.next_review_on) if waits and self.verdict and self.verdict.next_review_on else None

    def refer_account(
        self, reason: ReferralReason, at: Moment, by: str = SYSTEM, command_id: str | None = None, note: str | None = None
    ) -> int:
        """The number of the journal's entry. An account under review is looked at anew."""
        self.reason, self.due = reason, True
        seq = self.write_entry(
            EntryKind.CREDIT_REVIEW_REFERRED, at, by, act=command_id, reason=reason.value, invoices=len(self.invoice_ids), note=note
        )
        self._notify_analysts("credit_review_referred", reason)
        if reason is ReferralReason.INSOLVENCY_NOTICE:
            self.stop_collection(at, by)
        return seq

    def add_invoice(self, invoice_id: str, at: Moment) -> None:
        """An invoice issued since: it is held with the others."""
        if self.ended or invoice_id in self.invoice_ids:
            return
        self.invoice_ids.append(invoice_id)
        if self.stopped:
            self._place_hold(invoice_id, at)

    def run_due_actions(self, at: Moment) -> None:
        wakes = self.wakes_at()
        if wakes and wakes <= at.business:
            self.due = True
            self.write_entry(EntryKind.CREDIT_REVIEW_DUE, at)
            self._notify_analysts("credit_review_due", ReferralReason.REVIEW_DATE)

    def stop_collection(self, at: Moment, by: str = SYSTEM) -> None:
        """Insolvency: nobody chases, and the claim is filed with the administrator."""
        if self.stopped:
            return
        self.stopped = True
        self.write_entry(EntryKind.CREDIT_REVIEW_STOPPED, at, by, reason="insolvency")
        for invoice_id in self.invoice_ids:
            self._place_hold(invoice_id, at)
        self.add_effect(MakeDossier(account_id=self.journal.account_id, purpose="proof_of_claim"))

    def lift_holds(self) -> None:
        if self.stopped:
            self.stopped = False
            for invoice_id in self.invoice_ids:
                self.add_effect(LiftHold(invoice_id=invoice_id, hold_id=self.hold_id))

    def adopt_segment(self, segment: str | None) -> None:
        """From now on the account's invoices follow that segment's policy; None: that of the account's own."""
        if segment != self.segment:
            self.segment = segment
            self.add_effect(AdoptSegment(account_id=self.journal.account_id, segment=segment, invoice_ids=list(self.invoice_ids)))

    def _place_hold(self, invoice_id: str, at: Moment) -> None:
        self.add_effect(PlaceHold(invoice_id=invoice_id, hold=build_insolvency_hold(self.journal.account_id, at.business)))

    def _notify_analysts(self, template: str, reason: ReferralReason) -> None:
        details = {"account": self.journal.account_id, "reason": reason.value}
        self.add_effect(NotifyRole(role=Role.CREDIT_ANALYST, template=template, details={**details}))
