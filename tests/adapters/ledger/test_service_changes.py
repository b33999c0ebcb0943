"""Suspending and reinstating: billing looks anew in the moment of the call, and says the same thing to the same question."""

import threading
from datetime import date

import pytest
from sqlalchemy import select
from sqlmodel import col

from adapters.billing.errors import ConflictingBookingError, UnknownAccountError
from adapters.database.engine import Database
from adapters.database.tables import Account, Case, ServiceChange
from adapters.ledger.ledger import Ledger
from domain.case.billing_results import SuspensionOrderOutcome
from tests.adapters.ledger.builders import AT, TODAY, add_account, add_invoice

SUSPENDED, SPARED = SuspensionOrderOutcome.SUSPENDED, SuspensionOrderOutcome.NOT_IN_ARREARS


@pytest.fixture
def ledger(database: Database) -> Ledger:
    add_account(database)
    add_invoice(database, "R1")
    return Ledger(database)


def suspend(ledger: Ledger, key: str = "S1", *invoices: str, minimum: int = 1, account: str = "A1") -> SuspensionOrderOutcome:
    return ledger.suspend_account(key, account, list(invoices) or ["R1"], {"EUR": minimum}, at=AT)


def off_since(database: Database, account: str = "A1") -> date | None:
    with database.reading() as session:
        return session.get_one(Account, account).suspended_on


def changes(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(col(ServiceChange.what)).order_by(col(ServiceChange.key))))


def contest(database: Database, amount: int) -> None:
    with database.writing() as session:
        session.add(
            Case(
                case_id="invoice:R1",
                run_id="r",
                kind="invoice",
                account_id="A1",
                invoice_id="R1",
                stage="new",
                waiting_for="time",
                disputed=amount,
                seq=1,
                head="h",
                updated_at=AT,
            )
        )


def test_an_account_in_arrears_is_suspended(database: Database, ledger: Ledger) -> None:
    assert suspend(ledger) is SUSPENDED
    assert (off_since(database), changes(database)) == (TODAY, ["suspended"])


def test_a_payment_in_the_last_moment_saves_the_service(database: Database, ledger: Ledger) -> None:
    ledger.record_payment("P1", "A1", "EUR", 10_000, TODAY, at=AT)
    assert suspend(ledger) is SPARED
    assert (off_since(database), changes(database)) == (None, ["not_in_arrears"])


def test_only_the_invoices_named_count_and_only_the_accounts_own(database: Database, ledger: Ledger) -> None:
    add_account(database, "A2")
    add_invoice(database, "R2")
    add_invoice(database, "B1", account_id="A2")
    ledger.record_payment("P1", "A1", "EUR", 10_000, TODAY, invoice_id="R1", at=AT)
    assert suspend(ledger, "S1", "R1", "B1") is SPARED
    assert suspend(ledger, "S2", "R1", "R2") is SUSPENDED


def test_what_is_not_due_yet_or_below_the_minimum_suspends_nobody(database: Database, ledger: Ledger) -> None:
    add_invoice(database, "today", due=TODAY)
    assert suspend(ledger, "S1", "today") is SPARED
    assert suspend(ledger, "S2", minimum=10_001) is SPARED
    assert suspend(ledger, "S3", minimum=10_000) is SUSPENDED


@pytest.mark.parametrize(("contested", "answer"), [(10_000, SPARED), (9_500, SPARED), (9_000, SUSPENDED)])
def test_only_what_is_not_contested_counts(database: Database, ledger: Ledger, contested: int, answer: SuspensionOrderOutcome) -> None:
    contest(database, contested)
    assert suspend(ledger, minimum=1_000) is answer


def test_an_invoice_that_billing_calls_disputed_is_contested_whole(database: Database, ledger: Ledger) -> None:
    ledger.change_invoice("R1", disputed=True, at=AT)
    assert suspend(ledger) is SPARED


def test_a_prepaid_account_is_never_suspended(database: Database, ledger: Ledger) -> None:
    ledger.set_prepaid("A1", True, at=AT)
    assert suspend(ledger) is SPARED
    ledger.set_prepaid("A1", False, at=AT)
    assert suspend(ledger, "S2") is SUSPENDED


def test_the_same_question_gets_the_same_answer_whatever_was_paid_since(database: Database, ledger: Ledger) -> None:
    assert suspend(ledger) is SUSPENDED
    ledger.record_payment("P1", "A1", "EUR", 10_000, TODAY, at=AT)
    ledger.reinstate_account("R", "A1", at=AT)
    assert suspend(ledger) is SUSPENDED
    assert (off_since(database), changes(database)) == (None, ["reinstated", "suspended"])


def test_a_reinstatement_that_comes_twice_does_not_undo_the_next_suspension(database: Database, ledger: Ledger) -> None:
    suspend(ledger)
    ledger.reinstate_account("R", "A1", at=AT)
    suspend(ledger, "S2")
    ledger.reinstate_account("R", "A1", at=AT)
    assert off_since(database) == TODAY


def test_a_key_belongs_to_one_account(database: Database, ledger: Ledger) -> None:
    add_account(database, "A2")
    suspend(ledger)
    with pytest.raises(ConflictingBookingError, match="S1"):
        suspend(ledger, account="A2")
    with pytest.raises(ConflictingBookingError, match="S1"):
        ledger.reinstate_account("S1", "A2", at=AT)
    with pytest.raises(UnknownAccountError):
        ledger.set_prepaid("A9", True, at=AT)


def test_a_payment_and_a_suspension_at_the_same_moment_take_turns(database: Database, ledger: Ledger) -> None:
    start, answers = threading.Barrier(2), []

    def pay() -> None:
        start.wait()
        ledger.record_payment("P1", "A1", "EUR", 10_000, TODAY, at=AT)

    def switch_off() -> None:
        start.wait()
        answers.append(suspend(ledger))

    threads = [threading.Thread(target=pay), threading.Thread(target=switch_off)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (off_since(database) is not None) == (answers == [SUSPENDED])
    assert suspend(ledger, "S2") is SPARED
