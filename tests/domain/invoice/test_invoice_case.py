"""What changes an invoice's case, and how. Days count from the due date; the case opens ten days before it."""

import pytest

from domain.billing.billing_events import BillingEventKind, InvoiceStatus
from domain.case.effects import JoinSuspension, NotifyPerson, NotifyRole
from domain.correspondence.letter_outcome import DropReason, LetterResult, WaivedLetter
from domain.invoice.billing_event_rules import apply_billing_event
from domain.invoice.command_rules import apply_command, rejection_reason
from domain.invoice.commands import AddNote, CallOutcome, LogCall, MakePromise, PauseCollection, ResendLetter, ResumeCollection, SkipLetter
from domain.invoice.invoice_case import InvoiceCase
from domain.invoice.view import build_case_view, stage, waiting_for
from domain.journal.chain_check import find_broken_entry
from domain.journal.entry import Entry
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import Journal
from domain.roles import Role
from domain.timeline.holds import HeldPeriod, Hold, HoldKind
from tests.domain.builders import DAY, DUE, build_case, build_event, build_facts, build_letter_outcome, find_step, midnight, moment
from tests.domain.suspension.builders import build_receivable

RECEIVED, REVERSED = BillingEventKind.PAYMENT_RECEIVED, BillingEventKind.PAYMENT_REVERSED
CHANGED = BillingEventKind.INVOICE_CHANGED


def kinds(of: InvoiceCase) -> list[str]:
    return [entry.kind.value for entry in of.journal.pending]


def last(of: InvoiceCase) -> Entry:
    return of.journal.pending[-1]


def promise(amount: int = 10_000, by: int = 10, act_id: str = "p1") -> MakePromise:
    return MakePromise(act_id=act_id, actor="mia", amount=amount, by=midnight(by).date())


def due_on(of: InvoiceCase, now: float) -> float | None:
    """So many days after the due date the next step is due."""
    due = of.step_due_at(midnight(now))
    return None if due is None else (due - midnight()) / DAY


def reminded() -> InvoiceCase:
    """Reminded on day 1: the second reminder is due on day 7."""
    one = build_case()
    one.take_step(find_step("reminder"), moment(1))
    one.apply_letter_outcome(build_letter_outcome("reminder", LetterResult.SENT, days=1), moment(1))
    return one


# --- steps and letters


def test_an_escalation_is_raised_with_its_step() -> None:
    one = build_case()
    one.take_step(find_step("firm_reminder"), moment(21))
    assert kinds(one)[1:] == ["step.taken", "letter.requested", "escalation.raised"]
    assert last(one).facts == {"step": "firm_reminder", "role": "collections_manager"}
    assert stage(one) == "firm_reminder"


def test_a_call_is_asked_for_and_awaits_no_letter() -> None:
    one = build_case()
    one.take_step(find_step("phone_call"), moment(14))
    assert kinds(one)[1:] == ["step.taken", "call.requested"]
    assert not one.is_last_letter_unresolved


def test_a_letter_that_went_late_puts_the_next_step_off() -> None:
    one = build_case()
    one.take_step(find_step("reminder"), moment(1))
    assert one.is_last_letter_unresolved
    one.apply_letter_outcome(build_letter_outcome("reminder", LetterResult.SENT, days=6), moment(6))
    assert (one.is_last_letter_unresolved, due_on(one, 6)) == (False, 9)


@pytest.mark.parametrize("result", [LetterResult.REFUSED, LetterResult.UNKNOWN])
def test_a_letter_that_was_refused_or_whose_fate_is_unknown_is_never_asked_for_again_by_a_run_of_before(result: LetterResult) -> None:
    one = build_case()
    one.take_step(find_step("reminder"), moment(1))
    one.apply_letter_outcome(build_letter_outcome("reminder", result, days=1), moment(1), must_arrive=False)
    assert one.next_step(midnight(1).date()) == find_step("second_reminder")
    assert (due_on(one, 1), waiting_for(one, midnight(1)), last(one).facts.keys() & {"due_again", "in_doubt"}) == (7, "time", set())


