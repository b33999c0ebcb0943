"""The description of an API: where its invoices are, how its lists are paged, what each field is called, and how things are booked there.

Written as YAML by people who know the API, in the language of the import mappings: a field's source is a path such as `customer.id`, a
constant, a template or a lookup.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from adapters.imports.cell_parsing import parse_date, to_strptime_format
from adapters.imports.column_mapping import ColumnSource, FieldSource
from adapters.plain_http.request_templates import BOOKING_WORDS, find_template_fault
from adapters.text_files import read_text_file
from domain.digits import parse_digits
from domain.errors import OperatingError
from domain.yaml_document import YamlDocument, keep_scalar_text


class ApiDescriptionError(OperatingError):
    """A description that cannot be used. One line per mistake: `file:line: what is wrong; what to write instead`."""

    title = "The description of the billing system's API cannot be used"
    problem_type = "api-description"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _parse_number(value: object) -> object:
    number = parse_digits(value) if isinstance(value, str) else None
    return value if number is None else number


def _parse_truth(value: object) -> object:
    return {"yes": True, "true": True, "no": False, "false": False}.get(value, value) if isinstance(value, str) else value


Number = Annotated[int, BeforeValidator(_parse_number)]
Truth = Annotated[bool, BeforeValidator(_parse_truth)]
SecretName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$", description="of a secret, which stands elsewhere")]


class BasicSignIn(_Part):
    user: str
    password: SecretName


class ClientCredentials(_Part):
    """`send_as`: where the client's id and secret stand in the call for a token."""

    token_path: str
    client_id: str
    client_secret: SecretName
    scope: str | None = None
    send_as: Literal["header", "body"] = "header"


class SignIn(_Part):
    """`headers`: by name, the secret that each has."""

    basic: BasicSignIn | None = None
    bearer: SecretName | None = None
    headers: dict[str, SecretName] = {}
    client_credentials: ClientCredentials | None = None

    @model_validator(mode="after")
    def _check_one_authorization(self) -> Self:
        given = [name for name in ("basic", "bearer", "client_credentials") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} both fill the header Authorization; keep one of them")
        return self

    def list_secrets(self) -> list[str]:
        own = [self.basic.password] if self.basic else [self.bearer] if self.bearer else []
        fetched = [self.client_credentials.client_secret] if self.client_credentials else []
        return [*own, *fetched, *self.headers.values()]


class Paging(_Part):
    """How the next page is asked for.

    `by`: `offset` (how many rows come before it), `page` (its number), `cursor` (what this page or its header says, or a field of its last
    row), `link` (an address in this page), `link_header` (RFC 8288), or `none`: all is one page. A list ends with a page that has no rows,
    or where `more` or `next` says so: a server may give smaller pages than it was asked for.
    """

    by: Literal["offset", "page", "cursor", "link", "link_header", "none"] = "none"
    parameter: str | None = None
    size_parameter: str | None = None
    size: Number = Field(100, ge=2, le=1000)
    first: Number = Field(1, ge=0, le=1, description="the number of the first page")
    next: str | None = Field(None, description="where in the page the next cursor or link stands")
    next_header: str | None = None
    last_row: str | None = Field(None, description="the field of a page's last row that is the next cursor")
    more: str | None = Field(None, description="where the page says whether there is another")

    @model_validator(mode="after")
    def _check_complete(self) -> Self:
        if self.by in ("offset", "page", "cursor") and self.parameter is None:
            raise ValueError(f"paging by {self.by} needs a 'parameter': the name under which the API takes it")
        told = [name for name in ("next", "next_header", "last_row") if getattr(self, name) is not None]
        if self.by == "cursor" and len(told) != 1:
            raise ValueError("paging by cursor needs one of 'next', 'next_header' and 'last_row': where the next cursor stands")
        if self.by == "link" and self.next is None:
            raise ValueError("paging by link needs 'next': where in the page the link to the next one stands")
        return self


class Listing(_Part):
    """A list of the API. `rows`: where in a page its rows stand; nothing, where the page is the list."""

    path: str
    query: dict[str, str] = {}
    rows: str = ""
    paging: Paging = Paging()


class OneObject(_Part):
    """One object by its id. `row`: where in the answer it stands."""

    path: str
    query: dict[str, str] = {}
    row: str = ""


