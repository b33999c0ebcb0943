"""What one line of text can mean: an account by its name or number, an invoice by its number."""

from datetime import date
from typing import NamedTuple

from sqlalchemy import or_, select
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.tables import Account, Invoice
from adapters.read_model.accounts import AccountRow, load_account_rows
from adapters.read_model.invoices import InvoiceRow, load_invoice_rows
from adapters.read_model.lists.account_list import match_account
from adapters.read_model.lists.text_match import contains_text


class SearchHits(NamedTuple):
    """The first of each. `has_more_accounts`, `has_more_invoices`: there are others."""

    accounts: list[AccountRow]
    invoices: list[InvoiceRow]
    has_more_accounts: bool = False
    has_more_invoices: bool = False

    @property
    def total(self) -> int:
        return len(self.accounts) + len(self.invoices)


def search_books(database: Database, text: str, today: date, limit: int) -> SearchHits:
    """Return the one thing that has the text as its whole number; where nothing has, or several things have, all that have it in their
    number or name: those that it names wholly, then accounts by name and invoices by number, at most `limit` of each."""
    with database.reading() as session:
        accounts, invoices = _find_exact_accounts(session, text), _find_exact_invoices(session, text, limit)
        if len(accounts) + len(invoices) != 1:
            accounts = list(dict.fromkeys([*accounts, *_find_accounts(session, text, limit)]))
            invoices = list(dict.fromkeys([*invoices, *_find_invoices(session, text, limit)]))
        return _load_hits(session, accounts, invoices, today, limit)


def _load_hits(session: Session, account_ids: list[str], invoice_ids: list[str], today: date, limit: int) -> SearchHits:
    accounts = load_account_rows(session, account_ids[:limit], today) if account_ids else []
    invoices = load_invoice_rows(session, invoice_ids[:limit]) if invoice_ids else []
    return SearchHits(accounts, invoices, len(account_ids) > limit, len(invoice_ids) > limit)


def _find_exact_accounts(session: Session, text: str) -> list[str]:
    return list(session.scalars(select(col(Account.id)).where(or_(col(Account.id) == text, col(Account.number) == text))))


def _find_exact_invoices(session: Session, text: str, limit: int) -> list[str]:
    """Two customers' invoices may have one number."""
    of_text = or_(col(Invoice.number) == text, col(Invoice.id) == text)
    return list(session.scalars(select(col(Invoice.id)).where(of_text).order_by(col(Invoice.id)).limit(limit + 1)))


def _find_accounts(session: Session, text: str, limit: int) -> list[str]:
    order = (col(Account.name), col(Account.id))
    return list(session.scalars(select(col(Account.id)).where(match_account(text)).order_by(*order).limit(limit + 1)))


def _find_invoices(session: Session, text: str, limit: int) -> list[str]:
    """By the index of numbers, which has all that is asked for."""
    numbered = select(col(Invoice.id)).where(contains_text(col(Invoice.number), text))
    return list(session.scalars(numbered.order_by(col(Invoice.number), col(Invoice.id)).limit(limit + 1)))