def test_a_step_whose_letter_was_refused_is_due_again_and_nothing_harsher_is() -> None:
    one = build_case()
    for attempt in (1, 2):
        one.take_step(find_step("reminder"), moment(attempt))
        assert one.apply_letter_outcome(build_letter_outcome("reminder", LetterResult.REFUSED, attempt, attempt), moment(attempt))
        assert (one.taken, one.next_step(midnight(30).date()), due_on(one, 30)) == ([], find_step("reminder"), 1)
    one.take_step(find_step("reminder"), moment(9))
    one.apply_letter_outcome(build_letter_outcome("reminder", LetterResult.SENT, 9, 3), moment(9))
    assert (one.next_step(midnight(9).date()), due_on(one, 9)) == (find_step("second_reminder"), 12)


def test_while_a_letter_is_in_doubt_nothing_is_due_until_it_is_known_to_have_arrived() -> None:
    one = build_case()
    one.take_step(find_step("reminder"), moment(1))
    one.apply_letter_outcome(build_letter_outcome("reminder", LetterResult.UNKNOWN, days=1), moment(1))
    assert (due_on(one, 90), one.wakes_at(midnight(90)), waiting_for(one, midnight(90))) == (None, None, "letter_decision")
    assert one.next_step(midnight(90).date()) == find_step("second_reminder")
    one.apply_letter_outcome(build_letter_outcome("reminder", LetterResult.SENT, days=5), moment(6))
    assert (due_on(one, 6), waiting_for(one, midnight(6)), one.taken[-1].in_doubt) == (8, "time", False)


def test_a_letter_in_doubt_that_was_sent_again_and_refused_makes_its_step_due_again() -> None:
    one = build_case()
    one.take_step(find_step("reminder"), moment(1))
    one.apply_letter_outcome(build_letter_outcome("reminder", LetterResult.UNKNOWN, days=1), moment(1))
    one.apply_letter_outcome(build_letter_outcome("reminder", LetterResult.REFUSED, days=5), moment(5))
    assert (one.taken, due_on(one, 5)) == ([], 1)


@pytest.mark.parametrize("reason", [reason for reason in DropReason if reason is not DropReason.LAPSED])
def test_a_letter_dropped_for_a_passing_reason_is_due_again(reason: DropReason) -> None:
    one = build_case()
    one.take_step(find_step("reminder"), moment(1))
    one.apply_letter_outcome(build_letter_outcome("reminder", LetterResult.DROPPED, days=2, reason=reason), moment(2))
    assert (one.taken, one.next_step(midnight(2).date())) == ([], find_step("reminder"))


@pytest.mark.parametrize("known", [1, 2])
def test_a_letter_dropped_for_what_billing_has_not_told_yet_is_asked_for_again_only_after_that(known: int) -> None:
    one = build_case(version=known)
    one.take_step(find_step("reminder"), moment(1))
    dropped = build_letter_outcome("reminder", LetterResult.DROPPED, days=2, reason=DropReason.DISPUTED)
    one.apply_letter_outcome(dropped.model_copy(update={"invoice_version": 2}), moment(2))
    assert (one.taken, one.journal.pending[-1].facts.get("awaited_version")) == ([], 2 if known == 1 else None)
    if known == 1:
        assert (due_on(one, 9), one.wakes_at(midnight(9)), waiting_for(one, midnight(9))) == (None, None, "billing")
        apply_billing_event(one, build_event(BillingEventKind.INVOICE_CHANGED, version=2), moment(3))
    assert (due_on(one, 9), waiting_for(one, midnight(9))) == (1, "time")


def test_a_courtesy_note_that_lapsed_puts_the_reminder_off_by_nothing() -> None:
    one = build_case()
    one.take_step(find_step("courtesy_note"), moment(-2))
    one.set_contact_date("courtesy_note", midnight(0).date())
    one.apply_letter_outcome(build_letter_outcome("courtesy_note", LetterResult.DROPPED, days=1, reason=DropReason.LAPSED), moment(1))
    assert (one.next_step(midnight(1).date()), due_on(one, 1)) == (find_step("reminder"), 1)


