"""The database's tables. SQLite and PostgreSQL take the same ones.

Amounts are in minor units of the currency beside them. Times are UTC; a column says in its name or comment when it is real time
(`recorded_at`, `created_at`) and is business time otherwise. No object of these classes ever enters a workflow.
"""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Dialect, ForeignKey, Index, Integer, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.types import JSON, TypeDecorator
from sqlmodel import Field, SQLModel

from adapters.database.append_only import APPEND_ONLY
from adapters.database.row_states import (
    AllocationCause,
    ContactRequestState,
    DigestState,
    ImportState,
    MessageState,
    TaskState,
    TokenKind,
    WaitingNoticeState,
)
from domain.billing.billing_events import InvoiceStatus
from domain.correspondence.naming import NamedAs


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC: SQLite forgets the zone, this gives it back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or value.tzinfo is not None:
            return value if value is None else value.astimezone(UTC)
        return value.replace(tzinfo=UTC)


RowId = BigInteger().with_variant(Integer, "sqlite")


class Account(SQLModel, table=True):
    __tablename__ = "accounts"
    id: str = Field(primary_key=True)
    number: str = Field(default="", description="by which the customer knows it, where that is not its id; as a connected system prints it")
    name: str
    country: str = Field(description="ISO 3166-1 alpha-2, for its public holidays")
    time_zone: str = Field(description="IANA name")
    language: str = Field(description="en, de, fr or es")
    segment: str = "standard"
    policy_segment: str | None = Field(default=None, description="by a credit verdict: the segment whose policy applies instead")
    collector: str | None = Field(default=None, index=True)
    prepaid: bool = Field(default=False, description="served only while its money lasts: it is never suspended for arrears")
    suspended_on: date | None = Field(default=None, description="since when its service is off")


class ServiceChange(SQLModel, table=True):
    """What was asked of an account's service, and what came of it. Append-only; the key makes each once."""

    __tablename__ = "service_changes"
    key: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="accounts.id", index=True)
    what: str = Field(description="suspended, reinstated, or not_in_arrears: a suspension that was asked for too late")
    at: datetime = Field(sa_type=UtcDateTime)
    recorded_by: str = "duecourse"


class Contact(SQLModel, table=True):
    """Whom to write to. The first billing contact of an account gets its letters, in the contact's language if it has one."""

    __tablename__ = "contacts"
    __table_args__ = (UniqueConstraint("account_id", "role", "email"),)
    id: int | None = Field(default=None, sa_column=Column(RowId, primary_key=True, autoincrement=True))
    account_id: str = Field(foreign_key="accounts.id", index=True)
    role: str = Field(default="billing", description="billing or escalation")
    name: str = ""
    email: str = ""
    phone: str = ""
    language: str | None = None
    time_zone: str | None = None
    undeliverable_since: datetime | None = Field(default=None, sa_type=UtcDateTime)


_WHERE_OPEN: dict[str, Any] = {f"{dialect}_where": text("status = 'open'") for dialect in ("sqlite", "postgresql")}
_WHERE_SETTLED: dict[str, Any] = {f"{dialect}_where": text("status != 'open'") for dialect in ("sqlite", "postgresql")}
"""Of indexes for lists alone: no other statement names the status in its own text, so none takes another index than it took."""


class Invoice(SQLModel, table=True):
    """The ledger's invoice. `version` grows by one with every change."""

    __tablename__ = "invoices"
    __table_args__ = (
        Index("ix_invoices_account_status", "account_id", "status"),
        Index("ix_invoices_number", "number", "id"),
        Index("ix_invoices_open_account", "account_id", "status", "currency", "due_date", "open_balance", **_WHERE_OPEN),
        Index("ix_invoices_open_due", "due_date", "id", "status", "account_id", **_WHERE_OPEN),
        Index("ix_invoices_open_amount", "currency", "open_balance", "due_date", "status", **_WHERE_OPEN),
        Index("ix_invoices_settled", "status", "due_date", "id", **_WHERE_SETTLED),
    )
    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="accounts.id")
    number: str
    issue_date: date
    due_date: date
    currency: str
    total: int = Field(sa_type=BigInteger)
    open_balance: int = Field(sa_type=BigInteger)
    status: str = Field(default=InvoiceStatus.OPEN, description="an InvoiceStatus")
    disputed: bool = False
    version: int = 1
    settled_on: date | None = None
    written_off: int = Field(default=0, sa_type=BigInteger, description="what was written off and has not come in since")
    charged_by: str | None = Field(default=None, description="the case that charged it, such as the interest of a payment plan")
    source_sha256: str | None = Field(default=None, description="of the imported row, by which an unchanged row is known")
    source_paid: int = Field(default=0, sa_type=BigInteger, description="what the last imported row said was paid")


class Payment(SQLModel, table=True):
    """Money received from an account. What no invoice took is the account's unapplied credit."""

    __tablename__ = "payments"
    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="accounts.id", index=True)
    currency: str
    amount: int = Field(sa_type=BigInteger)
    received_on: date = Field(index=True)
    invoice_id: str | None = Field(default=None, description="the invoice that the payer named")
    reference: str = ""
    reversed_on: date | None = None
    recorded_by: str = "duecourse"


class CreditNote(SQLModel, table=True):
    __tablename__ = "credit_notes"
    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="accounts.id", index=True)
    currency: str
    amount: int = Field(sa_type=BigInteger)
    issued_on: date
    reason: str = ""
    recorded_by: str = "duecourse"


class WriteOffBooking(SQLModel, table=True):
    """What was given up of an invoice. `amount` is what was open of what was asked for, which may be nothing."""

    __tablename__ = "write_offs"
    key: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="accounts.id", index=True)
    invoice_id: str = Field(foreign_key="invoices.id", index=True)
    currency: str
    amount: int = Field(sa_type=BigInteger)
    written_off_on: date
    recorded_by: str = "duecourse"


class Allocation(SQLModel, table=True):
    """What part of a payment, credit note or write-off went to which invoice. What is taken back has a negative one; money that comes
    after a write-off takes its place."""

    __tablename__ = "allocations"
    id: int | None = Field(default=None, sa_column=Column(RowId, primary_key=True, autoincrement=True))
    payment_id: str | None = Field(default=None, foreign_key="payments.id", index=True)
    credit_note_id: str | None = Field(default=None, foreign_key="credit_notes.id", index=True)
    write_off_key: str | None = Field(default=None, foreign_key="write_offs.key", index=True)
    invoice_id: str = Field(foreign_key="invoices.id", index=True)
    amount: int = Field(sa_type=BigInteger)
    allocated_on: date
    cause: str = Field(default=AllocationCause.RECEIVED, description="an AllocationCause")
    application_key: str | None = Field(default=None, index=True, description="the CreditApplicationRow by which it came about")


