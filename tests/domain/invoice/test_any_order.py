"""Whatever happens to an invoice, in whatever order: steps in order, none twice, none while held, days apart; the books and the chain hold.

The machine drives the case as its workflow does, with a post office that sends late, refuses, drops and loses letters, and keeps books
of its own in the plainest way: a list of hours, a list of payments, a list of letters.
"""

from datetime import date, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from domain.billing.billing_events import BillingEvent, BillingEventKind, InvoiceStatus
from domain.case.command import Command
from domain.clock import Moment
from domain.correspondence.letter_outcome import DropReason, LetterOutcome, LetterResult
from domain.invoice.billing_event_rules import apply_billing_event
from domain.invoice.command_rules import apply_command
from domain.invoice.commands import MakePromise, PauseCollection, ResumeCollection
from domain.invoice.invoice_case import InvoiceCase
from domain.invoice.view import build_case_view
from domain.journal.chain_check import find_broken_entry
from domain.journal.entry import Entry
from domain.journal.journal import Journal
from domain.policy.collection_policy import StepAction
from domain.timeline.collection_clock import read_collection_clock
from domain.timeline.holds import Hold, HoldKind
from tests.domain.builders import DAY, DUE, HOUR, build_case, build_facts, midnight
from tests.examples import count_examples

TOTAL = 10_000
PASSING = [reason for reason in DropReason if reason not in (DropReason.LAPSED, DropReason.SETTLED)]


class PostOffice:
    """What became of the one letter that an invoice may have under way."""

    def __init__(self) -> None:
        self.waiting: str | None = None
        self.untold: list[LetterOutcome] = []
        self.sent: list[str] = []
        self.attempts: dict[str, int] = {}

    def take_in(self, step: str) -> None:
        assert self.waiting is None, "a letter was asked for while another of the same invoice was under way"
        self.waiting = step
        self.attempts[step] = self.attempts.get(step, 0) + 1

    def end(self, result: LetterResult, now: datetime, reason: str) -> None:
        step, self.waiting = self.waiting, None
        assert step is not None
        if result is LetterResult.SENT:
            self.sent.append(step)
        self.untold.append(LetterOutcome(step=step, attempt=self.attempts[step], fate=result, at=now, on=now.date(), reason=reason))


