"""Salesforce as a connected world of the contract: what the people of the house do there."""

from collections.abc import Mapping
from datetime import date
from typing import ClassVar

from adapters.billing.connector import BillingConnector
from adapters.salesforce.salesforce_api import SalesforceApi, SalesforceSettings
from adapters.salesforce.salesforce_connector import SalesforceConnector
from adapters.salesforce.salesforce_map import load_map
from domain.money import Money
from tests.adapters.billing.connected_worlds import HouseEvent
from tests.adapters.salesforce.salesforce_double import CONSUMER_KEY, CONSUMER_SECRET, HOST, NOW, SalesforceDouble

ORG_SETTINGS = SalesforceSettings(f"https://{HOST}", CONSUMER_KEY, CONSUMER_SECRET, hold_field="Duecourse_Hold__c")


def open_salesforce(double: SalesforceDouble, settings: SalesforceSettings = ORG_SETTINGS) -> SalesforceConnector:
    fields = load_map("revenue_cloud", {}, has_one_currency=settings.currency is not None)
    return SalesforceConnector("crm", settings, fields, SalesforceApi(settings, double))


class SalesforceWorld:
    """`counts_applied`: whether the org's balances count what is applied; where they do not, they are computed."""

    writes_off_parts = False
    unknown: ClassVar[Mapping[HouseEvent, str]] = {HouseEvent.SEVERAL_DUE_DATES: "an invoice has one due date in Salesforce"}

    def __init__(self, *, counts_applied: bool) -> None:
        self.double = SalesforceDouble(counts_applied=counts_applied)
        self.connector: BillingConnector = open_salesforce(self.double, ORG_SETTINGS._replace(trusts_balance=counts_applied))
        self.today = NOW.date()
        self._received: dict[str, str] = {}

    def add_account(self, name: str) -> str:
        return self.double.add_account(name)

    def issue_invoice(self, account_id: str, total: int, due: date, currency: str = "EUR") -> str:
        return self.double.issue_invoice(account_id, Money(minor=total, currency=currency).major, due.isoformat(), currency)

    def pay(self, invoice_id: str, amount: int) -> None:
        invoice = self.double.objects["Invoice"][invoice_id]
        currency = invoice["CurrencyIsoCode"]
        payment = self.double.receive(invoice["BillingAccountId"], Money(minor=amount, currency=currency).major, currency)
        self.double.apply(payment, invoice_id)

    def receive(self, account_id: str, amount: int) -> None:
        self._received[account_id] = self.double.receive(account_id, Money(minor=amount, currency="EUR").major)

    def assign_money(self, account_id: str, invoice_id: str) -> None:
        self.double.apply(self._received.pop(account_id), invoice_id)

    def take_payments_back(self, invoice_id: str) -> None:
        for application in list(self.double.objects["PaymentLineInvoice"].values()):
            if application["InvoiceId"] == invoice_id and application["Type"] == "Applied":
                self.double.unapply("PaymentLineInvoice", application["Id"])

    def issue_in_halves(self, account_id: str, total: int, due: date) -> str:
        raise NotImplementedError

    def credit_whole(self, invoice_id: str) -> None:
        owed = self.connector.read_invoice(invoice_id)
        self.double.issue_credit_memo(invoice_id, Money(minor=owed.open_balance, currency=owed.currency).major)

    def delete_invoice(self, invoice_id: str) -> None:
        self.double.delete("Invoice", invoice_id)

    def count_notes(self, account_id: str) -> int:
        return sum(task["WhatId"] == account_id for task in self.double.objects["Task"].values())

    def count_credit_notes(self, account_id: str) -> int:
        return sum(memo["BillingAccountId"] == account_id for memo in self.double.objects["CreditMemo"].values())

    def is_served(self, account_id: str) -> bool:
        return not self.double.objects["Account"][account_id]["Duecourse_Hold__c"]