def test_a_courtesy_note_in_doubt_that_is_sent_again_and_lapses_leaves_no_doubt() -> None:
    one = build_case()
    one.take_step(find_step("courtesy_note"), moment(-3))
    one.apply_letter_outcome(build_letter_outcome("courtesy_note", LetterResult.UNKNOWN, days=-3), moment(-3))
    assert due_on(one, 1) is None
    lapsed = build_letter_outcome("courtesy_note", LetterResult.DROPPED, days=1, reason=DropReason.LAPSED)
    one.apply_letter_outcome(lapsed, moment(1))
    assert (one.is_letter_in_doubt, due_on(one, 1)) == (False, 1)


def test_the_same_news_twice_is_heard_once() -> None:
    one = build_case()
    one.take_step(find_step("reminder"), moment(1))
    assert one.apply_letter_outcome(build_letter_outcome("reminder", LetterResult.SENT, days=1), moment(1))
    before = one.journal.seq
    assert not one.apply_letter_outcome(build_letter_outcome("reminder", LetterResult.SENT, days=1), moment(5))
    assert one.journal.seq == before


def test_a_letter_dropped_twice_is_heard_twice() -> None:
    one = build_case()
    for attempt in (1, 2):
        one.take_step(find_step("reminder"), moment(attempt))
        assert one.apply_letter_outcome(
            build_letter_outcome("reminder", LetterResult.DROPPED, attempt, attempt, DropReason.DISPUTED), moment(attempt)
        )
    assert one.taken == []


def test_no_step_is_due_while_an_earlier_letter_is_under_way() -> None:
    one = build_case()
    one.take_step(find_step("reminder"), moment(1))
    one.letter_awaited = True
    assert (one.step_due_at(midnight(50)), waiting_for(one, midnight(50))) == (None, "letter")
    one.apply_letter_outcome(build_letter_outcome("reminder", LetterResult.SENT, days=50), moment(50))
    assert (waiting_for(one, midnight(50)), due_on(one, 50)) == ("time", 53)


def test_a_letter_that_the_database_lost_counts_as_unknown_and_is_not_repeated() -> None:
    one = build_case()
    one.take_step(find_step("reminder"), moment(1))
    one.record_unknown_letter(moment(7))
    assert (last(one).kind, one.taken[-1].fate) == (EntryKind.LETTER_UNKNOWN, LetterResult.UNKNOWN)
    assert one.next_step(midnight(7).date()) == find_step("second_reminder")
    assert (due_on(one, 90), [(task.kind, task.role) for task in one.errands]) == (None, [("unknown_letter", "collector")])


def test_a_withdrawn_letter_gives_its_step_back() -> None:
    one = build_case()
    one.take_step(find_step("courtesy_note"), moment(-3))
    one.apply_letter_outcome(build_letter_outcome("courtesy_note", LetterResult.SENT, days=-3), moment(-3))
    one.take_step(find_step("reminder"), moment(1))
    one.record_letter_withdrawal("reminder", DropReason.ON_HOLD, moment(2))
    assert ([past.step for past in one.taken], last(one).facts["reason"]) == (["courtesy_note"], "on_hold")


# --- billing


def test_a_billing_event_is_heard_once() -> None:
    one = build_case()
    payment = build_event(RECEIVED, 4_000, open_balance=6_000)
    assert apply_billing_event(one, payment, moment(1))
    assert not apply_billing_event(one, payment, moment(2))
    assert (one.facts.open_balance, kinds(one).count("payment.received")) == (6_000, 1)


def test_an_event_older_than_the_facts_is_journalled_but_changes_nothing() -> None:
    one = build_case(version=5, open_balance=2_000)
    assert apply_billing_event(one, build_event(RECEIVED, 8_000, version=3, open_balance=9_999), moment(1))
    assert (one.facts.open_balance, last(one).kind) == (2_000, EntryKind.PAYMENT_RECEIVED)


def test_the_issue_that_opened_the_case_is_no_news() -> None:
    one = build_case()
    assert not apply_billing_event(one, build_event(BillingEventKind.INVOICE_ISSUED, version=1), moment(-9))
    assert kinds(one) == ["case.opened"]


@pytest.mark.parametrize("kind", list(BillingEventKind))
def test_every_kind_of_billing_event_is_journalled(kind: BillingEventKind) -> None:
    one = build_case()
    assert apply_billing_event(one, build_event(kind, amount=5), moment(1))
    assert last(one).facts["event"] == "E1"


