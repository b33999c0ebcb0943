"""The database's tables. SQLite and PostgreSQL take the same ones.

Amounts are in minor units of the currency beside them. Times are UTC; a column says in its name or comment when it is real time
(`recorded_at`, `created_at`) and is business time otherwise. No object of these classes ever enters a workflow.
"""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Dialect, ForeignKey, Index, Integer, LargeBinary, Text, UniqueConstraint
from sqlalchemy.types import JSON, TypeDecorator
from sqlmodel import Field, SQLModel


class Utc(TypeDecorator[datetime]):
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
    name: str
    country: str = Field(description="ISO 3166-1 alpha-2, for its public holidays")
    time_zone: str = Field(description="IANA name")
    language: str = Field(description="en, de, fr or es")
    segment: str = "standard"
    collector: str | None = Field(default=None, index=True)


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
    undeliverable_since: datetime | None = Field(default=None, sa_type=Utc)


class Invoice(SQLModel, table=True):
    """The ledger's invoice. `version` grows by one with every change."""

    __tablename__ = "invoices"
    __table_args__ = (Index("ix_invoices_account_status", "account_id", "status"),)
    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="accounts.id")
    number: str = Field(index=True)
    issue_date: date
    due_date: date
    currency: str
    total: int = Field(sa_type=BigInteger)
    open_balance: int = Field(sa_type=BigInteger)
    status: str = Field(default="open", description="an InvoiceStatus")
    disputed: bool = False
    version: int = 1
    settled_on: date | None = None
    source_sha256: str | None = Field(default=None, description="of the imported row, by which an unchanged row is known")
    source_paid: int = Field(default=0, sa_type=BigInteger, description="what the last imported row said was paid")


class Payment(SQLModel, table=True):
    """Money received from an account. What no invoice took is the account's unapplied credit."""

    __tablename__ = "payments"
    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="accounts.id", index=True)
    currency: str
    amount: int = Field(sa_type=BigInteger)
    received_on: date
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


class Allocation(SQLModel, table=True):
    """What part of a payment or credit note went to which invoice. A reversed payment's allocations are taken back by negative ones."""

    __tablename__ = "allocations"
    id: int | None = Field(default=None, sa_column=Column(RowId, primary_key=True, autoincrement=True))
    payment_id: str | None = Field(default=None, foreign_key="payments.id", index=True)
    credit_note_id: str | None = Field(default=None, foreign_key="credit_notes.id", index=True)
    invoice_id: str = Field(foreign_key="invoices.id", index=True)
    amount: int = Field(sa_type=BigInteger)
    allocated_on: date
    cause: str = Field(default="received", description="an AllocationCause")


class LedgerEvent(SQLModel, table=True):
    """What billing has to tell a workflow: written in the transaction that changed the invoice, delivered by BillingSync in order of id."""

    __tablename__ = "ledger_events"
    __table_args__ = (Index("ix_ledger_events_undelivered", "delivered_at", "id"),)
    id: int | None = Field(default=None, sa_column=Column(RowId, primary_key=True, autoincrement=True))
    event_id: str = Field(unique=True)
    invoice_id: str = Field(index=True)
    event: dict[str, Any] = Field(sa_type=JSON, description="a BillingEvent")
    recorded_at: datetime = Field(sa_type=Utc, description="real time")
    delivered_at: datetime | None = Field(default=None, sa_type=Utc, description="real time")


class ContactRequest(SQLModel, table=True):
    """A step that asks for a letter. States: pending → claimed → sent | refused | unknown | dropped; or withdrawn by the invoice itself."""

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
    slot: datetime = Field(sa_type=Utc)
    not_after: date | None = None
    days_between_letters: int = 1
    minimum: int = Field(default=1, sa_type=BigInteger, description="an open balance below it is not chased")
    opens: str = "09:00"
    closes: str = "17:00"
    state: str = "pending"
    attempt: int = 1
    message_id: int | None = Field(default=None, sa_type=RowId, index=True)
    reason: str = ""
    ended_at: datetime | None = Field(default=None, sa_type=Utc)
    awaited: bool = Field(default=False, description="the invoice waits to hear what became of it")
    told: bool = Field(default=False, description="the invoice was signalled, or need not be")


class Message(SQLModel, table=True):
    """One letter. States: intended → transmitting → sent | refused | unknown, or back to intended when deferred; void when nothing in it
    stands any more. Its content is written when it is first transmitted."""

    __tablename__ = "messages"
    __table_args__ = (Index("ix_messages_state", "state", "next_attempt_at"),)
    id: int | None = Field(default=None, sa_column=Column(RowId, primary_key=True, autoincrement=True))
    key: str = Field(unique=True, description="what makes it the same letter; its Message-ID derives from it")
    account_id: str = Field(foreign_key="accounts.id", index=True)
    recipient: str = ""
    language: str
    currency: str
    letter: str = ""
    slot: datetime = Field(sa_type=Utc)
    message_id: str = Field(unique=True)
    in_reply_to: str | None = None
    subject: str = ""
    content: bytes = Field(default=b"", sa_type=LargeBinary)
    state: str = "intended"
    attempts: int = 0
    next_attempt_at: datetime | None = Field(default=None, sa_type=Utc, description="real time; null: at once")
    owner: str = Field(default="", description="the sending process")
    transmitting_since: datetime | None = Field(default=None, sa_type=Utc, description="real time")
    sent_at: datetime | None = Field(default=None, sa_type=Utc)
    reply: str = ""
    decided_by: str | None = Field(default=None, description="who decided what became of an unknown letter")


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


