"""An account's standing on a past day: it agrees with a second, plain reduction of the same entries, and with the cases themselves."""

import ast
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant

from domain.billing.billing_events import BillingEventKind
from domain.clock import start_of_day
from domain.correspondence.letter_outcome import LetterResult
from domain.invoice.billing_event_rules import apply_billing_event
from domain.invoice.view import build_case_view
from domain.journal.account_entries import AccountEntry
from domain.journal.entry import Entry
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import Journal
from domain.projection.account_state import account_state_at, account_state_on, iterate_account_states
from domain.projection.case_state import suspension_position
from domain.projection.invoice_state import InvoiceProjection
from domain.projection.state_models import AccountState
from domain.suspension.state import SuspensionStage
from tests.domain.builders import DUE, build_case, build_event, build_facts, build_letter_outcome, build_policy, find_step, moment
from tests.domain.invoice.test_any_order import Collection
from tests.domain.projection.account_life import POLICIES, AccountLife, InvoiceLife, account_lives, simulate_approval
from tests.domain.projection.naive_account_state import naive_account_state, read_account_entries, simplify_account_state
from tests.domain.suspension.builders import SuspensionDriver, build_receivable
from tests.domain.suspension.test_any_order import Suspension
from tests.examples import count_examples
from tests.histories.recorded_cases import account_of, list_recorded_names, recorded_cases

DAY = timedelta(days=1)
SERIES = sorted({name.series for name in list_recorded_names()})
LIVES = {series: sorted({name.life for name in list_recorded_names() if name.series == series}) for series in SERIES}


@pytest.fixture(autouse=True, scope="module")
def replayed() -> None:
    recorded_cases()


def on(days: int) -> date:
    return DUE + timedelta(days=days)


def stands(entries: list[Entry], days: int) -> AccountState:
    return account_state_on("A1", read_account_entries(entries), on(days), POLICIES)


# --- against the second implementation


@given(account_lives(), st.integers(-15, 80))
@settings(max_examples=count_examples(100, few=50))
def test_the_state_at_a_date_agrees_with_a_plain_reduction_of_the_same_entries(life: AccountLife, days: int) -> None:
    end = start_of_day(on(days) + timedelta(days=1))
    assert simplify_account_state(account_state_on("A1", life.entries, on(days), POLICIES)) == naive_account_state(
        life.entries, on(days), end
    )


@pytest.mark.parametrize("series", SERIES)
@given(data=st.data())
@settings(max_examples=count_examples(200, few=80))
def test_of_journals_that_workflows_wrote_the_state_at_a_date_agrees_with_the_plain_reduction(series: str, data: st.DataObject) -> None:
    """Accounts that lived through several of the recorded stories, each asked about on any of its days."""
    entries = account_of(series, sorted(data.draw(st.sets(st.sampled_from(LIVES[series]), min_size=1, max_size=6))))
    day = (
        data.draw(st.dates(entries[0].business_date - DAY, entries[-1].business_date + 3 * DAY))
        if data.draw(st.booleans())
        else data.draw(_a_day_of(entries))
    )
    assert simplify_account_state(account_state_on("A1", entries, day, POLICIES)) == naive_account_state(
        entries, day, start_of_day(day + DAY)
    )


def _a_day_of(entries: list[AccountEntry]) -> st.SearchStrategy[date]:
    return st.sampled_from(sorted({entry.business_date for entry in entries}))


@given(account_lives())
@settings(max_examples=10)
def test_step_by_step_every_entry_is_followed_by_the_standing_after_it(life: AccountLife) -> None:
    walked = list(iterate_account_states("A1", life.entries, POLICIES))
    assert [entry for entry, _ in walked] == life.entries
    for count, (entry, standing) in enumerate(walked, 1):
        end = entry.at + timedelta(microseconds=1)
        assert simplify_account_state(standing) == naive_account_state(life.entries[:count], entry.at.date(), end)


@given(account_lives(), st.integers(-15, 80))
@settings(max_examples=40)
def test_what_came_later_changes_nothing_but_the_fate_of_letters(life: AccountLife, days: int) -> None:
    known = [entry for entry in life.entries if entry.at.date() <= on(days)]
    before, after = (account_state_on("A1", entries, on(days), POLICIES) for entries in (known, life.entries))
    assert before.model_dump(exclude={"letters"}) == after.model_dump(exclude={"letters"})


