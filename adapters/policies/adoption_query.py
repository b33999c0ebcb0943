"""Which open invoices follow an older version of a policy, and what the version in force would change for them."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.tables import Case, Invoice
from adapters.policies.policy_store import PolicyStore
from domain.billing.billing_events import InvoiceStatus
from domain.errors import UserError
from domain.identifiers import CaseKind
from domain.policy.collection_policy import Policy, PolicySnapshot
from domain.policy_adoption.comparison import FollowedTimeline, NextStepChange, StepChange, compare_next_steps
from domain.timeline.holds import HeldPeriod, Hold, Holds
from domain.timeline.step_schedule import TakenStep, next_step, step_due_at

_GroupKey = tuple[int, str | None, str | None, StepChange]
EXAMPLES = 5
ROWS_AT_ONCE = 500


class UnknownPolicyError(UserError):
    """No policy of that name is in force."""

    title = "Not found"
    status = 404
    problem_type = "not-found"


class ChangeGroup(NamedTuple):
    """The open invoices for which the version in force changes the same. Days are those on which the new next step is due, the
    first and the last; `on_hold` of them wait and have none, for `at_once` of them it is due today."""

    version: int
    step_before: str | None
    step_after: str | None
    change: StepChange
    invoices: int
    on_hold: int
    at_once: int
    first_on: date | None
    last_on: date | None
    examples: list[str]


class AdoptionPreview(NamedTuple):
    """What adopting a policy would change: `by_version` counts the open invoices that follow each older version."""

    target: PolicySnapshot
    by_version: dict[int, int]
    groups: list[ChangeGroup]

    @property
    def invoices(self) -> int:
        return sum(self.by_version.values())


class AdoptionQuery:
    def __init__(self, database: Database, policies: PolicyStore) -> None:
        self._database, self._policies = database, policies

    def find_version_in_force(self, name: str) -> int | None:
        return next((snapshot.version for snapshot in self._policies.list_in_force() if snapshot.name == name), None)

    def require_target(self, name: str) -> PolicySnapshot:
        """Return the version in force. Raises UnknownPolicyError."""
        in_force = {snapshot.name: snapshot for snapshot in self._policies.list_in_force()}
        if name not in in_force:
            raise UnknownPolicyError(f"no policy {name!r} is in force; name one of: {', '.join(sorted(in_force)) or 'none'}")
        return in_force[name]

    def list_older(self, name: str, version: int, after: str | None, limit: int) -> list[str]:
        """List open invoices that follow an older version, in the order of their ids, after the one named."""
        statement = _select_older(name, version, col(Case.invoice_id)).order_by(col(Case.invoice_id)).limit(limit)
        if after is not None:
            statement = statement.where(col(Case.invoice_id) > after)
        with self._database.reading() as session:
            return list(session.scalars(statement)) if limit else []

    def count_older(self, name: str, version: int, sample: int) -> tuple[int, list[str]]:
        """Return how many open invoices follow an older version, and some of them."""
        with self._database.reading() as session:
            left = session.execute(_select_older(name, version, func.count())).scalar_one()
        return left, self.list_older(name, version, None, sample) if left else []

    def preview(self, name: str, today: date) -> AdoptionPreview:
        """Compare, for every open invoice on an older version, its next step now and by the version in force. Raises UnknownPolicyError."""
        return self.preview_version(self.require_target(name), today)

    def preview_version(self, target: PolicySnapshot, today: date) -> AdoptionPreview:
        """The same for any version, in force or not."""
        name = target.name
        after = target.load_policy()
        policies = {snapshot.version: snapshot.load_policy() for snapshot in self._policies.list_versions() if snapshot.name == name}
        by_version, groups = dict[int, int](), dict[_GroupKey, list[tuple[str, NextStepChange, bool]]]()
        for row in self._iterate_rows(target):
            version = row.policy_version
            by_version[version] = by_version.get(version, 0) + 1
            if version in policies:
                followed = _read_timeline(row, policies[version])
                change = compare_next_steps(followed, policies[version], after, today)
                key = (version, change.step_before, change.step_after, change.change)
                groups.setdefault(key, []).append((row.invoice_id, change, followed.holds.is_on_hold))
        built = [_build_group(key, members, today) for key, members in groups.items()]
        return AdoptionPreview(target, dict(sorted(by_version.items())), sorted(built, key=lambda group: (group.version, -group.invoices)))

    def _iterate_rows(self, target: PolicySnapshot) -> Iterator[Any]:
        columns = (
            col(Case.invoice_id),
            col(Case.policy_version),
            col(Case.next_on),
            col(Case.taken),
            col(Case.holds),
            col(Case.carried),
            col(Invoice.due_date),
        )
        statement = _select_older(target.name, target.version, *columns).order_by(col(Case.invoice_id))
        with self._database.reading() as session:
            yield from session.execute(statement.execution_options(yield_per=ROWS_AT_ONCE))


def _select_older(name: str, version: int, *columns: Any) -> Any:
    """Select from the cases of open invoices that follow an older version of the policy."""
    return (
        select(*columns)
        .select_from(Case)
        .join(Invoice, col(Invoice.id) == col(Case.invoice_id))
        .where(col(Case.kind) == CaseKind.INVOICE, col(Case.outcome).is_(None), col(Invoice.status) == InvoiceStatus.OPEN)
        .where(col(Case.policy) == name, col(Case.policy_version) < version)
    )


def _read_timeline(row: Any, policy: Policy) -> FollowedTimeline:
    """Read an invoice as its case last wrote it. That its next step comes without the time on hold is told by its day."""
    standing = {hold["hold_id"]: Hold.model_validate(hold) for hold in row.holds}
    since = min((hold.since for hold in standing.values()), default=None)
    past = [HeldPeriod.model_validate(period) for period in row.carried.get("past", [])]
    followed = FollowedTimeline(
        taken=[TakenStep.model_validate(step) for step in row.taken],
        due_date=row.due_date,
        holds=Holds(standing=standing, past=past, since=since),
    )
    return followed._replace(is_hastened=bool(past) and not standing and _is_hastened(followed, policy, row.next_on))


def _is_hastened(followed: FollowedTimeline, policy: Policy, next_on: date | None) -> bool:
    step = next_step(policy, followed.taken, followed.due_date, next_on or date.max)
    if step is None or next_on is None:
        return False
    days: list[datetime] = [step_due_at(policy, step, followed.taken, followed.due_date, holds) for holds in (followed.holds, Holds())]
    return days[1].date() <= next_on < days[0].date()


def _build_group(key: _GroupKey, members: Sequence[tuple[str, NextStepChange, bool]], today: date) -> ChangeGroup:
    days = sorted(change.on_after for _, change, _ in members if change.on_after)
    return ChangeGroup(
        *key,
        invoices=len(members),
        on_hold=sum(held for *_, held in members),
        at_once=sum(day <= today for day in days),
        first_on=days[0] if days else None,
        last_on=days[-1] if days else None,
        examples=[invoice for invoice, *_ in members[:EXAMPLES]],
    )
