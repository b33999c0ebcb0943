"""The log of the people who read accounts.

Reads of one account by one person and route, within one hour of real time (UTC), are one row with a count: a page that reloads every few
seconds would otherwise hide what an auditor looks for. A file that several accounts rest on is a read of each; so is the export of a
period, of each account with an entry in it.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import case as either
from sqlalchemy import or_, select
from sqlmodel import Session, col

from adapters.database.dispute_evidence import has_evidence
from adapters.database.engine import Database
from adapters.database.tables import Case, DossierRow, Invoice, JournalEntry, Message, ViewRow
from domain.audit.scope import AccountScope, AuditScope, PeriodScope


class AccessTarget(NamedTuple):
    """The object of a read: its kind, and its id in the route."""

    kind: str
    id: str


class AccessRecord(NamedTuple):
    """One successful read. `at` is real time, `business_at` business time, both UTC."""

    user: str
    role: str
    route: str
    subject: AccessTarget
    at: datetime
    business_at: datetime


ACCOUNT, INVOICE, CASE, LETTER, MAIL, DOCUMENT = "account", "invoice", "case", "letter", "mail", "document"
PERIOD = "period"
"""The kinds of targets. A mail is a letter in the local inbox, identified by its Message-ID; a period by its first and last day."""


def build_scope_target(scope: AuditScope) -> AccessTarget:
    """Return the target of an export of the scope."""
    if isinstance(scope, AccountScope):
        return AccessTarget(ACCOUNT, scope.account_id)
    return AccessTarget(PERIOD, f"{scope.first}/{scope.last}")


class AccessLog:
    """Writes the log. Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        put = database.build_insert(ViewRow)
        new, row = put.excluded, ViewRow
        self._upsert = put.on_conflict_do_update(
            index_elements=["user", "role", "account_id", "route", "hour"],
            set_={
                "count": col(row.count) + new["count"],
                "last_at": _greater_of(col(row.last_at), new["last_at"]),
                "last_business_at": _greater_of(col(row.last_business_at), new["last_business_at"]),
            },
        )

    def write(self, records: Sequence[AccessRecord]) -> None:
        """Write the records in one transaction. A read that concerns no account is not recorded."""
        with self._database.writing() as session:
            rows = _build_rows(records, _find_accounts(session, {record.subject for record in records}))
            if rows:
                session.connection().execute(self._upsert, rows)


def _greater_of(stored: Any, new: Any) -> Any:
    return either((new > stored, new), else_=stored)


def _build_rows(records: Sequence[AccessRecord], accounts: dict[AccessTarget, set[str]]) -> list[dict[str, Any]]:
    """Build a row for each key, in the keys' order, so that two processes never wait for each other."""
    reads_by_key: dict[tuple[Any, ...], list[AccessRecord]] = defaultdict(list)
    for record in records:
        hour = record.at.replace(minute=0, second=0, microsecond=0)
        for account_id in accounts.get(record.subject, ()):
            reads_by_key[record.user, record.role, account_id, record.route, hour].append(record)
    names = ("user", "role", "account_id", "route", "hour")
    return [
        dict(zip(names, key, strict=True))
        | {
            "count": len(reads),
            "first_at": min(read.at for read in reads),
            "last_at": max(read.at for read in reads),
            "first_business_at": min(read.business_at for read in reads),
            "last_business_at": max(read.business_at for read in reads),
        }
        for key, reads in sorted(reads_by_key.items())
    ]


def _find_accounts(session: Session, targets: set[AccessTarget]) -> dict[AccessTarget, set[str]]:
    """Find the accounts that each target concerns."""
    accounts: dict[AccessTarget, set[str]] = defaultdict(set)
    for kind, key, owner in (
        (INVOICE, Invoice.id, Invoice.account_id),
        (CASE, Case.case_id, Case.account_id),
        (LETTER, Message.id, Message.account_id),
        (MAIL, Message.message_id, Message.account_id),
    ):
        ids = [target.id for target in targets if target.kind == kind]
        key_values: list[Any] = [int(key_value) for key_value in ids] if kind == LETTER else ids
        for key_value, account_id in session.execute(select(key, owner).where(col(key).in_(key_values))) if key_values else ():  # type: ignore[call-overload]
            accounts[AccessTarget(kind, str(key_value))].add(account_id)
    for target in targets:
        if target.kind == ACCOUNT:
            accounts[target].add(target.id)
        if target.kind == DOCUMENT:
            accounts[target] |= _find_document_accounts(session, target.id)
        if target.kind == PERIOD:
            accounts[target] |= _find_period_accounts(session, PeriodScope(*map(date.fromisoformat, target.id.split("/"))))
    return accounts


def _find_document_accounts(session: Session, sha256: str) -> set[str]:
    """Find the accounts with a dossier of this file, or with a dispute that has it as evidence."""
    dossiers = select(col(DossierRow.account_id)).where(or_(col(DossierRow.json_sha256) == sha256, col(DossierRow.pdf_sha256) == sha256))
    disputes = select(col(Case.account_id)).where(has_evidence(sha256))
    return {*session.scalars(dossiers), *session.scalars(disputes)}


def _find_period_accounts(session: Session, period: PeriodScope) -> set[str]:
    """Find the accounts with an entry in the period."""
    account_ids = select(col(JournalEntry.account_id)).where(
        col(JournalEntry.business_at) >= period.starts_at,
        col(JournalEntry.business_at) < period.ends_before,
        col(JournalEntry.account_id) != "",
    )
    return set(session.scalars(account_ids.distinct()))


__all__ = [
    "ACCOUNT",
    "CASE",
    "DOCUMENT",
    "INVOICE",
    "LETTER",
    "MAIL",
    "PERIOD",
    "AccessLog",
    "AccessRecord",
    "AccessTarget",
    "build_scope_target",
]