class Changes(_Part):
    """How the list is asked for what was changed since a moment. `field`: where a row has the moment of its last change. `sorted`: the list
    comes in the order of these moments, the earliest first. `overlap_minutes`: how long a change may take until it can be seen."""

    parameter: str
    field: str
    moments: Literal["iso", "seconds", "milliseconds"] = "iso"
    sorted: Truth = False
    overlap_minutes: Number = Field(10, ge=0, le=1440)


class DuePartFields(_Part):
    due_date: ColumnSource
    amount: ColumnSource
    open_amount: ColumnSource


class DuePartRows(_Part):
    rows: str
    fields: DuePartFields


class SettlementFields(_Part):
    id: ColumnSource
    amount: ColumnSource
    on: ColumnSource
    reference: ColumnSource | None = None


class SettlementRows(_Part):
    """A list in the invoice's row of what it was paid, credited or written off by."""

    rows: str
    kind: Literal["payment", "credit_note", "write_off"] = "payment"
    fields: SettlementFields


class InvoiceFields(_Part):
    """`terms_days`: of an invoice without a due date, in how many days it is due."""

    id: ColumnSource
    account_id: ColumnSource
    number: ColumnSource
    issue_date: ColumnSource
    currency: ColumnSource
    total: ColumnSource
    due_date: ColumnSource | None = None
    terms_days: ColumnSource | None = None
    open_balance: ColumnSource | None = None
    paid_amount: ColumnSource | None = None
    status: ColumnSource | None = None
    reference: ColumnSource | None = None
    payment_link: ColumnSource | None = None
    ledger_currency: ColumnSource | None = None

    @model_validator(mode="after")
    def _check_balance_and_term(self) -> Self:
        if (self.open_balance is None) == (self.paid_amount is None):
            raise ValueError("map one of open_balance and paid_amount: what is still owed, or what was paid by now")
        if self.due_date is None and self.terms_days is None:
            raise ValueError("map due_date, or terms_days: in how many days an invoice is due, such as {constant: 30}")
        return self


StatusWord = Literal["open", "paid", "credited", "cancelled", "written_off", "not_chased"]


class InvoiceList(Listing):
    """`one`: an invoice by its id. `read_each`: the list has not all fields, or not the right ones; each invoice is read for itself.
    `open`: what is asked beside the query for those of which something is owed. `whole_every_minutes`: how often all is read where the API
    cannot be asked what was changed."""

    one: OneObject
    read_each: Truth = False
    open: dict[str, str] = {}
    changes: Changes | None = None
    whole_every_minutes: Number = Field(60, ge=0, le=10_080)
    fields: InvoiceFields
    statuses: dict[str, StatusWord] = {}
    due_parts: DuePartRows | None = None
    settlements: tuple[SettlementRows, ...] = ()

    @model_validator(mode="after")
    def _check_statuses(self) -> Self:
        if (self.fields.status is None) != (not self.statuses):
            raise ValueError("the field status and the list 'statuses' go together: what each word of the API means")
        return self


class AccountFields(_Part):
    name: ColumnSource
    number: ColumnSource | None = Field(None, description="the customer's, as the system prints it")
    email: ColumnSource | None = None
    country: ColumnSource | None = None
    language: ColumnSource | None = None
    suspended: ColumnSource | None = None


class AccountObject(OneObject):
    fields: AccountFields


class CreditFields(_Part):
    id: ColumnSource
    account_id: ColumnSource
    currency: ColumnSource
    amount: ColumnSource
    on: ColumnSource
    reference: ColumnSource | None = None
    credit_note: ColumnSource | None = Field(None, description="yes where it is a credit note; a payment otherwise")


class CreditList(Listing):
    fields: CreditFields


class FoundBooking(Listing):
    """How it is found out whether something was booked before. `key`: where a row has the key it was booked with."""

    key: str
    id: str = "id"
    amount: str | None = None
    invoice: str | None = None


class RequestTemplate(_Part):
    """A request. `{word}` stands for what is booked; `body` is JSON as text, in which a number stands bare. `id`: where the answer says
    what was booked. `idempotency_header`: the header by which the API knows a request that comes again."""

    method: Literal["POST", "PUT", "PATCH"] = "POST"
    path: str
    query: dict[str, str] = {}
    headers: dict[str, str] = {}
    body: str | None = None
    id: str = "id"
    idempotency_header: str | None = None


