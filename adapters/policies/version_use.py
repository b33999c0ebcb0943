"""How many open invoices follow which version of which policy."""

from sqlalchemy import func, select
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.tables import Case
from domain.identifiers import CaseKind


def count_followers(database: Database) -> dict[str, dict[int, int]]:
    """By the policy's name and its version."""
    counted = (
        select(col(Case.policy), col(Case.policy_version), func.count())
        .where(col(Case.kind) == CaseKind.INVOICE.value, col(Case.outcome).is_(None), col(Case.policy).is_not(None))
        .group_by(col(Case.policy), col(Case.policy_version))
    )
    found: dict[str, dict[int, int]] = {}
    with database.reading() as session:
        for policy, version, invoices in session.execute(counted):
            found.setdefault(policy, {})[version] = invoices
    return found
