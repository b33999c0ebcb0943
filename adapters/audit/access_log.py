"""The trail of who looked at which account.

A person who reads the same account again by the same route, within the same hour of real time (UTC), is one row with a count: a page that
reads itself anew every few seconds would otherwise bury what an auditor looks for. A file that several accounts rest on is a view of each;
so is a period that is taken along, of each account with an entry in it.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Text, cast, or_, select
from sqlalchemy import case as either
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.tables import Case, DossierRow, Invoice, JournalEntry, Message, ViewRow
from domain.audit.scope import AccountScope, AuditScope, PeriodScope
from domain.identifiers import CaseKind


class AccessTarget(NamedTuple):
    """What was read: of a kind, by the id that the route has for it."""

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
"""The kinds of subject. A mail is a letter as the local inbox has it, known by its Message-ID; a period by its first and last day."""


def build_scope_target(scope: AuditScope) -> AccessTarget:
    """An auditor takes it along."""
    return (
        AccessTarget(ACCOUNT, scope.account_id) if isinstance(scope, AccountScope) else AccessTarget(PERIOD, f"{scope.first}/{scope.last}")
    )


class AccessLog:
    """Safe to share between threads."""

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
        """All of them in one transaction. What belongs to no account leaves no trace."""
        with self._database.writing() as session:
            rows = _build_rows(records, _find_accounts(session, {one.subject for one in records}))
            if rows:
                session.connection().execute(self._upsert, rows)


def _greater_of(known: Any, new: Any) -> Any:
    return either((new > known, new), else_=known)


def _build_rows(records: Sequence[AccessRecord], accounts: dict[AccessTarget, set[str]]) -> list[dict[str, Any]]:
    """One for each key, in the keys' order, so that two processes never wait for each other."""
    found: dict[tuple[Any, ...], list[AccessRecord]] = defaultdict(list)
    for one in records:
        hour = one.at.replace(minute=0, second=0, microsecond=0)
        for account_id in accounts.get(one.subject, ()):
            found[one.user, one.role, account_id, one.route, hour].append(one)
    names = ("user", "role", "account_id", "route", "hour")
    return [
        dict(zip(names, key, strict=True))
        | {
            "count": len(reads),
            "first_at": min(one.at for one in reads),
            "last_at": max(one.at for one in reads),
            "first_business_at": min(one.business_at for one in reads),
            "last_business_at": max(one.business_at for one in reads),
        }
        for key, reads in sorted(found.items())
    ]


def _find_accounts(session: Session, targets: set[AccessTarget]) -> dict[AccessTarget, set[str]]:
    """Whose account each of them is, or whose they are."""
    found: dict[AccessTarget, set[str]] = defaultdict(set)
    for kind, key, owner in (
        (INVOICE, Invoice.id, Invoice.account_id),
        (CASE, Case.case_id, Case.account_id),
        (LETTER, Message.id, Message.account_id),
        (MAIL, Message.message_id, Message.account_id),
    ):
        named = [subject.id for subject in targets if subject.kind == kind]
        wanted: list[Any] = [int(name) for name in named] if kind == LETTER else named
        for id, account_id in session.execute(select(key, owner).where(col(key).in_(wanted))) if wanted else ():  # type: ignore[call-overload]
            found[AccessTarget(kind, str(id))].add(account_id)
    for subject in targets:
        if subject.kind == ACCOUNT:
            found[subject].add(subject.id)
        if subject.kind == DOCUMENT:
            found[subject] |= _find_document_accounts(session, subject.id)
        if subject.kind == PERIOD:
            found[subject] |= _find_period_accounts(session, PeriodScope(*map(date.fromisoformat, subject.id.split("/"))))
    return found


def _find_document_accounts(session: Session, sha256: str) -> set[str]:
    """The accounts whose dossier it is, or one of whose disputes has it as evidence."""
    dossiers = select(col(DossierRow.account_id)).where(or_(col(DossierRow.json_sha256) == sha256, col(DossierRow.pdf_sha256) == sha256))
    summary = cast(col(Case.summary), Text)
    disputes = select(col(Case.account_id)).where(col(Case.kind) == CaseKind.DISPUTE, summary.contains(sha256, autoescape=True))
    return {*session.scalars(dossiers), *session.scalars(disputes)}


def _find_period_accounts(session: Session, period: PeriodScope) -> set[str]:
    """The accounts with an entry in it."""
    told = select(col(JournalEntry.account_id)).where(
        col(JournalEntry.business_at) >= period.starts_at,
        col(JournalEntry.business_at) < period.ends_before,
        col(JournalEntry.account_id) != "",
    )
    return set(session.scalars(told.distinct()))


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
