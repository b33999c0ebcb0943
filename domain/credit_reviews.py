"""A credit review: an analyst's verdict on whether an account can pay and wants to, and what follows from it."""

from datetime import date, datetime
from enum import StrEnum

from pydantic import Field

from domain import ids
from domain.account_case import AccountCase
from domain.acts import Act
from domain.clock import start_of_day
from domain.effects import AdoptSegment, LiftHold, MakeDossier, NotifyRole, PlaceHold
from domain.holds import Hold, HoldKind
from domain.invoice_case import Moment
from domain.journal import SYSTEM, EntryKind
from domain.money import Currency
from domain.roles import Role


class Ability(StrEnum):
    ABLE = "able"
    UNABLE = "unable"


class Willingness(StrEnum):
    WILLING = "willing"
    UNWILLING = "unwilling"


class Course(StrEnum):
    """How the account is collected from now on."""

    GENTLE = "gentle"
    FIRM = "firm"
    PLAN = "plan"
    HAND_OVER = "hand_over"
    STOP = "stop"


GRID = {
    (Ability.ABLE, Willingness.WILLING): Course.GENTLE,
    (Ability.ABLE, Willingness.UNWILLING): Course.FIRM,
    (Ability.UNABLE, Willingness.WILLING): Course.PLAN,
    (Ability.UNABLE, Willingness.UNWILLING): Course.HAND_OVER,
}
"""Insolvency, which stops everything, stands outside it."""


class Reason(StrEnum):
    """Why an account was referred."""

    COLLECTOR = "collector"
    BROKEN_PROMISES = "broken_promises"
    INSOLVENCY_NOTICE = "insolvency_notice"
    EXPOSURE_OVER_LIMIT = "exposure_over_limit"
    REVIEW_DATE = "review_date"


class ReferAccount(Act):
    """The account is to be reviewed. What made it necessary beyond the reason, is in the note."""

    reason: Reason
    note_id: str | None = None


class GiveVerdict(Act):
    """`limit` in minor units of `currency`; conditions are kept as a note's id, for they may name people.

    `segment` is the segment whose policy applies to the account from now on; None leaves it as it is.
    """

    ability: Ability
    willingness: Willingness
    insolvent: bool = False
    limit: int | None = Field(default=None, ge=0)
    currency: Currency | None = None
    conditions_note: str | None = None
    segment: str | None = None
    next_review_on: date | None = None

    @property
    def course(self) -> Course:
        return Course.STOP if self.insolvent else GRID[self.ability, self.willingness]


class CloseReview(Act):
    """The account needs no watching any more, such as after an insolvency was lifted."""


def insolvency_hold(account_id: str, since: datetime) -> Hold:
    """What stops the collection of an insolvent customer's invoice. `since` is business time."""
    return Hold(hold_id=ids.credit_review_case(account_id), kind=HoldKind.CREDIT_REVIEW, since=since, reason="insolvency")


