"""Why something was sent on a day, why nothing was, or why it waited: with the entries that prove it."""

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.billing.billing_events import BillingEventKind, InvoiceStatus
from domain.case.effects import HastenTimeline
from domain.correspondence.letter_outcome import DropReason, LetterResult
from domain.invoice.billing_event_rules import apply_billing_event
from domain.invoice.command_rules import apply_command
from domain.invoice.commands import MakePromise, PauseCollection
from domain.invoice.invoice_case import InvoiceCase
from domain.invoice.linked_cases import hasten_timeline
from domain.policy.collection_policy import PolicySnapshot
from domain.projection.explanation import Explanation, explain_day
from domain.projection.invoice_state import LETTER_RESULT_BY_KIND, letter_ended_at
from tests.domain.builders import DUE, build_case, build_event, build_letter_outcome, find_step, moment
from tests.domain.projection.account_life import POLICIES, AccountLife, account_lives
from tests.domain.projection.naive_account_state import read_account_entries


def on(days: int) -> date:
    return DUE + timedelta(days=days)


def why(asked: InvoiceCase, days: int) -> Explanation:
    return explain_day(read_account_entries(asked.journal.pending), "I1", on(days), POLICIES)


def sends(asked: InvoiceCase, name: str, day: float, heard: float | None = None, sent: float | None = None) -> InvoiceCase:
    """A step on a day; its letter went that day, and the invoice heard of it at once, unless a test says otherwise."""
    asked.take_step(find_step(name), moment(day))
    asked.apply_letter_outcome(
        build_letter_outcome(name, LetterResult.SENT, day if sent is None else sent), moment(day if heard is None else heard)
    )
    return asked


def kinds(answer: Explanation) -> list[str]:
    return [entry.kind for entry in answer.entries]


# --- why was this sent


def test_a_letter_on_its_day_was_the_policys() -> None:
    answer = why(sends(build_case(), "reminder", 1), 1)
    assert (answer.about, answer.sentence) == ("sent", "sent_due_day")
    assert answer.facts == {
        "step": "reminder",
        "policy": "standard",
        "policy_version": 1,
        "day": 1,
        "days": -1,
        "due_date": DUE,
        "on": None,
    }
    assert kinds(answer) == ["case.opened", "step.taken", "letter.requested", "letter.sent"]


def test_a_courtesy_note_was_sent_before_the_due_date() -> None:
    answer = why(sends(build_case(), "courtesy_note", -3), -3)
    assert (answer.sentence, answer.facts["days"]) == ("sent_before_due", 3)


def test_a_letter_that_waited_for_its_slot_is_explained_on_the_day_it_went() -> None:
    asked = sends(build_case(), "reminder", 1, heard=7, sent=3)
    assert (why(asked, 3).sentence, why(asked, 3).facts["on"]) == ("sent_due_day", on(1))
    assert (why(asked, 1).sentence, why(asked, 1).facts["until"]) == ("slot", on(3))


def test_a_late_start_sends_its_first_letter_as_collection_begins() -> None:
    answer = why(sends(build_case(opened=20), "reminder", 20), 20)
    assert (answer.sentence, answer.facts["since"]) == ("sent_late_start", on(20))


def test_a_step_that_followed_too_soon_waited_for_the_catch_up() -> None:
    asked = sends(sends(build_case(opened=20), "reminder", 20), "second_reminder", 23)
    answer = why(asked, 23)
    assert (answer.sentence, answer.facts["days"], answer.facts["since"]) == ("sent_catch_up", 3, on(20))
    assert "letter.sent" in kinds(answer)[:-1]


def test_a_step_after_a_hold_was_put_off_by_it() -> None:
    asked = build_case()
    apply_command(asked, PauseCollection(act_id="p", actor="mia", reason="stock", until=on(5)), moment(0))
    asked.run_due_actions(moment(5))
    answer = why(sends(asked, "reminder", 6), 6)
    assert (answer.sentence, answer.facts["day"]) == ("sent_held_before", 1)
    assert {"hold.placed", "hold.lifted"} <= set(kinds(answer))


def test_a_broken_plan_sends_the_next_step_without_waiting() -> None:
    asked = build_case()
    hasten_timeline(asked, HastenTimeline(invoice_id="I1", case_id="plan:A1:1"), moment(4))
    assert why(sends(asked, "reminder", 4), 4).sentence == "sent_hastened"


def test_the_policy_of_that_day_counts_and_not_a_later_one() -> None:
    asked = sends(build_case(), "reminder", 1)
    asked.adopt_policy(PolicySnapshot.from_policy(POLICIES["standard", 2]), moment(3))
    assert why(asked, 1).facts["policy_version"] == 1
    assert (why(asked, 4).facts["policy_version"], why(asked, 4).sentence) == (2, "next_due_day")


def test_of_a_policy_that_is_not_kept_the_answer_says_so() -> None:
    entries = read_account_entries(sends(build_case(), "reminder", 1).journal.pending)
    assert [explain_day(entries, "I1", on(day), {}).sentence for day in (1, 3)] == ["sent_unexplained", "unexplained"]


# --- why was nothing sent


def test_a_dropped_letter_names_what_kept_it_back() -> None:
    asked = build_case()
    asked.take_step(find_step("reminder"), moment(1))
    apply_command(asked, PauseCollection(act_id="p", actor="mia", reason="stock"), moment(1.2))
    asked.apply_letter_outcome(build_letter_outcome("reminder", LetterResult.DROPPED, 1.5, reason=DropReason.ON_HOLD), moment(1.5))
    answer = why(asked, 1)
    assert (answer.about, answer.sentence, answer.facts["reason"]) == ("not_sent", "dropped", "on_hold")
    assert kinds(answer) == ["letter.requested", "hold.placed", "letter.dropped"]