def test_a_changed_due_date_moves_the_steps_that_are_still_to_come() -> None:
    one = reminded()
    apply_billing_event(one, build_event(CHANGED, due_date=DUE + 10 * DAY), moment(2))
    assert due_on(one, 2) == 17


@pytest.mark.parametrize(("open_balance", "held"), [(499, True), (500, False), (1, True), (0, False)])
def test_what_is_left_below_the_minimum_is_not_chased(open_balance: int, held: bool) -> None:
    one = build_case()
    apply_billing_event(one, build_event(RECEIVED, 10_000 - open_balance, open_balance=open_balance), moment(1))
    assert one.holds.has_kind(HoldKind.BELOW_MINIMUM) is held
    assert (one.step_due_at(midnight(5)) is None) is held


def test_a_dispute_stops_the_clock_and_its_end_resumes_it() -> None:
    one = build_case(disputed=True)
    assert (waiting_for(one, midnight(40)), one.step_due_at(midnight(40)), one.wakes_at(midnight(40))) == ("dispute", None, None)
    apply_billing_event(one, build_event(CHANGED, disputed=False), moment(40))
    assert due_on(one, 40) == 41


@pytest.mark.parametrize("status", [status for status in InvoiceStatus if status.is_settled])
def test_a_settled_case_says_how_it_ended_and_waits_for_nothing(status: InvoiceStatus) -> None:
    one = build_case(disputed=True)
    apply_billing_event(one, build_event(CHANGED, status=status, open_balance=0, disputed=True), moment(1))
    one.close(moment(1))
    shown = build_case_view(one, "run", midnight(1))
    assert (shown.stage, shown.waiting_for, shown.next_step, shown.next_on, shown.outcome) == (status, "nothing", None, None, status)
    assert (one.holds.is_on_hold, last(one).kind) == (False, EntryKind.CASE_CLOSED)


def test_an_invoice_taken_up_again_goes_on_with_its_chain_its_steps_and_its_holds_behind_it() -> None:
    one = build_case()
    one.place_hold(Hold(hold_id="plan:1", kind=HoldKind.PAYMENT_PLAN, since=midnight(1)), moment(1))
    one.lift_hold("plan:1", moment(4))
    one.take_step(find_step("reminder"), moment(4))
    apply_billing_event(one, build_event(RECEIVED, 10_000, status=InvoiceStatus.PAID, open_balance=0), moment(5))
    one.close(moment(5))
    entries = list(one.journal.pending)

    again = InvoiceCase(
        journal=Journal(case_id="invoice:I1", account_id="A1", invoice_id="I1"), facts=build_facts(version=3), snapshot=one.snapshot
    )
    again.open(moment(6))
    apply_command(again, AddNote(act_id="n1", actor="mia", note_id="n1"), moment(6))
    again.reopen(one.build_earlier_run(), moment(6))
    assert kinds(again) == ["case.reopened", "note.added"]
    assert find_broken_entry(entries + again.journal.pending) is None
    assert again.taken == one.taken
    assert again.holds.past == [*one.holds.past, HeldPeriod(start=midnight(5), end=midnight(6))]
    assert not apply_billing_event(again, build_event(RECEIVED, 10_000), moment(7))
    assert apply_command(again, AddNote(act_id="n1", actor="mia", note_id="n1"), moment(7)) is None


# --- holds


def test_a_hold_lifts_by_itself_and_the_case_wakes_for_it() -> None:
    one = reminded()
    apply_command(one, PauseCollection(act_id="a1", actor="mia", reason="asked for time", until=midnight(6).date()), moment(2))
    assert (one.wakes_at(midnight(2)), waiting_for(one, midnight(2))) == (midnight(6), "pause")
    one.run_due_actions(moment(6))
    assert (one.holds.is_on_hold, due_on(one, 6)) == (False, 11)


def test_a_hold_of_another_case_is_placed_once_and_lifted_once() -> None:
    one = build_case()
    hold = Hold(hold_id="suspension:A1", kind=HoldKind.SUSPENSION, since=midnight(1))
    assert [one.place_hold(hold, moment(1)), one.place_hold(hold, moment(1))] == [2, None]
    assert [one.lift_hold(hold.hold_id, moment(2)), one.lift_hold(hold.hold_id, moment(2))] == [3, None]