class Task(SQLModel, table=True):
    """Something a person should do: a call, an escalation to look into, a letter that was refused or whose fate is unknown."""

    __tablename__ = "tasks"
    id: int | None = Field(default=None, sa_column=Column(RowId, primary_key=True, autoincrement=True))
    key: str = Field(unique=True)
    kind: str = Field(description="call, escalation, refused_letter, unknown_letter, no_address")
    account_id: str = Field(index=True)
    invoice_id: str | None = Field(default=None, index=True)
    role: str = "collector"
    assignee: str | None = None
    due_on: date
    state: str = Field(default="open", description="open, done or dropped")
    outcome: str = ""
    message_id: int | None = Field(default=None, sa_type=RowId)
    closed_by: str | None = None


class Note(SQLModel, table=True):
    """What a person wrote. Its text stays here; the workflow's history has only its id."""

    __tablename__ = "notes"
    id: str = Field(primary_key=True)
    account_id: str = Field(index=True)
    invoice_id: str | None = Field(default=None, index=True)
    author: str
    text: str = Field(sa_type=Text)
    written_at: datetime = Field(sa_type=Utc)


class JournalEntry(SQLModel, table=True):
    """Append-only. A worker that dies between writing and answering leaves an entry that its successor writes anew with another hash:
    the case's chain, followed back from its head, says which one counts."""

    __tablename__ = "journal"
    __table_args__ = (Index("ix_journal_account", "account_id", "business_at"),)
    case_id: str = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    hash: str = Field(primary_key=True)
    previous: str
    kind: str
    business_at: datetime = Field(sa_type=Utc)
    recorded_at: datetime = Field(sa_type=Utc, description="real time")
    account_id: str
    invoice_id: str | None = Field(default=None, index=True)
    actor: str
    facts: dict[str, Any] = Field(sa_type=JSON)


class Case(SQLModel, table=True):
    """The read model: one row per case, as its workflow last wrote it."""

    __tablename__ = "cases"
    __table_args__ = (Index("ix_cases_stage", "kind", "stage"),)
    case_id: str = Field(primary_key=True)
    run_id: str
    kind: str
    account_id: str = Field(index=True)
    invoice_id: str | None = Field(default=None, index=True)
    stage: str
    next_step: str | None = None
    next_on: date | None = None
    waiting_for: str
    policy: str
    policy_version: int
    holds: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    taken: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    promised_by: date | None = None
    promised_amount: int | None = Field(default=None, sa_type=BigInteger)
    outcome: str | None = None
    seq: int
    head: str
    carried: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    earlier_run: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    """What a closed run of the case left, from which the run that wrote this row goes on."""
    updated_at: datetime = Field(sa_type=Utc)


class PolicyVersion(SQLModel, table=True):
    """A policy as it was in force. Never changed: a new text is a new version."""

    __tablename__ = "policies"
    name: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    segments: list[str] = Field(default_factory=list, sa_type=JSON)
    snapshot: str = Field(sa_type=Text)
    sha256: str
    created_at: datetime = Field(sa_type=Utc, description="real time")


class User(SQLModel, table=True):
    __tablename__ = "users"
    name: str = Field(primary_key=True)
    email: str = ""
    phone: str = ""
    full_name: str = ""
    roles: list[str] = Field(default_factory=list, sa_type=JSON)
    active: bool = True


class Token(SQLModel, table=True):
    """A bearer token, known by its SHA-256 only."""

    __tablename__ = "tokens"
    sha256: str = Field(primary_key=True)
    user: str = Field(foreign_key="users.name", index=True)
    role: str
    created_at: datetime = Field(sa_type=Utc, description="real time")
    expires_at: datetime | None = Field(default=None, sa_type=Utc, description="real time")
    revoked_at: datetime | None = Field(default=None, sa_type=Utc, description="real time")


class IdempotencyKey(SQLModel, table=True):
    """The answer given to a request, to be given again when it is repeated."""

    __tablename__ = "idempotency_keys"
    key: str = Field(primary_key=True)
    user: str = Field(primary_key=True)
    request_sha256: str
    status: int | None = None
    body: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    created_at: datetime = Field(sa_type=Utc, description="real time")


class ImportRun(SQLModel, table=True):
    __tablename__ = "imports"
    id: str = Field(primary_key=True)
    file_name: str
    file_sha256: str
    started_by: str
    dry_run: bool = False
    state: str = Field(default="running", description="running, done or failed")
    rows: int = 0
    verdicts: dict[str, int] = Field(default_factory=dict, sa_type=JSON)
    header: list[str] = Field(default_factory=list, sa_type=JSON)
    delimiter: str = Field(default=",", description="the file's own, in which its rejected rows are given back")
    error: str = ""
    started_at: datetime = Field(sa_type=Utc, description="real time")
    ended_at: datetime | None = Field(default=None, sa_type=Utc, description="real time")


class ImportRow(SQLModel, table=True):
    """The verdict on one row. A rejected row's cells are kept as they came, to be mended and imported again."""

    __tablename__ = "import_rows"
    import_id: str = Field(primary_key=True)
    row: int = Field(primary_key=True, description="as the file counts: the header is row 1")
    verdict: str
    invoice_id: str | None = None
    reason: str = ""
    cells: list[str] | None = Field(default=None, sa_type=JSON)


class Setting(SQLModel, table=True):
    """What must outlive a restart: the business clock, the version that wrote the data."""

    __tablename__ = "settings"
    name: str = Field(primary_key=True)
    value: dict[str, Any] = Field(sa_type=JSON)


__all__ = [
    "Account", "Allocation", "Case", "Contact", "ContactRequest", "CreditNote", "IdempotencyKey", "ImportRow", "ImportRun", "Invoice",
    "JournalEntry", "LedgerEvent", "Message", "MessageLine", "Note", "Payment", "PolicyVersion", "SQLModel", "Setting", "Task",
    "Token", "User", "Utc",
]  # fmt: skip
