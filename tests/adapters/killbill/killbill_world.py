"""A house with a Kill Bill, of which the double stands for the server."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar

import httpx

from adapters.billing.connector import BillingConnector
from adapters.killbill.invoice_records import to_major
from adapters.killbill.killbill_api import KillBillApi, KillBillSettings
from adapters.killbill.killbill_connector import KillBillConnector
from tests.adapters.billing.connected_worlds import HouseEvent
from tests.adapters.killbill.killbill_double import KillBillDouble

SETTINGS = KillBillSettings("http://killbill.example", "admin", "password", "key", "secret", reread_minutes=0)
HEADERS = {
    "Authorization": "Basic YWRtaW46cGFzc3dvcmQ=",
    "X-Killbill-ApiKey": "key",
    "X-Killbill-ApiSecret": "secret",
    "X-Killbill-CreatedBy": "a person",
}


def open_killbill(double: httpx.BaseTransport, settings: KillBillSettings = SETTINGS) -> KillBillConnector:
    return KillBillConnector("killbill", settings, KillBillApi(settings, double))


class KillBillWorld:
    writes_off_parts = True
    unknown: ClassVar[Mapping[HouseEvent, str]] = {
        HouseEvent.SEVERAL_DUE_DATES: "Kill Bill knows no due date",
        HouseEvent.DELETED: "an invoice is made void in Kill Bill, and stays",
    }

    def __init__(self) -> None:
        self.double, self.today = KillBillDouble(), datetime.now(UTC).date()
        self.connector: BillingConnector = open_killbill(self.double)
        self._client = httpx.Client(base_url="http://killbill.example/1.0/kb/", headers=HEADERS, transport=self.double)

    def act(self, path: str, body: object, method: str = "POST") -> str:
        """What people do there; the id of what came of it."""
        answer = self._client.request(method, path, json=body)
        answer.raise_for_status()
        return str(answer.headers.get("location", "")).rstrip("/").rpartition("/")[2]

    def add_account(self, name: str) -> str:
        return self.act("accounts", {"name": name, "email": "books@customer.example", "country": "DE", "locale": "de_DE"})

    def issue_invoice(self, account_id: str, total: int, due: date, currency: str = "EUR") -> str:
        """An account gets its currency with its first invoice, and has no other."""
        self.act(f"accounts/{account_id}", {"currency": currency}, "PUT")
        self.double.now = datetime.combine(due - timedelta(SETTINGS.terms_days), time(8), UTC)
        charge = {"accountId": account_id, "amount": to_major(total, currency), "currency": currency, "description": "Service"}
        answer = self._client.post(f"invoices/charges/{account_id}?autoCommit=true", json=[charge])
        self.double.now = None
        return str(answer.raise_for_status().json()[0]["invoiceId"])

    def pay(self, invoice_id: str, amount: int) -> None:
        found = self.connector.read_invoice(invoice_id)
        self.act(f"invoices/{invoice_id}/payments?externalPayment=true", self._describe_payment(found.account_id, amount, found.currency))

    def _describe_payment(self, account_id: str, amount: int, currency: str) -> dict[str, Any]:
        return {"accountId": account_id, "purchasedAmount": to_major(amount, currency)}

    def receive(self, account_id: str, amount: int) -> None:
        raise NotImplementedError("Kill Bill uses an account's credit at once")

    def assign_money(self, account_id: str, invoice_id: str) -> None:
        raise NotImplementedError("Kill Bill uses an account's credit at once")

    def take_payments_back(self, invoice_id: str) -> None:
        for payment in [each for each in self.double.payments.values() if each["targetInvoiceId"] == invoice_id]:
            self.act(f"invoicePayments/{payment['paymentId']}/refunds?externalPayment=true", {"amount": str(payment["purchasedAmount"])})

    def issue_in_halves(self, account_id: str, total: int, due: date) -> str:
        raise NotImplementedError

    def credit_whole(self, invoice_id: str) -> None:
        found = self.double.invoices[invoice_id]
        item = found["items"][0]
        owed = to_major(self.connector.read_invoice(invoice_id).open_balance, found["currency"])
        named = {"accountId": found["accountId"], "invoiceItemId": item["invoiceItemId"]}
        self.act(f"invoices/{invoice_id}", {**named, "amount": owed, "currency": found["currency"], "description": "returned"})

    def delete_invoice(self, invoice_id: str) -> None:
        raise NotImplementedError

    def count_notes(self, account_id: str) -> int:
        return sum(field["objectId"] == account_id and field["name"] == "duecourse" for field in self.double.fields)

    def count_credit_notes(self, account_id: str) -> int:
        own = [each for each in self.double.invoices.values() if each["accountId"] == account_id]
        return sum(item["itemType"] == "ITEM_ADJ" for invoice in own for item in invoice["items"])

    def is_served(self, account_id: str) -> bool:
        own = [each for each in self.double.blocks if each["blockedId"] == account_id]
        return not own or own[-1]["isBlockEntitlement"] is False
