"""The suspension of an account: what it knows and what follows from it. How it goes on is in `events` and `transitions`.

One case serves all invoices of the account. Nothing is suspended but on a warning that was approved and delivered, after a full notice,
with a sign-off; and only for invoices that the warning named.
"""

from datetime import date, datetime, timedelta

from pydantic import Field

from domain.billing.receivables import Receivable, sum_undisputed_by_currency
from domain.case.account_case import AccountCase
from domain.case.asked_invoice import AskedInvoice
from domain.clock import start_of_day
from domain.policy.collection_policy import Policy, PolicySnapshot
from domain.suspension.state import PRE_SUSPENSION_STAGES, SuspensionEnding, SuspensionStage


class SuspensionCase(AccountCase):
    """Days are business dates. `warned`: the invoices that the current warning names. `notice_ends`: the last day of the notice.
    `reasons`: of those who asked and gave one. `late`, `late_hand_overs`: invoices that asked in the moment in which the case ended;
    another takes them in."""

    snapshot: PolicySnapshot
    prepaid: bool = False
    stage: SuspensionStage = SuspensionStage.ASKED
    ending: SuspensionEnding | None = None
    claims: dict[str, Receivable] = Field(default_factory=dict)
    askers: list[str] = Field(default_factory=list)
    reasons: dict[str, str] = Field(default_factory=dict)
    asks_on: date | None = None
    approval_open: bool = False
    returned: bool = False
    undelivered: bool = False
    warned: list[str] = Field(default_factory=list)
    delivered_on: date | None = None
    notice_ends: date | None = None
    extended_days: int = 0
    spared_since: date | None = None
    suspended_on: date | None = None
    hand_over_on: date | None = None
    late: list[Receivable] = Field(default_factory=list)
    late_hand_overs: list[Receivable] = Field(default_factory=list)

    # --- what the facts say

    @property
    def policy(self) -> Policy:
        return self.snapshot.load_policy()

    @property
    def is_ended(self) -> bool:
        return self.ending is not None

    @property
    def hold_id(self) -> str:
        return f"suspension:{self.journal.account_id}"

    def collectable_receivables(self) -> list[Receivable]:
        return [claim for claim in self.claims.values() if claim.is_collectable(self.policy)]

    def owed_receivables(self, invoice_ids: list[str] | None = None) -> list[Receivable]:
        names = self.claims if invoice_ids is None else invoice_ids
        return [self.claims[name] for name in names if self.claims[name].is_owed(self.policy)]

    @property
    def is_fully_disputed(self) -> bool:
        """The whole of what is owed is disputed."""
        return not self.collectable_receivables() and bool(self.owed_receivables())

    @property
    def has_valid_warning(self) -> bool:
        """Of the invoices that the warning named, at least one is still to be paid and not disputed."""
        return any(self.claims[name].is_collectable(self.policy) for name in self.warned)

    def wakes_at(self) -> datetime | None:
        """The next business time at which the case goes on by itself."""
        if self.is_fully_disputed:
            return None
        match self.stage:
            case SuspensionStage.ASKED if self.asks_on:
                return start_of_day(self.asks_on)
            case SuspensionStage.NOTICE if self.notice_ends:
                return start_of_day(self.notice_ends + timedelta(days=1))
            case SuspensionStage.SUSPENDED if self.hand_over_on:
                return start_of_day(self.hand_over_on)
        return None

    @property
    def waiting_for(self) -> str:
        """Who or what moves this case next, as a word that the console translates."""
        if self.is_ended:
            return "nothing"
        if self.returned:
            return "requester"
        if self.is_fully_disputed and self.stage in (*PRE_SUSPENSION_STAGES, SuspensionStage.SUSPENDED):
            return "dispute"
        match self.stage:
            case SuspensionStage.WARNING_APPROVAL | SuspensionStage.SIGN_OFF:
                return "approval"
            case SuspensionStage.WARNING:
                return "address" if self.undelivered else "letter"
            case SuspensionStage.SUSPENDING | SuspensionStage.REINSTATING:
                return "billing"
            case SuspensionStage.HANDED_OVER:
                return "write_off"
            case SuspensionStage.SUSPENDED if self.hand_over_on is None:
                return "payment"
        return "time"

    def approval_invoice_ids(self) -> list[str]:
        """All that is to be paid, until a warning names some of it."""
        names = self.claims if self.stage in (SuspensionStage.ASKED, SuspensionStage.WARNING_APPROVAL) else self.warned
        return [name for name in names if self.claims[name].is_collectable(self.policy)]

    def approval_amounts(self) -> dict[str, int]:
        """What people's word is asked for, by currency."""
        return sum_undisputed_by_currency(self.claims[name] for name in self.approval_invoice_ids())

    def approval_invoices(self) -> list[AskedInvoice]:
        """What people's word is asked for, by invoice."""
        return [AskedInvoice.from_receivable(self.claims[name]) for name in self.approval_invoice_ids()]

    @property
    def approval_reason(self) -> str:
        """Why it is asked for, in the words of those who asked."""
        return "; ".join(dict.fromkeys(self.reasons.values()))

    @property
    def is_warning_obsolete(self) -> bool:
        """Nothing that it named is to be pressed for; or, while it is under way, nothing at all is."""
        if self.is_fully_disputed:
            return self.stage is SuspensionStage.WARNING and not self.undelivered
        return self.stage in (SuspensionStage.WARNING, SuspensionStage.NOTICE, SuspensionStage.SIGN_OFF) and not self.has_valid_warning