def test_a_new_pause_takes_the_place_of_the_old_one() -> None:
    one = reminded()
    apply_command(one, PauseCollection(act_id="a1", actor="mia", reason="first", until=midnight(6).date()), moment(2))
    apply_command(one, PauseCollection(act_id="a2", actor="mia", reason="second"), moment(3))
    assert [hold.reason for hold in one.holds.standing.values()] == ["second"]
    assert (kinds(one)[-2:], last(one).facts["reason"]) == (["hold.lifted", "hold.placed"], "second")
    assert one.wakes_at(midnight(3)) is None
    apply_command(one, ResumeCollection(act_id="a3", actor="mia"), moment(4))
    assert due_on(one, 4) == 9


# --- promises and other acts


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (promise(amount=10_001), "more than the open balance"),
        (promise(by=1), "the promised day has passed"),
        (promise(by=24), "up to 21 days ahead"),
        (promise(by=23), None),
        (promise(by=2), None),
        (PauseCollection(act_id="a", actor="mia", reason="r", until=midnight(2).date()), "must end after today"),
        (PauseCollection(act_id="a", actor="mia", reason="r", until=midnight(3).date()), None),
        (ResumeCollection(act_id="a", actor="mia"), "not paused"),
        (LogCall(act_id="a", actor="mia", outcome=CallOutcome.NO_ANSWER), None),
        (AddNote(act_id="a", actor="mia", note_id="n"), None),
    ],
)
def test_what_the_state_rules_out_is_refused_in_words(
    command: MakePromise | PauseCollection | ResumeCollection | LogCall | AddNote, why: str | None
) -> None:
    said = rejection_reason(build_case(), command, midnight(2).date())
    assert said is None if why is None else why in (said or "")


@pytest.mark.parametrize("command", [promise(), PauseCollection(act_id="a", actor="mia", reason="r")])
def test_a_settled_invoice_takes_no_promise_and_no_pause(command: MakePromise | PauseCollection) -> None:
    assert "nothing left" in (rejection_reason(build_case(status=InvoiceStatus.PAID, open_balance=0), command, DUE) or "")


def test_a_refused_act_that_came_as_a_signal_is_journalled_and_changes_nothing() -> None:
    one = build_case()
    apply_command(one, promise(amount=99_999), moment(1))
    assert (last(one).kind, last(one).actor, one.promise, one.holds.is_on_hold) == (EntryKind.ACT_REFUSED, "mia", None, False)


def test_an_act_sent_twice_happens_once_and_the_second_is_no_refusal() -> None:
    one = build_case()
    pause = PauseCollection(act_id="a1", actor="mia", reason="r")
    assert apply_command(one, pause, moment(1)) == 2
    apply_command(one, ResumeCollection(act_id="a2", actor="mia"), moment(2))
    assert (
        apply_command(one, pause, moment(3)),
        rejection_reason(one, ResumeCollection(act_id="a2", actor="mia"), midnight(3).date()),
    ) == (None, None)
    assert not one.holds.is_on_hold


def test_a_promise_holds_until_it_is_judged_and_is_broken_when_nothing_came() -> None:
    one = reminded()
    apply_command(one, promise(by=10), moment(2))
    assert (one.step_due_at(midnight(5)), one.wakes_at(midnight(5))) == (None, midnight(13))
    one.run_due_actions(moment(13))
    assert (kinds(one)[-2:], one.broken_promises, one.holds.is_on_hold) == (["promise.broken", "hold.lifted"], 1, False)
    assert due_on(one, 13) == 18


def test_a_promise_paid_in_parts_is_kept_with_the_last_of_them() -> None:
    one = build_case()
    apply_command(one, promise(amount=6_000), moment(2))
    apply_billing_event(one, build_event(RECEIVED, 2_000, "E1", 2, open_balance=8_000), moment(3))
    assert one.holds.has_kind(HoldKind.PROMISE)
    apply_billing_event(one, build_event(RECEIVED, 4_000, "E2", 3, open_balance=4_000), moment(4))
    assert (kinds(one)[-2:], one.promise, one.broken_promises) == (["promise.kept", "hold.lifted"], None, 0)


