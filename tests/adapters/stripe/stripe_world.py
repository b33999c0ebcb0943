"""Stripe as a connected world of the contract: what the people of the house do there."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import ClassVar
from zoneinfo import ZoneInfo

from adapters.billing.connector import BillingConnector
from adapters.stripe.stripe_api import StripeApi, StripeSettings
from adapters.stripe.stripe_connector import StripeConnector
from adapters.stripe.stripe_records import to_stripe
from tests.adapters.billing.connected_worlds import HouseEvent
from tests.adapters.stripe.stripe_double import KEY, NOW, StripeDouble

SETTINGS = StripeSettings(KEY, ZoneInfo("Europe/Berlin"), webhook_secrets=("whsec_new", "whsec_old"))


def open_stripe(double: StripeDouble, settings: StripeSettings = SETTINGS) -> StripeConnector:
    return StripeConnector("shop", settings, StripeApi(settings, double.transport))


class StripeWorld:
    writes_off_parts = False
    unknown: ClassVar[Mapping[HouseEvent, str]] = {
        HouseEvent.SEVERAL_DUE_DATES: "an invoice has one due date in Stripe",
        HouseEvent.TAKEN_BACK: "a refund in Stripe does not reopen the invoice",
    }

    def __init__(self) -> None:
        self.double = StripeDouble()
        self.double.add_endpoint()
        self.connector: BillingConnector = open_stripe(self.double)
        self.today = NOW.date()

    def add_account(self, name: str) -> str:
        return self.double.add_customer(name)

    def issue_invoice(self, account_id: str, total: int, due: date, currency: str = "EUR") -> str:
        """Due early on the day in Berlin, which is the day before in UTC."""
        moment = datetime.combine(due, time(0, 30), ZoneInfo("Europe/Berlin")).astimezone(UTC)
        return self.double.issue_invoice(account_id, to_stripe(total, currency), moment, currency.lower())

    def pay(self, invoice_id: str, amount: int) -> None:
        """What is too much can only come by bank transfer: Stripe charges no card more than is asked."""
        invoice = self.double.objects["invoice"][invoice_id]
        if amount <= invoice["amount_remaining"]:
            self.double.pay(invoice_id, amount)
        else:
            self.double.receive_transfer(invoice["customer"], amount)
            self.double.use_transfer(invoice["customer"], invoice_id)

    def receive(self, account_id: str, amount: int) -> None:
        self.double.receive_transfer(account_id, amount)

    def assign_money(self, account_id: str, invoice_id: str) -> None:
        self.double.use_transfer(account_id, invoice_id)

    def take_payments_back(self, invoice_id: str) -> None:
        raise NotImplementedError("a refund in Stripe does not reopen the invoice")

    def issue_in_halves(self, account_id: str, total: int, due: date) -> str:
        raise NotImplementedError

    def credit_whole(self, invoice_id: str) -> None:
        owed = self.connector.read_invoice(invoice_id)
        self.connector.book_credit_note(f"a-persons-{invoice_id}", invoice_id, owed.open_balance, owed.currency, "")

    def delete_invoice(self, invoice_id: str) -> None:
        self.double.delete_invoice(invoice_id)

    def count_notes(self, account_id: str) -> int:
        raise NotImplementedError

    def count_credit_notes(self, account_id: str) -> int:
        return sum(note["customer"] == account_id for note in self.double.objects.get("credit_note", {}).values())

    def is_served(self, account_id: str) -> bool:
        return any(each["status"] == "active" for each in self.double.objects["subscription"].values() if each["customer"] == account_id)
