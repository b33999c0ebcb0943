"""The state of one approval, and the rules by which it changes. What people send, and why it is
rejected, is in `commands` and `command_rules`.

Tiers are asked one after the other. Days are calendar days of the business clock, a deadline ends with its day (UTC).
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from domain.approval.commands import DecisionReason
from domain.approval.digest import AT_ONCE, ApprovalEvent
from domain.approval.facts import CREDITED_BEFORE, DecisionFacts, FactsRevision, build_facts_entry
from domain.approval.four_eyes import ApprovalParticipants
from domain.approval.result import ApprovalOutcome, ApprovalResult, ApprovalStage, ApprovalSubject, LapseReason
from domain.approval.review import DecisionReview
from domain.case.account_case import AccountCase
from domain.case.asked_invoice import AskedInvoice
from domain.case.effects import NotifyPerson, NotifyRole, ReviseApproval
from domain.clock import Moment, start_of_day
from domain.journal.entry import FactValue
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import SYSTEM, Journal
from domain.policy.approval_matrix import ApprovalRequest, ApprovalTier, MatrixSnapshot, requires_more_authority
from domain.refusal import Refusal
from domain.roles import Role


class ApprovalSignature(BaseModel):
    """One person's agreement in one tier (counted from 0)."""

    model_config = ConfigDict(frozen=True)

    tier: int
    actor: str
    role: Role
    on: date
    on_behalf_of: str | None = None

    @property
    def signers(self) -> list[str]:
        """Who has had a say by it: the one who signed, and the one in whose place."""
        return [self.actor, self.on_behalf_of] if self.on_behalf_of else [self.actor]


class ApprovalEnding(BaseModel):
    """How it ended, on a business date. `by` names who decided; nobody, when it lapsed by itself. `reason`: of a rejection or a return."""

    model_config = ConfigDict(frozen=True)

    result: ApprovalResult
    on: date
    by: list[str] = Field(default_factory=list)
    note_id: str | None = None
    reason: DecisionReason | None = None
    lapse: LapseReason | None = None

    def build_outcome(self, number: int, invoices: Sequence[AskedInvoice] = ()) -> ApprovalOutcome:
        """What the case hears that asked, under the number it gave this approval; `invoices` are those that were decided on."""
        by, reason = self.by[-1] if self.by else SYSTEM, self.lapse.value if self.lapse else ""
        return ApprovalOutcome(number=number, result=self.result, by=by, reason=reason, invoices=list(invoices))


class ApprovalView(BaseModel):
    """One approval as lists and queries show it. `due_on` is the last day of the present tier's deadline."""

    case_id: str
    account_id: str
    subject: ApprovalSubject
    question: ApprovalRequest
    requester: str
    state: str
    tier: int
    tiers: list[ApprovalTier]
    awaiting: list[Role]
    due_on: date | None
    escalated: bool
    signatures: list[ApprovalSignature]
    ending: ApprovalEnding | None
    matrix_version: int
    facts: DecisionFacts | None = None
    facts_version: int = 0


