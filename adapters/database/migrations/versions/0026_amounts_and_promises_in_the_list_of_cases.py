"""the amount that a case states and the day of a promise, by which the list of cases is sorted"""

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from domain.case_summary import list_stated_amounts, parse_case_summary
from domain.money import Money

revision = "0026"
down_revision = "0025"

BATCH = 1_000
_CASES = sa.table(
    "cases",
    sa.column("case_id", sa.String),
    sa.column("kind", sa.String),
    sa.column("outcome", sa.String),
    sa.column("summary", sa.Text),
    sa.column("promised_by", sa.Date),
    sa.column("promised_on", sa.Date),
    sa.column("stated_currency", sa.String),
    sa.column("stated_amount", sa.BigInteger),
)
_JOURNAL = sa.table("journal", sa.column("case_id", sa.String), sa.column("kind", sa.String), sa.column("business_at", sa.DateTime))
_IS_LISTED = sa.text("kind != 'invoice'")


def upgrade() -> None:
    op.add_column("cases", sa.Column("promised_on", sa.Date(), nullable=True))
    op.add_column("cases", sa.Column("stated_currency", sa.String(), nullable=False, server_default=""))
    op.add_column("cases", sa.Column("stated_amount", sa.BigInteger(), nullable=False, server_default="0"))
    connection = op.get_bind()
    made = sa.func.max(_JOURNAL.c.business_at)
    if connection.dialect.name == "postgresql":
        made = sa.func.timezone("UTC", made)
    last = sa.select(sa.func.date(made)).where(_JOURNAL.c.case_id == _CASES.c.case_id, _JOURNAL.c.kind == "promise.made")
    op.execute(sa.update(_CASES).where(_CASES.c.promised_by.is_not(None)).values(promised_on=last.scalar_subquery()))
    stated = sa.update(_CASES).where(_CASES.c.case_id == sa.bindparam("of_case"))
    stated = stated.values(stated_currency=sa.bindparam("currency"), stated_amount=sa.bindparam("minor"))
    for batch in _list_stated(connection):
        connection.execute(stated, batch)
    op.create_index(
        "ix_cases_stated",
        "cases",
        ["stated_currency", "stated_amount", "case_id", "kind", "outcome"],
        sqlite_where=_IS_LISTED,
        postgresql_where=_IS_LISTED,
    )


def _list_stated(connection: Any) -> Iterator[list[dict[str, Any]]]:
    """What a summary states is read as every version reads what an older one stored."""
    chosen = sa.select(_CASES.c.case_id, _CASES.c.kind, sa.cast(_CASES.c.summary, sa.Text).label("summary"))
    found = [
        {"of_case": row.case_id, "currency": money.currency, "minor": money.minor}
        for row in connection.execute(chosen.where(_CASES.c.kind != "invoice")).all()
        for money in _read_amounts(row.kind, row.summary)[:1]
    ]
    for begin in range(0, len(found), BATCH):
        yield found[begin : begin + BATCH]


def _read_amounts(kind: str, summary: str | None) -> tuple[Money, ...]:
    """None of what cannot be read."""
    try:
        return list_stated_amounts(parse_case_summary(kind, json.loads(summary or "{}")))
    except ValueError:
        return ()


def downgrade() -> None:
    op.drop_index("ix_cases_stated", "cases")
    for name in ("stated_amount", "stated_currency", "promised_on"):
        op.drop_column("cases", name)
