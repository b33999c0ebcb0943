"""Whose ears billing's events reach: the invoice, the case that wrote it off, or the case that charged it."""

from collections.abc import Sequence

import pytest
from sqlalchemy import update
from sqlmodel import col
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from activities import billing_events
from activities.billing_events import BillingEventActivities
from adapters.database.engine import Database
from adapters.database.tables import LedgerEvent
from adapters.ledger.ledger import Ledger
from adapters.set_aside.set_aside_store import SetAsideStore
from adapters.set_aside.stages import SetAsideReason, SetAsideStage
from adapters.temporal.server_limits import ServerLimitError
from domain.billing.billing_events import BillingEvent, ChargePayment, InvoiceFacts, WriteOffRecovery
from domain.clock import Clock
from domain.invoice.workflow_input import InvoiceCollectionInput
from domain.policy.collection_policy import PolicySnapshot
from tests.adapters.correspondence.correspondence_setup import POLICY
from tests.adapters.ledger.builders import AT, TODAY, add_account, add_invoice


class Ears:
    """Hears what is said to cases, instead of the server. `over`: cases that no longer run."""

    def __init__(self, *over: str) -> None:
        self.over = over
        self.invoices: list[tuple[str, str]] = []
        self.cases: list[tuple[str, str, int]] = []
        self.collectors: dict[str, str] = {}
        self.requests: list[tuple[str, int]] = []
        self.failures: dict[str, Exception] = {}

    async def deliver_billing_events(self, opening: InvoiceCollectionInput, collector: str | None, events: Sequence[BillingEvent]) -> None:
        if failure := self.failures.get(opening.invoice_id):
            raise failure
        self.invoices += [(opening.invoice_id, event.kind.value) for event in events]

    async def update_credit_request(self, invoice_id: str, facts: InvoiceFacts) -> None:
        self.requests.append((invoice_id, facts.open_balance))

    async def update_collector(self, case_id: str, collector: str) -> None:
        if failure := self.failures.get(case_id):
            raise failure
        self.collectors[case_id] = collector

    async def notify_payment(self, case_id: str, payment: WriteOffRecovery | ChargePayment) -> bool:
        self.cases.append((case_id, type(payment).__name__, payment.amount))
        return case_id not in self.over


class Books:
    """Openings from the ledger's facts alone."""

    def __init__(self, ledger: Ledger, *asked: str) -> None:
        """`asked`: the invoices that somebody has asked to credit."""
        self._ledger, self._asked = ledger, asked

    def load_inputs(self, invoices: Sequence[str]) -> dict[str, tuple[InvoiceCollectionInput, str | None]]:
        return {name: (self._opening(name), None) for name in invoices}

    def _opening(self, name: str) -> InvoiceCollectionInput:
        policy = PolicySnapshot.from_policy(POLICY)
        return InvoiceCollectionInput(
            invoice_id=name, account_id="A1", facts=self._ledger.get_invoice_facts(name), policy=policy, clock=Clock.real_time()
        )

    def list_asked_reductions(self, invoice_ids: Sequence[str]) -> list[str]:
        return [name for name in invoice_ids if name in self._asked]

    def list_missed_settlements(self, limit: int) -> list[str]:
        return []

    def list_leftover_charges(self, limit: int) -> list[str]:
        return []


class Hands:
    """One account changed hands, with two open cases."""

    def __init__(self) -> None:
        self.waiting = [17]

    def list_unnotified_changes(self, limit: int) -> tuple[list[int], dict[str, str]]:
        return self.waiting, dict.fromkeys(["invoice:R1", "plan:A1:1"], "ben") if self.waiting else {}

    def mark_notified(self, changes: Sequence[int]) -> None:
        self.waiting = [number for number in self.waiting if number not in changes]


