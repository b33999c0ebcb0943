"""Whatever billing lawfully does to invoices, their verification finds nothing: what it names was tampered with."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from adapters.audit.verification.verification import SETTLING, Verification
from adapters.database.engine import Database
from adapters.database.tables import Allocation, Case, CreditNote, JournalEntry, Payment, PolicyVersion
from adapters.ledger.ledger import Ledger
from domain import identifiers as ids
from domain.billing.billing_events import BillingEventKind
from domain.billing.credit_application import CreditShare
from domain.clock import Moment
from domain.errors import UserError
from domain.invoice.billing_event_rules import apply_billing_event
from domain.invoice.invoice_case import InvoiceCase
from domain.journal.journal import Journal
from domain.policy.collection_policy import PolicySnapshot
from tests.adapters.ledger.builders import add_account, add_invoice
from tests.domain.builders import DUE, build_policy, moment

RULES = PolicySnapshot.from_policy(build_policy())
INVOICES, ACTS = 12, 120


def act_at_random(ledger: Ledger, chance: random.Random, number: int, at: Moment) -> None:
    """One thing that billing may do with an invoice; what it refuses changes nothing."""
    now, on, invoice = at.business, at.business.date(), f"I{chance.randrange(INVOICES)}"
    amount, payment = chance.randrange(1, 9_000), f"P{chance.randrange(number + 1)}"
    acts: list[Callable[[], object]] = [
        lambda: ledger.record_payment(f"P{number}", "A1", "EUR", amount, on, f"transfer {amount % 5}", invoice, at=now),
        lambda: ledger.record_payment(f"P{number}", "A1", "EUR", amount, on, at=now),
        lambda: ledger.reverse_payment(payment, on, at=now),
        lambda: ledger.issue_credit_note(f"CN{number}", invoice, amount, on, at=now),
        lambda: ledger.change_invoice(invoice, total=2 * amount, at=now),
        lambda: ledger.change_invoice(invoice, due_date=on, disputed=amount % 2 == 0, at=now),
        lambda: ledger.write_off(f"W{number}", invoice, amount, "EUR", on, at=now),
        lambda: ledger.apply_unapplied_credit("A1", "EUR", at=now),
        lambda: apply_some_credit(ledger, chance, f"U{number}", now),
        lambda: take_back_an_application(ledger, chance, f"B{number}", now),
        lambda: ledger.cancel_invoice(invoice, at=now) if amount % 3 == 0 else None,
    ]
    try:
        chance.choice(acts)()
    except UserError:
        return


def apply_some_credit(ledger: Ledger, chance: random.Random, key: str, now: datetime) -> None:
    """A part of a credit goes to an invoice that may owe less, or nothing."""
    if credits := ledger.list_unapplied_sources("A1"):
        credit = chance.choice(credits)
        share = CreditShare(
            credit_id=credit.credit_id, invoice_id=f"I{chance.randrange(INVOICES)}", amount=chance.randint(1, min(credit.left, 2_000))
        )
        ledger.apply_credit("A1", "EUR", [share], key=key, recorded_by="mia", at=now)


def take_back_an_application(ledger: Ledger, chance: random.Random, key: str, now: datetime) -> None:
    applied = [each.key for each in ledger.list_credit_applications("A1") if not each.takes_back]
    if applied:
        ledger.take_back_application(key, chance.choice(applied), "for another", recorded_by="tom", at=now)


def open_case(database: Database, ledger: Ledger, invoice: str) -> InvoiceCase:
    add_invoice(database, invoice, due=DUE)
    journal = Journal(case_id=ids.invoice_case_id(invoice), account_id="A1", invoice_id=invoice)
    case = InvoiceCase(journal=journal, facts=ledger.get_invoice_facts(invoice), snapshot=RULES)
    case.open(moment(-10))
    return case


def count_money(database: Database) -> int:
    """What the account's invoices have of payments and credit notes, and what is left of them; in minor units."""
    with database.reading() as session:
        by_money = col(Allocation.write_off_key).is_(None)
        given = session.execute(select(func.coalesce(func.sum(col(Allocation.amount)), 0)).where(by_money)).scalar_one()
    return int(given) + sum(Ledger(database).get_unapplied_credit("A1").values())


def count_money_of_sources(database: Database) -> int:
    with database.reading() as session:
        paid = session.execute(select(func.sum(col(Payment.amount))).where(col(Payment.reversed_on).is_(None))).scalar_one()
        credited = session.execute(select(func.sum(col(CreditNote.amount)))).scalar_one()
    return int(paid or 0) + int(credited or 0)


def deliver(ledger: Ledger, cases: dict[str, InvoiceCase]) -> None:
    while pending := ledger.list_pending_events(500):
        for _, invoice, event in pending:
            if event.kind is not BillingEventKind.PAYMENT_RECOVERED:  # it goes to the write-off's case
                apply_billing_event(cases[invoice], event, moment(50))
        ledger.acknowledge_events([cursor for cursor, _, _ in pending], datetime.now(UTC) - SETTLING - timedelta(hours=1))


def build_rows(case: InvoiceCase) -> list[JournalEntry | Case]:
    journal = case.journal
    row = Case(
        case_id=journal.case_id,
        run_id="run-1",
        kind="invoice",
        account_id=journal.account_id,
        invoice_id=journal.invoice_id,
        stage="new",
        waiting_for="time",
        outcome=case.facts.status.value if case.is_settled else None,
        policy=RULES.name,
        policy_version=RULES.version,
        holds=[hold.model_dump(mode="json") for hold in case.holds.standing.values()],
        seq=journal.seq,
        head=journal.head,
        updated_at=moment(60).real,
    )
    return [*(JournalEntry(**entry.model_dump()) for entry in journal.pending), row]


@pytest.mark.parametrize("seed", range(2))
def test_no_lawful_life_of_invoices_is_a_finding(database: Database, seed: int) -> None:
    ledger, chance = Ledger(database), random.Random(seed)
    add_account(database, "A1")
    cases = {invoice: open_case(database, ledger, invoice) for invoice in (f"I{number}" for number in range(INVOICES))}
    for number in range(ACTS):
        act_at_random(ledger, chance, number, moment(number / 10))
        assert count_money(database) == count_money_of_sources(database), "nothing is lost, and nothing created"
    deliver(ledger, cases)
    with database.writing() as session:
        session.add(
            PolicyVersion(name=RULES.name, version=RULES.version, snapshot=RULES.text, sha256=RULES.sha256, created_at=moment(-60).real)
        )
        for case in cases.values():
            if case.is_settled:
                case.close(moment(60))
            session.add_all(build_rows(case))

    report = Verification(database).run()

    assert report.entries > ACTS / 2
    assert [(fault.table, fault.key, fault.what) for fault in report.faults if fault.table != "seals"] == []