class CreditApplicationRow(SQLModel, table=True):
    """Unapplied credit of an account that was applied to its invoices, or such an application that was taken back (`takes_back`: its key).
    The allocations that name it say what each invoice got, or gave back, of which payment or credit note."""

    __tablename__ = "credit_applications"
    __table_args__ = (APPEND_ONLY,)
    key: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="accounts.id", index=True)
    currency: str
    amount: int = Field(sa_type=BigInteger, description="positive, of what was taken back too")
    booked_on: date
    recorded_by: str = Field(description="duecourse: by the policy's rule")
    takes_back: str | None = Field(default=None, unique=True)
    reason: str = Field(default="", description="why it was taken back")


class BillingCursorRow(SQLModel, table=True):
    """How far the changes of a connected billing system have been read: of one company of it. A page is taken in by the transaction that
    moves the cursor from where the page was read."""

    __tablename__ = "billing_cursors"
    system: str = Field(primary_key=True, description="the connection's name")
    company: str = Field(primary_key=True)
    cursor: str | None = Field(default=None, sa_type=Text, description="the system's own, opaque; None: nothing was read yet")
    caught_up_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="real time: when nothing more was there last")
    invoices_read: int = Field(default=0, sa_type=BigInteger)
    invoices_changed: int = Field(default=0, sa_type=BigInteger)
    compared_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="real time: when all open items were compared last")
    compared_items: int = Field(default=0, sa_type=BigInteger, description="how many open items the system had then")
    noted_to: datetime | None = Field(default=None, sa_type=UtcDateTime, description="real time: up to here the journal was noted there")
    resting_until: datetime | None = Field(default=None, sa_type=UtcDateTime, description="real time: the system asks for no call before")
    rest_reason: str = Field(default="", sa_type=Text, description="at which of its answers")
    has_more: bool = Field(default=False, description="it had more to say when it was read last")
    credits_read_at: datetime | None = Field(
        default=None, sa_type=UtcDateTime, description="real time: when the reading began of the list of unapplied credit that stands here"
    )
    credits_hinted_at: datetime | None = Field(
        default=None,
        sa_type=UtcDateTime,
        description="real time: when a call of the system said last that credit may have changed",
    )
    balance_check: dict[str, Any] | None = Field(
        default=None,
        sa_type=JSON,
        description="what the last comparison found of a sample of its balances and of what is applied",
    )


class ExternalNoteRow(SQLModel, table=True):
    """What of the journal was noted in a connected billing system lately, or refused by it. What was noted goes when the journal was read
    far enough beyond it; what was refused is noted when it is tried again, and taken."""

    __tablename__ = "external_notes"
    system: str = Field(primary_key=True)
    company: str = Field(primary_key=True)
    entry: str = Field(primary_key=True, description="the entry's hash")
    recorded_at: datetime = Field(sa_type=UtcDateTime, description="the entry's")
    refusal: str = Field(default="", sa_type=Text, description="in the system's words; empty: it was noted")
    attempts: int = Field(default=0, description="at noting what was refused")
    is_due: bool = Field(default=False, description="what was refused is to be tried again")


class ExternalOrderRow(SQLModel, table=True):
    """What was begun in a connected billing system: a suspension, until it is known here or was undone there; a credit note, which
    counts with what the same person credits next; what a person was asked to book there, and what is seen of it by now;
    and which order has its invoice, while it is being sent."""

    __tablename__ = "external_orders"
    key: str = Field(primary_key=True, description="of the booking")
    account_id: str
    invoice_id: str | None = Field(default=None, index=True, description="of a credit note, or a booking by hand")
    amount: int = Field(default=0, sa_type=BigInteger, description="of a credit note, or credited before; minor units of its currency")
    recorded_by: str
    begun_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="real time; of what touches what an invoice owes")
    credited_before: int | None = Field(
        default=None, sa_type=BigInteger, description="of a credit note: what the invoice had of credit then"
    )


class ExternalAccountRow(SQLModel, table=True):
    """As what a customer of a connected billing system was read last. It goes when the account is erased."""

    __tablename__ = "external_accounts"
    __table_args__ = (Index("ix_external_accounts_read_at", "system", "company", "read_at"),)
    account_id: str = Field(primary_key=True, description="of the account; its row is written in the same transaction")
    system: str
    company: str
    external_id: str
    fingerprint: str = Field(default="", description="SHA-256 of all that the system said, by which an unchanged one is known")
    read_at: datetime = Field(sa_type=UtcDateTime, description="real time: when it was read last")


class BillingDifferenceRow(SQLModel, table=True):
    """A difference between a connected billing system and what is here, as comparisons found it: kept also when it is gone."""

    __tablename__ = "billing_differences"
    __table_args__ = (Index("ix_billing_differences_open", "system", "company", "gone_at"),)
    id: int | None = Field(default=None, sa_column=Column(RowId, primary_key=True, autoincrement=True))
    system: str
    company: str
    kind: str = Field(description="a DifferenceKind")
    subject_id: str = Field(index=True, description="of the invoice, or of the account whose unapplied credit differs")
    number: str = Field(default="", description="the invoice's, as people read it")
    currency: str = ""
    here: str = Field(default="", description="an amount in minor units, or an account or a currency")
    there: str = ""
    first_seen_at: datetime = Field(sa_type=UtcDateTime, description="real time")
    last_seen_at: datetime = Field(sa_type=UtcDateTime, description="real time")
    gone_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="real time: of the first comparison without it")


class ExternalInvoiceRow(SQLModel, table=True):
    """What a connected billing system says of an invoice beside its money, and as what it was taken in last."""

    __tablename__ = "external_invoices"
    __table_args__ = (UniqueConstraint("system", "company", "external_id"),)
    invoice_id: str = Field(primary_key=True, description="of the invoice; its row is written in the same transaction")
    system: str
    company: str
    external_id: str
    version: str = Field(default="", description="the system's own, opaque")
    fingerprint: str = Field(default="", description="SHA-256 of all that the system said, by which an unchanged one is known")
    read_at: datetime = Field(sa_type=UtcDateTime, description="real time: when the reading of it began")
    due_parts: list[Any] = Field(default_factory=list, sa_type=JSON, description="due date, amount and what is open, in minor units")
    reference: str = Field(default="", description="what the payer is asked to state")
    payment_link: str = ""
    ledger_currency: str = ""


