"""The protocols by which Duecourse speaks to a billing system that a company already has: small ones, for what it can do.

The port (`port.py`) is what cases and people ask of billing, by Duecourse's own ids. A connector is a system that can be asked it, by its
own ids: one of one company (`key`). It holds nothing: what it reads is kept elsewhere, and it may be called from several threads.

Every booking has a `key`. The system is read before it is written to, so that a key given again finds what it booked, and what was begun is
carried on; a key given again with other content raises ConflictingBookingError or ConflictingCreditNoteError. What the system refuses
raises a BillingError and is not to be tried again; one that is away, slow or busy raises BillingAwayError, and is. A capability that it
lacks raises UnsupportedOperationError, whose words say what a person does there instead. See
docs/decisions/0054-a-connected-system-is-read-again.md.

A new system is a room beside `adapters/tryton`, and a class in `CONNECTION_KINDS` (`adapters/connections/connection_kinds.py`): see "Where
would X go?" in docs/architecture.md.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol, cast

from adapters.billing.external_key import SystemKey
from adapters.billing.external_records import (
    BalanceCheck,
    ChangePage,
    ConnectionStep,
    CreditPage,
    ExternalAccount,
    ExternalBooking,
    ExternalInvoice,
    InvoiceDocument,
    NoteKind,
    OpenReceivablePage,
    WebhookHint,
)


class ConnectorCapability(StrEnum):
    """What a connected system may or may not be able to do, by the name of the method. Its changes, invoices, accounts and open items it
    always lets be read."""

    LIST_CREDITS = "list_credits"
    FETCH_DOCUMENT = "fetch_document"
    BOOK_CREDIT_NOTE = "book_credit_note"
    BOOK_WRITE_OFF = "book_write_off"
    SUSPEND = "suspend"
    REINSTATE = "reinstate"
    RECORD_NOTE = "record_note"
    VERIFY_WEBHOOK = "verify_webhook"


class ConnectedReader(Protocol):
    """What every connected system can do."""

    def read_changes(self, cursor: str | None, limit: int) -> ChangePage:
        """Return at most about `limit` invoices that were changed since the cursor, those changed first at first; None: from the beginning.

        No change is left out that was made while pages are read, nor one that was made long before it could be seen; so an invoice may come
        again unchanged.
        """
        ...

    def read_invoice(self, external_id: str) -> ExternalInvoice:
        """Return it as it stands now. Raises UnknownInvoiceError, also for what is no invoice yet, or no longer."""
        ...

    def read_account(self, account_id: str) -> ExternalAccount:
        """Raises UnknownAccountError."""
        ...

    def list_open_items(self, cursor: str | None, limit: int) -> OpenReceivablePage:
        """Return every invoice of which something is owed; None: from the first."""
        ...

    def try_connection(self) -> tuple[ConnectionStep, ...]:
        """Try step by step what works, what is missing, and which permission to ask for. Never raises; what follows from a step that does
        not work is left out."""
        ...


class CreditReader(Protocol):
    def list_credits(self, cursor: str | None, limit: int) -> CreditPage:
        """Return the payments and credit notes of which something is left; None: from the first."""
        ...


class DocumentReader(Protocol):
    def fetch_document(self, external_id: str) -> InvoiceDocument:
        """Raises UnknownInvoiceError."""
        ...


class ConnectedCreditNotes(Protocol):
    def book_credit_note(self, key: str, external_id: str, amount: int, currency: str, reason: str) -> ExternalBooking:
        """Credit part or all of what an invoice still owes; the invoice owes less at once.

        Raises UnknownInvoiceError, InvalidAmountError, CurrencyMismatchError, ExcessiveCreditError, CancelledInvoiceError,
        ConflictingCreditNoteError.
        """
        ...


class ConnectedWriteOffs(Protocol):
    def book_write_off(self, key: str, external_id: str, amount: int, currency: str, on: date) -> ExternalBooking:
        """Give up `amount` of an invoice, or what is open of it if that is less.

        Raises UnknownInvoiceError, InvalidAmountError, CurrencyMismatchError, ConflictingBookingError.
        """
        ...


class ConnectedService(Protocol):
    """Each method raises UnknownAccountError."""

    def suspend(self, key: str, account_id: str, reason: str) -> None:
        """Turn the service off, as far as the system can. What was in force is remembered there, so that it can be put back."""
        ...

    def reinstate(self, key: str, account_id: str) -> None:
        """Put back what was in force before Duecourse suspended it; what a person has changed there since stays as it is."""
        ...


class NoteKeeper(Protocol):
    def record_note(self, key: str, account_id: str, text: str, kind: NoteKind = NoteKind.NOTE) -> None:
        """Leave a note where the system's own people see it, once for each key. Its first line is what it is about. Raises
        UnknownAccountError."""
        ...


class WebhookVerifier(Protocol):
    def verify_webhook(self, headers: Mapping[str, str], body: bytes, now: datetime) -> tuple[WebhookHint, ...]:
        """Check the signature and the age of a call on its raw body, and return what it hints at. Raises ForgedWebhookError."""
        ...


class BalanceChecker(Protocol):
    """Of a system whose balances may not count what is applied to its invoices. Not asked of others."""

    def check_balances(self) -> BalanceCheck:
        """Look at a sample of them."""
        ...


class BillingConnector(
    ConnectedReader,
    CreditReader,
    DocumentReader,
    ConnectedCreditNotes,
    ConnectedWriteOffs,
    ConnectedService,
    NoteKeeper,
    WebhookVerifier,
    Protocol,
):
    """All that Duecourse may ask of a connected system."""

    @property
    def key(self) -> SystemKey:
        """The connection's name, and the company in it."""
        ...

    @property
    def capabilities(self) -> frozenset[ConnectorCapability]:
        """What the system can do. For anything else it raises UnsupportedOperationError."""
        ...


def find_credits_interval(connector: BillingConnector) -> timedelta | None:
    """How often what is unapplied is read from a system that lists all its customers for it, beside what it hints at; None of one that is
    asked whenever an invoice changed."""
    found = getattr(connector, "credits_every", None)
    return found if isinstance(found, timedelta) else None


def find_balance_checker(connector: BillingConnector) -> BalanceChecker | None:
    """None where a system's balances need no check."""
    return cast(BalanceChecker, connector) if hasattr(connector, "check_balances") else None
