"""Who collects which account: reassigned by hand, placed by rule, or named anew by an imported file. Open tasks go along, and every change
is written down with who, when and why, in the transaction that makes it."""

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
"""How many accounts one statement names."""


class ChangeCause(StrEnum):
    """HAND: a person reassigned it; RULE: a rule placed it; FILE: an import said so."""

    HAND = "hand"
    RULE = "rule"
    FILE = "file"


class UnknownAccountsError(UserError):
    """Some accounts do not exist; the message names them."""

    title = "There are no such accounts"
    status = 404
    problem_type = "not-found"


class NotACollectorError(UserError):
    """The person named cannot have accounts."""

    title = "This person cannot have accounts"
    status = 422
    problem_type = "no-collector"


class CollectorChange(BaseModel):
    """One account's way from a collector to another. `tasks`: how many open ones went along."""

    account_id: str
    account_name: str
    from_collector: str | None
    to_collector: str
    tasks: int = 0


class AssignmentResult(BaseModel):
    """What the rules make of the accounts. `unplaced`: how many have no collector and fit no rule."""

    version: int
    changes: list[CollectorChange]
    unplaced: int


class AssignmentContext(NamedTuple):
    """Under which act, by whom and why. `at` is business time, `now` real time."""

    act_id: str
    by: str
    at: datetime
    now: datetime
    why: str = ""


class PortfolioAssignments:
    def __init__(self, database: Database) -> None:
        self._database = database

    def reassign_accounts(self, account_ids: Sequence[str], to: str, context: AssignmentContext) -> list[CollectorChange]:
        """Those that are the collector's already stay as they are. The same act again answers what it did.

        Raises UnknownAccounts and NoCollector; then nothing is changed.
        """
        with self._database.writing() as session:
            if done := _load_earlier_changes(session, context.act_id):
                return done
            if to not in load_collecting_users(session):
                raise NotACollectorError(f"{to!r} is no active user who collects; name one who is collector")
            accounts = list(_load_accounts(session, account_ids))
            if missing := sorted(set(account_ids) - {account.id for account in accounts}):
                raise UnknownAccountsError(f"there are no accounts {', '.join(missing[:10])}; GET /v1/accounts lists them")
            moves = [_build_change(account, to) for account in accounts if account.collector != to]
            return write_changes(session, moves, ChangeCause.HAND, context)

    def hand_over_accounts(self, from_collector: str, to: str, context: AssignmentContext) -> list[CollectorChange]:
        """All accounts of one collector. Raises NoCollector."""
        with self._database.reading() as session:
            mine = session.scalars(select(col(Account.id)).where(col(Account.collector) == from_collector)).all()
        return self.reassign_accounts(mine, to, context)

    def apply_rules(self, context: AssignmentContext, dry_run: bool, known_version: int | None = None) -> AssignmentResult:
        """To the accounts that have no collector, or have theirs by rule. Where no rule fits, an account keeps whom it has.

        Raises RulesChanged when the rules are no longer those of the preview, `known_version`.
        """
        with self._database.reading() if dry_run else self._database.writing() as session:
            rules = load_usable_rules(session)
            if known_version is not None and known_version != rules.version:
                raise RulesChangedError(f"the rules are at version {rules.version} by now, not {known_version}; look at the preview again")
            if not dry_run and (done := _load_earlier_changes(session, context.act_id)):
                return AssignmentResult(version=rules.version, changes=done, unplaced=_count_unassigned(session))
            moves = list(_find_changes_by_rule(session, rules.rules))
            if not dry_run:
                moves = write_changes(session, moves, ChangeCause.RULE, context, rules.version)
                return AssignmentResult(version=rules.version, changes=moves, unplaced=_count_unassigned(session))
            settled = sum(move.from_collector is None for move in moves)
            return AssignmentResult(version=rules.version, changes=moves, unplaced=_count_unassigned(session) - settled)


