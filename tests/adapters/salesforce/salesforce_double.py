"""A Salesforce org of our own for tests, in one process, written from the published reference of its REST API, its objects and its queries.

It does what has hurt others: a record of an application that was taken back stays, and another says so; the balance of an invoice counts
what is applied or does not, by the org; an org of one currency has no field for it; moments are of whole seconds; what is deleted is in the
recycle bin; the text of a task cannot be searched; sessions end; the general addresses for signing in know no app.
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import requests
from requests.adapters import BaseAdapter

Body = dict[str, Any]
HOST, CONSUMER_KEY, CONSUMER_SECRET = "lindenhof.my.salesforce.com", "3MVG9-consumer", "consumer-secret"
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
VERSION = "66.0"
_QUERY = re.compile(
    r"SELECT (?P<fields>.+?) FROM (?P<object>\w+)(?: WHERE (?P<where>.+?))?(?: ORDER BY (?P<order>.+?))?(?: LIMIT (?P<limit>[0-9]+))?"
)
_CONDITION = re.compile(r"(?P<field>[\w.]+) (?P<operator>=|!=|>=|<=|>|<|IN|LIKE) (?P<value>\(.*\)|'(?:[^'\\]|\\.)*'|[^ ]+)")
_TEXT = re.compile(r"'((?:[^'\\]|\\.)*)'")
_COMMON = "Id CreatedDate SystemModstamp IsDeleted"
FIELDS = {
    kind: set(f"{_COMMON} {names}".split())
    for kind, names in {
        "Organization": "Name IsSandbox",
        "Account": "Name BillingCountry Duecourse_Hold__c Notes__c",
        "Contact": "AccountId Email",
        "Invoice": "DocumentNumber BillingAccountId BillToContactId InvoiceDate DueDate Status TotalAmountWithTax Balance CurrencyIsoCode",
        "Payment": "AccountId Amount Balance EffectiveDate Status PaymentNumber CurrencyIsoCode",
        "CreditMemo": "BillingAccountId Balance CreditDate Status DocumentNumber CurrencyIsoCode",
        "PaymentLineInvoice": "PaymentId InvoiceId Amount AppliedDate Type HasBeenUnapplied",
        "CreditMemoInvApplication": "CreditMemoId InvoiceId Amount AppliedDate Type HasBeenUnapplied",
        "Task": "WhatId WhoId Subject Description Status TaskSubtype",
        "Case": "AccountId Subject Description Origin Status Product__c",
    }.items()
}
SEARCHED = {"Task": {"Description"}, "Case": {"Description"}}
"""Long texts, by which no query can filter."""


class SalesforceRefusal(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class SalesforceDouble(BaseAdapter):
    """What the house's own people do in Salesforce are its methods; what comes over HTTP is answered by `send`. `counts_applied`: whether
    the balance of an invoice is less by what is applied to it. `has_currencies`: whether the org has several."""

    def __init__(self, *, counts_applied: bool = True, has_currencies: bool = True) -> None:
        super().__init__()
        self.now, self.tick = NOW, timedelta(milliseconds=400)
        self.counts_applied, self.has_currencies = counts_applied, has_currencies
        self.objects: dict[str, dict[str, Body]] = {name: {} for name in FIELDS}
        self.objects["Organization"] = {"00D000000000001AAA": {"Id": "00D000000000001AAA", "Name": "Lindenhof", "IsSandbox": True}}
        self.read_only: set[str] = set()
        self.picklists: dict[tuple[str, str], tuple[tuple[str, ...], bool]] = {}
        """By object and field: the values, and whether it takes no others."""
        self.required: set[tuple[str, str]] = set()
        """Objects and fields that must be given."""
        self.public_key: str | None = None
        self.sessions: set[str] = set()
        self.sign_ins = 0
        self.page_size = 2_000
        self.calls: list[str] = []
        self.plans: list[Callable[[requests.PreparedRequest], requests.Response | None]] = []
        self.lost_answers = 0
        self._numbers, self._pages = count(1), dict[str, list[Body]]()

    # --- what is kept

    def _add(self, kind: str, **values: Any) -> str:
        self.now += self.tick
        record_id = f"{kind[:3].lower()}{next(self._numbers):012d}AAA"
        moment = write_moment(self.now)
        record = {"Id": record_id, "CreatedDate": moment, "SystemModstamp": moment, "IsDeleted": False, **values}
        if not self.has_currencies:
            record.pop("CurrencyIsoCode", None)
        self.objects[kind][record_id] = record
        return record_id

    def touch(self, record: Body) -> None:
        self.now += self.tick
        record["SystemModstamp"] = write_moment(self.now)

    # --- what people do there

    def add_account(self, name: str, email: str | None = "books@customer.example", country: str = "DE") -> str:
        account = self._add("Account", Name=name, BillingCountry=country, Duecourse_Hold__c=False)
        if email:
            self.add_contact(account, email)
        return account

    def add_contact(self, account: str, email: str | None) -> str:
        return self._add("Contact", AccountId=account, Email=email)

    def issue_invoice(self, account: str, total: Decimal, due: str, currency: str = "EUR", **values: Any) -> str:
        number = f"DC-{next(self._numbers):06d}"
        invoice = {
            "DocumentNumber": number,
            "BillingAccountId": account,
            "BillToContactId": None,
            "InvoiceDate": "2026-10-01",
            "DueDate": due,
            "Status": "Posted",
            "TotalAmountWithTax": total,
            "Balance": total,
            "CurrencyIsoCode": currency,
        }
        return self._add("Invoice", **(invoice | values))

    def receive(self, account: str, amount: Decimal, currency: str = "EUR") -> str:
        """A payment of which no invoice has anything."""
        return self._add(
            "Payment",
            AccountId=account,
            Amount=amount,
            Balance=amount,
            EffectiveDate=write_moment(self.now),
            Status="Processed",
            PaymentNumber=f"PAY-{next(self._numbers)}",
            CurrencyIsoCode=currency,
        )

    def apply(self, payment: str, invoice: str, amount: Decimal | None = None) -> None:
        """What the invoice still needs of it."""
        source = self.objects["Payment"][payment]
        used = min(source["Balance"], self._owed(invoice)) if amount is None else amount
        self._apply("PaymentLineInvoice", "PaymentId", "Payment", payment, invoice, used)

    def issue_credit_memo(self, invoice: str, amount: Decimal) -> str:
        of = self.objects["Invoice"][invoice]
        memo = self._add(
            "CreditMemo",
            BillingAccountId=of["BillingAccountId"],
            Balance=amount,
            CreditDate=self.now.date().isoformat(),
            Status="Posted",
            DocumentNumber=f"CM-{next(self._numbers)}",
            CurrencyIsoCode=of.get("CurrencyIsoCode"),
        )
        self._apply("CreditMemoInvApplication", "CreditMemoId", "CreditMemo", memo, invoice, amount)
        return memo

    def _apply(self, kind: str, named: str, source: str, source_id: str, invoice: str, amount: Decimal) -> None:
        applied_on = write_moment(self.now)
        values = {named: source_id, "InvoiceId": invoice, "Amount": amount, "AppliedDate": applied_on, "HasBeenUnapplied": "No"}
        self._add(kind, Type="Applied", **values)
        self._count(source, source_id, invoice, -amount)

    def unapply(self, kind: str, application_id: str) -> None:
        """The first record stays as it is but for a flag, and another one says that it no longer counts."""
        application = self.objects[kind][application_id]
        application["HasBeenUnapplied"] = "Yes"
        named, source = ("PaymentId", "Payment") if kind == "PaymentLineInvoice" else ("CreditMemoId", "CreditMemo")
        copied = {name: application[name] for name in (named, "InvoiceId", "Amount", "AppliedDate")}
        self._add(kind, Type="Unapplied", HasBeenUnapplied="No", **copied)
        self._count(source, application[named], application["InvoiceId"], application["Amount"])

    def _count(self, source: str, source_id: str, invoice_id: str, change: Decimal) -> None:
        self.objects[source][source_id]["Balance"] += change
        invoice = self.objects["Invoice"][invoice_id]
        if self.counts_applied:
            invoice["Balance"] += change
            self.touch(invoice)

    def _owed(self, invoice: str) -> Decimal:
        rows = [
            *(each for each in self.objects["PaymentLineInvoice"].values() if each["InvoiceId"] == invoice),
            *(each for each in self.objects["CreditMemoInvApplication"].values() if each["InvoiceId"] == invoice),
        ]
        applied = sum((each["Amount"] * (1 if each["Type"] == "Applied" else -1) for each in rows), Decimal(0))
        return Decimal(self.objects["Invoice"][invoice]["TotalAmountWithTax"]) - applied

    def delete(self, kind: str, record_id: str) -> None:
        record = self.objects[kind][record_id]
        record["IsDeleted"] = True
        self.touch(record)

    def end_sessions(self) -> None:
        self.sessions.clear()

    # --- over HTTP

    def close(self) -> None:
        pass

    def send(self, request: requests.PreparedRequest, *_: Any, timeout: object = None, **__: Any) -> requests.Response:
        assert timeout, "a request without an end"
        if self.plans and (planned := self.plans.pop(0)(request)) is not None:
            return planned
        parts = urlsplit(request.url or "")
        try:
            status, body = self._answer(
                request, str(parts.hostname), parts.path, {key: each[0] for key, each in parse_qs(parts.query).items()}
            )
        except SalesforceRefusal as refusal:
            status, body = refusal.status, [{"errorCode": refusal.code, "message": str(refusal)}]
        if request.method == "POST" and "/sobjects/" in parts.path and self.lost_answers:
            self.lost_answers -= 1
            raise requests.ReadTimeout("the answer is lost")
        return build_answer(request, status, body)

    def _answer(self, request: requests.PreparedRequest, host: str, path: str, query: Mapping[str, str]) -> tuple[int, object]:
        if path == "/services/oauth2/token":
            return self._sign_in(request, host)
        self.calls.append(f"{request.method} {path}")
        token = str(request.headers["Authorization"]).removeprefix("Bearer ")
        if token not in self.sessions:
            raise SalesforceRefusal(401, "INVALID_SESSION_ID", "Session expired or invalid")
        place = path.partition(f"/services/data/v{VERSION}/")[2].strip("/").split("/")
        match request.method, place:
            case "GET", ["query" | "queryAll" as kind]:
                return 200, self._query(query["q"], with_deleted=kind == "queryAll")
            case "GET", ["query", page]:
                return 200, self._show_page(self._pages.pop(page))
            case "GET", ["sobjects", kind, "describe"]:
                return 200, self._describe(kind)
            case "POST", ["sobjects", kind]:
                return 201, {"id": self._create(kind, read_body(request)), "success": True, "errors": []}
            case "PATCH", ["sobjects", kind, record_id]:
                record = self.objects[kind][record_id]
                record |= read_body(request)
                self.touch(record)
                return 204, None
        raise SalesforceRefusal(404, "NOT_FOUND", "The requested resource does not exist")

    def _sign_in(self, request: requests.PreparedRequest, host: str) -> tuple[int, object]:
        self.sign_ins += 1
        form = {key: each[0] for key, each in parse_qs(str(request.body)).items()}
        if host != HOST:
            return 400, {"error": "invalid_grant", "error_description": "app_not_found"}
        if form["grant_type"] == "client_credentials":
            expected = base64.b64encode(f"{CONSUMER_KEY}:{CONSUMER_SECRET}".encode()).decode()
            is_right = request.headers["Authorization"] == f"Basic {expected}"
        else:
            claims = jwt.decode(form["assertion"], str(self.public_key), algorithms=["RS256"], audience=f"https://{HOST}")
            is_right = (claims["iss"], claims["sub"]) == (CONSUMER_KEY, "duecourse@lindenhof.example")
        if not is_right:
            return 400, {"error": "invalid_client", "error_description": "invalid client credentials"}
        token = f"session-{self.sign_ins}"
        self.sessions.add(token)
        return 200, {"access_token": token, "instance_url": f"https://{HOST}", "token_type": "Bearer"}

    def _list_fields(self, kind: str) -> set[str]:
        if kind not in FIELDS:
            raise SalesforceRefusal(400, "INVALID_TYPE", f"sObject type '{kind}' is not supported.")
        return FIELDS[kind] - (set() if self.has_currencies else {"CurrencyIsoCode"})

    def _describe(self, kind: str) -> Body:
        known = self._list_fields(kind)
        fields = [self._describe_field(kind, name) for name in known]
        return {"name": kind, "createable": kind not in self.read_only, "fields": fields}

    def _describe_field(self, kind: str, name: str) -> Body:
        is_open, is_flag = kind not in self.read_only, name.endswith("Hold__c")
        values, is_strict = self.picklists.get((kind, name), ((), False))
        return {
            "name": name,
            "type": "picklist" if values else "boolean" if is_flag else "string",
            "updateable": is_open,
            "createable": is_open,
            "nillable": (kind, name) not in self.required,
            "defaultedOnCreate": False,
            "restrictedPicklist": is_strict,
            "picklistValues": [{"value": value, "active": True} for value in values],
        }

    def _create(self, kind: str, values: Body) -> str:
        if kind in self.read_only:
            raise SalesforceRefusal(403, "INSUFFICIENT_ACCESS_OR_READONLY", f"entity type cannot be inserted: {kind}")
        assert len(values["Subject"]) <= 255
        for name, value in values.items():
            allowed, is_strict = self.picklists.get((kind, name), ((), False))
            if is_strict and value not in allowed:
                raise SalesforceRefusal(400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", f"bad value for restricted picklist field: {value}")
        if missing := sorted(name for owner, name in self.required if owner == kind and name not in values):
            raise SalesforceRefusal(400, "REQUIRED_FIELD_MISSING", f"Required fields are missing: {missing}")
        return self._add(kind, **values)

    def _query(self, text: str, *, with_deleted: bool) -> Body:
        found = _QUERY.fullmatch(text)
        assert found is not None, text
        kind, known = found["object"], self._list_fields(found["object"])
        fields = [field.strip() for field in found["fields"].split(",")]
        conditions = [match.groupdict() for match in _CONDITION.finditer(found["where"] or "")]
        for field in (*fields, *(condition["field"] for condition in conditions)):
            if field not in known:
                raise SalesforceRefusal(400, "INVALID_FIELD", f"No such column '{field}' on entity '{kind}'.")
        for condition in conditions:
            if condition["field"] in SEARCHED.get(kind, ()):
                raise SalesforceRefusal(400, "INVALID_FIELD", f"field '{condition['field']}' can not be filtered in a query call")
        rows = [row for row in self.objects[kind].values() if with_deleted or not row.get("IsDeleted")]
        rows = [row for row in rows if all(is_met(row, **condition) for condition in conditions)]
        for order in reversed((found["order"] or "Id").split(",")):
            name, _, way = order.strip().partition(" ")
            rows.sort(key=lambda row: str(row.get(name)), reverse=way == "DESC")
        rows = rows[: int(found["limit"] or 50_000)]
        return self._show_page([{field: row.get(field) for field in fields} for row in rows])

    def _show_page(self, rows: list[Body]) -> Body:
        first, rest = rows[: self.page_size], rows[self.page_size :]
        page: Body = {"totalSize": len(rows), "done": not rest, "records": [{"attributes": {"type": "x"}, **row} for row in first]}
        if rest:
            name = f"01g-{next(self._numbers)}"
            self._pages[name] = rest
            page["nextRecordsUrl"] = f"/services/data/v{VERSION}/query/{name}"
        return page


def write_moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def read_body(request: requests.PreparedRequest) -> Body:
    body: Body = json.loads(str(request.body, "utf-8") if isinstance(request.body, bytes) else str(request.body or "{}"))
    return body


def build_answer(request: requests.PreparedRequest, status: int, body: object, **headers: str) -> requests.Response:
    answer = requests.Response()
    answer.status_code, answer.request, answer.url = status, request, str(request.url)
    answer.headers["content-type"] = "application/json;charset=UTF-8"
    answer.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    answer._content = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body, default=float).encode()
    return answer


def is_met(row: Body, field: str, operator: str, value: str) -> bool:
    actual = row.get(field)
    if operator == "IN":
        return actual in [re.sub(r"\\(.)", r"\1", text) for text in _TEXT.findall(value)]
    wanted: object = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith("'") else None if value == "null" else value
    if operator == "LIKE":
        return str(actual).startswith(str(wanted).removesuffix("%"))
    if operator in ("=", "!="):
        return (actual == wanted) is (operator == "=")
    if isinstance(actual, Decimal | int):
        left, right = Decimal(actual), Decimal(str(wanted))
        return left > right if operator == ">" else left >= right
    if isinstance(wanted, str) and wanted.endswith("Z"):
        wanted = wanted.replace("Z", ".000+0000")
    compared = (str(actual) > str(wanted)) - (str(actual) < str(wanted))
    return {">": compared > 0, ">=": compared >= 0, "<": compared < 0, "<=": compared <= 0}[operator]
