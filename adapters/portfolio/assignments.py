"""The assignment of accounts to collectors: by hand, by rule, or by an imported file. Open tasks move with the account, and every change is
recorded with person, time and reason in the transaction that makes it."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import BaseModel
from sqlalchemy import func, insert, or_, select, update
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.row_states import TaskState
from adapters.database.tables import Account, Case, PortfolioChange, Task
from adapters.portfolio.rule_store import RulesChangedError, load_collecting_users, load_usable_rules
from domain.errors import UserError
from domain.portfolio.assignment_rules import AccountTraits, PortfolioRule, find_matching_rule
from domain.roles import Role

BATCH_SIZE = 500
"""Accounts named in one statement."""


class ChangeCause(StrEnum):
    """The cause of a change. HAND: a person reassigned the account; RULE: a rule did; FILE: an import did."""

    HAND = "hand"
    RULE = "rule"
    FILE = "file"


class UnknownAccountsError(UserError):
    """Some accounts do not exist; the message names them."""

    title = "There are no such accounts"
    status = 404
    problem_type = "not-found"


class NotACollectorError(UserError):
    """The user cannot have accounts."""

    title = "This person cannot have accounts"
    status = 422
    problem_type = "no-collector"


class CollectorChange(BaseModel):
    """The change of one account's collector. `tasks`: the number of open tasks that moved with it."""

    account_id: str
    account_name: str
    from_collector: str | None
    to_collector: str
    tasks: int = 0


class AssignmentResult(BaseModel):
    """The result of the rules. `unplaced`: the number of accounts that have no collector and match no rule."""

    version: int
    changes: list[CollectorChange]
    unplaced: int


class AssignmentContext(NamedTuple):
    """The command, the person and the reason of changes. `at` is business time, `now` real time, both UTC."""

    act_id: str
    by: str
    at: datetime
    now: datetime
    why: str = ""


class PortfolioAssignments:
    """Assigns accounts to collectors."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def reassign_accounts(self, account_ids: Sequence[str], to: str, context: AssignmentContext) -> list[CollectorChange]:
        """Reassign accounts; those that the collector has already stay. The same command again returns what it did.

        Raises UnknownAccountsError and NotACollectorError; then nothing is changed.
        """
        with self._database.writing() as session:
            if earlier := _load_earlier_changes(session, context.act_id):
                return earlier
            if to not in load_collecting_users(session):
                raise NotACollectorError(f"{to!r} is no active user who collects; name one who is collector")
            accounts = list(_load_accounts(session, account_ids))
            if missing := sorted(set(account_ids) - {account.id for account in accounts}):
                raise UnknownAccountsError(f"there are no accounts {', '.join(missing[:10])}; GET /v1/accounts lists them")
            changes = [_build_change(account, to) for account in accounts if account.collector != to]
            return write_changes(session, changes, ChangeCause.HAND, context)

    def hand_over_accounts(self, from_collector: str, to: str, context: AssignmentContext) -> list[CollectorChange]:
        """Reassign all accounts of one collector. Raises NotACollectorError."""
        with self._database.reading() as session:
            account_ids = session.scalars(select(col(Account.id)).where(col(Account.collector) == from_collector)).all()
        return self.reassign_accounts(account_ids, to, context)

    def apply_rules(self, context: AssignmentContext, dry_run: bool, known_version: int | None = None) -> AssignmentResult:
        """Apply the rules to accounts that have no collector, or have theirs by rule. Where no rule matches, an account keeps its
        collector.

        Raises RulesChangedError when the rules are no longer those of the preview, `known_version`.
        """
        with self._database.reading() if dry_run else self._database.writing() as session:
            rules = load_usable_rules(session)
            if known_version is not None and known_version != rules.version:
                raise RulesChangedError(f"the rules are at version {rules.version} by now, not {known_version}; look at the preview again")
            if not dry_run and (earlier := _load_earlier_changes(session, context.act_id)):
                return AssignmentResult(version=rules.version, changes=earlier, unplaced=_count_unassigned(session))
            changes = list(_find_changes_by_rule(session, rules.rules))
            if not dry_run:
                written = write_changes(session, changes, ChangeCause.RULE, context, rules.version)
                return AssignmentResult(version=rules.version, changes=written, unplaced=_count_unassigned(session))
            newly_placed = sum(change.from_collector is None for change in changes)
            return AssignmentResult(version=rules.version, changes=changes, unplaced=_count_unassigned(session) - newly_placed)


class CollectorChangeFeed:
    """The changes of collectors that the accounts' open cases have not been notified of."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list_unnotified_changes(self, limit: int) -> tuple[list[int], dict[str, str]]:
        """Return the changes' numbers, oldest first, and the present collector of each open case of their accounts."""
        unnotified = (
            select(col(PortfolioChange.id), col(PortfolioChange.account_id))
            .where(col(PortfolioChange.told).is_(False))
            .order_by(col(PortfolioChange.id))
            .limit(limit)
        )
        with self._database.reading() as session:
            changes = session.execute(unnotified).all()
            if not changes:
                return [], {}
            accounts = sorted({account for _, account in changes})
            cases = (
                select(col(Case.case_id), col(Account.collector))
                .join(Account, col(Account.id) == col(Case.account_id))
                .where(col(Case.account_id).in_(accounts), col(Case.outcome).is_(None), col(Account.collector).is_not(None))
            )
            return [number for number, _ in changes], {row.case_id: row.collector for row in session.execute(cases)}

    def mark_notified(self, changes: Sequence[int]) -> None:
        """Mark changes, by number, as notified."""
        with self._database.writing() as session:
            session.execute(update(PortfolioChange).where(col(PortfolioChange.id).in_(changes)).values(told=True))


