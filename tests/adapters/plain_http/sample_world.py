"""The sample service as a connected system, in this process: no server is started."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, ClassVar

import httpx

from adapters.billing.connector import BillingConnector
from adapters.billing.external_key import SystemKey
from adapters.plain_http.api_access import open_api
from adapters.plain_http.api_description import ApiDescription, load_description, parse_description
from adapters.plain_http.plain_connector import PlainHttpConnector
from adapters.shipped_files import PROJECT
from examples.billing_service.house import Entry, House, Invoice
from examples.billing_service.service import create_app
from tests.adapters.billing.connected_worlds import HouseEvent

ADDRESS = "http://house.test"
TOKEN = "sample-token"
DESCRIPTION = PROJECT / "examples" / "billing_service" / "duecourse.yaml"


class InProcess(httpx.BaseTransport):
    """Hands each request to an ASGI app. `calls` counts them."""

    def __init__(self, app: Any) -> None:
        self._transport, self.calls = httpx.ASGITransport(app), 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        return asyncio.run(self._handle(request))

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        answer = await self._transport.handle_async_request(request)
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())


def open_connector(
    description: ApiDescription, transport: httpx.BaseTransport, address: str = ADDRESS, name: str = "house", **secrets: str
) -> PlainHttpConnector:
    api = open_api(description, address, {"api_key": TOKEN, **secrets}, transport)
    return PlainHttpConnector(SystemKey.build(name, "1"), description, api, "Europe/Berlin")


class SampleWorld:
    writes_off_parts = True
    unknown: ClassVar[Mapping[HouseEvent, str]] = {HouseEvent.SEVERAL_DUE_DATES: "an invoice of the sample service has one due date"}

    def __init__(self, description: Path | str = DESCRIPTION) -> None:
        """`description`: a file, or the text of one."""
        self.house, self.today = House(), datetime.now(UTC).date()
        self.transport = InProcess(create_app(self.house, TOKEN))
        described = load_description(description) if isinstance(description, Path) else parse_description(description, "house.yaml")
        self.connector: BillingConnector = open_connector(described, self.transport)
        self._receipts: dict[str, list[Entry]] = {}

    def add_account(self, name: str) -> str:
        return self.house.add_customer(name, "books@customer.example").id

    def issue_invoice(self, account_id: str, total: int, due: date, currency: str = "EUR") -> str:
        return self.house.issue_invoice(account_id, total, due, due, currency).id

    def find_invoice(self, invoice_id: str) -> Invoice:
        return self.house.invoices[invoice_id]

    def pay(self, invoice_id: str, amount: int) -> None:
        invoice = self.find_invoice(invoice_id)
        self.house.assign(self.house.receive(invoice.customer, amount, invoice.currency, self.today), invoice)

    def receive(self, account_id: str, amount: int) -> None:
        self._receipts.setdefault(account_id, []).append(self.house.receive(account_id, amount, "EUR", self.today))

    def assign_money(self, account_id: str, invoice_id: str) -> None:
        for receipt in self._receipts.pop(account_id):
            self.house.assign(receipt, self.find_invoice(invoice_id))

    def take_payments_back(self, invoice_id: str) -> None:
        self.house.take_payments_back(self.find_invoice(invoice_id))

    def issue_in_halves(self, account_id: str, total: int, due: date) -> str:
        raise NotImplementedError

    def credit_whole(self, invoice_id: str) -> None:
        invoice = self.find_invoice(invoice_id)
        self.house.book("credit", invoice, invoice.open_amount, self.today, "a person's")

    def delete_invoice(self, invoice_id: str) -> None:
        del self.house.invoices[invoice_id]

    def count_notes(self, account_id: str) -> int:
        return sum(message.customer == account_id and message.kind == "note" for message in self.house.messages)

    def count_credit_notes(self, account_id: str) -> int:
        return sum(entry.kind == "credit" and entry.customer == account_id for entry in self.house.entries)

    def is_served(self, account_id: str) -> bool:
        return self.house.customers[account_id].is_served
