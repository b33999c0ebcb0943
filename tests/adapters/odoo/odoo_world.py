"""Odoo as a connected world of the contract: what the people of the house do there."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import ClassVar

from adapters.billing.connector import BillingConnector
from adapters.odoo.odoo_api import OdooApi, OdooSettings
from adapters.odoo.odoo_connector import OdooConnector
from adapters.odoo.odoo_records import to_major
from tests.adapters.billing.connected_worlds import HouseEvent
from tests.adapters.odoo.odoo_double import DATABASE, KEY, NOW, OdooDouble

ODOO_SETTINGS = OdooSettings("https://odoo.example.com", KEY, DATABASE, 1, "WOFF", "654000")


def open_odoo(double: OdooDouble, settings: OdooSettings = ODOO_SETTINGS) -> OdooConnector:
    return OdooConnector("odoo", settings, OdooApi(settings, double.transport))


class OdooWorld:
    writes_off_parts = True
    unknown: ClassVar[Mapping[HouseEvent, str]] = {}

    def __init__(self) -> None:
        self.double = OdooDouble()
        self.connector: BillingConnector = open_odoo(self.double)
        self.today = NOW.date()
        self._received: dict[str, int] = {}

    def add_account(self, name: str) -> str:
        return str(self.double.add_partner(name))

    def issue_invoice(self, account_id: str, total: int, due: date, currency: str = "EUR") -> str:
        amount = to_major(total, currency)
        return str(self.double.issue_invoice(int(account_id), amount, [(due, amount)], currency))

    def pay(self, invoice_id: str, amount: int) -> None:
        currency = self.connector.read_invoice(invoice_id).currency
        self.double.pay(int(invoice_id), to_major(amount, currency))

    def receive(self, account_id: str, amount: int) -> None:
        self._received[account_id] = self.double.receive(int(account_id), to_major(amount, "EUR"))

    def assign_money(self, account_id: str, invoice_id: str) -> None:
        self.double.assign(int(invoice_id), self._received.pop(account_id))

    def take_payments_back(self, invoice_id: str) -> None:
        self.double.take_back(int(invoice_id))

    def issue_in_halves(self, account_id: str, total: int, due: date) -> str:
        first = total // 2
        dues = [(due, to_major(first, "EUR")), (due + timedelta(30), to_major(total - first, "EUR"))]
        return str(self.double.issue_invoice(int(account_id), to_major(total, "EUR"), dues))

    def credit_whole(self, invoice_id: str) -> None:
        owed = self.connector.read_invoice(invoice_id)
        note = self.double.issue_credit_note(int(invoice_id), [to_major(owed.open_balance, owed.currency)], "a person's")
        for line in self.double.lines_of(note, "payment_term"):
            self.double.assign(int(invoice_id), line["id"])

    def delete_invoice(self, invoice_id: str) -> None:
        """It is drawn back first."""
        self.double.set_state(int(invoice_id), "draft")

    def count_notes(self, account_id: str) -> int:
        return sum(note["res_id"] == int(account_id) for note in self.double.tables["mail.message"].values())

    def count_credit_notes(self, account_id: str) -> int:
        moves = self.double.tables["account.move"].values()
        return sum(move["move_type"] == "out_refund" and move["partner_id"] == int(account_id) for move in moves)

    def is_served(self, account_id: str) -> bool:
        raise NotImplementedError("Odoo has no lock on a customer")