class ApprovalCase(AccountCase):
    """An approval under way. Serialisable whole.

    `acting_for` names those for whom one of the askers may act by delegation, on the day of the request or when somebody decided: the
    request counts as theirs too, as it does of those who are in `also_asked`.

    `facts` are None where the approval was asked for before approvals bound their facts. `facts_version` counts them from 1, `revisions`
    say how each differs from the one before; `pending_revision` is what the case that asks reported last, until it is taken in.
    """

    question: ApprovalRequest
    requester: str
    also_asked: list[str] = Field(default_factory=list)
    acting_for: list[str] = Field(default_factory=list)
    subject: ApprovalSubject
    matrix: MatrixSnapshot
    tiers: list[ApprovalTier]
    tier: int = 0
    asked_at: AwareDatetime | None = None
    reminders: int = 0
    escalated_at: AwareDatetime | None = None
    signatures: list[ApprovalSignature] = Field(default_factory=list)
    ending: ApprovalEnding | None = None
    facts: DecisionFacts | None = None
    facts_version: int = 0
    revisions: list[FactsRevision] = Field(default_factory=list)
    pending_revision: ReviseApproval | None = None

    @classmethod
    def create(
        cls,
        journal: Journal,
        question: ApprovalRequest,
        requester: str,
        subject: ApprovalSubject,
        matrix: MatrixSnapshot,
        acting_for: Sequence[str] = (),
        also_asked: Sequence[str] = (),
        facts: DecisionFacts | None = None,
    ) -> "ApprovalCase":
        """Raises NoApproverError, which no matrix does that passed its check."""
        return cls(
            journal=journal,
            question=question,
            requester=requester,
            acting_for=list(acting_for),
            also_asked=list(also_asked),
            subject=subject,
            matrix=matrix,
            tiers=matrix.load_matrix().list_required_tiers(question),
            facts=facts,
            facts_version=1 if facts else 0,
        )

    # --- who is asked, until when

    @property
    def is_ended(self) -> bool:
        return self.ending is not None

    @property
    def current_tier(self) -> ApprovalTier:
        """The tier that is asked, or was asked last."""
        return self.tiers[min(self.tier, len(self.tiers) - 1)]

    @property
    def awaited_roles(self) -> list[Role]:
        """The roles that may sign now."""
        if self.is_ended:
            return []
        return list(dict.fromkeys([self.current_tier.role, *([self.current_tier.escalate_to] if self.escalated_at else [])]))

    @property
    def due_on(self) -> date | None:
        """The last business date for the present tier."""
        return None if self.asked_at is None or self.is_ended else self.asked_at.date() + timedelta(days=self.current_tier.deadline_days)

    @property
    def escalates_at(self) -> datetime | None:
        """When the deadline is missed; None when it was already."""
        return start_of_day(self.due_on + timedelta(days=1)) if self.due_on and self.escalated_at is None else None

    @property
    def reminds_at(self) -> datetime | None:
        """Once before the deadline, unless that is the day of asking; once escalated, whenever the deadline's length passes again."""
        if self.due_on is None or self.asked_at is None:
            return None
        if self.escalated_at is not None:
            return self.escalated_at + (self.reminders + 1) * timedelta(days=self.current_tier.deadline_days)
        remind_on = self.due_on - timedelta(days=self.current_tier.remind_days)
        is_due = self.current_tier.remind_days > 0 and not self.reminders and remind_on > self.asked_at.date()
        return start_of_day(remind_on) if is_due else None

    @property
    def wakes_at(self) -> datetime | None:
        """The next business time at which something happens by itself."""
        return min((at for at in (self.reminds_at, self.escalates_at) if at), default=None)

    @property
    def participants(self) -> ApprovalParticipants:
        """Who asked and who has signed; none of them decides any more."""
        return ApprovalParticipants(
            requester=self.requester,
            also_asked=self.also_asked,
            acting_for=self.acting_for,
            signers=[person for signature in self.signatures for person in signature.signers],
        )

    def apply_review(self, review: DecisionReview) -> None:
        """Take in what was looked at once more before a decision. For whom an asker acted once, he asked for good."""
        self.acting_for = list(dict.fromkeys([*self.acting_for, *review.acting_for]))

    # --- its life

    def open(self, at: Moment) -> None:
        question = self.question
        self.write_entry(
            EntryKind.APPROVAL_REQUESTED,
            at,
            self.requester,
            matter=question.matter.value,
            amount=question.amount,
            currency=question.currency,
            **self.list_other_amounts(),
            **({CREDITED_BEFORE: question.credited_before} if question.credited_before else {}),
            term_days=question.term_days,
            broken_plans=question.broken_plans,
            segment=question.segment,
            subject=self.subject.case_id,
            tiers=len(self.tiers),
            matrix_version=self.matrix.version,
            matrix_sha256=self.matrix.sha256,
            **build_facts_entry(self.facts, self.facts_version),
        )
        if self.tiers:
            self.open_current_tier(at)
        else:
            self._grant(at)

    def list_other_amounts(self) -> dict[str, FactValue]:
        """The fact that names the amounts in further currencies, in minor units; none when there is one currency."""
        others = self.question.other_amounts
        return {"other_amounts": " ".join(f"{code}:{amount}" for code, amount in sorted(others.items()))} if others else {}

    def open_current_tier(self, at: Moment) -> None:
        """Turn to the present tier; its time begins now."""
        self.asked_at, self.reminders, self.escalated_at = at.business, 0, None
        tier = self.current_tier
        due_on = at.business.date() + timedelta(days=tier.deadline_days)
        self.write_entry(
            EntryKind.APPROVAL_ASKED,
            at,
            tier=self.tier + 1,
            role=tier.role.value,
            quorum=tier.quorum,
            due_on=due_on.isoformat(),
        )
        self._notify_role(tier.role, ApprovalEvent.ASKED, at)

    def _notify_role(self, role: Role, template: ApprovalEvent, at: Moment) -> None:
        details = self._build_message_details() | ({"on": at.business.date().isoformat()} if self.facts else {})
        tier = self.current_tier
        if tier.at_once or (tier.escalate_at_once and template is ApprovalEvent.ESCALATED):
            details[AT_ONCE] = True
        self.add_effect(NotifyRole(role=role, template=template, details=details))

    def notify_revised(self, at: Moment) -> None:
        """Those who are asked hear that the facts are others by now."""
        for role in self.awaited_roles:
            self._notify_role(role, ApprovalEvent.REVISED, at)

    def _build_message_details(self) -> dict[str, FactValue]:
        """What a message says of it. `amount` in minor units of `currency`."""
        invoice = self.subject.invoice_ids[0] if len(self.subject.invoice_ids) == 1 else None
        return {
            "case": self.journal.case_id,
            "subject": self.subject.case_id,
            "account": self.journal.account_id,
            "invoice": invoice,
            "matter": self.question.matter.value,
            "amount": self.question.amount,
            "currency": self.question.currency,
            "requester": self.requester,
            "due_on": self.due_on.isoformat() if self.due_on else None,
        } | self._list_optional_details()

    def _list_optional_details(self) -> dict[str, FactValue]:
        """The version of the facts, where they are bound; and by what an invoice is to be reduced, where that is asked for by hand."""
        reduction = self.subject.details.get("reduction")
        details: dict[str, FactValue] = {"facts_version": self.facts_version} if self.facts else {}
        return details | {"reduction": reduction} if reduction else details

    def end(self, ending: ApprovalEnding) -> None:
        """Nobody is asked any more; whoever asked hears how it ended."""
        self.ending = ending
        why: dict[str, FactValue] = {"reason": ending.lapse.value} if ending.lapse else {}
        why |= {"decision_reason": ending.reason.value} if ending.reason else {}
        details = self._build_message_details() | {"result": ending.result.value, "by": ", ".join(ending.by)} | why
        self.add_effect(NotifyPerson(user=self.requester, template="approval_ended", details=details))

    def build_outcome(self, number: int) -> ApprovalOutcome:
        """What the case hears that asked, under the number it gave this approval, once it is over."""
        assert self.ending is not None
        return self.ending.build_outcome(number, self.facts.asked_invoices if self.facts else ())

    def run_due_actions(self, at: Moment) -> EntryKind | None:
        """Remind or escalate, whichever has fallen due. What was done, for the mail that tells of it; after an outage once, not per day."""
        if self.escalates_at is not None and self.escalates_at <= at.business:
            self.escalated_at, self.reminders = at.business, 0
            self.write_entry(
                EntryKind.APPROVAL_ESCALATED,
                at,
                tier=self.tier + 1,
                role=self.current_tier.role.value,
                to=self.current_tier.escalate_to.value,
            )
            self._notify_role(self.current_tier.escalate_to, ApprovalEvent.ESCALATED, at)
            return EntryKind.APPROVAL_ESCALATED
        if self.reminds_at is not None and self.reminds_at <= at.business:
            while self.reminds_at is not None and self.reminds_at <= at.business:
                self.reminders += 1
            self.write_entry(EntryKind.APPROVAL_REMINDED, at, tier=self.tier + 1, role=self.awaited_roles[-1].value)
            self._notify_role(self.awaited_roles[-1], ApprovalEvent.REMINDED, at)
            return EntryKind.APPROVAL_REMINDED
        return None

    def add_signature(self, signature: ApprovalSignature, at: Moment) -> None:
        """Count a signature; with the quorum the next tier is asked, or all have agreed."""
        self.signatures.append(signature)
        if sum(given.tier == self.tier for given in self.signatures) < self.current_tier.quorum:
            return
        self.tier += 1
        if self.tier < len(self.tiers):
            self.open_current_tier(at)
            return
        self._grant(at)

    def _grant(self, at: Moment) -> None:
        """All that the matrix names have agreed, or it names nobody."""
        by = [given.actor for given in self.signatures]
        self.end(ApprovalEnding(result=ApprovalResult.APPROVED, on=at.business.date(), by=by))
        self.write_entry(EntryKind.APPROVAL_GRANTED, at, matter=self.question.matter.value, by=", ".join(by))

    # --- what becomes of the facts

    def apply_request_change(self, question: ApprovalRequest, at: Moment) -> bool:
        """What is asked now, after the facts have changed. True when the approval lapsed: nothing is left, or more authority is needed."""
        if self.is_ended:
            return False
        if question.amount == 0 < self.question.amount:
            return self.lapse(LapseReason.SETTLED, at)
        if requires_more_authority(self.matrix.load_matrix().list_required_tiers(question), than=self.tiers):
            return self.lapse(LapseReason.OUTGROWN, at)
        self.question = question
        return False

    def lapse(self, reason: LapseReason, at: Moment, actor: str = SYSTEM) -> bool:
        """Nobody need decide any more. False when it had ended before."""
        if self.is_ended:
            return False
        by = [] if actor == SYSTEM else [actor]
        self.end(ApprovalEnding(result=ApprovalResult.LAPSED, on=at.business.date(), by=by, lapse=reason))
        self.write_entry(EntryKind.APPROVAL_LAPSED, at, actor, matter=self.question.matter.value, reason=reason.value)
        return True

    # --- how it looks

    @property
    def state(self) -> ApprovalStage:
        if self.ending:
            return ApprovalStage(self.ending.result.value)
        return ApprovalStage.ESCALATED if self.escalated_at else ApprovalStage.ASKED

    @property
    def waiting_for(self) -> str:
        """The role whose word moves this case next."""
        return "nothing" if self.is_ended else self.awaited_roles[-1].value

    @property
    def ended_sentence(self) -> Refusal | None:
        """Who decided what, and when: `the payment plan was approved by anna on 2013-08-02`."""
        if self.ending is None:
            return None
        what, end = self.question.matter.display_name, self.ending
        if end.lapse is not None:
            return Refusal(
                "approval.lapsed", "the approval of the {act} lapsed on {on}: {why}", act=what, on=end.on, why=end.lapse.explanation
            )
        if not end.by:
            return Refusal("approval.ended", "the {act} was {result} on {on}", act=what, result=end.result, on=end.on)
        people = " and ".join(end.by)
        return Refusal(
            "approval.decided", "the {act} was {result} by {people} on {on}", act=what, result=end.result, people=people, on=end.on
        )

    def build_view(self) -> ApprovalView:
        return ApprovalView(
            case_id=self.journal.case_id,
            account_id=self.journal.account_id,
            subject=self.subject,
            question=self.question,
            requester=self.requester,
            state=self.state,
            tier=self.tier,
            tiers=self.tiers,
            awaiting=self.awaited_roles,
            due_on=self.due_on,
            escalated=self.escalated_at is not None,
            signatures=self.signatures,
            ending=self.ending,
            matrix_version=self.matrix.version,
            facts=self.facts,
            facts_version=self.facts_version,
        )
