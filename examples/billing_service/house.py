"""The books of a small house, in memory: customers, invoices, payments, credit notes, write-offs. Amounts are cents."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import count
from threading import Lock


class RefusedError(Exception):
    """What the house does not book; the text says why."""


@dataclass
class Customer:
    id: str
    name: str
    email: str
    country: str = "DE"
    language: str = "de"
    is_served: bool = True


@dataclass
class Entry:
    """Money or a credit note: what it is over, and what of it each invoice has. `reference`: what whoever booked it called it."""

    id: str
    kind: str
    customer: str
    currency: str
    amount: int
    on: date
    reference: str = ""
    text: str = ""
    applied: dict[str, int] = field(default_factory=dict)

    @property
    def left(self) -> int:
        return self.amount - sum(self.applied.values())


@dataclass
class Invoice:
    id: str
    number: str
    customer: str
    currency: str
    total: int
    issued_on: date
    due_on: date
    updated_at: datetime
    status: str = "issued"
    entries: list[Entry] = field(default_factory=list)

    @property
    def open_amount(self) -> int:
        if self.status in ("draft", "cancelled"):
            return 0
        return self.total - sum(entry.applied.get(self.id, 0) for entry in self.entries)

    @property
    def word(self) -> str:
        if self.status != "issued" or self.open_amount:
            return self.status
        return {"credit": "credited", "write_off": "written_off"}.get(self.entries[-1].kind, "paid")


@dataclass
class Message:
    """An order of service or a note, by its reference."""

    reference: str
    customer: str
    kind: str
    text: str


class House:
    """Safe to share between threads."""

    def __init__(self) -> None:
        self.customers: dict[str, Customer] = {}
        self.invoices: dict[str, Invoice] = {}
        self.entries: list[Entry] = []
        self.messages: list[Message] = []
        self._numbers, self._lock = count(1), Lock()
        self._last = datetime(2000, 1, 1, tzinfo=UTC)

    def add_customer(self, name: str, email: str) -> Customer:
        customer = Customer(f"C{next(self._numbers)}", name, email)
        self.customers[customer.id] = customer
        return customer

    def issue_invoice(
        self, customer: str, total: int, issued_on: date, due_on: date, currency: str = "EUR", status: str = "issued"
    ) -> Invoice:
        number = next(self._numbers)
        invoice = Invoice(f"I{number}", f"R-{number:05d}", customer, currency, total, issued_on, due_on, self._stamp(), status)
        self.invoices[invoice.id] = invoice
        return invoice

    def receive(self, customer: str, amount: int, currency: str, on: date, reference: str = "") -> Entry:
        """Money that is not yet assigned to an invoice."""
        entry = Entry(f"P{next(self._numbers)}", "payment", customer, currency, amount, on, reference)
        self.entries.append(entry)
        return entry

    def assign(self, entry: Entry, invoice: Invoice) -> None:
        with self._lock:
            amount = min(entry.left, invoice.open_amount)
            if amount:
                entry.applied[invoice.id] = entry.applied.get(invoice.id, 0) + amount
                invoice.entries.append(entry)
                invoice.updated_at = self._stamp()

    def book(self, kind: str, invoice: Invoice, amount: int, on: date, reference: str, text: str = "") -> Entry:
        """A credit note or a write-off. Raises RefusedError."""
        if not 0 < amount <= invoice.open_amount:
            raise RefusedError(f"Invoice {invoice.number} owes {invoice.open_amount / 100:.2f} by now, no more.")
        entry = Entry(f"{kind[0].upper()}{next(self._numbers)}", kind, invoice.customer, invoice.currency, amount, on, reference, text)
        self.entries.append(entry)
        self.assign(entry, invoice)
        return entry

    def take_payments_back(self, invoice: Invoice) -> None:
        for entry in [each for each in invoice.entries if each.kind == "payment"]:
            invoice.entries.remove(entry)
            self.entries.remove(entry)
        invoice.updated_at = self._stamp()

    def order(self, customer: Customer, kind: str, reference: str, text: str) -> None:
        self.messages.append(Message(reference, customer.id, kind, text))
        if kind in ("suspend", "reinstate"):
            customer.is_served = kind == "reinstate"

    def list_changed(self, since: datetime | None, status: str | None) -> list[Invoice]:
        """The earliest change first."""
        wanted = (each for each in list(self.invoices.values()) if since is None or each.updated_at >= since)
        found = [each for each in wanted if status is None or (status == "open") is (each.open_amount > 0)]
        return sorted(found, key=lambda each: (each.updated_at, each.id))

    def list_unassigned(self) -> Iterator[Entry]:
        return (entry for entry in self.entries if entry.kind == "payment" and entry.left > 0)

    def _stamp(self) -> datetime:
        """Now; never the same moment twice."""
        now = datetime.now(UTC)
        self._last = now if now > self._last else self._last.replace(microsecond=(self._last.microsecond + 1) % 1_000_000)
        return self._last


def open_sample_house(today: date) -> House:
    """Three customers with four invoices."""
    house = House()
    bakery, hotel, garage = (
        house.add_customer(name, f"books@{name.split()[0].lower()}.example")
        for name in ("Nordlicht Bakery", "Harbour Hotel", "Ring Garage")
    )
    for customer, total, days in ((bakery, 120_050, 40), (bakery, 8_000, 20), (hotel, 31_010, 65), (garage, 9_999, 5)):
        due = date.fromordinal(today.toordinal() - days)
        house.issue_invoice(customer.id, total, date.fromordinal(due.toordinal() - 30), due)
    return house