def test_the_plain_reduction_shares_nothing_with_the_one_that_it_judges() -> None:
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in Path(__file__).parent.glob("naive_*.py")]
    imported = {str(node.module) for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name for name in imported if name.startswith(("domain", "adapters"))} == {
        "domain.journal.entry",
        "domain.projection.state_models",
        "domain.journal.account_entries",
    }


# --- against the cases themselves


class CollectionSeen(Collection):
    """Whatever happens to an invoice, its journal alone says how its case stands."""

    @invariant()
    def the_journal_says_how_the_case_stands(self) -> None:
        known = InvoiceProjection("invoice:I1", "I1", {("standard", 1): build_policy()})
        for entry in read_account_entries(self.entries):
            known.apply_entry(entry)
        seen, stood = build_case_view(self.case, "run", self.now), known.build_state(self.now + timedelta(microseconds=1))
        assert (stood.stage, stood.open_balance, stood.currency) == (seen.stage, seen.open_balance, seen.currency)
        assert (stood.due_date, stood.is_settled) == (seen.due_date, seen.outcome is not None)
        assert [(one.hold_id, one.kind) for one in stood.holds] == [(one.hold_id, one.kind.value) for one in seen.holds]
        assert [(one.step, one.fate) for one in stood.taken] == [(one.step, one.fate) for one in seen.taken]
        if not stood.is_settled:
            promise = self.case.promise
            assert (stood.promise and stood.promise.received) == (promise and promise.received)
            assert (stood.promise and stood.promise.by) == seen.promised_by
            assert stood.waiting_for == seen.waiting_for or {stood.waiting_for, seen.waiting_for} == {"letter", "time"}
            assert stood.next_step == seen.next_step


TestCollectionSeen = CollectionSeen.TestCase
TestCollectionSeen.settings = settings(max_examples=40, stateful_step_count=30)


class SuspensionSeen(Suspension):
    """The same of an account's suspension."""

    @invariant()
    def the_journal_says_where_the_suspension_stands(self) -> None:
        place = suspension_position(read_account_entries(self.entries))
        assert (place.stage, place.waiting_for) == (self.case.stage.value, self.case.waiting_for)


TestSuspensionSeen = SuspensionSeen.TestCase
TestSuspensionSeen.settings = settings(max_examples=40, stateful_step_count=30)


@pytest.mark.parametrize("file", [name.file for name in list_recorded_names()])
def test_after_every_wake_the_journal_says_what_its_workflow_told_the_read_model(file: str) -> None:
    entries: list[Entry] = []
    for record in recorded_cases()[file].records:
        entries += record.entries
        stood = account_state_at("A1", read_account_entries(entries), record.now + timedelta(microseconds=1), POLICIES)
        row = record.case
        if row.kind == "invoice":
            (invoice,) = stood.invoices
            assert (invoice.stage, invoice.open_balance, invoice.disputed) == (row.stage, row.open_balance, row.disputed)
            assert (invoice.currency, invoice.due_date, invoice.is_settled) == (row.currency, row.due_date, row.outcome is not None)
            assert [(hold.hold_id, hold.kind) for hold in invoice.holds] == [(hold.hold_id, hold.kind.value) for hold in row.holds]
            assert [past.step for past in invoice.taken] == [past.step for past in row.taken]
            assert (invoice.promise.by if invoice.promise else None) == (None if invoice.is_settled else row.promised_by)
            assert invoice.policy is not None
            assert invoice.policy.key == (row.policy, row.policy_version)
        for other in stood.cases:
            asks = row.kind in ("dispute", "credit_request") and row.stage == "approval"
            told_of = "booking" if asks else row.stage  # its approval is another case
            assert (other.stage, other.waiting_for) == (told_of, "billing" if told_of == "booking" else row.waiting_for)


# --- by example


