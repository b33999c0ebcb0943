"""A month of one account, day by day, without a server: the rules of invoices, the writing of cases and the letter outbox as they are, the
workflow between them played by hand. What was owed is known apart, to hold the letters against.

Mornings begin at five, letters go at noon. Days are those of UTC; there are no public holidays.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from types import SimpleNamespace
from typing import Literal, NamedTuple

from sqlalchemy import select
from sqlmodel import col

from adapters.correspondence.letter_decisions import LetterDecision, LetterDecisionStore
from adapters.correspondence.outcome_feed import OutcomeFeed
from adapters.database.engine import Database
from adapters.database.tables import Invoice, Message, MessageLine
from adapters.mail.smtp_client import DeliveryOutcome, DeliveryResult
from domain.billing.billing_events import BillingEvent, BillingEventKind, InvoiceFacts, InvoiceStatus
from domain.case_write import CaseWrite
from domain.clock import Clock, Moment
from domain.invoice.billing_event_rules import apply_billing_event
from domain.invoice.command_rules import apply_command
from domain.invoice.commands import CallOutcome, LogCall, MakePromise, PauseCollection, ResumeCollection, SkipLetter
from domain.invoice.contact_orders import build_contact_order
from domain.invoice.invoice_case import InvoiceCase
from domain.invoice.linked_cases import SUSPENSION_STEP_ACTS
from domain.invoice.view import build_case_view
from domain.journal.entry import Entry
from domain.journal.journal import Journal
from domain.policy.collection_policy import PolicySnapshot, Step
from domain.timeline.holds import Hold, HoldKind
from tests.adapters.correspondence.correspondence_setup import DAY, POLICY, SENT, CorrespondenceSetup
from workflows.case_runtime.invoice_recording import InvoiceWriteHandlers

FIRST_DAY = date(2013, 6, 3)
"""A Monday."""

CLOCK = Clock(real_anchor=datetime(2013, 6, 3, tzinfo=UTC), business_anchor=datetime(2013, 6, 3, tzinfo=UTC))
MINIMUM = 500
"""The least balance that the standard policy chases, in minor units."""

What = Literal[
    "issue",
    "pay",
    "pay_part",
    "dispute",
    "end_dispute",
    "promise",
    "pause",
    "resume",
    "refuse",
    "defer",
    "lose",
    "arrived",
    "resend",
    "reach",
    "skip",
]


class Happening(NamedTuple):
    """Something that happens on the morning of a day, to the invoice of that number; `days` are those until it is due or promised for. A
    day on which letters are refused, deferred or lost concerns all of them. `arrived` and `resend`: a person decides so about the oldest
    letter that was refused or is in doubt."""

    day: int
    what: What
    invoice: int
    days: int = 0


@dataclass
class PlayedLetter:
    """A letter that went, beside what was owed when it did: invoice → minor units, of what could be chased."""

    on: date
    template: str
    asked_for: int | None
    named: dict[str, tuple[str, int]]
    owed: dict[str, int]
    was_resent: bool


@dataclass
class PlayedInvoice:
    """`chaseable_days`: how long it has been overdue, could be chased and letters arrived, without a letter that asked for it."""

    case: InvoiceCase
    entries: list[Entry] = field(default_factory=list)
    chaseable_days: int = 0
    longest_wait: int = 0
    was_asked_for: bool = False

    @property
    def is_chaseable(self) -> bool:
        """It may be chased at all: open, worth it, and held by nothing but a suspension that is being asked for."""
        held = {hold.kind for hold in self.case.holds.standing.values()} - {HoldKind.SUSPENSION}
        return not self.case.is_settled and not held and self.case.facts.open_balance >= MINIMUM

    def is_owed(self, today: date) -> bool:
        return self.is_chaseable and self.case.facts.due_date < today


@dataclass
class AccountPlay:
    """Plays happenings, and keeps the letters that went."""

    database: Database
    correspondence: CorrespondenceSetup
    invoices: dict[str, PlayedInvoice] = field(default_factory=dict)
    letters: list[PlayedLetter] = field(default_factory=list)
    delivery: DeliveryResult = SENT
    resent: set[int] = field(default_factory=set)

    def play(self, happenings: Sequence[Happening], days: int) -> None:
        outbox, feed = self.correspondence.letter_outbox(backoff=(timedelta(0),)), OutcomeFeed(self.database)
        for day in range(days):
            today = FIRST_DAY + day * DAY
            dawn, noon = (datetime.combine(today, time(hour), UTC) for hour in (5, 12))
            self.delivery = SENT
            for number, happening in enumerate(happenings):
                if happening.day == day:
                    self._happen(happening, Moment(dawn, dawn), f"{day}-{number}")
            self._run_cases(Moment(dawn, dawn))
            while letters := outbox.claim_due_letters(noon, 100):
                begun = [letter.message for letter in outbox.begin_transmission(letters, noon) if letter]
                owed = {name: one.case.facts.open_balance for name, one in self.invoices.items() if one.is_owed(today)}
                outbox.record_outcomes([(message, self.delivery) for message in begun], noon)
                if self.delivery is SENT:
                    self.letters += [self._read_letter(message, today, owed) for message in begun]
                self._notify(feed, Moment(noon, noon))
                if not begun or self.delivery.outcome is DeliveryOutcome.DEFERRED:
                    break
            self._count_waits(today)

    # --- what happens

    def _happen(self, happening: Happening, at: Moment, event: str) -> None:
        name = f"I{happening.invoice}"
        played = self.invoices.get(name)
        match happening.what:
            case "issue":
                if played is None:
                    self._issue(name, at.business.date() + happening.days * DAY, at)
            case "refuse":
                self.delivery = DeliveryResult(DeliveryOutcome.REFUSED, 554, "No")
            case "lose":
                self.delivery = DeliveryResult(DeliveryOutcome.UNKNOWN, None, "The line was cut")
            case "arrived" | "resend":
                self._decide(LetterDecision.DELIVERED if happening.what == "arrived" else LetterDecision.RESEND, at)
            case "defer":
                self.delivery = DeliveryResult(DeliveryOutcome.DEFERRED, 451, "Later")
            case _ if played is not None and not played.case.is_settled:
                self._change(played.case, happening, at, event)
                self._write(played, at)

    def _decide(self, decision: LetterDecision, at: Moment) -> None:
        """Decide about the oldest letter of which somebody must."""
        with self.database.reading() as session:
            undecided = select(col(Message.id)).where(col(Message.state).in_(("refused", "unknown"))).order_by(col(Message.id))
            letter = session.scalars(undecided.limit(1)).first()
            lines = session.scalars(select(MessageLine).where(col(MessageLine.message_id) == letter)).all()
            asked = {line.invoice_id for line in lines if line.named_as in ("due", "gathered", "listed")}
        if letter is None:
            return
        LetterDecisionStore(self.database).decide(letter, decision, "mia", "", at.business)
        if decision is LetterDecision.RESEND:
            self.resent.add(letter)
        else:
            for name in asked:
                self.invoices[name].was_asked_for = True
        self._notify(OutcomeFeed(self.database), at)

    def _issue(self, name: str, due: date, at: Moment) -> None:
        self.correspondence.create_invoice(name, due=due)
        case = InvoiceCase(
            journal=Journal(case_id=f"invoice:{name}", account_id="A1", invoice_id=name),
            facts=InvoiceFacts(version=1, due_date=due, currency="EUR", total=10_000, open_balance=10_000),
            snapshot=PolicySnapshot.from_policy(POLICY),
        )
        case.open(at)
        self.invoices[name] = PlayedInvoice(case)
        self._write(self.invoices[name], at)

    def _change(self, case: InvoiceCase, happening: Happening, at: Moment, event: str) -> None:
        facts, today = case.facts, at.business.date()
        match happening.what:
            case "pay":
                self._bill(case, at, event, open_balance=0, status=InvoiceStatus.PAID)
            case "pay_part":
                self._bill(case, at, event, open_balance=max(facts.open_balance - 3_000, 100))
            case "dispute" | "end_dispute":
                self._bill(case, at, event, disputed=happening.what == "dispute")
            case "promise":
                amount, by = facts.open_balance, today + happening.days * DAY
                apply_command(case, MakePromise(act_id=event, actor="mia", amount=amount, by=by), at)
            case "pause":
                apply_command(case, PauseCollection(act_id=event, actor="mia", reason="asked to wait"), at)
            case "reach":
                apply_command(case, LogCall(act_id=event, actor="mia", outcome=CallOutcome.REACHED), at)
            case "skip":
                apply_command(case, SkipLetter(act_id=event, actor="mia", reason="spoken to"), at)
            case "resume" if case.holds.has_kind(HoldKind.PAUSE):
                apply_command(case, ResumeCollection(act_id=event, actor="mia"), at)

    def _bill(self, case: InvoiceCase, at: Moment, event: str, **changes: object) -> None:
        facts = case.facts.model_copy(update={"version": case.facts.version + 1, **changes})
        columns = {"open_balance": facts.open_balance, "disputed": facts.disputed, "status": facts.status, "version": facts.version}
        self.correspondence.change(Invoice, case.journal.invoice_id or "", **columns)
        paid = case.facts.open_balance - facts.open_balance
        kind = BillingEventKind.PAYMENT_RECEIVED if paid else BillingEventKind.INVOICE_CHANGED
        apply_billing_event(case, BillingEvent(event_id=event, kind=kind, occurred_at=at.business, facts=facts, amount=paid), at)

    # --- what the workflow does

    def _run_cases(self, at: Moment) -> None:
        for played in self.invoices.values():
            case = played.case
            for _ in range(len(POLICY.timeline) + 1):
                case.run_due_actions(at)
                due = None if case.is_settled else case.step_due_at(at.business)
                step = case.next_step(at.business.date()) if due and due <= at.business else None
                if step is None:
                    break
                self._take_step(played, step, at)
            self._write(played, at)

    def _take_step(self, played: PlayedInvoice, step: Step, at: Moment) -> None:
        case = played.case
        if case.is_last_letter_unresolved:
            answer = self._write(played, at, await_letter=True)
            case.letter_awaited = answer and case.is_last_letter_unresolved
            if case.is_last_letter_unresolved and not answer:
                case.record_unknown_letter(at)
            return
        case.take_step(step, at)
        if step.act in SUSPENSION_STEP_ACTS:
            case.place_hold(Hold(hold_id="suspension", kind=HoldKind.SUSPENSION, since=at.business), at)
        self._write(played, at, step)

    def _write(self, played: PlayedInvoice, at: Moment, step: Step | None = None, await_letter: bool = False) -> bool:
        """Write what is new of a case; true when the letter that it awaits is still under way."""
        case = played.case
        if case.is_settled and case.closed_at is None:
            case.close(at)
        handlers = InvoiceWriteHandlers(case, SimpleNamespace(now=at), lambda _: True)
        write = CaseWrite(
            now=at.business,
            entries=list(case.journal.pending),
            case=build_case_view(case, "run-1", at.business),
            carried=case.build_earlier_run(),
            ask=build_contact_order(case, step, at, CLOCK) if step else None,
            await_letter=await_letter,
        )
        write = handlers.extend_write(write)
        (answer,) = self.correspondence.casebook.write([write])
        played.entries += case.journal.pending
        case.journal.mark_written(case.journal.seq)
        handlers.apply_result(write, answer)
        return answer.under_way

    def _notify(self, feed: OutcomeFeed, at: Moment) -> None:
        outcomes = feed.list_invoice_outcomes(100)
        for _, invoice, outcome in outcomes:
            self.invoices[invoice].case.apply_letter_outcome(outcome, at)
        feed.mark_invoices_notified([request for request, _, _ in outcomes])
        self._run_cases(at)

    # --- what is seen

    def _read_letter(self, number: int, today: date, owed: dict[str, int]) -> PlayedLetter:
        with self.database.reading() as session:
            message = session.get(Message, number)
            assert message is not None
            lines = session.scalars(select(MessageLine).where(col(MessageLine.message_id) == number)).all()
            named = {line.invoice_id: (str(line.named_as), line.open_balance) for line in lines}
            return PlayedLetter(today, message.letter or "", message.asked_for, named, owed, number in self.resent)

    def _count_waits(self, today: date) -> None:
        asked = {name for letter in self.letters if letter.asked_for is not None for name in letter.named}
        for name, played in self.invoices.items():
            played.was_asked_for |= name in asked
            if played.was_asked_for or not played.is_owed(today) or self.delivery is not SENT or played.case.is_letter_in_doubt:
                played.chaseable_days = 0
            else:
                played.chaseable_days += 1
                played.longest_wait = max(played.longest_wait, played.chaseable_days)