class BillingConnectionRow(SQLModel, table=True):
    """A connection to a billing system that was added by a person. Its secrets are encrypted under a key that is not in the database."""

    __tablename__ = "billing_connections"
    name: str = Field(primary_key=True)
    company: str
    kind: str = Field(description="a key of CONNECTION_KINDS")
    options: dict[str, Any] = Field(default_factory=dict, sa_type=JSON, description="what the kind is described by; no secret")
    secrets: dict[str, Any] = Field(default_factory=dict, sa_type=JSON, description="encrypted, by name")
    webhook_secrets: list[Any] = Field(default_factory=list, sa_type=JSON, description="the newest first: [encrypted, good until or null]")
    switched_off_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="real time; None: it is in use")
    version: int = Field(default=1, description="counted on by every change, so that a running process sees one")


class ConnectionEventRow(SQLModel, table=True):
    """Append-only: who added a connection, gave it another secret, or switched it off. No secret stands in it."""

    __tablename__ = "connection_events"
    __table_args__ = (APPEND_ONLY,)
    id: int | None = Field(default=None, sa_column=Column(RowId, primary_key=True, autoincrement=True))
    kind: str = Field(description="a ConnectionEventKind")
    name: str = Field(index=True, description="the connection's")
    made_by: str = ""
    channel: str = Field(description="an IdentityChannel")
    address: str = ""
    detail: str = Field(default="", sa_type=Text, description="the name of the secret, or what else it is about")
    recorded_at: datetime = Field(sa_type=UtcDateTime, description="real time")


class ConnectionRunRow(SQLModel, table=True):
    """What was done last with a connection, of each kind of run the last one: its test, a reading or a comparison."""

    __tablename__ = "connection_runs"
    system: str = Field(primary_key=True, description="the connection's name")
    company: str = Field(primary_key=True)
    kind: str = Field(primary_key=True, description="a ConnectionRunKind")
    asked_by: str = Field(default="", description="empty: by its schedule")
    begun_at: datetime = Field(sa_type=UtcDateTime, description="real time")
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="real time")
    failure: str = Field(default="", sa_type=Text, description="why it was not finished; empty: it was")
    result: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)


_IS_FOREIGN = text("external_id IS NULL")


class WebhookCallRow(SQLModel, table=True):
    """A hint that came by a webhook, raw. It is done when what it hints at was read again; some days later it is deleted."""

    __tablename__ = "webhook_calls"
    __table_args__ = (
        UniqueConstraint("system", "company", "event_id"),
        Index("ix_webhook_calls_waiting", "done_at", "id"),
        Index("ix_webhook_calls_foreign", "system", "company", sqlite_where=_IS_FOREIGN, postgresql_where=_IS_FOREIGN),
    )
    id: int | None = Field(default=None, sa_column=Column(RowId, primary_key=True, autoincrement=True))
    system: str = Field(description="the connection's name")
    company: str
    event_id: str = Field(description="the system's own, by which one that comes again is known")
    external_id: str | None = Field(default=None, description="of the invoice; None: it is about something else")
    body: bytes = Field(default=b"", sa_type=LargeBinary, description="as it came")
    received_at: datetime = Field(sa_type=UtcDateTime, description="real time")
    attempts: int = 0
    done_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="real time")


class WebhookCountRow(SQLModel, table=True):
    """How many calls a connection's webhook got: what is forged is counted, and not kept."""

    __tablename__ = "webhook_counts"
    system: str = Field(primary_key=True, description="the connection's name")
    company: str = Field(primary_key=True)
    taken: int = Field(default=0, sa_type=BigInteger, description="hints at invoices that were kept")
    foreign: int = Field(default=0, sa_type=BigInteger, description="about something else than an invoice")
    repeated: int = Field(default=0, sa_type=BigInteger)
    overflowed: int = Field(default=0, sa_type=BigInteger, description="not kept, for too many waited")
    dropped: int = Field(default=0, sa_type=BigInteger, description="let fall unread: the system failed at them, and not at others")
    forged: int = Field(default=0, sa_type=BigInteger)
    last_taken_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="real time")
    last_forged_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="real time")
    last_forged_why: str = ""


class LedgerEvent(SQLModel, table=True):
    """What billing has to tell a workflow: written in the transaction that changed the invoice, delivered by BillingSync in order of id."""

    __tablename__ = "ledger_events"
    __table_args__ = (Index("ix_ledger_events_undelivered", "delivered_at", "id"),)
    id: int | None = Field(default=None, sa_column=Column(RowId, primary_key=True, autoincrement=True))
    event_id: str = Field(unique=True)
    invoice_id: str = Field(index=True)
    event: dict[str, Any] = Field(sa_type=JSON, description="a BillingEvent")
    recorded_at: datetime = Field(sa_type=UtcDateTime, description="real time")
    delivered_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="real time")


class ContactRequest(SQLModel, table=True):
    """A step that asks for a letter."""

    __tablename__ = "contact_requests"
    __table_args__ = (
        UniqueConstraint("invoice_id", "step", "policy_version"),
        Index("ix_contact_requests_due", "state", "slot"),
    )
    id: int | None = Field(default=None, sa_column=Column(RowId, primary_key=True, autoincrement=True))
    invoice_id: str
    account_id: str = Field(index=True)
    step: str
    policy: str
    policy_version: int
    rank: int = Field(description="the step's place in the timeline: a letter takes the tone of its highest")
    letter: str
    slot: datetime = Field(sa_type=UtcDateTime)
    not_after: date | None = None
    days_between_letters: int = 1
    gather_days: int = 0
    days_to_pay: int = 7
    apart: bool = Field(default=False, description="goes in its time, however soon after the account's last letter")
    asked: bool = Field(default=True, description="false while only a letter has taken the step along, and its invoice has not asked")
    minimum: int = Field(default=1, sa_type=BigInteger, description="an open balance below it is not chased")
    opens: str = "09:00"
    closes: str = "17:00"
    state: str = Field(default=ContactRequestState.PENDING, description="a ContactRequestState")
    attempt: int = 1
    message_id: int | None = Field(default=None, sa_type=RowId, index=True)
    reason: str = ""
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    awaited: bool = Field(default=False, description="the invoice waits to hear what became of it")
    told: bool = Field(default=False, description="the invoice was signalled, or need not be")


