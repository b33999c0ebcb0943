"""What the policies say of unapplied credit: applied at once, proposed to people, or left alone.

It is asked before billing's events are delivered, so that what it applies is told in the same run. A proposal is a task; what it proposes
is worked out when somebody looks, from what is left and what is open by then.
"""

import time
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from typing import Any

import structlog
from sqlalchemy import func, select, update
from sqlmodel import Session, col

from adapters.billing.errors import BillingError
from adapters.billing.port import CreditRuleBilling
from adapters.cases.billing_people import choose_billing_role
from adapters.database.engine import Database
from adapters.database.row_states import TaskState
from adapters.database.tables import Account, Task
from adapters.policies.policy_store import PolicyStore
from domain.case.case_view import TaskKind
from domain.clock import Clock
from domain.policy.collection_policy import CreditUse
from domain.roles import Role

BATCH_SIZE = 500
REST_PER_WORK = 10
"""The rule rests ten times as long as it took: it costs a tenth of one processor at most, however large the books are."""

log = structlog.get_logger(__name__)


class CreditRule:
    def __init__(self, billing: CreditRuleBilling, policies: PolicyStore, database: Database, clock: Clock) -> None:
        self._billing, self._policies, self._database, self._clock = billing, policies, database, clock
        self._insert_task = database.build_insert_or_ignore(Task)
        self._rests_until = 0.0

    def run(self) -> int:
        """Apply what the policies apply at once, and propose the rest; how many accounts got something applied. An account that billing
        refuses stays as it is, and holds up no other."""
        began = time.monotonic()
        if began < self._rests_until:
            return 0
        now = self._clock.to_business(datetime.now(UTC))
        credit = self._billing.list_applicable_credit()
        uses = self._load_uses({account_id for account_id, _ in credit})
        applied, proposed = 0, dict[tuple[str, str], int]()
        for (account_id, currency), left in credit.items():
            match uses.get(account_id, CreditUse.NEVER):
                case CreditUse.AT_ONCE:
                    applied += self._apply(account_id, currency, now)
                case CreditUse.PROPOSE:
                    proposed[account_id, currency] = left
                case CreditUse.NEVER:
                    continue
        self._propose(proposed, now.date())
        self._rests_until = time.monotonic() + REST_PER_WORK * (time.monotonic() - began)
        return applied

    def _apply(self, account_id: str, currency: str, now: datetime) -> bool:
        try:
            return bool(self._billing.apply_credit(account_id, currency, at=now).shares)
        except BillingError as error:
            log.warning("unapplied_credit_not_applied", account=account_id, currency=currency, reason=str(error))
            return False

    def _load_uses(self, account_ids: Collection[str]) -> dict[str, CreditUse]:
        """By account, as the policy of its segment says."""
        segment, ids = func.coalesce(col(Account.policy_segment), col(Account.segment)), sorted(account_ids)
        segments: dict[str, str] = {}
        with self._database.reading() as session:
            for begin in range(0, len(ids), BATCH_SIZE):
                chosen = col(Account.id).in_(ids[begin : begin + BATCH_SIZE])
                segments.update((row[0], row[1]) for row in session.execute(select(col(Account.id), segment).where(chosen)))
        uses = {name: self._policies.get_for_segment(name).load_policy().unapplied_credit for name in set(segments.values())}
        return {account_id: uses[name] for account_id, name in segments.items()}

    def _propose(self, credit: Mapping[tuple[str, str], int], today: date) -> None:
        """Open a task for each account and currency, under the amount that is left: one that a person has closed does not come again before
        that changes. A task whose credit is used, or has nothing to pay any more, is dropped."""
        wanted = {f"{TaskKind.CREDIT_TO_APPLY}:{account}:{currency}:{left}": account for (account, currency), left in credit.items()}
        with self._database.reading() as session:
            kept = select(col(Task.key), col(Task.state)).where(col(Task.kind) == TaskKind.CREDIT_TO_APPLY)
            known = {row.key: row.state for row in session.execute(kept)}
        new = [key for key in wanted if key not in known]
        again = [key for key in wanted if known.get(key) == TaskState.DROPPED]
        over = [key for key, state in known.items() if state == TaskState.OPEN and key not in wanted]
        if not (new or again or over):
            return
        with self._database.writing() as session:
            role = choose_billing_role(session)
            if new:
                rows = [_build_task(key, wanted[key], role, today) for key in new]
                session.connection().execute(self._insert_task, rows)
            _change_tasks(session, again, TaskState.DROPPED, state=TaskState.OPEN, role=role, due_on=today)
            _change_tasks(session, over, TaskState.OPEN, state=TaskState.DROPPED)


def _build_task(key: str, account_id: str, role: Role, today: date) -> dict[str, Any]:
    return {
        "key": key,
        "kind": TaskKind.CREDIT_TO_APPLY,
        "account_id": account_id,
        "role": role,
        "due_on": today,
        "state": TaskState.OPEN,
        "outcome": "",
    }


def _change_tasks(session: Session, keys: list[str], before: TaskState, **values: Any) -> None:
    for begin in range(0, len(keys), BATCH_SIZE):
        chosen = col(Task.key).in_(keys[begin : begin + BATCH_SIZE])
        session.connection().execute(update(Task).where(chosen, col(Task.state) == before).values(**values))