class CollectorChangeFeed:
    """What the open cases of accounts that changed hands have not heard."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list_unnotified_changes(self, limit: int) -> tuple[list[int], dict[str, str]]:
        """The changes, oldest first, and the collector whom each open case of their accounts has now."""
        waiting = (
            select(col(PortfolioChange.id), col(PortfolioChange.account_id))
            .where(col(PortfolioChange.told).is_(False))
            .order_by(col(PortfolioChange.id))
            .limit(limit)
        )
        with self._database.reading() as session:
            changes = session.execute(waiting).all()
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
        with self._database.writing() as session:
            session.execute(update(PortfolioChange).where(col(PortfolioChange.id).in_(changes)).values(told=True))


def write_changes(
    session: Session, moves: Sequence[CollectorChange], cause: ChangeCause, context: AssignmentContext, rules_version: int | None = None
) -> list[CollectorChange]:
    """Accounts, their open tasks and the record of it. A task that was given to somebody else by name stays with them."""
    by_target: dict[str, list[str]] = {}
    for move in moves:
        by_target.setdefault(move.to_collector, []).append(move.account_id)
    carried: Counter[str] = Counter()
    for to, accounts in by_target.items():
        for some in _split_into_batches(accounts):
            carried.update(_reassign_tasks(session, some, to))
            session.execute(update(Account).where(col(Account.id).in_(some)).values(collector=to))
    written = [move.model_copy(update={"tasks": carried[move.account_id]}) for move in moves]
    record_changes(session, written, cause, context, rules_version)
    return written


def record_changes(
    session: Session, changes: Sequence[CollectorChange], cause: ChangeCause, context: AssignmentContext, rules_version: int | None = None
) -> None:
    """Who, when and why, of accounts whose collector is written already."""
    rows = [
        {
            "act_id": context.act_id,
            **move.model_dump(exclude={"account_name"}),
            "cause": cause.value,
            "why": context.why,
            "rules_version": rules_version,
            "made_by": context.by,
            "made_at": context.at,
            "recorded_at": context.now,
        }
        for move in changes
    ]
    if rows:
        session.execute(insert(PortfolioChange), rows)


def _reassign_tasks(session: Session, accounts: Sequence[str], to: str) -> Iterable[str]:
    """The account of each task that went along."""
    owner = select(col(Account.collector)).where(col(Account.id) == col(Task.account_id)).scalar_subquery()
    mine = or_(col(Task.assignee).is_(None), col(Task.assignee) == owner)
    open_ones = (col(Task.account_id).in_(accounts), col(Task.state) == TaskState.OPEN, col(Task.role) == Role.COLLECTOR.value)
    carrying = update(Task).where(*open_ones, mine).values(assignee=to).returning(col(Task.account_id))
    return session.execute(carrying.execution_options(synchronize_session=False)).scalars().all()


def list_accounts_assigned_by_hand(session: Session, account_ids: Collection[str]) -> set[str]:
    """The accounts whose last change was a person's: neither a rule nor a file moves them."""
    return {account for account, cause in _load_last_causes(session, account_ids) if cause == ChangeCause.HAND}


def _load_last_causes(session: Session, account_ids: Collection[str] | None = None) -> list[tuple[str, str]]:
    last = select(func.max(col(PortfolioChange.id))).group_by(col(PortfolioChange.account_id))
    if account_ids is not None:
        last = last.where(col(PortfolioChange.account_id).in_(account_ids))
    rows = session.execute(select(col(PortfolioChange.account_id), col(PortfolioChange.cause)).where(col(PortfolioChange.id).in_(last)))
    return [(row[0], row[1]) for row in rows]


def _find_changes_by_rule(session: Session, rules: Sequence[PortfolioRule]) -> Iterator[CollectorChange]:
    by_rule = {account for account, cause in _load_last_causes(session) if cause == ChangeCause.RULE}
    for account in session.execute(_select_accounts()):
        if account.collector is None or account.id in by_rule:
            rule = find_matching_rule(rules, AccountTraits(name=account.name, country=account.country, segment=account.segment))
            if rule and rule.collector != account.collector:
                yield _build_change(account, rule.collector)


def _load_accounts(session: Session, account_ids: Sequence[str]) -> Iterator[Any]:
    for some in _split_into_batches(sorted(set(account_ids))):
        yield from session.execute(_select_accounts().where(col(Account.id).in_(some)).with_for_update())


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