class Message(SQLModel, table=True):
    """One letter. Its content is written when it is first transmitted.

    A letter that a case asked for (`case_id`) is a letter of its own, never shared with an invoice's timeline.
    """

    __tablename__ = "messages"
    __table_args__ = (
        Index("ix_messages_state", "state", "next_attempt_at"),
        Index("ix_messages_untold", "told"),
        Index("ix_messages_case", "case_id"),
        Index("ix_messages_listed", "sent_at", "id", "state", "letter", "language", "account_id"),
    )
    id: int | None = Field(default=None, sa_column=Column(RowId, primary_key=True, autoincrement=True))
    key: str = Field(unique=True, description="what makes it the same letter; its Message-ID derives from it")
    account_id: str = Field(foreign_key="accounts.id", index=True)
    recipient: str = ""
    language: str
    currency: str
    letter: str = ""
    slot: datetime = Field(sa_type=UtcDateTime)
    message_id: str = Field(unique=True)
    in_reply_to: str | None = None
    subject: str = ""
    content: bytes = Field(default=b"", sa_type=LargeBinary)
    sha256: str = Field(default="", description="of the content, and empty before there is one; an erasure leaves it")
    state: str = Field(default=MessageState.INTENDED, description="a MessageState")
    attempts: int = 0
    next_attempt_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="real time; null: at once")
    owner: str = Field(default="", description="the sending process")
    transmitting_since: datetime | None = Field(default=None, sa_type=UtcDateTime, description="real time")
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reply: str = ""
    decided_by: str | None = Field(default=None, description="who decided what became of an unknown letter")
    case_id: str | None = Field(default=None, description="the case that asked for it; from here on, all but the amounts is theirs alone")
    number: int = Field(default=0, description="by which the case knows it")
    invoice_ids: list[str] = Field(default_factory=list, sa_type=JSON, description="what it is about")
    details: dict[str, Any] = Field(default_factory=dict, sa_type=JSON, description="what the case has to say, under its own names")
    opens: str = ""
    closes: str = ""
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="when it was sent, refused, unknown or void")
    reason: str = Field(default="", description="why it was not sent")
    asked_for: int | None = Field(default=None, sa_type=BigInteger, description="of a reminder: what it asks for, less the credit")
    credit: int = Field(default=0, sa_type=BigInteger, description="of a reminder: the unapplied credit that it takes off")
    wanted: bool = Field(default=True, description="false once its case took it back")
    told: bool | None = Field(default=None, description="the case was signalled, or need not be; null: there is no case to tell")


class MessageLine(SQLModel, table=True):
    """An invoice in a letter, as the letter states it."""

    __tablename__ = "message_lines"
    __table_args__ = (UniqueConstraint("message_id", "invoice_id"),)
    id: int | None = Field(default=None, sa_column=Column(RowId, primary_key=True, autoincrement=True))
    message_id: int = Field(sa_column=Column(RowId, ForeignKey("messages.id"), nullable=False))
    invoice_id: str = Field(foreign_key="invoices.id", index=True)
    step: str
    attempt: int
    open_balance: int = Field(sa_type=BigInteger)
    days_past_due: int
    invoice_version: int
    named_as: str = Field(default=NamedAs.DUE, description="a NamedAs")


_IS_OPEN_CALL = text("kind = 'call' AND state = 'open'")


class Task(SQLModel, table=True):
    """Something a person should do: a call, an escalation to look into, a letter that was refused or whose fate is unknown.

    An account has one open call at most; the invoices that ask for it are its call requests.
    """

    __tablename__ = "tasks"
    __table_args__ = (
        Index("ix_tasks_open_call", "account_id", unique=True, sqlite_where=_IS_OPEN_CALL, postgresql_where=_IS_OPEN_CALL),
        Index("ix_tasks_due", "state", "due_on", "id"),
    )
    id: int | None = Field(default=None, sa_column=Column(RowId, primary_key=True, autoincrement=True))
    key: str = Field(unique=True)
    kind: str = Field(description="a TaskKind")
    account_id: str = Field(index=True)
    invoice_id: str | None = Field(default=None, index=True)
    role: str = "collector"
    assignee: str | None = None
    due_on: date
    state: str = Field(default=TaskState.OPEN, description="a TaskState")
    outcome: str = ""
    message_id: int | None = Field(default=None, sa_type=RowId)
    closed_by: str | None = None


class CallRequest(SQLModel, table=True):
    """A step of an invoice that asks for a call to its customer: a part of the account's call."""

    __tablename__ = "call_requests"
    invoice_id: str = Field(primary_key=True)
    step: str = Field(primary_key=True)
    task_id: int = Field(sa_column=Column(RowId, ForeignKey("tasks.id"), nullable=False, index=True))
    due_on: date
    state: str = Field(default=TaskState.OPEN, description="a TaskState")


class AccountCall(SQLModel, table=True):
    """A call with a customer, as it was logged for the account. `parts` are the commands that it sends to the invoices, each with its id:
    whoever sends the same call again sends the same commands."""

    __tablename__ = "account_calls"
    call_id: str = Field(primary_key=True)
    account_id: str = Field(index=True)
    outcome: str = Field(description="a CallOutcome")
    contact: str = Field(default="", description="who was spoken to; erased with the account")
    note_id: str | None = None
    again_on: date | None = None
    parts: list[dict[str, Any]] = Field(sa_type=JSON)
    made_by: str
    made_at: datetime = Field(sa_type=UtcDateTime)
    recorded_at: datetime = Field(sa_type=UtcDateTime, description="real time")


class PromisePartRow(SQLModel, table=True):
    """An invoice's part of a promise over several, as its case wrote it last."""

    __tablename__ = "promise_parts"
    promise_id: str = Field(primary_key=True)
    invoice_id: str = Field(primary_key=True)
    amount: int = Field(sa_type=BigInteger)
    received: int = Field(sa_type=BigInteger)
    forgiven: int = Field(sa_type=BigInteger)


class Note(SQLModel, table=True):
    """What a person wrote. Its text stays here; the workflow's history has only its id."""

    __tablename__ = "notes"
    id: str = Field(primary_key=True)
    account_id: str = Field(index=True)
    invoice_id: str | None = Field(default=None, index=True)
    author: str
    text: str = Field(sa_type=Text)
    written_at: datetime = Field(sa_type=UtcDateTime)


class MentionRow(SQLModel, table=True):
    """Somebody whom a note names with an `@`, and when they read it. The note's text is in `notes`, and may be erased."""

    __tablename__ = "mentions"
    __table_args__ = (Index("ix_mentions_user", "user_name", "read_at", "written_at"),)
    note_id: str = Field(primary_key=True)
    user_name: str = Field(primary_key=True, description="who is named")
    account_id: str
    author: str
    written_at: datetime = Field(sa_type=UtcDateTime)
    read_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="real time")


class AccountNoteRecord(SQLModel, table=True):
    """Append-only: a note that no case's journal names, as it is about the account, or about an invoice whose case is over. Its text is
    in `notes`, and may be erased."""

    __tablename__ = "account_note_records"
    __table_args__ = (APPEND_ONLY,)
    note_id: str = Field(primary_key=True)
    account_id: str = Field(index=True)
    invoice_id: str | None = None
    author: str
    written_at: datetime = Field(sa_type=UtcDateTime)
    recorded_at: datetime = Field(sa_type=UtcDateTime, description="real time")