class DescribedBooking(_Part):
    find: FoundBooking | None = None
    request: RequestTemplate

    def list_texts(self) -> Iterator[str]:
        for part in (self.find, self.request):
            if part is not None:
                yield from (part.path, *part.query.values())
        yield from self.request.headers.values()


class Bookings(_Part):
    """What the API can be told. What is left out becomes a task for a person."""

    credit_note: DescribedBooking | None = None
    write_off: DescribedBooking | None = None
    suspend: DescribedBooking | None = None
    reinstate: DescribedBooking | None = None
    note: DescribedBooking | None = None

    @model_validator(mode="after")
    def _check_bookings(self) -> Self:
        for name in type(self).model_fields:
            booking = getattr(self, name)
            if booking is not None and (fault := _find_booking_fault(name, booking)):
                raise ValueError(fault)
        return self


def _find_booking_fault(name: str, booking: DescribedBooking) -> str | None:
    if booking.find is None:
        if name in ("credit_note", "write_off"):
            return f"{name} needs 'find': it is looked for before it is booked, so that nothing is booked twice"
        if booking.request.idempotency_header is None:
            return f"{name} needs 'find' or an 'idempotency_header', so that nothing is done twice"
    elif name in ("credit_note", "write_off") and not (booking.find.amount and booking.find.invoice):
        return f"{name}.find needs 'amount' and 'invoice': where a row says of which invoice it is, and how much"
    for text in booking.list_texts():
        if fault := find_template_fault(text, BOOKING_WORDS[name]):
            return f"{name}: {fault}"
    if fault := find_template_fault(booking.request.body or "", BOOKING_WORDS[name], is_json=booking.request.body is not None):
        return f"{name}.request.body: {fault}"
    return None


class ApiDescription(_Part):
    """`amounts`: in which form amounts come: `decimal` (12.34 as a number or text) or `minor` (1234 cents). `decimal`: the mark of amounts
    that come as text. `terms`: what a refusal says stands at `reason`."""

    api: str
    title: str = ""
    sign_in: SignIn = SignIn()
    headers: dict[str, str] = {}
    reason: str = "message"
    amounts: Literal["decimal", "minor"] = "decimal"
    decimal: Literal["point", "comma"] = "point"
    dates: tuple[str, ...] = ("YYYY-MM-DD",)
    true_words: tuple[str, ...] = ("yes", "true", "1", "y")
    invoices: InvoiceList
    accounts: AccountObject
    credits: CreditList | None = None
    document: OneObject | None = None
    bookings: Bookings = Bookings()

    @model_validator(mode="after")
    def _check_dates(self) -> Self:
        for written in self.dates:
            if parse_date("", (written,)) or not re.search("%|YY", to_strptime_format(written)):
                raise ValueError(f"{written!r} is no date format; write for example 'DD.MM.YYYY' or 'YYYY-MM-DD'")
        return self

    @model_validator(mode="after")
    def _check_paths(self) -> Self:
        for place, text, words in (
            ("invoices.one.path", self.invoices.one.path, {"invoice"}),
            ("accounts.path", self.accounts.path, {"account"}),
            ("document.path", self.document.path if self.document else "", {"invoice"}),
        ):
            if fault := find_template_fault(text, words):
                raise ValueError(f"{place}: {fault}")
        if "{invoice}" not in "".join((self.invoices.one.path, *self.invoices.one.query.values())):
            raise ValueError("invoices.one names no {invoice}; write for example /invoices/{invoice}")
        if "{account}" not in "".join((self.accounts.path, *self.accounts.query.values())):
            raise ValueError("accounts names no {account}; write for example /customers/{account}")
        return self


def parse_description(text: str, file: str) -> ApiDescription:
    """Raises ApiDescriptionError."""
    return YamlDocument(text, file, "api: my-billing-system", ApiDescriptionError, keep_scalar_text).parse_model(ApiDescription)


def load_description(file: Path) -> ApiDescription:
    """Raises ApiDescriptionError, also when there is no such file."""
    return parse_description(read_text_file(file, ApiDescriptionError), str(file))


def list_sources(fields: BaseModel) -> Mapping[str, FieldSource]:
    """The fields that are mapped, and their sources."""
    found: dict[str, Any] = {name: getattr(fields, name) for name in type(fields).model_fields}
    return {name: source for name, source in found.items() if source is not None}
