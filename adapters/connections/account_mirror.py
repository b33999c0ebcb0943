"""The mirror of the customers of a connected system: each is read when an invoice names it first, and again every day while it owes
something, for nothing tells that its address has changed.

What a person has corrected here stays until the system itself says something else than before.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex

from sqlalchemy import select, update
from sqlmodel import Session, col

from adapters.billing.external_key import ExternalKey, SystemKey
from adapters.billing.external_records import ExternalAccount
from adapters.connections.invoice_mirror import MirrorContext
from adapters.correspondence.release_store import ReleaseStore
from adapters.database.clock_store import is_accelerated, load_clock
from adapters.database.engine import Database
from adapters.database.tables import Account, BillingCursorRow, ExternalAccountRow, Invoice
from adapters.imports.account_batch import AccountBatch
from adapters.imports.row_reader import ImportedAccount, find_account_fault
from adapters.portfolio.assignments import AssignmentContext
from domain.accepted_texts import MAX_NAME_LENGTH, find_text_fault, fold_whitespace
from domain.billing.billing_events import InvoiceStatus
from domain.clock import Clock

READ_AGAIN_AFTER = timedelta(hours=20)
LONGEST_NUMBER = 64
MOST_AGAIN = 50
"""How many customers are read again in one run, the longest unread first: the others' turn comes with the next."""


@dataclass(frozen=True)
class AccountDefaults:
    """What an account is given that the system says nothing of: ISO country, IANA time zone, and one of the languages of letters."""

    country: str
    time_zone: str
    language: str