class CollectionTargetRow(SQLModel, table=True):
    """Append-only: what is to be collected in a month, of all customers or of one collector's, as somebody set it; the last setting
    counts."""

    __tablename__ = "collection_targets"
    __table_args__ = (APPEND_ONLY,)
    id: int | None = Field(default=None, sa_column=Column(RowId, primary_key=True, autoincrement=True))
    month: date = Field(index=True, description="its first day")
    currency: str
    collector: str = Field(description="empty: of all customers")
    amount: int | None = Field(default=None, sa_type=BigInteger, description="in minor units; null: taken back")
    set_by: str
    set_at: datetime = Field(sa_type=UtcDateTime, description="real time")
    act_id: str = Field(unique=True, description="of the command, so that it is set once")


class Document(SQLModel, table=True):
    """A file that somebody attached, known by its SHA-256 and stored once, however often it is attached."""

    __tablename__ = "documents"
    sha256: str = Field(primary_key=True)
    name: str
    media_type: str
    size: int = Field(description="in bytes")
    content: bytes = Field(sa_type=LargeBinary)
    stored_by: str
    stored_at: datetime = Field(sa_type=UtcDateTime)


class DossierRow(SQLModel, table=True):
    """A dossier that was made: its two documents, by their SHA-256."""

    __tablename__ = "dossiers"
    key: str = Field(primary_key=True, description="what makes it the same dossier, however often it is asked for")
    account_id: str = Field(foreign_key="accounts.id", index=True)
    purpose: str = Field(description="a DossierPurpose")
    as_of: date
    made_at: datetime = Field(sa_type=UtcDateTime)
    json_sha256: str
    pdf_sha256: str
    pages: int
    asked_by: str = Field(description="the case or the user that asked for it")


class DelegationRow(SQLModel, table=True):
    """`to_user` may sign in `from_user`'s place, in one role, from the first business date to the last or until it was revoked."""

    __tablename__ = "delegations"
    delegation_id: str = Field(primary_key=True)
    from_user: str = Field(index=True)
    to_user: str = Field(index=True)
    role: str
    first_day: date
    last_day: date
    made_by: str
    revoked_by: str | None = None
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class ApprovalNoticeRow(SQLModel, table=True):
    """What a person is to be told of an approval by their next digest: one event, once."""

    __tablename__ = "approval_notices"
    key: str = Field(primary_key=True, description="the notice that the approval sent, and the person")
    user: str = Field(foreign_key="users.name", index=True)
    approval_id: str
    event: str = Field(description="an ApprovalEvent")
    happened_on: date
    settled_on: date | None = Field(default=None, index=True, description="of the digest that told it, or found nothing left to decide")


class DigestMailRow(SQLModel, table=True):
    """A person's digest of a business day."""

    __tablename__ = "digest_mails"
    user: str = Field(primary_key=True, foreign_key="users.name")
    day: date = Field(primary_key=True)
    state: str = Field(default=DigestState.INTENDED, description="a DigestState")
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="real time")


class WaitingNoticeRow(SQLModel, table=True):
    """A notice to people of a role that nobody with an address had, or to somebody by name who had none. One that was told, or overtaken,
    keeps its row."""

    __tablename__ = "waiting_notices"
    __table_args__ = (Index("ix_waiting_notices_state", "state", "role"),)
    key: str = Field(primary_key=True, description="by which it is told, and makes the same mails however often")
    role: str = Field(description="empty of a notice to a person")
    person: str = Field(default="", sa_column_kwargs={"server_default": ""}, description="the user; empty of a notice to a role")
    template: str
    details: dict[str, Any] = Field(sa_type=JSON, description="of the notice")
    case_id: str = Field(index=True, description="the case that told it")
    account_id: str = ""
    asked_on: date
    recorded_at: datetime = Field(sa_type=UtcDateTime, description="real time")
    state: str = Field(default=WaitingNoticeState.WAITING, description="a WaitingNoticeState")
    tried_on: date | None = Field(default=None, description="when it last went to nobody, as every address was refused")
    told: list[str] = Field(default_factory=list, sa_type=JSON, description="the users who were told at last")
    settled_on: date | None = None


NOTED_KINDS = "kind IN ('call.logged', 'dispute.raised', 'letter.sent', 'promise.made')"
"""What of the journal is noted in connected systems. As the index says it, so that it is used."""
_WHERE_NOTED: dict[str, Any] = {f"{dialect}_where": text(NOTED_KINDS) for dialect in ("sqlite", "postgresql")}
BROKEN_PROMISES = "kind IN ('promise.broken', 'promise.partly_kept')"
ACTS_OF_PEOPLE = "actor != 'duecourse'"
"""What lists of the last days look for among all that the journal has. As their indexes say it, so that they are used."""
_WHERE_BROKEN: dict[str, Any] = {f"{dialect}_where": text(BROKEN_PROMISES) for dialect in ("sqlite", "postgresql")}
_WHERE_ACT: dict[str, Any] = {f"{dialect}_where": text(ACTS_OF_PEOPLE) for dialect in ("sqlite", "postgresql")}


class JournalEntry(SQLModel, table=True):
    """Append-only. What a worker wrote that died before it answered counts where its successor says the same; where that says something
    else, it stays beside: the case's chain, followed back from its head, says which one counts."""

    __tablename__ = "journal"
    __table_args__ = (
        Index("ix_journal_account", "account_id", "business_at"),
        Index("ix_journal_noted", "recorded_at", **_WHERE_NOTED),
        Index("ix_journal_broken_promises", "business_at", **_WHERE_BROKEN),
        Index("ix_journal_acts", "actor", "business_at", **_WHERE_ACT),
        APPEND_ONLY,
    )
    case_id: str = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    hash: str = Field(primary_key=True)
    previous: str
    kind: str
    business_at: datetime = Field(sa_type=UtcDateTime)
    recorded_at: datetime = Field(sa_type=UtcDateTime, description="real time")
    account_id: str
    invoice_id: str | None = Field(default=None, index=True)
    actor: str
    facts: dict[str, Any] = Field(sa_type=JSON)


_WHERE_LISTED: dict[str, Any] = {f"{dialect}_where": text("kind != 'invoice'") for dialect in ("sqlite", "postgresql")}
_WHERE_LISTED_OPEN: dict[str, Any] = {
    f"{dialect}_where": text("kind != 'invoice' AND outcome IS NULL") for dialect in ("sqlite", "postgresql")
}
_WHERE_PROMISED: dict[str, Any] = {f"{dialect}_where": text("promised_by IS NOT NULL") for dialect in ("sqlite", "postgresql")}


