"""The bodies about accounts: their service, balances, contacts and invoices, and calls with the customer."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, ValidationError, WithJsonSchema, field_validator, model_validator

from adapters.correspondence.contact_changes import ContactDetails
from adapters.i18n.languages import LANGUAGE_PATTERN, LANGUAGES
from adapters.mail.mail_addresses import MailAddressError, normalise_address
from adapters.time_zones import is_time_zone
from api.schemas.amounts import Amount, PositiveAmount
from api.schemas.invoices import InvoiceSummary
from api.schemas.request_body import Day, RequestBody, example_config
from api.schemas.suspensions import SuspensionStateOut
from domain.invoice.commands import CallOutcome
from domain.money import Currency
from domain.policy.dispute_rules import DisputeReason
from domain.refusal import Refusal
from domain.roles import Role

MAX_PARTS = 100
MAX_CHOSEN = 500
"""So many invoices may be named in an act on several of an account's."""

InvoiceIds = Annotated[
    list[str], WithJsonSchema({"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MAX_PARTS}, mode="validation")
]
"""How many there may be is said in words by what has them."""

ChosenInvoices = Annotated[
    Literal["open"] | Annotated[list[str], Field(min_length=1, max_length=MAX_CHOSEN)],
    Field(description="their ids, or `open` for all that are open and under collection"),
]


class ServiceIn(RequestBody):
    model_config = example_config(prepaid=True)

    prepaid: bool = Field(description="served in advance of its money: never suspended for arrears")


class BalanceOut(BaseModel):
    """One currency's. Balances of two currencies are never added."""

    currency: str
    open_balance: Amount
    overdue: Amount
    unapplied: Amount
    open_invoices: int


class AccountSummary(BaseModel):
    id: str
    number: str = Field(description="by which people know it: the one that its billing system prints, where it has one")
    name: str
    country: str
    time_zone: str
    language: str
    segment: str
    collector: str | None
    prepaid: bool = Field(description="served in advance of its money: never suspended for arrears")
    suspended_on: date | None = Field(description="since when its service is off")
    suspension: SuspensionStateOut | None = Field(default=None, description="null: nobody asked for it")
    balances: list[BalanceOut]


class ContactOut(BaseModel):
    id: int = Field(description="by which it is removed")
    role: str
    name: str
    email: str
    phone: str
    language: str | None
    time_zone: str | None = Field(description="null: the account's")
    undeliverable_since: datetime | None = Field(description="since when its address takes no letters, in business time")


class AccountOut(AccountSummary):
    contacts: list[ContactOut]
    invoices: list[InvoiceSummary]


LetterLanguage = Annotated[str, Field(pattern=LANGUAGE_PATTERN, json_schema_extra={"enum": list(LANGUAGES)})]


class ContactIn(RequestBody):
    """Whom to write to or to call. The first billing contact of an account gets its letters."""

    model_config = example_config(
        role="billing", name="Elena Ruiz", email="ap@costa-clara.example", phone="+34 952 555 0134", language="es"
    )

    role: Literal["billing", "escalation"] = "billing"
    name: str = Field(default="", max_length=200)
    email: str = Field(default="", max_length=254, description="where letters go")
    phone: str = Field(default="", max_length=100)
    language: LetterLanguage | None = Field(default=None, description="of the letters; the account's when left out")
    time_zone: str | None = Field(default=None, description="an IANA name such as Europe/Madrid; the account's when left out")

    @field_validator("email")
    @classmethod
    def _check_email(cls, email: str) -> str:
        text = email.strip()
        if not text:
            return ""
        try:
            return normalise_address(text)
        except MailAddressError as error:
            raise ValueError(Refusal("contact.email", "{fault}", fault=error)) from error

    @field_validator("time_zone")
    @classmethod
    def _check_time_zone(cls, name: str | None) -> str | None:
        if name is not None and not is_time_zone(name):
            raise ValueError(Refusal("contact.time_zone", "is not an IANA time zone such as Europe/Berlin"))
        return name

    @model_validator(mode="after")
    def _require_a_way(self) -> "ContactIn":
        if not (self.email or self.phone.strip()):
            raise ValueError(Refusal("contact.no_way", "write an e-mail address or a phone number; nobody is reached without either"))
        return self

    def to_details(self) -> ContactDetails:
        return ContactDetails(
            role=self.role,
            name=self.name.strip(),
            email=self.email,
            phone=self.phone.strip(),
            language=self.language,
            time_zone=self.time_zone,
        )


class CallPromiseIn(RequestBody):
    """A promise to pay by a day: over these invoices, or over all that is overdue, in one currency. Without an amount it is over all that
    they owe; a smaller one is allotted to the oldest due first."""

    model_config = example_config(invoices="overdue", currency="EUR", by="2013-03-15")

    invoices: Literal["overdue"] | InvoiceIds = Field(description="their ids, or `overdue` for all that is overdue in the currency")
    currency: Currency
    amount: str | None = Field(default=None, description="a decimal string in major units")
    by: Day

    @model_validator(mode="after")
    def _check_amount(self) -> "CallPromiseIn":
        if self.amount is not None:
            try:
                PositiveAmount(amount=self.amount, currency=self.currency)
            except ValidationError as error:
                raise ValueError(error.errors()[0]["msg"].removeprefix("Value error, ")) from error
        if isinstance(self.invoices, list) and not 1 <= len(self.invoices) <= MAX_PARTS:
            raise ValueError(f"name 1 to {MAX_PARTS} invoices, or write 'overdue' for all that is overdue")
        return self

    @property
    def minor(self) -> int | None:
        """The amount in minor units."""
        return None if self.amount is None else PositiveAmount(amount=self.amount, currency=self.currency).minor


class CallDisputeIn(PositiveAmount):
    """What the customer contests of one invoice."""

    model_config = example_config(invoice_id="INV-7", amount="40.00", currency="EUR", reason="wrong_quantity", look_again_on="2013-03-15")

    invoice_id: str
    reason: DisputeReason
    comment: str = Field(default="", max_length=10_000)
    look_again_on: Day | None = Field(
        default=None, description="when to see whether it has its answer; needed where the call has no such day"
    )


class CallNoteIn(RequestBody):
    """What was said of one invoice."""

    model_config = example_config(invoice_id="INV-7", text="Wants a copy of the delivery note.")

    invoice_id: str
    text: str = Field(min_length=1, max_length=10_000)


class AccountCallIn(RequestBody):
    """A call with the customer, and all that came of it."""

    model_config = example_config(
        outcome="reached",
        contact="Mr Berg, accounts payable",
        note="Payment run is on Friday.",
        promises=[{"invoices": "overdue", "currency": "EUR", "by": "2013-03-15"}],
        disputes=[{"invoice_id": "INV-7", "amount": "40.00", "currency": "EUR", "reason": "wrong_quantity", "look_again_on": "2013-03-18"}],
    )

    outcome: CallOutcome
    contact: str = Field(default="", max_length=200, description="who was spoken to; kept beside the journal, and erased with the account")
    note: str = Field(default="", max_length=10_000)
    look_again_on: Day | None = Field(default=None, description="the account's call is due again on that day")
    promises: list[CallPromiseIn] = Field(default_factory=list, max_length=MAX_PARTS)
    disputes: list[CallDisputeIn] = Field(default_factory=list, max_length=MAX_PARTS)
    notes: list[CallNoteIn] = Field(default_factory=list, max_length=MAX_PARTS)

    @property
    def again_on(self) -> date | None:
        """The day on which the account is called again: the first that is named, for the whole call or for a dispute."""
        return min((day for day in (self.look_again_on, *(each.look_again_on for each in self.disputes)) if day), default=None)


class CallPartOut(BaseModel):
    """One command to one invoice. `part` is the pointer to what asked for it, empty for the call itself; `promise_id` is shared by
    the parts of a promise. A part that the case refused in this very moment says why."""

    part: str
    invoice_id: str
    act_id: str
    promise_id: str | None = None
    recorded: Literal["now", "will be applied", "refused"]
    reason: str = ""


class AccountCallAnswer(BaseModel):
    act_id: str
    recorded: Literal["now", "will be applied"] = Field(description="`will be applied`: some part waits for a worker, and is applied once")
    parts: list[CallPartOut]


class AccountPauseIn(RequestBody):
    """A pause of several of an account's invoices; `open` are all that are not paused."""

    model_config = example_config(invoices="open", reason="goods are being checked", until="2013-03-20")

    invoices: ChosenInvoices
    reason: str = Field(min_length=1, max_length=200, description="kept in the journal for ever: name no person")
    until: Day | None = Field(default=None, description="until someone resumes when left out")


class AccountResumeIn(RequestBody):
    """The end of the pauses; `open` are all that are paused."""

    model_config = example_config(invoices="open")

    invoices: ChosenInvoices


class AccountEscalationIn(RequestBody):
    """An escalation of several of an account's invoices, to one role, with one comment."""

    model_config = example_config(invoices=["INV-7", "INV-9"], role="sales", comment="The customer says that you promised a discount.")

    invoices: ChosenInvoices
    role: Role
    comment: str = Field(min_length=1, max_length=10_000)


class AccountActPartOut(BaseModel):
    """What became of the command to one invoice. One that was refused says why, and stopped no other."""

    invoice_id: str
    invoice_number: str
    act_id: str
    recorded: Literal["now", "will be applied", "refused"]
    reason: str = ""


class AccountActAnswer(BaseModel):
    act_id: str
    recorded: Literal["now", "will be applied"] = Field(description="`will be applied`: some part waits for a worker, and is applied once")
    parts: list[AccountActPartOut]


class AccountNoteIn(RequestBody):
    """A note about the account or, with an `invoice_id`, about one of its invoices, settled ones too."""

    model_config = example_config(text="Moves to a new building in May.")

    text: str = Field(min_length=1, max_length=10_000)
    invoice_id: str | None = None


class AccountNoteOut(BaseModel):
    id: str
    invoice_id: str | None
    invoice_number: str | None
    author: str
    text: str = Field(description="empty once the account's personal details were erased")
    written_at: datetime