class AccountMirror:
    def __init__(self, database: Database, system: SystemKey, defaults: AccountDefaults) -> None:
        self._database, self._system, self._defaults = database, system, defaults

    @property
    def defaults(self) -> AccountDefaults:
        return self._defaults

    def list_unknown(self, external_ids: Iterable[str]) -> list[str]:
        """Return those that were never read, or were erased since."""
        ids = {ExternalKey.build(self._system, external_id).id: external_id for external_id in external_ids}
        if not ids:
            return []
        with self._database.reading() as session:
            known = set(
                session.execute(select(col(ExternalAccountRow.account_id)).where(col(ExternalAccountRow.account_id).in_(ids))).scalars()
            )
        return [ids[key] for key in sorted(ids.keys() - known)]

    def list_due(self, now: datetime) -> list[str]:
        """Return the customers with open invoices that were last read long before `now`, by real time."""
        owes = select(col(Invoice.id)).where(
            col(Invoice.account_id) == col(ExternalAccountRow.account_id), col(Invoice.status) == InvoiceStatus.OPEN.value
        )
        due = (
            select(col(ExternalAccountRow.external_id))
            .where(col(ExternalAccountRow.system) == self._system.system, col(ExternalAccountRow.company) == self._system.company)
            .where(col(ExternalAccountRow.read_at) <= now - READ_AGAIN_AFTER, owes.exists())
            .order_by(col(ExternalAccountRow.read_at), col(ExternalAccountRow.account_id))
            .limit(MOST_AGAIN)
        )
        with self._database.reading() as session:
            return list(session.execute(due).scalars())

    def find_another(self, external_id: str) -> list[str]:
        """Return the customer that was read last of all but this one; nothing where there is none."""
        another = (
            select(col(ExternalAccountRow.external_id))
            .where(col(ExternalAccountRow.system) == self._system.system, col(ExternalAccountRow.company) == self._system.company)
            .where(col(ExternalAccountRow.external_id) != external_id)
            .order_by(col(ExternalAccountRow.read_at).desc(), col(ExternalAccountRow.account_id))
            .limit(1)
        )
        with self._database.reading() as session:
            return list(session.execute(another).scalars())

    def holds_new(self) -> bool:
        """Return whether customers that are new are held for release: those of a system's first reading, and all until the house is live,
        but none on a clock that is played fast."""
        clock = load_clock(self._database) or Clock.real_time()
        if is_accelerated(clock):
            return False
        with self._database.reading() as session:
            row = session.get(BillingCursorRow, tuple(self._system))
            is_first = row is None or row.caught_up_at is None
        return is_first or ReleaseStore(self._database).holds_new_accounts(clock)

    def write(
        self,
        session: Session,
        context: MirrorContext,
        accounts: Sequence[ExternalAccount],
        unread: Iterable[str] = (),
        *,
        holds_new: bool = False,
    ) -> int:
        """Take in customers as they were read; how many say something else than before. `unread`: those that the system refused to tell,
        which are asked for again another day. `holds_new`: no letter goes to those that are new before somebody releases them."""
        rows = self._lock_rows(session, context, [*(each.account_id for each in accounts), *unread])
        changed = [each for each in accounts if rows[each.account_id].fingerprint != _fingerprint(each)]
        for row in rows.values():
            row.read_at = max(row.read_at, context.read_at)
        if changed:
            by = self._system.system
            assignment = AssignmentContext(f"sync:{token_hex(16)}", by, context.at, context.read_at)
            details = [self._build_details(context, account) for account in changed]
            holder = f"{by}:{token_hex(16)}" if holds_new else None
            batch = AccountBatch(session, self._database, {each.id for each in details}, assignment, holder)
            for account, each in zip(changed, details, strict=True):
                batch.merge_account(each)
                rows[account.account_id].fingerprint = _fingerprint(account)
            batch.write()
        return len({*(each.account_id for each in changed), *self._take_numbers(session, context, accounts)})

    def _take_numbers(self, session: Session, context: MirrorContext, accounts: Sequence[ExternalAccount]) -> list[str]:
        """Take in the numbers by which the system's documents name its customers, whatever else was corrected here; whose changed."""
        printed = {context.build_id(each.account_id): (each.account_id, _clean_number(each.number)) for each in accounts}
        known = session.execute(select(col(Account.id), col(Account.number)).where(col(Account.id).in_(printed))).all() if printed else ()
        changed = [account_id for account_id, number in known if printed[account_id][1] != number]
        for account_id in changed:
            session.execute(update(Account).where(col(Account.id) == account_id).values(number=printed[account_id][1]))
        return [printed[account_id][0] for account_id in changed]

    def _lock_rows(self, session: Session, context: MirrorContext, external_ids: Sequence[str]) -> dict[str, ExternalAccountRow]:
        """By the system's id; made where there is none. Held until the transaction ends, in one order."""
        if not external_ids:
            return {}
        system = {"system": self._system.system, "company": self._system.company, "fingerprint": "", "read_at": context.read_at}
        ids = {context.build_id(external_id): external_id for external_id in external_ids}
        new = [{"account_id": key, "external_id": ids[key], **system} for key in sorted(ids)]
        session.connection().execute(self._database.build_insert_or_ignore(ExternalAccountRow), new)
        mine = select(ExternalAccountRow).where(col(ExternalAccountRow.account_id).in_(ids)).order_by(col(ExternalAccountRow.account_id))
        return {row.external_id: row for row in session.execute(mine.with_for_update()).scalars()}

    def _build_details(self, context: MirrorContext, account: ExternalAccount) -> ImportedAccount:
        """What could not be imported from a file is left out: of a country or language of nowhere there is the default, of an address
        none."""
        given = {
            "name": fold_whitespace(account.name)[:MAX_NAME_LENGTH],
            "country": account.country or "",
            "language": account.language or "",
            "email": account.emails[0] if account.emails else "",
        }
        usable = {name: text for name, text in given.items() if text and not find_account_fault(name, text)}
        defaults = {"country": self._defaults.country, "time_zone": self._defaults.time_zone, "language": self._defaults.language}
        return ImportedAccount(context.build_id(account.account_id), prepaid=None, **(defaults | usable))


def _clean_number(number: str) -> str:
    """One that could be no text of ours is none."""
    text = " ".join(number.split())
    return "" if find_text_fault(text, LONGEST_NUMBER) else text


def _fingerprint(account: ExternalAccount) -> str:
    """Of what is taken in of it and may be corrected here."""
    said = (account.name, account.country, account.language, account.emails[:1])
    return hashlib.sha256(repr(said).encode()).hexdigest()