class Case(SQLModel, table=True):
    """The read model: one row per case, as its workflow last wrote it."""

    __tablename__ = "cases"
    __table_args__ = (
        Index("ix_cases_account", "account_id", "kind"),
        Index("ix_cases_invoice", "invoice_id", "kind"),
        Index("ix_cases_stage", "kind", "stage", "invoice_id"),
        Index("ix_cases_waiting", "kind", "waiting_for", "invoice_id"),
        Index("ix_cases_awaiting", "kind", "awaiting_role"),
        Index("ix_cases_listed", "stage_since", "case_id", "kind", "outcome", **_WHERE_LISTED),
        Index("ix_cases_open", "case_id", "kind", "next_on", "account_id", "invoice_id", **_WHERE_LISTED_OPEN),
        Index("ix_cases_promised", "promised_by", "case_id", **_WHERE_PROMISED),
        Index("ix_cases_stated", "stated_currency", "stated_amount", "case_id", "kind", "outcome", **_WHERE_LISTED),
    )
    case_id: str = Field(primary_key=True)
    run_id: str
    kind: str
    account_id: str
    invoice_id: str | None = None
    stage: str
    stage_since: date | None = Field(default=None, description="the business day (UTC) on which it reached its stage; null: not known")
    next_step: str | None = None
    next_on: date | None = None
    waiting_for: str
    awaiting_role: str | None = Field(default=None, description="the role whose people are to act")
    summary: dict[str, Any] = Field(default_factory=dict, sa_type=JSON, description="what is peculiar to the kind of case")
    policy: str | None = None
    policy_version: int | None = None
    disputed: int = Field(default=0, sa_type=BigInteger, description="so much of an invoice letters must not ask for")
    holds: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    taken: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    promised_by: date | None = None
    promised_amount: int | None = Field(default=None, sa_type=BigInteger)
    promised_on: date | None = Field(default=None, description="the business day on which the promise was first made")
    stated_currency: str = Field(default="", description="of what it states, the first of several; empty: of none, or an invoice")
    stated_amount: int = Field(default=0, sa_type=BigInteger, description="in minor units")
    outcome: str | None = None
    seq: int
    head: str
    carried: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    earlier_run: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    """What a closed run of the case left, from which the run that wrote this row goes on."""
    updated_at: datetime = Field(sa_type=UtcDateTime)


class CaseAwaited(SQLModel, table=True):
    """The read model: who may act on a case now, a row for each role and person; no rows while it waits for nobody."""

    __tablename__ = "case_awaited"
    __table_args__ = (Index("ix_case_awaited_name", "part", "name"),)
    case_id: str = Field(primary_key=True)
    part: str = Field(primary_key=True, description="an AwaitedPart")
    name: str = Field(primary_key=True, description="of the role or the user")


class NextRunRow(SQLModel, table=True):
    """What a case's next run would start with, were its present one lost; as of its last write. None once it is over."""

    __tablename__ = "next_runs"
    case_id: str = Field(primary_key=True)
    head: str = Field(description="of the journal that the state follows")
    next_run: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))


class SealRow(SQLModel, table=True):
    """Append-only: a day's seal over the heads of all cases. No two follow the same one."""

    __tablename__ = "seals"
    __table_args__ = (APPEND_ONLY,)
    day: date = Field(primary_key=True, description="the business day that was over")
    root: str
    cases: int
    entries: int
    previous: str = Field(unique=True, description="the hash of the seal before")
    hash: str
    whole: bool = Field(description="its leaves are all there were; else those that changed since the seal before")
    leaves: bytes = Field(sa_type=LargeBinary, description="[case id, number, head, entries beside] of each, JSON in zlib")
    made_at: datetime = Field(sa_type=UtcDateTime, description="real time")


class PolicyVersion(SQLModel, table=True):
    """A policy as it was in force. Never changed: a new text is a new version."""

    __tablename__ = "policies"
    name: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    segments: list[str] = Field(default_factory=list, sa_type=JSON)
    snapshot: str = Field(sa_type=Text)
    sha256: str
    created_at: datetime = Field(sa_type=UtcDateTime, description="real time")


class User(SQLModel, table=True):
    __tablename__ = "users"
    name: str = Field(primary_key=True)
    email: str = ""
    phone: str = ""
    full_name: str = ""
    language: str | None = Field(default=None, description="en, de, fr or es, in which messages to them are written; English when null")
    roles: list[str] = Field(default_factory=list, sa_type=JSON)
    active: bool = True
    time_zone: str = Field(default="", description="an IANA name, in which the console shows them times; UTC when empty")
    start_page: str = Field(
        default="", description="a StartPage, which the console shows them after signing in; empty: the first one of their role’s day"
    )
    single_keys: bool = Field(default=True, description="whether single keys act at the console")
    provider_subject: str | None = Field(default=None, description="by what the OpenID provider knows them: its issuer and their subject")


class Token(SQLModel, table=True):
    """A bearer token, known by its SHA-256 only: one that somebody made for a machine, or a browser's session."""

    __tablename__ = "tokens"
    sha256: str = Field(primary_key=True)
    user: str = Field(foreign_key="users.name", index=True)
    role: str
    created_at: datetime = Field(sa_type=UtcDateTime, description="real time")
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="real time")
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="real time")
    kind: str = Field(default=TokenKind.TOKEN, description="a TokenKind")
    method: str = Field(default="", description="a SignInMethod: how a session was opened; empty for a token")
    last_used_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="of a session, within minutes; real time")
    opened_by: str | None = Field(default=None, index=True, description="the token by which a session was opened, and with which it ends")
    address: str = Field(default="", description="from where a session was opened")
    browser: str = Field(default="", description="what the browser of a session called itself")
    provider_token: str | None = Field(default=None, sa_type=Text, description="the OpenID provider's ID token, to sign out there too")


class PasswordRow(SQLModel, table=True):
    """A user's password, as Argon2id keeps it."""

    __tablename__ = "passwords"
    user: str = Field(primary_key=True, foreign_key="users.name")
    hash: str
    changed_at: datetime = Field(sa_type=UtcDateTime, description="real time")


class SignInFailures(SQLModel, table=True):
    """How often signing in failed of late for one user or from one address. `key` is a hash: what was typed may be a password."""

    __tablename__ = "sign_in_failures"
    key: str = Field(primary_key=True)
    count: int
    last_at: datetime = Field(sa_type=UtcDateTime, index=True, description="real time")
    blocked_until: datetime | None = Field(default=None, sa_type=UtcDateTime, description="real time")