class OwnLedger(Ledger):
    """It says which database it is in."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.database = database


@pytest.fixture
def ledger(database: Database) -> OwnLedger:
    add_account(database)
    add_invoice(database, "R1")
    return OwnLedger(database)


async def deliver(ledger: OwnLedger, ears: Ears, *asked: str, hands: Hands | None = None) -> None:
    store = SetAsideStore(ledger.database)
    delivery = BillingEventActivities(ledger, Books(ledger, *asked), ears, hands or Hands(), store)  # type: ignore[arg-type]
    await ActivityEnvironment().run(delivery.deliver_events)


async def test_a_recovery_goes_to_the_write_off_and_not_to_the_invoice(ledger: OwnLedger) -> None:
    ledger.write_off("W1", "R1", 10_000, "EUR", TODAY, at=AT)
    ledger.record_payment("P1", "A1", "EUR", 1_500, TODAY, at=AT)
    ledger.reverse_payment("P1", TODAY, at=AT)
    ears = Ears("write_off:A1")
    await deliver(ledger, ears)
    assert ears.invoices == [("R1", "invoice.written_off")]
    assert ears.cases == [("write_off:A1", "WriteOffRecovery", 1_500), ("write_off:A1", "WriteOffRecovery", -1_500)]


async def test_what_comes_on_a_charge_goes_to_the_plan_while_it_runs(ledger: OwnLedger) -> None:
    interest = ledger.charge_interest("k", "A1", 300, "EUR", TODAY, charged_by="plan:A1:1", at=AT)
    ledger.record_payment("P1", "A1", "EUR", 200, TODAY, invoice_id=interest, at=AT)
    ears = Ears()
    await deliver(ledger, ears)
    assert (ears.invoices, ears.cases) == ([], [("plan:A1:1", "ChargePayment", 200)])


async def test_what_comes_on_a_charge_goes_to_its_own_collection_when_the_plan_is_over(ledger: OwnLedger) -> None:
    interest = ledger.charge_interest("k", "A1", 300, "EUR", TODAY, charged_by="plan:A1:1", at=AT)
    ledger.record_payment("P1", "A1", "EUR", 200, TODAY, invoice_id=interest, at=AT)
    ears = Ears("plan:A1:1")
    await deliver(ledger, ears)
    assert ears.invoices == [(interest, "payment.received")]


async def test_the_open_cases_of_an_account_that_changed_hands_hear_whose_it_is(ledger: OwnLedger) -> None:
    ears = Ears()
    await deliver(ledger, ears)
    assert ears.collectors == {"invoice:R1": "ben", "plan:A1:1": "ben"}


async def test_a_request_to_credit_an_invoice_hears_what_is_open_of_it(ledger: OwnLedger) -> None:
    ledger.record_payment("P1", "A1", "EUR", 1_500, TODAY, invoice_id="R1", at=AT)
    ears = Ears()
    await deliver(ledger, ears, "R1", "R2")
    assert (ears.invoices, ears.requests) == ([("R1", "payment.received")], [("R1", 8_500)])


def pay_all(database: Database, ledger: OwnLedger, others: int) -> list[str]:
    """A payment on R1 and, after it, on so many other invoices; their ids."""
    names = ["R1", *(f"S{number}" for number in range(others))]
    for name in names:
        if name != "R1":
            add_invoice(database, name)
        ledger.record_payment(f"P-{name}", "A1", "EUR", 100, TODAY, invoice_id=name, at=AT)
    return names


TOO_LONG = RPCError("WorkflowId length exceeds limit.", RPCStatusCode.INVALID_ARGUMENT, b"")


@pytest.mark.parametrize("failure", [TOO_LONG, ValueError("what nobody thought of")], ids=["the server's", "our own"])
async def test_events_that_cannot_be_delivered_wait_and_hold_up_no_others(
    database: Database, ledger: OwnLedger, failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(billing_events, "BATCH_SIZE", 2)
    _, *others = pay_all(database, ledger, 5)
    ledger.record_payment("P-again", "A1", "EUR", 100, TODAY, invoice_id="R1", at=AT)
    ears = Ears()
    ears.failures["R1"] = failure
    await deliver(ledger, ears)
    assert {invoice for invoice, _ in ears.invoices} == set(others)
    assert {pending.invoice_id for pending in ledger.list_pending_events(100)} == {"R1"}

    ears.failures.clear()
    ears.invoices.clear()
    await deliver(ledger, ears)
    assert ears.invoices == [("R1", "payment.received")] * 2
    assert ledger.list_pending_events(100) == []


async def test_a_server_that_is_away_fails_the_delivery_as_a_whole_and_everything_waits(database: Database, ledger: OwnLedger) -> None:
    names = pay_all(database, ledger, 2)
    ears = Ears()
    ears.failures["S0"] = RPCError("away", RPCStatusCode.UNAVAILABLE, b"")
    with pytest.raises(ExceptionGroup):
        await deliver(ledger, ears)
    assert {pending.invoice_id for pending in ledger.list_pending_events(100)} == set(names)


async def test_what_is_set_aside_is_seen_with_its_reason_rests_and_is_settled_once_it_went(database: Database, ledger: OwnLedger) -> None:
    pay_all(database, ledger, 2)
    store, ears = SetAsideStore(database), Ears()
    ears.failures["R1"] = ServerLimitError("the id is too long")
    await deliver(ledger, ears)
    await deliver(ledger, ears)
    (item,) = store.list_waiting(SetAsideStage.BILLING_EVENT).values()
    assert (item.item_id, item.account_id, item.reason, item.attempts) == ("R1", "A1", SetAsideReason.TOO_LARGE, 2)

    ears.failures.clear()
    await deliver(ledger, ears)
    assert ("R1", "payment.received") not in ears.invoices, "it rests for a minute, or until somebody asks"
    store.ask_retry(item.id, "ada")
    await deliver(ledger, ears)
    assert ears.invoices[-1] == ("R1", "payment.received")
    assert store.list_waiting(SetAsideStage.BILLING_EVENT) == {}


async def test_an_event_that_cannot_be_read_holds_up_its_own_invoice_alone(database: Database, ledger: OwnLedger) -> None:
    _, *others = pay_all(database, ledger, 3)
    with database.writing() as session:
        session.execute(update(LedgerEvent).where(col(LedgerEvent.invoice_id) == "R1").values(event={"kind": "nonsense"}))
    ears = Ears()
    await deliver(ledger, ears)
    assert {invoice for invoice, _ in ears.invoices} == set(others)
    assert list(SetAsideStore(database).list_waiting(SetAsideStage.BILLING_EVENT)) == ["R1"]


async def test_an_invoice_whose_case_cannot_be_opened_holds_up_no_other(
    database: Database, ledger: OwnLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, *others = pay_all(database, ledger, 3)
    open_case = Books._opening

    def refuse(books: Books, name: str) -> InvoiceCollectionInput:
        if name == "R1":
            raise ValueError("its policy is gone")
        return open_case(books, name)

    monkeypatch.setattr(Books, "_opening", refuse)
    ears = Ears()
    await deliver(ledger, ears)
    assert {invoice for invoice, _ in ears.invoices} == set(others)
    assert list(SetAsideStore(database).list_waiting(SetAsideStage.BILLING_EVENT)) == ["R1"]


async def test_a_case_that_cannot_be_told_its_collector_is_told_later(ledger: OwnLedger) -> None:
    ears, hands = Ears(), Hands()
    ears.failures["plan:A1:1"] = TOO_LONG
    await deliver(ledger, ears, hands=hands)
    assert ears.collectors == {"invoice:R1": "ben"}
    ears.failures.clear()
    await deliver(ledger, ears, hands=hands)
    assert ears.collectors == {"invoice:R1": "ben", "plan:A1:1": "ben"}
    assert SetAsideStore(ledger.database).list_waiting(SetAsideStage.COLLECTOR) == {}