def test_a_promise_is_partly_kept_by_part_of_the_money_and_a_bounced_payment_counts_for_nothing() -> None:
    one, other = build_case(), build_case()
    for each in (one, other):
        apply_command(each, promise(by=10), moment(2))
        apply_billing_event(each, build_event(RECEIVED, 5_000, "E1", 2, open_balance=5_000), moment(3))
    apply_billing_event(other, build_event(REVERSED, 5_000, "E2", 3, open_balance=10_000), moment(4))
    for each in (one, other):
        each.run_due_actions(moment(13))
    assert [kinds(each)[-2] for each in (one, other)] == ["promise.partly_kept", "promise.broken"]


def test_a_new_promise_replaces_the_open_one_but_nobody_is_put_off_for_ever() -> None:
    one = build_case()
    apply_command(one, promise(by=15), moment(0))
    assert rejection_reason(one, promise(by=21, act_id="p2"), midnight(14).date()) is None
    apply_command(one, promise(by=21, act_id="p2"), moment(14))
    assert (last(one).facts["replaces"], one.broken_promises) == ("p1", 0)
    assert "counted from the first one" in (rejection_reason(one, promise(by=22, act_id="p3"), midnight(14).date()) or "")


def test_after_too_many_broken_promises_no_further_one_is_accepted() -> None:
    one = build_case()
    for number, day in enumerate((1, 11)):
        apply_command(one, promise(by=day + 5, act_id=f"p{number}"), moment(day))
        one.run_due_actions(moment(day + 8))
    assert "2 promises were broken" in (rejection_reason(one, promise(by=30, act_id="p9"), midnight(22).date()) or "")


# --- how it is handed on


def test_a_case_survives_being_handed_on_to_a_new_run() -> None:
    one = build_case(disputed=True)
    apply_command(one, promise(), moment(1))
    one.take_step(find_step("reminder"), moment(1))
    one.apply_letter_outcome(build_letter_outcome("reminder", LetterResult.SENT, days=2), moment(2))
    handed_on = InvoiceCase.model_validate_json(one.model_dump_json())
    assert handed_on == one
    assert handed_on.taken[-1].fate == LetterResult.SENT


# --- what an earlier run handed on


def test_the_state_that_an_earlier_run_handed_on_is_read_whole() -> None:
    """As it was written before invoices counted numbers as other cases do: with what it asks for, by its own names."""
    one = reminded()
    one.outbox = [
        JoinSuspension(account_id="A1", claim=build_receivable(), hand_over=True),
        NotifyRole(role=Role.COLLECTIONS_MANAGER, template="escalation_raised", details={"escalation": "e1"}),
        NotifyPerson(user="mia", template="escalation_answered"),
    ]
    before = one.model_dump(mode="json", exclude={"numbers"})
    assert [effect["effect"] for effect in before["outbox"]] == ["join_suspension", "notify_role", "notify_person"]
    assert InvoiceCase.model_validate(before) == one


# --- letters that did not arrive


def undelivered(result: LetterResult) -> InvoiceCase:
    """Its first reminder was refused, and asked for again, or is in doubt."""
    one = build_case()
    one.take_step(find_step("reminder"), moment(1))
    one.apply_letter_outcome(build_letter_outcome("reminder", result, days=1), moment(1))
    if result is LetterResult.REFUSED:
        one.take_step(find_step("reminder"), moment(1))
    return one


def call(outcome: CallOutcome = CallOutcome.REACHED, without_address: bool = False) -> LogCall:
    return LogCall(act_id="c", actor="mia", outcome=outcome, without_address=without_address)


@pytest.mark.parametrize("result", [LetterResult.REFUSED, LetterResult.UNKNOWN])
def test_who_was_reached_by_phone_has_heard_of_a_letter_that_did_not_arrive(result: LetterResult) -> None:
    one = undelivered(result)
    apply_command(one, call(), moment(9))
    assert kinds(one)[-2:] == ["call.logged", "letter.skipped"]
    assert (one.taken[-1].fate, one.next_step(midnight(9).date()), due_on(one, 9)) == ("reached", find_step("second_reminder"), 12)
    assert one.waived == [WaivedLetter(step="reminder", by="mia")]
    assert one.apply_letter_outcome(build_letter_outcome("reminder", LetterResult.REFUSED, 10, attempt=2), moment(10))
    assert due_on(one, 10) == 12, "what becomes of the letter after that changes nothing"