def test_an_event_that_was_overtaken_changes_no_balance() -> None:
    life = InvoiceLife(1, -5, "EUR")
    life.apply_billing(BillingEventKind.PAYMENT_RECEIVED, moment(1), 4_000, 6_000)
    late = build_event(BillingEventKind.INVOICE_CHANGED, event_id="invoice.changed:I1:1", version=1)
    apply_billing_event(life.case, late, moment(2))
    assert stands(life.case.journal.pending, 3).balances[0].open_balance == 4_000


def test_a_letter_counts_as_sent_from_the_day_on_which_it_went() -> None:
    told_of = build_case()
    told_of.take_step(find_step("reminder"), moment(1))
    told_of.apply_letter_outcome(build_letter_outcome("reminder", LetterResult.SENT, 2), moment(7))
    entries = told_of.journal.pending
    assert [stands(entries, day).letters[0].fate for day in (1, 2, 7)] == ["under_way", "sent", "sent"]


def test_a_hold_stands_until_it_is_lifted() -> None:
    life = InvoiceLife(1, -5, "EUR")
    life.apply_action("hold", moment(3), 0)
    life.apply_action("release", moment(6), 0)
    seen = [stands(life.case.journal.pending, day).invoices[0] for day in (2, 3, 6)]
    assert [[hold.kind for hold in one.holds] for one in seen] == [[], ["payment_plan"], []]
    assert [one.waiting_for for one in seen] == ["time", "payment_plan", "time"]


def test_the_policy_in_force_that_day_is_named() -> None:
    life = InvoiceLife(1, -5, "EUR")
    life.apply_action("adopt", moment(4), 1)
    policies = [stands(life.case.journal.pending, day).invoices[0].policy for day in (3, 4)]
    assert [pinned.version for pinned in policies if pinned] == [1, 2]


def test_an_approval_names_the_role_that_was_waited_for_and_until_when() -> None:
    entries = simulate_approval(1, ["silence", "silence"], 0)
    first = stands(entries, 0).awaited[0]
    assert (first.case_id, first.whom) == ("approval:suspension:A1:1", "collections_manager")
    assert first.due_on is not None
    assert first.due_on > on(0)


def test_balances_of_two_currencies_are_never_added() -> None:
    entries = [*InvoiceLife(1, -5, "EUR").case.journal.pending, *InvoiceLife(2, -5, "CHF").case.journal.pending]
    seen = stands(entries, 1).balances
    assert [(one.currency, one.open_balance, one.overdue) for one in seen] == [("CHF", 10_000, 10_000), ("EUR", 10_000, 10_000)]
    assert [one.overdue for one in stands(entries, 0).balances] == [0, 0]


def test_before_its_first_entry_an_account_has_no_standing_invoices() -> None:
    assert stands(list(build_case(opened=0).journal.pending), -1).invoices == []


def test_a_suspended_account_is_told_by_its_journal() -> None:
    entries = list(SuspensionDriver(build_receivable()).drive_to(SuspensionStage.SUSPENDED).case.journal.pending)
    assert [stands(entries, day).suspended for day in (16, 17)] == [False, True]
    assert stands(entries, 17).cases[0].due_on == on(47)


def test_the_seals_own_case_is_no_case_of_an_account() -> None:
    journal = Journal(case_id="seal", account_id="")
    journal.write(EntryKind.NOTE_ADDED, moment(0).business, moment(0).real)
    assert stands(list(journal.pending), 1).cases == []


def test_of_a_policy_that_is_not_kept_the_steps_are_told_all_the_same() -> None:
    told_of = build_case()
    told_of.take_step(find_step("reminder"), moment(1))
    seen = account_state_on("A1", read_account_entries(told_of.journal.pending), on(2), {}).invoices[0]
    assert (seen.stage, seen.next_step, seen.waiting_for) == ("reminder", None, "time")


def test_a_moment_is_asked_for_in_business_time() -> None:
    opened = build_case(opened=0)
    assert isinstance(stands(list(opened.journal.pending), 0).at, datetime)
    assert stands(list(opened.journal.pending), 0).at == start_of_day(on(1)) - timedelta(microseconds=1)
    assert build_facts().open_balance == stands(list(opened.journal.pending), 0).balances[0].open_balance