class IdentityEventRow(SQLModel, table=True):
    """Append-only: who signed in or failed to, and who changed whose roles, tokens and passwords."""

    __tablename__ = "identity_events"
    __table_args__ = (APPEND_ONLY,)
    id: int | None = Field(default=None, sa_column=Column(RowId, primary_key=True, autoincrement=True))
    kind: str = Field(description="an IdentityEventKind")
    user: str = Field(default="", index=True, description="whom it is about; empty: no user whom we know")
    role: str = ""
    made_by: str = ""
    channel: str = Field(description="an IdentityChannel")
    address: str = ""
    detail: str = Field(default="", sa_type=Text)
    recorded_at: datetime = Field(sa_type=UtcDateTime, description="real time")


class IdempotencyKey(SQLModel, table=True):
    """The answer given to a request, to be given again when it is repeated."""

    __tablename__ = "idempotency_keys"
    key: str = Field(primary_key=True)
    user: str = Field(primary_key=True)
    request_sha256: str
    status: int | None = None
    body: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    created_at: datetime = Field(sa_type=UtcDateTime, description="real time")


class ImportRun(SQLModel, table=True):
    __tablename__ = "imports"
    id: str = Field(primary_key=True)
    file_name: str
    file_sha256: str
    started_by: str
    dry_run: bool = False
    state: str = Field(default=ImportState.RUNNING, description="an ImportState")
    rows: int = 0
    verdicts: dict[str, int] = Field(default_factory=dict, sa_type=JSON)
    header: list[str] = Field(default_factory=list, sa_type=JSON)
    delimiter: str = Field(default=",", description="the file's own, in which its rejected rows are given back")
    encoding: str = Field(default="utf-8-sig", description="the file's own, in which its rejected rows are given back")
    notes: list[str] = Field(default_factory=list, sa_type=JSON, description="what was guessed of the file")
    is_complete: bool = Field(default=False, description="whether the file was said to list all open invoices")
    error: str = ""
    started_at: datetime = Field(sa_type=UtcDateTime, description="real time")
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="real time")


class ImportRow(SQLModel, table=True):
    """The verdict on one row, and the reason of a rejection or what to look at. A rejected row's cells are kept as they came, to be mended
    and imported again."""

    __tablename__ = "import_rows"
    import_id: str = Field(primary_key=True)
    row: int = Field(primary_key=True, description="as the file counts: the header is row 1")
    verdict: str
    invoice_id: str | None = None
    reason: str = ""
    cells: list[str] | None = Field(default=None, sa_type=JSON)


class KeptMapping(SQLModel, table=True):
    """A mapping that somebody saved under a name. Never changed: a new text is a new version, and the last one counts."""

    __tablename__ = "import_mappings"
    name: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    text: str = Field(sa_type=Text, description="YAML, as a ColumnMapping is written")
    saved_by: str
    saved_at: datetime = Field(sa_type=UtcDateTime, description="real time")


class Setting(SQLModel, table=True):
    """What must outlive a restart: the business clock, the version that wrote the data."""

    __tablename__ = "settings"
    name: str = Field(primary_key=True)
    value: dict[str, Any] = Field(sa_type=JSON)


class PortfolioRuleSet(SQLModel, table=True):
    """The rules by which accounts find their collector, in order. Never changed: a new set is a new version, and the last one counts."""

    __tablename__ = "portfolio_rules"
    version: int = Field(primary_key=True)
    rules: list[dict[str, Any]] = Field(sa_type=JSON, description="PortfolioRules")
    made_by: str
    recorded_at: datetime = Field(sa_type=UtcDateTime, description="real time")


class PortfolioChange(SQLModel, table=True):
    """Append-only: an account went from one collector to another. Who, when, why, and how many open tasks went along."""

    __tablename__ = "portfolio_changes"
    __table_args__ = (UniqueConstraint("act_id", "account_id"), Index("ix_portfolio_changes_account", "account_id", "id"))
    id: int | None = Field(default=None, sa_column=Column(RowId, primary_key=True, autoincrement=True))
    act_id: str
    account_id: str = Field(foreign_key="accounts.id")
    from_collector: str | None = None
    to_collector: str
    cause: str = Field(description="a ChangeCause")
    why: str = ""
    rules_version: int | None = Field(default=None, description="of the rules that placed it")
    tasks: int = 0
    made_by: str
    made_at: datetime = Field(sa_type=UtcDateTime)
    recorded_at: datetime = Field(sa_type=UtcDateTime, description="real time")
    told: bool = Field(default=False, index=True, description="the account's open cases know of it")


class SavedViewRow(SQLModel, table=True):
    """A view of a list that a person keeps under a name."""

    __tablename__ = "saved_views"
    user: str = Field(primary_key=True, foreign_key="users.name")
    list_name: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    query: str = Field(sa_type=Text, description="of the list's address")
    saved_at: datetime = Field(sa_type=UtcDateTime, description="real time")


class CoverRow(SQLModel, table=True):
    """`covered_by` looks after `collector`'s accounts from the first business date to the last. One that was ended stays as it was."""

    __tablename__ = "covers"
    cover_id: str = Field(primary_key=True)
    collector: str = Field(index=True)
    covered_by: str = Field(index=True)
    first_day: date
    last_day: date
    made_by: str
    ended_by: str | None = None
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class ArchivedRun(SQLModel, table=True):
    """Append-only: the history of a run that has ended, as the server had it. Times are real."""

    __tablename__ = "archived_runs"
    __table_args__ = (Index("ix_archived_runs_account", "account_id", "workflow_id"), APPEND_ONLY)
    workflow_id: str = Field(primary_key=True)
    run_id: str = Field(primary_key=True)
    workflow_type: str
    account_id: str
    first_run_id: str = Field(description="of the chain of runs that were continued as new")
    continued_from: str | None = None
    ended_as: str = Field(description="a RunEnding")
    events: int
    started_at: datetime = Field(sa_type=UtcDateTime, description="real time")
    closed_at: datetime = Field(sa_type=UtcDateTime, index=True, description="real time")
    sha256: str = Field(description="of the content as it is stored")
    size: int = Field(description="of the content as it is stored, in bytes")
    content: bytes | None = Field(
        default=None, sa_type=LargeBinary, description="Temporal's JSON, its payloads as they were stored, in gzip; null: in the bucket"
    )
    archived_at: datetime = Field(sa_type=UtcDateTime, description="real time")


class ViewRow(SQLModel, table=True):
    """Who looked at which account, by which route: one row for an hour, with how often."""

    __tablename__ = "views"
    __table_args__ = (UniqueConstraint("user", "role", "account_id", "route", "hour"),)
    id: int | None = Field(default=None, sa_column=Column(RowId, primary_key=True, autoincrement=True))
    user: str = Field(index=True)
    role: str
    account_id: str = Field(index=True)
    route: str = Field(description="its template, such as /v1/accounts/{account_id}")
    hour: datetime = Field(sa_type=UtcDateTime, description="real time: the beginning of the hour")
    count: int
    first_at: datetime = Field(sa_type=UtcDateTime, description="real time")
    last_at: datetime = Field(sa_type=UtcDateTime, description="real time")
    first_business_at: datetime = Field(sa_type=UtcDateTime)
    last_business_at: datetime = Field(sa_type=UtcDateTime)


