"""The bodies of an import: invoices and their accounts, the verdict on each, and an import's run."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, Field, model_validator

from adapters.i18n.languages import Language
from adapters.imports.import_run import RejectedRow, RowWarning
from adapters.imports.open_list import MissingInvoices
from adapters.imports.row_booking import ImportVerdict
from api.schemas.amounts import Amount, PositiveAmount
from api.schemas.request_body import Day, RequestBody, example_config
from domain.accepted_texts import MAX_EMAIL_LENGTH, MAX_ID_LENGTH, MAX_NAME_LENGTH, MAX_WORD_LENGTH, find_id_fault


def _check_id(text: str) -> str:
    """Raises ValueError for what could name nothing in a page's address or on a letter."""
    bare = text.strip()
    if fault := find_id_fault(bare):
        raise ValueError(f"{bare[:MAX_ID_LENGTH]!r} {fault}")
    return bare


Identifier = Annotated[str, Field(min_length=1, max_length=MAX_ID_LENGTH), AfterValidator(_check_id)]
"""An id or a number, whatever that can be seen is in it."""


class AccountIn(RequestBody):
    """An account as it comes with an invoice: an unknown one is made, a known one takes over what is said anew."""

    id: Identifier
    name: str = Field(min_length=1, max_length=MAX_NAME_LENGTH)
    country: str = Field(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2")
    language: Language
    time_zone: str = Field(max_length=64, description="IANA name")
    email: str = Field(default="", max_length=MAX_EMAIL_LENGTH)
    collector: str = Field(default="", max_length=MAX_WORD_LENGTH)
    segment: str = Field(default="", max_length=MAX_WORD_LENGTH)


EXAMPLE_INVOICE = {
    "id": "INV-2013-0042",
    "number": "2013-0042",
    "account": {
        "id": "A-7",
        "name": "Brauerei Nord GmbH",
        "country": "DE",
        "language": "de",
        "time_zone": "Europe/Berlin",
        "email": "ap@brauerei.example",
    },
    "issue_date": "2013-02-01",
    "due_date": "2013-03-03",
    "total": {"amount": "250.00", "currency": "EUR"},
}


class InvoiceIn(RequestBody):
    model_config = example_config(**EXAMPLE_INVOICE)

    id: Identifier
    number: Identifier | None = Field(default=None, description="the id when left out")
    account: AccountIn
    issue_date: Day
    due_date: Day
    total: PositiveAmount
    open_balance: Amount | None = Field(default=None, description="the total when left out")
    disputed: bool = False

    @model_validator(mode="after")
    def _validate_currency(self) -> Self:
        if self.open_balance is not None and self.open_balance.currency != self.total.currency:
            raise ValueError(f"total and open_balance must be in one currency; write both in {self.total.currency}")
        return self


class InvoicesIn(RequestBody):
    """One or many."""

    model_config = example_config(invoices=[EXAMPLE_INVOICE])

    invoices: list[InvoiceIn] = Field(min_length=1, max_length=1000)


class InvoiceVerdict(BaseModel):
    invoice_id: str
    verdict: ImportVerdict
    reason: str = Field(description="why it was rejected, and what to write instead; or, of one that was taken, what to look at")


class InvoiceVerdicts(BaseModel):
    """A result for each invoice, in the order in which they came."""

    results: list[InvoiceVerdict]


class ClosureIn(RequestBody):
    """A confirmation that what a complete list did not have is settled elsewhere."""

    model_config = example_config(count=3)

    count: int = Field(ge=0, le=10_000_000, strict=True, description="how many invoices are missing, as the import says")


class ClosureOut(BaseModel):
    closed: int


class ImportOut(BaseModel):
    id: str | None = Field(description="null for a dry run, which leaves no trace")
    file_name: str
    dry_run: bool
    state: str
    rows: int
    verdicts: dict[str, int]
    rejected: list[RejectedRow] = Field(description="the first ones; all of them are in rejected.csv")
    warnings: list[RowWarning] = Field(default=[], description="the first rows that were taken, but should be looked at")
    notes: list[str] = Field(default=[], description="what was guessed of the file")
    held_accounts: int = Field(default=0, description="new accounts that are held for release: no letter goes to them before")
    missing: MissingInvoices = Field(
        default=MissingInvoices(), description="of a complete list: what is open here and not in the file, how many and the first few"
    )
    error: str = ""
    started_by: str
    started_at: datetime | None = Field(description="real time")
    ended_at: datetime | None = Field(description="real time")
