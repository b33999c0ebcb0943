"""Which files a dispute rests on, as its row names them, whatever somebody has made of the row."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from adapters.database.dispute_evidence import has_evidence, list_evidence
from adapters.database.engine import Database
from adapters.database.tables import Case
from domain.identifiers import CaseKind
from tests.domain.builders import moment

FIRST, SECOND = "a" * 64, "b" * 64


@pytest.mark.parametrize(
    ("kind", "stored", "found"),
    [
        (CaseKind.DISPUTE, {"evidence": f"{FIRST} {SECOND}"}, (FIRST, SECOND)),
        (CaseKind.DISPUTE, {}, ()),
        (CaseKind.INVOICE, {"evidence": FIRST}, ()),
        (CaseKind.DISPUTE, {"evidence": f"{FIRST} {SECOND}", "amount": "much"}, (FIRST, SECOND)),
        (CaseKind.DISPUTE, [FIRST], (FIRST,)),
        (CaseKind.DISPUTE, None, ()),
    ],
)
def test_the_files_are_found_even_where_the_row_is_no_longer_a_disputes(kind: str, stored: Any, found: tuple[str, ...]) -> None:
    assert list_evidence(kind, stored) == found


def test_the_disputes_that_rest_on_a_file_are_found(database: Database) -> None:
    row: dict[str, Any] = {"run_id": "r", "account_id": "A1", "stage": "x", "waiting_for": "x", "seq": 1, "head": "h"}
    with database.writing() as session:
        for case_id, kind, evidence in (("one", "dispute", FIRST), ("two", "dispute", f"{SECOND} {FIRST}"), ("x", "invoice", FIRST)):
            session.add(Case(**row, case_id=case_id, kind=kind, updated_at=moment().real, summary={"evidence": evidence}))
    with database.reading() as session:
        assert set(session.scalars(select(col(Case.case_id)).where(has_evidence(FIRST)))) == {"one", "two"}
        assert set(session.scalars(select(col(Case.case_id)).where(has_evidence(SECOND)))) == {"two"}
        assert set(session.scalars(select(col(Case.case_id)).where(has_evidence("%")))) == set()