class CreditReviewCase(AccountCase):
    """While no verdict stands, the invoices go on; an insolvency notice, and a verdict of insolvency, hold them all."""

    invoice_ids: list[str] = Field(default_factory=list)
    reason: Reason | None = None
    verdict: GiveVerdict | None = None
    segment: str | None = None
    stopped: bool = False
    due: bool = False
    ended: bool = False

    @property
    def hold_id(self) -> str:
        return ids.credit_review_case(self.journal.account_id)

    @property
    def course(self) -> Course | None:
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

    def refer(self, reason: Reason, at: Moment, by: str = SYSTEM, act: str | None = None, note: str | None = None) -> int:
        """The number of the journal's entry. An account under review is looked at anew."""
        self.reason, self.due = reason, True
        seq = self.note(
            EntryKind.CREDIT_REVIEW_REFERRED, at, by, act=act, reason=reason.value, invoices=len(self.invoice_ids), note=note
        )  # fmt: skip
        self._notify("credit_review_referred", reason)
        if reason is Reason.INSOLVENCY_NOTICE:
            self.stop(at, by)
        return seq

    def join(self, invoice_id: str, at: Moment) -> None:
        """An invoice issued since: it is held with the others."""
        if self.ended or invoice_id in self.invoice_ids:
            return
        self.invoice_ids.append(invoice_id)
        if self.stopped:
            self._place_hold(invoice_id, at)

    def let_time_pass(self, at: Moment) -> None:
        wakes = self.wakes_at()
        if wakes and wakes <= at.business:
            self.due = True
            self.note(EntryKind.CREDIT_REVIEW_DUE, at)
            self._notify("credit_review_due", Reason.REVIEW_DATE)

    def stop(self, at: Moment, by: str = SYSTEM) -> None:
        """Insolvency: nobody chases, and the claim is filed with the administrator."""
        if self.stopped:
            return
        self.stopped = True
        self.note(EntryKind.CREDIT_REVIEW_STOPPED, at, by, reason="insolvency")
        for invoice_id in self.invoice_ids:
            self._place_hold(invoice_id, at)
        self.ask_for(MakeDossier(account_id=self.journal.account_id, purpose="proof_of_claim"))

    def lift(self) -> None:
        if self.stopped:
            self.stopped = False
            for invoice_id in self.invoice_ids:
                self.ask_for(LiftHold(invoice_id=invoice_id, hold_id=self.hold_id))

    def adopt_segment(self, segment: str | None) -> None:
        """From now on the account's invoices follow that segment's policy; None: that of the account's own."""
        if segment != self.segment:
            self.segment = segment
            self.ask_for(AdoptSegment(account_id=self.journal.account_id, segment=segment, invoice_ids=list(self.invoice_ids)))

    def _place_hold(self, invoice_id: str, at: Moment) -> None:
        self.ask_for(PlaceHold(invoice_id=invoice_id, hold=insolvency_hold(self.journal.account_id, at.business)))

    def _notify(self, template: str, reason: Reason) -> None:
        details = {"account": self.journal.account_id, "reason": reason.value}
        self.ask_for(NotifyRole(role=Role.CREDIT_ANALYST, template=template, details={**details}))


def refusal(case: CreditReviewCase, act: Act, today: date) -> str | None:
    """Why the act cannot be accepted, in words; None when it can. `today` is the business date. An act that was done is not refused."""
    if act.act_id in case.seen:
        return None
    if case.ended:
        return "this credit review is closed; refer the account anew"
    if isinstance(act, GiveVerdict):
        if (act.limit is None) != (act.currency is None):
            return "a limit needs its currency, and a currency its limit"
        if act.next_review_on is not None and act.next_review_on <= today:
            return "the next review must be after today"
        if act.course is not Course.GENTLE and act.next_review_on is None:
            return "an account that is not collected gently needs a date for its next review"
    return None


def carry_out(case: CreditReviewCase, act: Act, at: Moment) -> int | None:
    """Do the act once. The number of its journal entry, or None if it was done before; what is ruled out is journalled as refused."""
    reason = refusal(case, act, at.business.date())
    if not case.sees(act.act_id):
        return None
    if reason:
        return case.note(EntryKind.ACT_REFUSED, at, act.actor, act=act.act_id, what=type(act).__name__, reason=reason)
    match act:
        case ReferAccount():
            return case.refer(act.reason, at, act.actor, act.act_id, act.note_id)
        case GiveVerdict():
            return _take_verdict(case, act, at)
        case CloseReview():
            seq = case.note(EntryKind.CREDIT_REVIEW_ENDED, at, act.actor, act=act.act_id)
            case.lift()
            case.adopt_segment(None)
            case.ended = True
            return seq
        case _:
            raise TypeError(f"no rule says what a {type(act).__name__} does to a credit review")


def _take_verdict(case: CreditReviewCase, act: GiveVerdict, at: Moment) -> int:
    case.verdict, case.due = act, False
    seq = case.note(
        EntryKind.CREDIT_REVIEW_VERDICT, at, act.actor, act=act.act_id, ability=act.ability.value, willingness=act.willingness.value,
        course=act.course.value, insolvent=act.insolvent, limit=act.limit, currency=act.currency, segment=act.segment,
        conditions=act.conditions_note, next_review_on=act.next_review_on.isoformat() if act.next_review_on else None,
    )  # fmt: skip
    if act.insolvent:
        case.stop(at, act.actor)
    else:
        case.lift()
    case.adopt_segment(act.segment)
    advice = {Course.PLAN: "credit_review_advises_plan", Course.HAND_OVER: "credit_review_advises_hand_over"}.get(act.course)
    if advice:
        case.ask_for(NotifyRole(role=Role.COLLECTOR, template=advice, details={"account": case.journal.account_id}))
    return seq