def test_a_withdrawn_letter_is_told_on_the_day_it_was_withdrawn() -> None:
    asked = build_case()
    asked.take_step(find_step("reminder"), moment(1))
    asked.record_letter_withdrawal("reminder", DropReason.SETTLED, moment(2))
    assert (why(asked, 2).sentence, why(asked, 2).facts["since"]) == ("withdrawn", on(1))


def test_a_refused_and_an_unknown_letter_did_not_arrive_for_sure() -> None:
    for result in (LetterResult.REFUSED, LetterResult.UNKNOWN):
        asked = build_case()
        asked.take_step(find_step("reminder"), moment(1))
        asked.apply_letter_outcome(build_letter_outcome("reminder", result, 2), moment(3))
        assert (why(asked, 2).about, why(asked, 2).sentence) == ("not_sent", result.value)


def test_on_the_day_of_a_phone_call_no_letter_was_due() -> None:
    asked = sends(sends(build_case(), "reminder", 1), "second_reminder", 7)
    asked.take_step(find_step("phone_call"), moment(14))
    assert (why(asked, 14).sentence, kinds(why(asked, 14))[-1]) == ("call", "call.requested")


# --- why it waited


def test_before_its_collection_began_nothing_could_be_sent() -> None:
    asked = build_case(opened=3)
    assert (why(asked, 2).sentence, why(asked, 2).facts["since"]) == ("not_started", on(3))


def test_a_settled_invoice_is_over_since_it_was_paid() -> None:
    asked = build_case()
    apply_billing_event(
        asked, build_event(BillingEventKind.PAYMENT_RECEIVED, amount=10_000, open_balance=0, status=InvoiceStatus.PAID), moment(4)
    )
    asked.close(moment(5))
    answer = why(asked, 9)
    assert (answer.about, answer.facts) == ("over", {"stage": "paid", "on": on(4)})
    assert kinds(answer) == ["payment.received"]


def test_a_promise_is_waited_for() -> None:
    asked = build_case()
    apply_command(asked, MakePromise(act_id="p", actor="mia", amount=5_000, by=on(9)), moment(2))
    assert (why(asked, 5).sentence, why(asked, 5).facts) == ("promised", {"amount": 5_000, "by": on(9)})
    assert kinds(why(asked, 5)) == ["promise.made", "hold.placed"]


def test_a_hold_is_named_with_its_reason_and_its_end() -> None:
    asked = build_case()
    apply_command(asked, PauseCollection(act_id="p", actor="mia", reason="stock", until=on(9)), moment(2))
    answer = why(asked, 5)
    assert (answer.sentence, answer.facts) == ("held", {"waiting": "pause", "since": on(2), "until": on(9), "reason": "stock"})


def test_a_letter_under_way_is_waited_for() -> None:
    asked = build_case()
    asked.take_step(find_step("reminder"), moment(1))
    assert (why(asked, 4).sentence, why(asked, 4).facts["since"]) == ("letter_under_way", on(1))


def test_what_billing_had_not_told_yet_is_waited_for_once_it_was_the_reason_for_dropping_a_letter() -> None:
    asked = build_case()
    asked.take_step(find_step("reminder"), moment(1))
    dropped = build_letter_outcome("reminder", LetterResult.DROPPED, 1, reason=DropReason.DISPUTED)
    asked.apply_letter_outcome(dropped.model_copy(update={"invoice_version": 3}), moment(1))
    answer = why(asked, 4)
    assert (answer.sentence, answer.facts["since"], kinds(answer)) == ("billing_awaited", on(1), ["letter.dropped"])
    event = build_event(BillingEventKind.INVOICE_CHANGED, event_id="invoice.changed:I1:3", version=3)
    apply_billing_event(asked, event, moment(5))
    assert why(asked, 6).sentence == "overdue"


def test_a_letter_that_had_gone_is_not_waited_for_though_the_invoice_heard_of_it_later() -> None:
    asked = sends(build_case(), "reminder", 1, heard=7, sent=1)
    assert (why(asked, 3).sentence, why(asked, 3).facts["on"]) == ("next_due_day", on(7))


def test_the_next_step_has_a_day_and_a_reason() -> None:
    asked = sends(build_case(opened=20), "reminder", 20)
    answer = why(asked, 21)
    assert (answer.sentence, answer.facts["step"], answer.facts["on"]) == ("next_catch_up", "second_reminder", on(23))
    assert why(build_case(opened=-10), -8).sentence == "next_before_due"


def test_a_step_that_was_due_and_not_taken_is_called_overdue() -> None:
    assert (why(build_case(), 5).sentence, why(build_case(), 5).facts["on"]) == ("overdue", on(1))


def test_after_the_last_step_a_person_decides() -> None:
    asked = build_case()
    for name, day in (("reminder", 1), ("second_reminder", 7), ("firm_reminder", 21), ("final_demand", 30)):
        sends(asked, name, day)
    assert (why(asked, 40).sentence, kinds(why(asked, 40))[-1]) == ("end", "step.taken")


# --- always


@given(account_lives(), st.integers(-15, 80))
@settings(max_examples=100)
def test_whatever_happened_there_is_an_answer_that_its_entries_prove(life: AccountLife, days: int) -> None:
    answer = explain_day(life.entries, "I1", on(days), POLICIES)
    went = [
        entry
        for entry in life.entries
        if entry.case_id == "invoice:I1" and LETTER_RESULT_BY_KIND.get(entry.kind) == "sent" and letter_ended_at(entry).date() == on(days)
    ]
    assert (answer.about == "sent") == bool(went)
    assert all(entry in life.entries for entry in answer.entries)
    assert answer.entries or answer.sentence == "not_started"
