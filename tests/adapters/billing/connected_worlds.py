"""The connected systems that the contract of connectors is played on. A new one joins by a world of its own, in conftest.py.

What a world offers is what the people of the house do in their own system; amounts are minor units, and ids the system's own.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import count
from typing import ClassVar, Protocol

from sqlmodel import col, select

from adapters.billing.connector import BillingConnector
from adapters.database.engine import Database
from adapters.database.tables import Account, Contact, CreditNote, Payment
from adapters.ledger.ledger import Ledger
from adapters.ledger.ledger_connector import LedgerConnector
from adapters.ledger.transactions import LedgerTransactions
from adapters.ledger.unit_of_work import BookedInvoice
from adapters.tryton.tryton_connector import TrytonConnector
from adapters.tryton.tryton_records import to_major
from domain.billing.billing_events import BillingEventKind
from tests.adapters.billing.tryton_server.server import TrytonServer
from tests.adapters.ledger.builders import AT


class HouseEvent(StrEnum):
    """What the people of a house may do in their own system, and some systems do not know."""

    SEVERAL_DUE_DATES = "several_due_dates"
    CREDITED_BY_PEOPLE = "credited_by_people"
    TAKEN_BACK = "taken_back"
    DELETED = "deleted"


class ConnectedWorld(Protocol):
    connector: BillingConnector
    today: date
    writes_off_parts: bool
    """Whether the system can give up part of an invoice."""
    unknown: ClassVar[Mapping[HouseEvent, str]]
    """What does not happen in it, and why."""

    def add_account(self, name: str) -> str: ...

    def issue_invoice(self, account_id: str, total: int, due: date, currency: str = "EUR") -> str: ...

    def pay(self, invoice_id: str, amount: int) -> None:
        """Money comes in, and it is booked on the invoice."""
        ...

    def receive(self, account_id: str, amount: int) -> None:
        """Money comes in, and nobody knows yet what it is for."""
        ...

    def assign_money(self, account_id: str, invoice_id: str) -> None:
        """The money that nobody knew what it is for is exactly what the account's one open invoice asks."""
        ...

    def take_payments_back(self, invoice_id: str) -> None: ...

    def issue_in_halves(self, account_id: str, total: int, due: date) -> str:
        """The second half is due thirty days later, and is the larger one of an odd amount."""
        ...

    def credit_whole(self, invoice_id: str) -> None:
        """Somebody credits all that is open of it, there."""
        ...

    def delete_invoice(self, invoice_id: str) -> None: ...

    def count_notes(self, account_id: str) -> int:
        """That Duecourse has left."""
        ...

    def count_credit_notes(self, account_id: str) -> int: ...

    def is_served(self, account_id: str) -> bool: ...