class LetterStopRow(SQLModel, table=True):
    """No letter of its scope goes until its last business date is over, or somebody ends it. One that was ended keeps its row."""

    __tablename__ = "letter_stops"
    __table_args__ = (Index("ix_letter_stops_scope", "scope", "target"),)
    stop_id: str = Field(primary_key=True)
    scope: str = Field(description="a StopScope")
    target: str = Field(default="", description="the policy's name or the account's id; empty: all letters")
    reason: str = Field(sa_type=Text)
    last_day: date | None = Field(default=None, description="the last business date on which nothing goes")
    made_by: str
    made_at: datetime = Field(sa_type=UtcDateTime)
    ended_by: str | None = None
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class HeldAccount(SQLModel, table=True):
    """An account that is held for release: no letter goes to it. A release deletes the row; the record of brakes keeps both."""

    __tablename__ = "held_accounts"
    account_id: str = Field(primary_key=True, foreign_key="accounts.id")
    since: datetime = Field(sa_type=UtcDateTime)


class LetterBrakeRecord(SQLModel, table=True):
    """Append-only: whose letters were stopped and let go, who was held for release and released; by whom, when and why."""

    __tablename__ = "letter_brake_records"
    __table_args__ = (
        Index("ix_letter_brake_records_target", "target", "id"),
        Index("ix_letter_brake_records_act", "act_id"),
        APPEND_ONLY,
    )
    id: int | None = Field(default=None, sa_column=Column(RowId, primary_key=True, autoincrement=True))
    act_id: str
    event: str = Field(description="a BrakeEvent")
    scope: str = Field(description="a StopScope")
    target: str = Field(default="", description="the policy's name or the account's id; empty: all letters")
    reason: str = Field(default="", sa_type=Text)
    last_day: date | None = None
    made_by: str
    made_at: datetime = Field(sa_type=UtcDateTime)
    recorded_at: datetime = Field(sa_type=UtcDateTime, description="real time")


class SetAsideRow(SQLModel, table=True):
    """Something that failed, and was set aside so that the rest went on. What went after all keeps its row, without its payload."""

    __tablename__ = "set_aside"
    __table_args__ = (
        UniqueConstraint("stage", "item_id"),
        Index("ix_set_aside_waiting", "settled_at", "stage"),
        Index("ix_set_aside_account", "account_id"),
    )
    id: int | None = Field(default=None, sa_column=Column(RowId, primary_key=True, autoincrement=True))
    stage: str = Field(description="a SetAsideStage")
    item_id: str = Field(description="of what was set aside; the stage says what it is the id of")
    account_id: str = Field(default="", description="the account that it is about; empty: none, or several")
    reason: str = Field(description="a SetAsideReason")
    detail: str = Field(default="", sa_type=Text, description="the error in its own words")
    payload: dict[str, Any] | None = Field(default=None, sa_type=JSON, description="what is needed to try it again")
    first_failed_at: datetime = Field(sa_type=UtcDateTime, description="real time")
    last_tried_at: datetime = Field(sa_type=UtcDateTime, description="real time")
    attempts: int = 1
    next_try_at: datetime = Field(sa_type=UtcDateTime, description="real time")
    retried_by: str | None = Field(default=None, description="who last asked that it be tried at once")
    retried_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="real time")
    settled_at: datetime | None = Field(default=None, sa_type=UtcDateTime, description="real time; None: it is set aside")


class ClockChangeRecord(SQLModel, table=True):
    """Append-only: who asked the played clock to be paused, slowed, hastened or resumed, and how it ran before. None: left as it was."""

    __tablename__ = "clock_changes"
    __table_args__ = (APPEND_ONLY,)
    id: int | None = Field(default=None, sa_column=Column(RowId, primary_key=True, autoincrement=True))
    made_by: str
    channel: str = Field(description="a ClockChannel")
    paused: bool | None = None
    day_seconds: float | None = None
    paused_before: bool
    day_seconds_before: float
    made_at: datetime = Field(sa_type=UtcDateTime)
    recorded_at: datetime = Field(sa_type=UtcDateTime, description="real time")


class ErasureRow(SQLModel, table=True):
    """Append-only: what was erased of an account, and what was kept."""

    __tablename__ = "erasures"
    __table_args__ = (APPEND_ONLY,)
    key: str = Field(primary_key=True, description="the act by which it was asked for")
    account_id: str = Field(foreign_key="accounts.id", index=True)
    asked_by: str
    at: datetime = Field(sa_type=UtcDateTime)
    recorded_at: datetime = Field(sa_type=UtcDateTime, description="real time")
    report: dict[str, Any] = Field(sa_type=JSON, description="an ErasureReport")


__all__ = [
    "ACTS_OF_PEOPLE",
    "BROKEN_PROMISES",
    "NOTED_KINDS",
    "Account",
    "AccountCall",
    "AccountNoteRecord",
    "Allocation",
    "ArchivedRun",
    "BillingConnectionRow",
    "BillingCursorRow",
    "BillingDifferenceRow",
    "CallRequest",
    "Case",
    "ClockChangeRecord",
    "ConnectionEventRow",
    "ConnectionRunRow",
    "Contact",
    "ContactRequest",
    "CoverRow",
    "CreditNote",
    "DelegationRow",
    "Document",
    "DossierRow",
    "ErasureRow",
    "ExternalAccountRow",
    "ExternalInvoiceRow",
    "ExternalNoteRow",
    "ExternalOrderRow",
    "HeldAccount",
    "IdempotencyKey",
    "IdentityEventRow",
    "ImportRow",
    "ImportRun",
    "Invoice",
    "JournalEntry",
    "KeptMapping",
    "LedgerEvent",
    "LetterBrakeRecord",
    "LetterStopRow",
    "Message",
    "MessageLine",
    "NextRunRow",
    "Note",
    "PasswordRow",
    "Payment",
    "PolicyVersion",
    "PortfolioChange",
    "PortfolioRuleSet",
    "PromisePartRow",
    "SQLModel",
    "SavedViewRow",
    "SealRow",
    "SetAsideRow",
    "Setting",
    "SignInFailures",
    "Task",
    "Token",
    "User",
    "UtcDateTime",
    "ViewRow",
    "WaitingNoticeRow",
    "WebhookCallRow",
    "WebhookCountRow",
    "WriteOffBooking",
]
