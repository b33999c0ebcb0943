"""A Kill Bill of our own, that answers as the real one did: what was recorded with a real 0.25.4 is replayed in it, and compared.

It has what the adapter calls and what a house does there; what the recordings do not show is of the server's published code.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx

Json = dict[str, Any]
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
WRITTEN_OFF = "00000000-0000-0000-0000-000000000004"
_NUMBER = re.compile(r'"@@([^"]*)@@"')
CHARGE = "EXTERNAL_CHARGE"


def dump(value: object) -> bytes:
    """JSON in which an amount has its decimals, and was never a float."""
    return _NUMBER.sub(r"\1", json.dumps(value, default=lambda amount: f"@@{amount}@@")).encode()


class KillBillDouble(httpx.BaseTransport):
    """One tenant. `now`: of its test clock. `next_ids`: what the next things are called, before they are called by chance."""

    def __init__(self, first_number: int = 1) -> None:
        self.now: datetime | None = None
        self.accounts: dict[str, Json] = {}
        self.invoices: dict[str, Json] = {}
        self.payments: dict[str, Json] = {}
        self.tags: list[Json] = []
        self.blocks: list[Json] = []
        self.fields: list[Json] = []
        self.next_ids: list[str] = []
        self.calls: list[tuple[str, str]] = []
        self._number = first_number

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/1.0/kb")
        self.calls.append((request.method, request.url.raw_path.decode()))
        if request.headers.get("x-killbill-apikey") != "key" or request.headers.get("x-killbill-apisecret") != "secret":
            return httpx.Response(401, html="<html>Unauthorized</html>")
        if request.headers.get("authorization") != "Basic YWRtaW46cGFzc3dvcmQ=":
            return httpx.Response(401)
        body = json.loads(request.content, parse_float=Decimal) if request.content else None
        for method, pattern, answer in self.routes():
            if method == request.method and (found := re.fullmatch(pattern, path)):
                if method != "GET" and not request.headers.get("x-killbill-createdby"):
                    return httpx.Response(400, json={"message": "Header X-Killbill-CreatedBy is missing"})
                return answer(*found.groups(), dict(request.url.params), body)
        return httpx.Response(404, html="<html>Not Found</html>")

    def routes(self) -> list[tuple[str, str, Callable[..., httpx.Response]]]:
        return [
            ("GET", "/invoices/pagination", self.list_invoices),
            ("GET", f"/invoices/({UUID})", self.read_invoice),
            ("GET", f"/invoices/({UUID})/payments", self.list_payments),
            ("GET", f"/invoices/({UUID})/tags", self.list_tags),
            ("GET", f"/invoices/({UUID})/html", self.print_invoice),
            ("GET", "/accounts/pagination", self.list_accounts),
            ("GET", "/accounts", self.find_account),
            ("GET", f"/accounts/({UUID})", self.read_account),
            ("GET", f"/accounts/({UUID})/invoices", self.list_account_invoices),
            ("GET", f"/accounts/({UUID})/block", self.list_blocks),
            ("GET", f"/accounts/({UUID})/customFields", self.list_fields),
            ("GET", "/security/permissions", lambda query, body: httpx.Response(200, json=PERMISSIONS)),
            ("GET", f"/payments/({UUID})", self.read_payment),
            ("POST", "/accounts", self.add_account),
            ("PUT", f"/accounts/({UUID})", self.change_account),
            ("POST", f"/invoices/charges/({UUID})", self.charge),
            ("POST", f"/invoices/({UUID})/payments", self.pay),
            ("POST", f"/invoicePayments/({UUID})/refunds", self.refund),
            ("POST", "/credits", self.credit),
            ("POST", f"/invoices/({UUID})", self.adjust),
            ("PUT", f"/invoices/({UUID})/voidInvoice", self.void),
            ("POST", f"/invoices/({UUID})/tags", self.add_tag),
            ("POST", f"/accounts/({UUID})/block", self.add_block),
            ("POST", f"/accounts/({UUID})/customFields", self.add_fields),
            ("POST", "/test/clock", self.set_clock),
        ]

    # --- what stands in the books

    def amounts(self, invoice: Json) -> Json:
        items = invoice["items"]
        amount = sum((item["amount"] for item in items if item["itemType"] in (CHARGE, "ITEM_ADJ")), Decimal("0.00"))
        credited = sum((item["amount"] for item in items if item["itemType"] == "CBA_ADJ"), Decimal("0.00"))
        is_closed = invoice["status"] in ("VOID", "DRAFT") or any(tag["objectId"] == invoice["invoiceId"] for tag in self.tags)
        credit_note = sum((item["amount"] for item in items if item["itemType"] == "CREDIT_ADJ"), Decimal("0.00"))
        balance = amount + credited + credit_note - invoice["paid"] - invoice["refunded"]
        return {"amount": amount, "creditAdj": credited, "refundAdj": invoice["refunded"], "balance": Decimal(0) if is_closed else balance}

    def write_invoice(self, invoice: Json, *, is_whole: bool) -> Json:
        zero = dict.fromkeys(("amount", "creditAdj", "refundAdj", "balance"), Decimal("0.00"))
        names = ("currency", "status", "invoiceId", "invoiceDate", "targetDate", "invoiceNumber", "accountId")
        return {
            **{name: invoice[name] for name in names},
            **(self.amounts(invoice) if is_whole else zero),
            "items": [dict(item) for item in invoice["items"]] if is_whole else [],
            **dict.fromkeys(("bundleKeys", "credits", "parentInvoiceId", "parentAccountId")),
            "trackingIds": [],
            "auditLogs": [],
            "isParentInvoice": False,
        }

    def write_account(self, account: Json, query: Json) -> Json:
        own = [self.amounts(each) for each in self.invoices.values() if each["accountId"] == account["accountId"]]
        used = sum((each["creditAdj"] for each in own), Decimal(0))
        asked = query.get("accountWithBalance") == "true" or query.get("accountWithBalanceAndCBA") == "true"
        cba = used if query.get("accountWithBalanceAndCBA") == "true" else None
        return {
            **account,
            "accountBalance": sum((each["balance"] for each in own), Decimal(0)) - used if asked else None,
            "accountCBA": cba,
        }

    def write_payment(self, payment: Json, *, with_target: bool) -> Json:
        return {name: value for name, value in payment.items() if with_target or name != "targetInvoiceId"}

    def make_id(self) -> str:
        return self.next_ids.pop(0) if self.next_ids else str(uuid4())

    def today(self) -> str:
        return (self.now or datetime.now(UTC)).date().isoformat()

    def moment(self) -> str:
        return f"{(self.now or datetime.now(UTC)):%Y-%m-%dT%H:%M:%S}.000Z"

    def refuse(self, status: int, code: int | None) -> httpx.Response:
        return httpx.Response(status, json={"className": "org.killbill", "code": code, "message": "…", "stackTrace": []})

    def answer(self, value: object, headers: dict[str, str] | None = None) -> httpx.Response:
        given = {"content-type": "application/json", **(headers or {})}
        return httpx.Response(200, headers=given, content=dump(value))

    def page(self, path: str, rows: list[Json], query: Json) -> httpx.Response:
        offset, limit = int(query.get("offset", 0)), int(query.get("limit", 100))
        headers = {"x-killbill-pagination-currentoffset": str(offset), "x-killbill-pagination-totalnbrecords": str(len(rows))}
        if offset + limit < len(rows):
            headers["x-killbill-pagination-nextoffset"] = str(offset + limit)
            headers["x-killbill-pagination-nextpageuri"] = f"/1.0/kb{path}?offset={offset + limit}&limit={limit}"
        return self.answer(rows[offset : offset + limit], headers)

    # --- reading

    def list_invoices(self, query: Json, body: object) -> httpx.Response:
        return self.page("/invoices/pagination", [self.write_invoice(each, is_whole=False) for each in self.invoices.values()], query)

    def read_invoice(self, invoice: str, query: Json, body: object) -> httpx.Response:
        found = self.invoices.get(invoice)
        return self.answer(self.write_invoice(found, is_whole=True)) if found else self.refuse(404, None)

    def list_payments(self, invoice: str, query: Json, body: object) -> httpx.Response:
        return self.answer(
            [self.write_payment(each, with_target=True) for each in self.payments.values() if each["targetInvoiceId"] == invoice]
        )

    def list_tags(self, invoice: str, query: Json, body: object) -> httpx.Response:
        logs = {"audit": [{"changeType": "INSERT", "changeDate": self.moment()}]} if query.get("audit") == "MINIMAL" else {"audit": []}
        return self.answer([{**tag, "auditLogs": logs["audit"]} for tag in self.tags if tag["objectId"] == invoice])

    def print_invoice(self, invoice: str, query: Json, body: object) -> httpx.Response:
        return httpx.Response(200, html=f"<html>Invoice {self.invoices[invoice]['invoiceNumber']}</html>")

    def list_accounts(self, query: Json, body: object) -> httpx.Response:
        return self.page("/accounts/pagination", [self.write_account(each, query) for each in self.accounts.values()], query)

    def find_account(self, query: Json, body: object) -> httpx.Response:
        found = [each for each in self.accounts.values() if each["externalKey"] == query["externalKey"]]
        return self.answer(self.write_account(found[0], query)) if found else self.refuse(404, 3002)

    def read_account(self, account: str, query: Json, body: object) -> httpx.Response:
        found = self.accounts.get(account)
        return self.answer(self.write_account(found, query)) if found else self.refuse(404, None)

    def list_account_invoices(self, account: str, query: Json, body: object) -> httpx.Response:
        only = query.get("unpaidInvoicesOnly") == "true"
        own = [each for each in self.invoices.values() if each["accountId"] == account]
        return self.answer([self.write_invoice(each, is_whole=only) for each in own if not only or self.amounts(each)["balance"] > 0])

    def list_blocks(self, account: str, query: Json, body: object) -> httpx.Response:
        return self.answer([each for each in self.blocks if each["blockedId"] == account])

    def list_fields(self, account: str, query: Json, body: object) -> httpx.Response:
        return self.answer([each for each in self.fields if each["objectId"] == account])

    def read_payment(self, payment: str, query: Json, body: object) -> httpx.Response:
        return self.answer(self.write_payment(self.payments[payment], with_target=False))

    # --- what people do there, and Duecourse

    def add_account(self, query: Json, body: Json) -> httpx.Response:
        if any(each["externalKey"] == body.get("externalKey") for each in self.accounts.values()):
            return self.refuse(409, 3000)
        account_id = self.make_id()
        empty = ("email", "currency", "country", "locale", "company", "phone", "notes", "timeZone")
        self.accounts[account_id] = {"externalKey": account_id, **dict.fromkeys(empty), **body, "accountId": account_id, "auditLogs": []}
        return httpx.Response(201, headers={"location": f"http://killbill.example/1.0/kb/accounts/{account_id}"})

    def change_account(self, account: str, query: Json, body: Json) -> httpx.Response:
        self.accounts[account] |= body
        return httpx.Response(204)

    def _add_invoice(self, account: str, currency: str, status: str) -> Json:
        invoice: Json = {"invoiceId": self.make_id(), "invoiceNumber": str(self._number), "accountId": account, "currency": currency}
        self._number += 1
        invoice |= {"status": status, "invoiceDate": self.today(), "targetDate": self.today(), "items": [], "paid": Decimal(0)}
        invoice["refunded"] = Decimal("0.00")
        self.invoices[invoice["invoiceId"]] = invoice
        return invoice

    def _add_item(self, invoice: Json, kind: str, amount: Decimal, description: str | None, linked: str | None = None) -> Json:
        item = {"invoiceItemId": self.make_id(), "invoiceId": invoice["invoiceId"], "linkedInvoiceItemId": linked, "itemType": kind}
        own = {"accountId": invoice["accountId"], "currency": invoice["currency"], "amount": amount, "description": description}
        invoice["items"].append(
            {**item, **own, "startDate": self.today(), "endDate": None if kind == CHARGE else self.today(), "auditLogs": []}
        )
        return invoice["items"][-1]  # type: ignore[no-any-return]

    def charge(self, account: str, query: Json, body: list[Json]) -> httpx.Response:
        if any(each["currency"] != self.accounts[account]["currency"] for each in body):
            return self.refuse(400, 4025)
        invoice = self._add_invoice(account, body[0]["currency"], "COMMITTED" if query.get("autoCommit") == "true" else "DRAFT")
        items = [self._add_item(invoice, CHARGE, _read_amount(each), each.get("description")) for each in body]
        return self.answer(items)

    def pay(self, invoice: str, query: Json, body: Json) -> httpx.Response:
        found = self.invoices[invoice]
        amount, balance = Decimal(str(body["purchasedAmount"])).quantize(Decimal("0.01")), self.amounts(found)["balance"]
        if not balance:
            return httpx.Response(204)
        if amount > balance:
            return self.refuse(400, 7199)
        found["paid"] += amount
        payment = self._add_payment(found, invoice, "PURCHASE", amount)
        return httpx.Response(201, headers={"location": f"http://killbill.example/1.0/kb/invoicePayments/{payment}/"})

    def _add_payment(self, invoice: Json, target: str | None, kind: str, amount: Decimal) -> str:
        payment_id, sums = (
            self.make_id(),
            dict.fromkeys(("authAmount", "capturedAmount", "refundedAmount", "creditedAmount", "purchasedAmount"), 0),
        )
        sums |= {"purchasedAmount" if kind == "PURCHASE" else "creditedAmount": amount}  # type: ignore[dict-item]
        transaction = {"transactionId": self.make_id(), "transactionType": kind, "effectiveDate": self.moment(), "status": "SUCCESS"}
        transaction |= {"paymentId": payment_id, "currency": invoice["currency"], "processedCurrency": invoice["currency"]}
        transaction |= {"amount": amount, "processedAmount": amount}  # type: ignore[dict-item]
        own = {
            "accountId": invoice["accountId"],
            "paymentId": payment_id,
            "paymentNumber": str(len(self.payments) + 3),
            "currency": invoice["currency"],
        }
        self.payments[payment_id] = {"targetInvoiceId": target, **own, **sums, "transactions": [transaction], "auditLogs": []}
        return payment_id

    def refund(self, payment: str, query: Json, body: Json) -> httpx.Response:
        """From outside: a payment of its own, of no invoice."""
        invoice = self.invoices[self.payments[payment]["targetInvoiceId"]]
        amount = Decimal(str(body["amount"])).quantize(Decimal("0.01"))
        invoice["refunded"] -= amount
        made = self._add_payment(invoice, None, "CREDIT", amount)
        return httpx.Response(201, headers={"location": f"http://killbill.example/1.0/kb/invoicePayments/{made}/"})

    def credit(self, query: Json, body: list[Json]) -> httpx.Response:
        """Used at once for the oldest invoice that is open."""
        (one,) = body
        amount = _read_amount(one)
        invoice = self._add_invoice(one["accountId"], one["currency"], "COMMITTED")
        item = self._add_item(invoice, "CREDIT_ADJ", -amount, one["description"])
        self._add_item(invoice, "CBA_ADJ", amount, None)
        for each in [each for each in self.invoices.values() if each["accountId"] == one["accountId"]]:
            used = min(amount, self.amounts(each)["balance"])
            if used > 0:
                self._add_item(each, "CBA_ADJ", -used, None)
                amount -= used
        return self.answer([{**item, "amount": -item["amount"]}])

    def adjust(self, invoice: str, query: Json, body: Json) -> httpx.Response:
        found, amount = self.invoices[invoice], _read_amount(body)
        item = next(each for each in found["items"] if each["invoiceItemId"] == body["invoiceItemId"])
        adjusted = sum(each["amount"] for each in found["items"] if each["linkedInvoiceItemId"] == item["invoiceItemId"])
        if amount > item["amount"] + adjusted:
            return self.refuse(400, 4020)
        self._add_item(found, "ITEM_ADJ", -amount, body.get("description"), item["invoiceItemId"])
        return httpx.Response(201, headers={"location": f"http://killbill.example/1.0/kb/invoices/{invoice}/"})

    def void(self, invoice: str, query: Json, body: object) -> httpx.Response:
        if self.invoices[invoice]["paid"]:
            return self.refuse(400, 4028)
        self.invoices[invoice]["status"] = "VOID"
        return httpx.Response(204)

    def add_tag(self, invoice: str, query: Json, body: list[str]) -> httpx.Response:
        if not any(tag["objectId"] == invoice for tag in self.tags):
            tag = {"tagId": self.make_id(), "objectType": "INVOICE", "objectId": invoice, "tagDefinitionId": body[0]}
            self.tags.append({**tag, "tagDefinitionName": "WRITTEN_OFF"})
        return httpx.Response(201, headers={"location": f"http://killbill.example/1.0/kb/invoices/{invoice}/tags"})

    def add_block(self, account: str, query: Json, body: Json) -> httpx.Response:
        own = [each for each in self.blocks if (each["blockedId"], each["service"]) == (account, body["service"])]
        if not own or own[-1]["stateName"] != body["stateName"]:
            self.blocks.append({"blockedId": account, **body, "effectiveDate": self.moment(), "type": "ACCOUNT", "auditLogs": []})
        location = f"http://killbill.example/1.0/kb/accounts/{account}/block?blockingStateTypes=ACCOUNT"
        return httpx.Response(201, headers={"location": location})

    def add_fields(self, account: str, query: Json, body: list[Json]) -> httpx.Response:
        if any(len(each["name"]) > 64 or len(each["value"]) > 255 for each in body):
            return self.refuse(500, None)
        self.fields += [
            {"customFieldId": self.make_id(), "objectId": account, "objectType": "ACCOUNT", **each, "auditLogs": []} for each in body
        ]
        return httpx.Response(201, headers={"location": f"http://killbill.example/1.0/kb/accounts/{account}/customFields"})

    def set_clock(self, query: Json, body: object) -> httpx.Response:
        self.now = datetime.fromisoformat(query["requestedDate"].replace("Z", "+00:00"))
        return self.answer({"currentUtcTime": self.moment(), "timeZone": "UTC", "localDate": self.today()})


PERMISSIONS = ["invoice:item_adjust", "tag:add", "entitlement:pause_resume", "custom_field:add"]


def _read_amount(body: Json) -> Decimal:
    return Decimal(str(body["amount"])).quantize(Decimal("0.01"))