def write_changes(
    session: Session, changes: Sequence[CollectorChange], cause: ChangeCause, context: AssignmentContext, rules_version: int | None = None
) -> list[CollectorChange]:
    """Write the accounts, their open tasks and the records. A task that was assigned to somebody else by name stays with them."""
    by_target: dict[str, list[str]] = {}
    for change in changes:
        by_target.setdefault(change.to_collector, []).append(change.account_id)
    moved_tasks: Counter[str] = Counter()
    for to, accounts in by_target.items():
        for batch in _split_into_batches(accounts):
            moved_tasks.update(_reassign_tasks(session, batch, to))
            session.execute(update(Account).where(col(Account.id).in_(batch)).values(collector=to))
    written = [change.model_copy(update={"tasks": moved_tasks[change.account_id]}) for change in changes]
    record_changes(session, written, cause, context, rules_version)
    return written


def record_changes(
    session: Session, changes: Sequence[CollectorChange], cause: ChangeCause, context: AssignmentContext, rules_version: int | None = None
) -> None:
    """Record changes of accounts whose collector is written already."""
    rows = [
        {
            "act_id": context.act_id,
            **change.model_dump(exclude={"account_name"}),
            "cause": cause.value,
            "why": context.why,
            "rules_version": rules_version,
            "made_by": context.by,
            "made_at": context.at,
            "recorded_at": context.now,
        }
        for change in changes
    ]
    if rows:
        session.execute(insert(PortfolioChange), rows)


def _reassign_tasks(session: Session, accounts: Sequence[str], to: str) -> Iterable[str]:
    """Move the open tasks of accounts, except those assigned to somebody else by name; return the account of each task moved."""
    owner = select(col(Account.collector)).where(col(Account.id) == col(Task.account_id)).scalar_subquery()
    follows_account = or_(col(Task.assignee).is_(None), col(Task.assignee) == owner)
    open_tasks = (col(Task.account_id).in_(accounts), col(Task.state) == TaskState.OPEN, col(Task.role) == Role.COLLECTOR.value)
    statement = update(Task).where(*open_tasks, follows_account).values(assignee=to).returning(col(Task.account_id))
    return session.execute(statement.execution_options(synchronize_session=False)).scalars().all()


def list_accounts_assigned_by_hand(session: Session, account_ids: Collection[str]) -> set[str]:
    """List the accounts whose last change was made by a person: neither a rule nor a file moves them."""
    return {account for account, cause in _load_last_causes(session, account_ids) if cause == ChangeCause.HAND}


def _load_last_causes(session: Session, account_ids: Collection[str] | None = None) -> list[tuple[str, str]]:
    last_changes = select(func.max(col(PortfolioChange.id))).group_by(col(PortfolioChange.account_id))
    if account_ids is not None:
        last_changes = last_changes.where(col(PortfolioChange.account_id).in_(account_ids))
    rows = session.execute(
        select(col(PortfolioChange.account_id), col(PortfolioChange.cause)).where(col(PortfolioChange.id).in_(last_changes))
    )
    return [(row[0], row[1]) for row in rows]


def _find_changes_by_rule(session: Session, rules: Sequence[PortfolioRule]) -> Iterator[CollectorChange]:
    by_rule = {account for account, cause in _load_last_causes(session) if cause == ChangeCause.RULE}
    for account in session.execute(_select_accounts()):
        if account.collector is None or account.id in by_rule:
            rule = find_matching_rule(rules, AccountTraits(name=account.name, country=account.country, segment=account.segment))
            if rule and rule.collector != account.collector:
                yield _build_change(account, rule.collector)


def _load_accounts(session: Session, account_ids: Sequence[str]) -> Iterator[Any]:
    for batch in _split_into_batches(sorted(set(account_ids))):
        yield from session.execute(_select_accounts().where(col(Account.id).in_(batch)).with_for_update())


def _select_accounts() -> Any:
    columns = (col(Account.id), col(Account.name), col(Account.country), col(Account.segment), col(Account.collector))
    return select(*columns).order_by(col(Account.id))


def _build_change(account: Any, to: str) -> CollectorChange:
    return CollectorChange(account_id=account.id, account_name=account.name, from_collector=account.collector, to_collector=to)


def _load_earlier_changes(session: Session, act_id: str) -> list[CollectorChange]:
    statement = select(PortfolioChange, col(Account.name)).join(Account, col(Account.id) == col(PortfolioChange.account_id))
    rows = session.execute(statement.where(col(PortfolioChange.act_id) == act_id).order_by(col(PortfolioChange.account_id)))
    return [CollectorChange(account_name=name, **change.model_dump(include=set(CollectorChange.model_fields))) for change, name in rows]


def _count_unassigned(session: Session) -> int:
    return int(session.execute(select(func.count()).select_from(Account).where(col(Account.collector).is_(None))).scalar_one())


def _split_into_batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + BATCH_SIZE] for start in range(0, len(ids), BATCH_SIZE))
