"""Why the next step comes when it does."""

from datetime import date, timedelta

from api.presenters.next_step_reason import explain_next_step
from domain.billing.billing_events import InvoiceFacts
from domain.case.case_view import CaseView
from domain.invoice.command_rules import apply_command
from domain.invoice.commands import MakePromise, PauseCollection
from domain.invoice.invoice_case import InvoiceCase
from domain.invoice.view import build_case_view
from domain.journal.journal import Journal
from domain.policy.collection_policy import StepAction
from domain.timeline.step_schedule import TakenStep
from tests.api.portfolio_world import POLICY, TODAY, moment_on


def a_case(due: date) -> InvoiceCase:
    facts = InvoiceFacts(version=1, due_date=due, currency="EUR", total=25_000, open_balance=25_000)
    journal = Journal(case_id="invoice:1", account_id="A-1", invoice_id="1")
    return InvoiceCase(journal=journal, facts=facts, snapshot=POLICY)


def seen(case: InvoiceCase) -> CaseView:
    return build_case_view(case, "run", moment_on(TODAY).business)


def took(case: InvoiceCase, step: str, day: int, on: date) -> None:
    case.taken.append(TakenStep(step=step, day=day, act=StepAction.LETTER, at=moment_on(on).business, contact_on=on, fate="sent"))


def test_a_step_on_its_day_is_the_policys() -> None:
    case = a_case(TODAY - timedelta(days=3))
    took(case, "reminder", 1, TODAY - timedelta(days=2))
    assert explain_next_step(seen(case), "open", POLICY.load_policy()) == ("due_day", {"day": 7})


def test_a_step_that_follows_too_soon_waits_for_the_catch_up() -> None:
    case = a_case(TODAY - timedelta(days=40))
    took(case, "reminder", 1, TODAY)
    assert explain_next_step(seen(case), "open", POLICY.load_policy()) == ("catch_up", {"days": 3, "on": TODAY})


def test_time_on_hold_puts_a_step_off() -> None:
    case = a_case(TODAY - timedelta(days=4))
    took(case, "reminder", 1, TODAY - timedelta(days=3))
    apply_command(case, PauseCollection(act_id="p", actor="maria", reason="stock", until=TODAY), moment_on(TODAY - timedelta(days=2)))
    case.run_due_actions(moment_on(TODAY))
    assert explain_next_step(seen(case), "open", POLICY.load_policy()) == ("held_before", {"day": 7})


def test_a_courtesy_note_counts_the_days_before() -> None:
    assert explain_next_step(seen(a_case(TODAY + timedelta(days=9))), "open", POLICY.load_policy()) == (
        "before_due",
        {"day": -3, "days": 3},
    )


def test_a_hold_says_since_when_and_until() -> None:
    case = a_case(TODAY - timedelta(days=4))
    apply_command(case, PauseCollection(act_id="p", actor="maria", reason="stock", until=TODAY + timedelta(days=5)), moment_on(TODAY))
    facts = {"waiting": "pause", "since": TODAY, "until": TODAY + timedelta(days=5), "reason": "stock"}
    assert explain_next_step(seen(case), "open", POLICY.load_policy()) == ("held", facts)


def test_a_promise_says_how_much_and_by_when() -> None:
    case = a_case(TODAY - timedelta(days=4))
    apply_command(case, MakePromise(act_id="p", actor="maria", amount=10_000, by=TODAY + timedelta(days=5)), moment_on(TODAY))
    assert explain_next_step(seen(case), "open", POLICY.load_policy()) == ("promised", {"amount": 10_000, "by": TODAY + timedelta(days=5)})


def test_after_the_last_step_a_person_decides() -> None:
    case = a_case(TODAY - timedelta(days=90))
    last = POLICY.load_policy().timeline[-1]
    took(case, last.step, last.day, TODAY)
    assert explain_next_step(seen(case), "open", POLICY.load_policy()).reason == "end"


def test_a_letter_under_way_is_waited_for() -> None:
    case = a_case(TODAY - timedelta(days=10))
    case.letter_awaited = True
    assert explain_next_step(seen(case), "open", POLICY.load_policy()).reason == "letter_under_way"


def test_what_billing_has_not_told_yet_is_waited_for() -> None:
    case = a_case(TODAY - timedelta(days=10))
    case.awaited_version = case.facts.version + 1
    assert explain_next_step(seen(case), "open", POLICY.load_policy()).reason == "billing_awaited"


def test_without_a_case_the_ledger_says_whether_it_begins_or_is_over() -> None:
    assert explain_next_step(None, "open", None).reason == "not_started"
    assert explain_next_step(None, "paid", None) == ("settled", {"stage": "paid"})