class LedgerConnectedWorld:
    """The embedded ledger, as if it were another house's."""

    writes_off_parts = True
    unknown: ClassVar[Mapping[HouseEvent, str]] = {
        HouseEvent.SEVERAL_DUE_DATES: "an invoice of the ledger has one due date",
        HouseEvent.DELETED: "nothing is deleted from the ledger's books",
    }

    def __init__(self, database: Database) -> None:
        self._database, self._ledger, self._numbers = database, Ledger(database), count(1)
        self.connector: BillingConnector = LedgerConnector("ledger", database, lambda: AT)
        self.today = AT.date()

    def add_account(self, name: str) -> str:
        account_id = f"A{next(self._numbers)}"
        with self._database.writing() as session:
            session.add(Account(id=account_id, name=name, country="DE", time_zone="Europe/Berlin", language="de"))
            session.flush()
            session.add(Contact(account_id=account_id, email="books@customer.example"))
        return account_id

    def issue_invoice(self, account_id: str, total: int, due: date, currency: str = "EUR") -> str:
        invoice_id = f"R{next(self._numbers)}"
        invoice = BookedInvoice(invoice_id, account_id, invoice_id, due - timedelta(30), due, currency, total, total)
        with LedgerTransactions(self._database, lambda: datetime.now(UTC)).hold_account(AT, account_id) as (_, unit_of_work):
            unit_of_work.open_invoice(invoice)
            unit_of_work.publish_event(invoice, BillingEventKind.INVOICE_ISSUED)
        return invoice_id

    def pay(self, invoice_id: str, amount: int) -> None:
        facts = self.connector.read_invoice(invoice_id)
        payment_id = f"P{next(self._numbers)}"
        self._ledger.record_payment(payment_id, facts.account_id, facts.currency, amount, self.today, invoice_id=invoice_id, at=AT)

    def receive(self, account_id: str, amount: int) -> None:
        with self._database.writing() as session:
            payment_id = f"P{next(self._numbers)}"
            session.add(Payment(id=payment_id, account_id=account_id, currency="EUR", amount=amount, received_on=self.today))

    def assign_money(self, account_id: str, invoice_id: str) -> None:
        self._ledger.apply_credit(account_id, "EUR", at=AT)

    def take_payments_back(self, invoice_id: str) -> None:
        for settlement in self.connector.read_invoice(invoice_id).settlements:
            self._ledger.reverse_payment(settlement.external_id.partition(":")[2], self.today, at=AT)

    def issue_in_halves(self, account_id: str, total: int, due: date) -> str:
        raise NotImplementedError

    def credit_whole(self, invoice_id: str) -> None:
        facts = self._ledger.get_invoice_facts(invoice_id)
        self._ledger.issue_credit_note(f"N{next(self._numbers)}", invoice_id, facts.open_balance, self.today, "returned", at=AT)

    def delete_invoice(self, invoice_id: str) -> None:
        raise NotImplementedError

    def count_notes(self, account_id: str) -> int:
        raise NotImplementedError

    def count_credit_notes(self, account_id: str) -> int:
        with self._database.reading() as session:
            return len(session.exec(select(CreditNote).where(col(CreditNote.account_id) == account_id)).all())

    def is_served(self, account_id: str) -> bool:
        with self._database.reading() as session:
            account = session.get(Account, account_id)
            assert account is not None
            return account.suspended_on is None


class TrytonWorld:
    """A company in a real Tryton."""

    writes_off_parts = True
    unknown: ClassVar[Mapping[HouseEvent, str]] = {
        HouseEvent.TAKEN_BACK: "a reconciliation that is taken back leaves the money with the invoice: see test_real_tryton.py",
        HouseEvent.DELETED: "Tryton deletes no invoice that was posted",
    }

    def __init__(self, server: TrytonServer) -> None:
        self.server = server
        self.connector: BillingConnector = TrytonConnector("erp", server.settings)
        self.today = date.today()
        self._lines: dict[str, list[int]] = {}

    def add_account(self, name: str) -> str:
        return str(self.server.act("add_party", name=name, email="books@customer.example"))

    def issue_invoice(self, account_id: str, total: int, due: date, currency: str = "EUR") -> str:
        amount = str(to_major(total, currency))
        return str(self.server.act("issue_invoice", party=int(account_id), amount=amount, due=due.isoformat(), currency=currency))

    def pay(self, invoice_id: str, amount: int) -> None:
        facts = self.connector.read_invoice(invoice_id)
        ask = "partial" if amount < facts.open_balance else "overpayment" if amount > facts.open_balance else None
        self.server.act("pay", invoice=int(invoice_id), amount=str(to_major(amount, facts.currency)), ask=ask)

    def receive(self, account_id: str, amount: int) -> None:
        line = self.server.act("receive", party=int(account_id), amount=str(to_major(amount, "EUR")))
        self._lines.setdefault(account_id, []).append(line)

    def assign_money(self, account_id: str, invoice_id: str) -> None:
        self.server.act("reconcile", lines=self._lines.pop(account_id), invoices=[int(invoice_id)])

    def take_payments_back(self, invoice_id: str) -> None:
        self.server.act("take_back", invoice=int(invoice_id))

    def issue_in_halves(self, account_id: str, total: int, due: date) -> str:
        amount = str(to_major(total, "EUR"))
        return str(self.server.act("issue_invoice", party=int(account_id), amount=amount, due=due.isoformat(), term="halves"))

    def credit_whole(self, invoice_id: str) -> None:
        self.server.act("credit", invoice=int(invoice_id))

    def delete_invoice(self, invoice_id: str) -> None:
        raise NotImplementedError

    def count_notes(self, account_id: str) -> int:
        return len(self.server.act("list_notes", party=int(account_id)))

    def count_credit_notes(self, account_id: str) -> int:
        return len(self.server.act("list_credit_notes", party=int(account_id)))

    def is_served(self, account_id: str) -> bool:
        return bool(self.server.act("read_credit_limit", party=int(account_id)) != "0")