class Collection(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = midnight(-6)
        self.case: InvoiceCase = build_case(opened=-6)
        self.post = PostOffice()
        self.entries: list[Entry] = []
        self.version, self.acts = 1, 0
        self.balance, self.disputed, self.due = TOTAL, False, DUE
        self.payments: list[int] = []
        self.held_hours: list[tuple[datetime, bool]] = []
        self.contacts: list[tuple[str, date]] = []
        self.taken_on: dict[str, date] = {}
        self.slot_delay = 0
        self.in_doubt = False
        self.promised_since: int | None = None
        self.closed = False
        self.act()

    # --- the workflow's part, in short

    @property
    def at(self) -> Moment:
        return Moment(self.now, self.now)

    def act(self) -> None:
        """Wake: take what is due, as often as it is due; then write down."""
        while not self.case.is_settled:
            self.withdraw_while_held()
            due, step = self.case.step_due_at(self.now), self.case.next_step(self.now.date())
            if due is None or step is None or due > self.now:
                break
            if self.case.is_last_letter_unresolved:
                self.hear_of_last_letter()
            else:
                self.take(step.step)
        if self.case.is_settled and not self.closed:
            self.close()
        self.write_down()

    def take(self, name: str) -> None:
        policy = self.case.policy
        step = next(known for known in policy.timeline if known.step == name)
        today = self.now.date()
        assert not self.is_held
        assert not self.in_doubt, "a step was taken though nobody knows whether the letter before it arrived"
        if step.day > 0:
            assert self.collectable_hours() >= step.day * 24
        else:
            assert self.due + step.day * DAY <= today <= self.due
        if self.contacts:
            assert today >= self.contacts[-1][1] + policy.catch_up_days * DAY
        names = [known.step for known in policy.timeline]
        passed_over = names[names.index(self.contacts[-1][0]) + 1 if self.contacts else 0 : names.index(name)]
        assert not passed_over or (today > self.due and all(known.day <= 0 for known in policy.timeline if known.step in passed_over))
        assert name not in [step for step, _ in self.contacts]

        self.case.take_step(step, self.at)
        self.taken_on[name] = today
        self.case.set_contact_date(name, today + self.slot_delay * DAY)
        self.contacts.append((name, today + self.slot_delay * DAY))
        if step.act is StepAction.LETTER:
            self.post.take_in(name)

    def hear_of_last_letter(self) -> None:
        self.tell()
        self.case.letter_awaited = self.post.waiting is not None
        if self.case.is_last_letter_unresolved and not self.case.letter_awaited:
            raise AssertionError("the post office lost a letter")

    def tell(self) -> None:
        for news in self.post.untold:
            self.case.apply_letter_outcome(news, self.at)
            position = [step for step, _ in self.contacts].index(news.step)
            if news.fate is LetterResult.SENT:
                self.contacts[position] = (news.step, news.on)
            elif news.reason == DropReason.LAPSED:
                self.contacts[position] = (news.step, self.taken_on[news.step])
            elif news.fate in (LetterResult.DROPPED, LetterResult.REFUSED):
                self.contacts.pop(position)
            self.in_doubt = news.fate is LetterResult.UNKNOWN
        self.post.untold.clear()

    def withdraw_while_held(self) -> None:
        if self.case.holds.is_on_hold and self.case.is_last_letter_unresolved:
            self.withdraw(DropReason.ON_HOLD)

    def withdraw(self, reason: DropReason) -> None:
        if self.post.waiting:
            self.case.record_letter_withdrawal(self.post.waiting, reason, self.at)
            self.contacts.pop()
            self.post.waiting = None

    def write_down(self) -> None:
        self.entries += self.case.journal.pending
        self.case.journal.mark_written(self.case.journal.seq)

    def close(self) -> None:
        self.withdraw(DropReason.SETTLED)
        self.tell()
        self.case.close(self.at)
        self.closed = True

    # --- the machine's own books

    @property
    def is_held(self) -> bool:
        return self.case.holds.is_on_hold

    def collectable_hours(self) -> int:
        return sum(
            1 for hour, held in self.held_hours if hour >= datetime.combine(self.due, datetime.min.time(), self.now.tzinfo) and not held
        )

    def bill(self, kind: BillingEventKind, amount: int = 0, status: InvoiceStatus = InvoiceStatus.OPEN) -> BillingEvent:
        self.version += 1
        after = build_facts(version=self.version, open_balance=self.balance, disputed=self.disputed, due_date=self.due, status=status)
        event = BillingEvent(event_id=f"E{self.version}", kind=kind, occurred_at=self.now, facts=after, amount=amount)
        assert apply_billing_event(self.case, event, self.at)
        assert not apply_billing_event(self.case, event, self.at)
        return event

    def do(self, act: Command) -> None:
        apply_command(self.case, act, self.at)
        assert apply_command(self.case, act, self.at) is None

    def next_act(self) -> str:
        self.acts += 1
        return f"act{self.acts}"

    # --- what happens

    @rule(hours=st.sampled_from([1, 5, 24, 24, 48, 72, 24 * 7, 24 * 20]))
    def time_passes(self, hours: int) -> None:
        """An outage is a long one: nobody is awake in between."""
        for _ in range(hours):
            self.held_hours.append((self.now, self.is_held or self.closed))
            self.now += HOUR
        if not self.closed:
            self.case.run_due_actions(self.at)
        self.act()

    @rule(days=st.integers(0, 4))
    def the_next_slots_are_so_far_off(self, days: int) -> None:
        self.slot_delay = days

    @precondition(lambda self: self.post.waiting)
    @rule(result=st.sampled_from([LetterResult.SENT, LetterResult.SENT, LetterResult.REFUSED, LetterResult.UNKNOWN]))
    def a_letter_comes_to_its_end(self, result: LetterResult) -> None:
        self.post.end(result, self.now, "")
        self.tell_if_awaited()

    @precondition(lambda self: self.post.waiting)
    @rule(reason=st.sampled_from(PASSING))
    def a_letter_is_dropped(self, reason: DropReason) -> None:
        courtesy = self.post.waiting == "courtesy_note" and self.now.date() > self.due
        self.post.end(LetterResult.DROPPED, self.now, DropReason.LAPSED if courtesy else reason)
        self.tell_if_awaited()

    @precondition(lambda self: self.in_doubt and not self.closed)
    @rule(result=st.sampled_from([LetterResult.SENT, LetterResult.REFUSED, LetterResult.UNKNOWN]))
    def a_person_decides_about_a_letter_in_doubt(self, result: LetterResult) -> None:
        """It arrived, or was sent again: the attempt is the same. Sent again and in doubt once more, it stays so."""
        assert not self.post.untold
        self.post.waiting = self.case.taken[-1].step
        self.post.end(result, self.now, "")
        self.tell()
        self.act()

    def tell_if_awaited(self) -> None:
        if self.case.letter_awaited:
            self.tell()
        self.act()

    @precondition(lambda self: not self.closed)
    @rule(amount=st.sampled_from([100, 2_000, 5_000, 9_700, TOTAL]))
    def money_comes(self, amount: int) -> None:
        amount = min(amount, self.balance)
        self.payments.append(amount)
        self.balance -= amount
        if self.promised_since is not None:
            self.promised_since += amount
        self.bill(BillingEventKind.PAYMENT_RECEIVED, amount, InvoiceStatus.OPEN if self.balance else InvoiceStatus.PAID)
        self.act()

    @precondition(lambda self: self.payments and not self.closed)
    @rule()
    def a_payment_bounces(self) -> None:
        amount = self.payments.pop()
        self.balance += amount
        if self.promised_since is not None:
            self.promised_since -= amount
        self.bill(BillingEventKind.PAYMENT_REVERSED, amount)
        self.act()

    @precondition(lambda self: self.closed and self.payments)
    @rule()
    def a_payment_bounces_after_the_end(self) -> None:
        """A new run takes the case up."""
        self.balance += self.payments.pop()
        self.version += 1
        journal = Journal(case_id="invoice:I1", account_id="A1", invoice_id="I1")
        reopened = build_facts(version=self.version, open_balance=self.balance, disputed=self.disputed, due_date=self.due)
        carried, self.case = self.case.build_earlier_run(), InvoiceCase(journal=journal, facts=reopened, snapshot=self.case.snapshot)
        self.case.open(self.at)
        self.case.reopen(carried, self.at)
        self.closed, self.promised_since = False, None
        self.act()

    @precondition(lambda self: not self.closed)
    @rule(disputed=st.booleans())
    def a_dispute_is_raised_or_settled(self, disputed: bool) -> None:
        self.disputed = disputed
        self.bill(BillingEventKind.INVOICE_CHANGED)
        self.act()

    @precondition(lambda self: not self.closed)
    @rule(days=st.sampled_from([-5, 0, 3, 30]))
    def the_due_date_changes(self, days: int) -> None:
        self.due = DUE + days * DAY
        self.bill(BillingEventKind.INVOICE_CHANGED)
        self.act()

    @precondition(lambda self: not self.closed)
    @rule(amount=st.sampled_from([1_000, 5_000]), days=st.integers(0, 25))
    def a_promise_is_made(self, amount: int, days: int) -> None:
        act = MakePromise(act_id=self.next_act(), actor="mia", amount=amount, by=self.now.date() + timedelta(days=days))
        self.do(act)
        if self.case.promise and self.case.promise.promise_id == act.act_id:
            self.promised_since = 0
        self.act()

    @precondition(lambda self: not self.closed)
    @rule(days=st.one_of(st.none(), st.integers(1, 10)))
    def it_is_paused(self, days: int | None) -> None:
        until = None if days is None else self.now.date() + timedelta(days=days)
        self.do(PauseCollection(act_id=self.next_act(), actor="mia", reason="asked", until=until))
        self.act()

    @precondition(lambda self: not self.closed)
    @rule()
    def it_is_resumed(self) -> None:
        self.do(ResumeCollection(act_id=self.next_act(), actor="mia"))
        self.act()

    @precondition(lambda self: not self.closed)
    @rule(placed=st.booleans())
    def another_case_holds_it_or_lets_it_go(self, placed: bool) -> None:
        if placed:
            self.case.place_hold(Hold(hold_id="plan:1", kind=HoldKind.PAYMENT_PLAN, since=self.now), self.at)
        else:
            self.case.lift_hold("plan:1", self.at)
        self.act()

    @rule()
    def it_is_handed_on_to_a_new_run(self) -> None:
        handed_on = InvoiceCase.model_validate_json(self.case.model_dump_json())
        assert handed_on == self.case
        self.case = handed_on

    # --- what must hold

    @invariant()
    def the_clock_reads_the_hours_collectable(self) -> None:
        if self.closed:
            return
        due = datetime.combine(self.due, datetime.min.time(), self.now.tzinfo)
        expected = self.now - due if self.now <= due else self.collectable_hours() * HOUR
        assert read_collection_clock(self.due, self.case.holds, self.now) == expected

    @invariant()
    def steps_are_in_order_and_each_customer_hears_of_each_once(self) -> None:
        days = [past.day for past in self.case.taken]
        assert days == sorted(set(days))
        assert [(past.step, past.contact_on) for past in self.case.taken] == self.contacts
        assert len(self.post.sent) == len(set(self.post.sent))

    @invariant()
    def the_books_agree(self) -> None:
        shown = build_case_view(self.case, "run", self.now)
        assert shown.open_balance == self.balance == TOTAL - sum(self.payments)
        if not self.case.is_settled:
            assert self.case.holds.has_kind(HoldKind.DISPUTE) == self.disputed
            assert self.case.holds.has_kind(HoldKind.BELOW_MINIMUM) == (self.balance < 500)
            assert self.case.holds.has_kind(HoldKind.PROMISE) == (self.case.promise is not None)
        if self.case.promise is None:
            self.promised_since = None
        else:
            assert self.case.promise.received == self.promised_since

    @invariant()
    def nothing_is_due_that_is_not_done(self) -> None:
        wakes_at = self.case.wakes_at(self.now)
        assert self.case.is_settled or wakes_at is None or wakes_at > self.now

    @invariant()
    def the_chain_goes_on(self) -> None:
        assert (self.case.journal.head, self.case.journal.seq) == (self.entries[-1].hash, len(self.entries))

    def teardown(self) -> None:
        assert find_broken_entry(self.entries) is None


TestAnyOrder = Collection.TestCase
TestAnyOrder.settings = settings(max_examples=count_examples(100, few=50), stateful_step_count=40)