@pytest.mark.parametrize(
    "outcome", [CallOutcome.NO_ANSWER, CallOutcome.LEFT_MESSAGE, CallOutcome.WRONG_NUMBER, CallOutcome.CALL_BACK_LATER]
)
def test_a_call_that_reached_nobody_takes_no_letters_place(outcome: CallOutcome) -> None:
    one = undelivered(LetterResult.UNKNOWN)
    apply_command(one, call(outcome), moment(9))
    assert (kinds(one)[-1], due_on(one, 9), one.waived) == ("call.logged", None, [])


def test_a_letter_that_is_merely_under_way_is_replaced_by_no_call_unless_it_waits_for_an_address() -> None:
    one = build_case()
    one.take_step(find_step("reminder"), moment(1))
    apply_command(one, call(), moment(1))
    assert (one.waived, one.is_last_letter_unresolved) == ([], True)
    apply_command(one, call(without_address=True).model_copy(update={"act_id": "c2"}), moment(2))
    assert ([letter.step for letter in one.waived], one.taken[-1].fate) == (["reminder"], "reached")


@pytest.mark.parametrize("result", [LetterResult.REFUSED, LetterResult.UNKNOWN])
def test_a_person_goes_on_without_a_letter_that_did_not_arrive_once_and_with_a_reason(result: LetterResult) -> None:
    one, skip = undelivered(result), SkipLetter(act_id="s", actor="mia", reason="spoken to at the fair")
    assert apply_command(one, skip, moment(9)) == one.journal.seq
    assert apply_command(one, skip, moment(9)) is None
    assert last(one).facts == {"step": "reminder", "act": "s", "reason": "spoken to at the fair"}
    assert (one.taken[-1].fate, due_on(one, 9), waiting_for(one, midnight(9))) == ("skipped", 12, "time")
    again = skip.model_copy(update={"act_id": "s2"})
    assert rejection_reason(one, again, midnight(9).date()) == "no letter of this invoice was refused, is in doubt or waits for an address"


def test_a_refused_letter_that_is_not_asked_for_again_because_of_a_hold_can_be_gone_on_without() -> None:
    one = build_case()
    one.take_step(find_step("reminder"), moment(1))
    apply_command(one, PauseCollection(act_id="p", actor="mia", reason="stock"), moment(1))
    one.apply_letter_outcome(build_letter_outcome("reminder", LetterResult.REFUSED, days=1), moment(1))
    apply_command(one, SkipLetter(act_id="s", actor="mia", reason="spoken to"), moment(2))
    assert (kinds(one)[-2:], [past.step for past in one.taken]) == (["step.taken", "letter.skipped"], ["reminder"])


def untraced() -> InvoiceCase:
    """The database knows nothing of its first reminder."""
    one = build_case()
    one.take_step(find_step("reminder"), moment(1))
    one.record_unknown_letter(moment(8))
    return one


def test_a_letter_of_which_there_is_no_trace_is_sent_again_once_and_can_be_lost_again() -> None:
    one, resend = untraced(), ResendLetter(act_id="r", actor="mia")
    (asked,) = one.errands
    assert apply_command(one, resend, moment(9)) == one.journal.seq
    assert apply_command(one, resend, moment(9)) is None
    assert (kinds(one)[-1], last(one).facts) == ("letter.withdrawn", {"step": "reminder", "reason": "sent_again", "act": "r"})
    assert (one.errands[-1].key, one.errands[-1].done_by) == (asked.key, "mia")
    assert (one.taken, one.next_step(midnight(9).date())) == ([], find_step("reminder"))
    one.take_step(find_step("reminder"), moment(9))
    one.record_unknown_letter(moment(15))
    assert (kinds(one)[-1], one.is_letter_in_doubt) == ("letter.unknown", True)


def test_a_letter_that_is_known_is_decided_by_its_number_and_one_that_arrived_is_not_sent_again() -> None:
    resend, today = ResendLetter(act_id="r", actor="mia"), midnight(9).date()
    known = rejection_reason(undelivered(LetterResult.UNKNOWN), resend, today)
    assert known == "this letter is known: decide about it, by its number in the list of letters"
    assert rejection_reason(reminded(), resend, today) == "no letter of this invoice is in doubt"
