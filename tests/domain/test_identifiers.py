"""The ids of cases: built and taken apart in one place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import identifiers as ids
from domain.identifiers import CaseId, CaseKind, find_case_kind, parse_case_id

SUBJECTS = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1)
NUMBERS = st.integers(1, 10_000)


@given(SUBJECTS, NUMBERS)
def test_every_id_is_taken_apart_into_what_it_was_built_from(subject: str, number: int) -> None:
    """Ids of invoices and accounts may contain colons and end with numbers; an approval's subject is the id of a case."""
    built = {
        ids.invoice_case_id(subject): CaseId(CaseKind.INVOICE, subject),
        ids.dispute_case_id(subject, number): CaseId(CaseKind.DISPUTE, subject, number),
        ids.plan_case_id(subject, number): CaseId(CaseKind.PAYMENT_PLAN, subject, number),
        ids.suspension_case_id(subject): CaseId(CaseKind.SUSPENSION, subject),
        ids.credit_review_case_id(subject): CaseId(CaseKind.CREDIT_REVIEW, subject),
        ids.write_off_case_id(subject): CaseId(CaseKind.WRITE_OFF, subject),
        ids.erasure_case_id(subject): CaseId(CaseKind.ERASURE, subject),
        ids.policy_adoption_case_id(subject): CaseId(CaseKind.POLICY_ADOPTION, subject),
        ids.credit_request_case_id(subject): CaseId(CaseKind.CREDIT_REQUEST, subject),
        ids.approval_case_id(subject, number): CaseId(CaseKind.APPROVAL, subject, number),
        ids.SEAL_CASE_ID: CaseId(CaseKind.SEAL, ""),
    }
    assert {case_id: parse_case_id(case_id) for case_id in built} == built
    assert {parsed.kind for parsed in built.values()} == set(CaseKind), "each kind of case has its id here"


@pytest.mark.parametrize("other", ["", "billing_sync", "letter:A-1:en:EUR:2013-03-01", "account:A-1", "payment_plan:A-1:1"])
def test_what_is_no_cases_id_has_no_kind(other: str) -> None:
    assert parse_case_id(other) is None
    assert find_case_kind(other) is None


def test_an_approval_of_a_dispute_names_the_dispute() -> None:
    parsed = parse_case_id("approval:dispute:I-1:2:3")
    assert parsed == CaseId(CaseKind.APPROVAL, "dispute:I-1:2", 3)
    assert parse_case_id(parsed.subject) == CaseId(CaseKind.DISPUTE, "I-1", 2)
