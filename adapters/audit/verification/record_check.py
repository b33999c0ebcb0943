"""Compare what is changed in place with the append-only records of its changes: who is suspended, who has an account, which letters are
stopped, and which accounts are held for release."""

from collections.abc import Callable, Iterator
from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import Session, col

from adapters.database.row_states import BrakeEvent, ServiceChangeKind
from adapters.database.tables import Account, HeldAccount, LetterBrakeRecord, LetterStopRow, PortfolioChange, ServiceChange
from domain.audit.verification_report import VerificationFinding
from domain.case.billing_results import SuspensionOrderOutcome
from domain.correspondence.letter_stop import StopScope

ACCOUNTS_TABLE, STOPS_TABLE, HELD_TABLE = "accounts", "letter_stops", "held_accounts"


def find_record_faults(session: Session) -> Iterator[VerificationFinding]:
    """Find the rows that their records contradict. No journal has these records; a trigger guards those of the letters' brakes."""
    finders: tuple[Callable[[Session], Iterator[VerificationFinding]], ...] = (
        _find_service_faults,
        _find_collector_faults,
        _find_stop_faults,
        _find_hold_faults,
    )
    for find in finders:
        yield from find(session)


def _find_service_faults(session: Session) -> Iterator[VerificationFinding]:
    """Compare whether an account is suspended with the last change of its service; what was asked for too late changed nothing. Of changes
    in the same moment, any may be the last."""
    changes = (SuspensionOrderOutcome.SUSPENDED.value, ServiceChangeKind.REINSTATED.value)
    made = select(col(ServiceChange.account_id), col(ServiceChange.what), col(ServiceChange.at)).where(col(ServiceChange.what).in_(changes))
    last: dict[str, tuple[datetime, set[str]]] = {}
    for account_id, what, at in session.execute(made.order_by(col(ServiceChange.account_id), col(ServiceChange.at))):
        if account_id in last and last[account_id][0] == at:
            last[account_id][1].add(what)
        else:
            last[account_id] = (at, {what})
    suspended = select(col(Account.id), col(Account.suspended_on)).where(col(Account.suspended_on).is_not(None))
    off = {row.id: row.suspended_on for row in session.execute(suspended)}
    for account_id in sorted(last.keys() | off.keys()):
        changed = last[account_id][1] if account_id in last else {ServiceChangeKind.REINSTATED.value}
        expected = SuspensionOrderOutcome.SUSPENDED.value if account_id in off else ServiceChangeKind.REINSTATED.value
        if expected not in changed:
            said = f"suspended since {off[account_id]}" if account_id in off else "in service"
            what = f"is said to be {said}, and was {'reinstated or never suspended' if account_id in off else 'suspended'}"
            yield VerificationFinding(table=ACCOUNTS_TABLE, key=account_id, what=what)


def _find_collector_faults(session: Session) -> Iterator[VerificationFinding]:
    """Compare an account's collector with the last change of its portfolio."""
    newest = select(func.max(col(PortfolioChange.id))).group_by(col(PortfolioChange.account_id))
    rows = select(col(Account.id), col(Account.collector), col(PortfolioChange.to_collector)).join(
        PortfolioChange, col(PortfolioChange.account_id) == col(Account.id)
    )
    moved = func.coalesce(col(Account.collector), "") != col(PortfolioChange.to_collector)
    for account_id, collector, assigned in session.execute(rows.where(col(PortfolioChange.id).in_(newest), moved)):
        what = f"is said to be {collector or 'nobody'}’s, and was given to {assigned}"
        yield VerificationFinding(table=ACCOUNTS_TABLE, key=account_id, what=what)


def _find_stop_faults(session: Session) -> Iterator[VerificationFinding]:
    """Compare the stops of letters with the records of who stopped what, and who let it go."""
    records: dict[tuple[str, str], list[LetterBrakeRecord]] = {}
    kept = select(LetterBrakeRecord).where(col(LetterBrakeRecord.event).in_((BrakeEvent.STOPPED, BrakeEvent.RESUMED)))
    for record in session.scalars(kept.order_by(col(LetterBrakeRecord.id))):
        records.setdefault((record.scope, record.target), []).append(record)
    rows = {row.stop_id: row for row in session.scalars(select(LetterStopRow))}
    for made in (record for same in records.values() for record in same if record.event == BrakeEvent.STOPPED):
        row = rows.pop(made.act_id, None)
        if row is None:
            yield VerificationFinding(table=STOPS_TABLE, key=made.act_id, what="is missing: its record says that letters were stopped")
        elif (row.scope, row.target, row.reason, row.last_day, row.made_by) != (
            made.scope,
            made.target,
            made.reason,
            made.last_day,
            made.made_by,
        ):
            yield VerificationFinding(table=STOPS_TABLE, key=made.act_id, what="is another stop than its record has")
        elif row.ended_by and not _has_resumption(records[made.scope, made.target], row):
            yield VerificationFinding(
                table=STOPS_TABLE, key=made.act_id, what=f"is said to have been ended by {row.ended_by}: no record has it"
            )
    for stop_id in rows:
        yield VerificationFinding(table=STOPS_TABLE, key=stop_id, what="has no record: it was put in")


def _has_resumption(records: list[LetterBrakeRecord], row: LetterStopRow) -> bool:
    return any(
        record.event == BrakeEvent.RESUMED and (record.made_by, record.made_at) == (row.ended_by, row.ended_at) for record in records
    )


def _find_hold_faults(session: Session) -> Iterator[VerificationFinding]:
    """Compare which accounts are held for release with the last record of each."""
    events = (BrakeEvent.HELD, BrakeEvent.RELEASED)
    of_accounts = (col(LetterBrakeRecord.scope) == StopScope.ACCOUNT, col(LetterBrakeRecord.event).in_(events))
    newest = select(func.max(col(LetterBrakeRecord.id))).where(*of_accounts).group_by(col(LetterBrakeRecord.target))
    last = select(col(LetterBrakeRecord.target), col(LetterBrakeRecord.event)).where(col(LetterBrakeRecord.id).in_(newest))
    recorded = {target for target, event in session.execute(last) if event == BrakeEvent.HELD}
    held = set(session.scalars(select(col(HeldAccount.account_id))))
    for account_id in sorted(recorded - held):
        yield VerificationFinding(table=HELD_TABLE, key=account_id, what="is missing: nobody has released the account")
    for account_id in sorted(held - recorded):
        yield VerificationFinding(table=HELD_TABLE, key=account_id, what="has no record, or was released: it was put in")
