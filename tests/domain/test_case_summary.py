"""What is stored of each kind of case: read as it was written, by any version before."""

from typing import Any

import pytest
from pydantic import ValidationError

from domain.approval.summary import ApprovalSummary
from domain.case.summary_fields import EmptySummary, dump_summary
from domain.case_summary import (
    SUMMARY_MODELS,
    is_collection_stopped,
    list_stated_amounts,
    list_summarised_invoices,
    parse_case_summary,
)
from domain.credit_review.commands import CollectionCourse
from domain.credit_review.summary import CreditReviewSummary
from domain.dispute.summary import DisputeSummary
from domain.identifiers import CaseKind
from domain.money import Money
from domain.payment_plan.summary import PaymentPlanSummary
from domain.policy.approval_type import ApprovalType
from domain.policy.dispute_rules import DisputeReason
from domain.roles import Role
from domain.suspension.summary import SuspensionSummary
from domain.write_off.summary import WriteOffSummary

STORED: dict[str, dict[str, Any]] = {
    CaseKind.INVOICE: {},
    CaseKind.ERASURE: {},
    CaseKind.APPROVAL: {
        "matter": "write_off",
        "amount": 2_500,
        "currency": "EUR",
        "requester": "ben",
        "also_asked": "kim otto",
        "acting_for": "",
        "signed_for": "anna dora",
        "subject": "write_off:A1",
        "invoices": "I1 I2",
        "tier": 1,
        "tiers": 2,
        "roles": "collections_manager finance_director",
        "due_on": "2013-03-04",
        "asked_on": "2013-03-01",
        "escalated": True,
        "decision": "whole",
        "owed_EUR": 2_500,
        "owed_GBP": 700,
        "signed_by": "anna",
        "ended": None,
    },
    CaseKind.DISPUTE: {
        "reason": "wrong_price",
        "amount": 4_000,
        "currency": "EUR",
        "contested": 3_000,
        "department": "sales_ops",
        "assignee": None,
        "escalated": False,
        "raised_by": "maria",
        "raised_on": "2013-03-01",
        "deadline": "2013-03-15",
        "answer": "credit_note",
        "approvals": 1,
        "evidence": f"{'a' * 64} {'b' * 64}",
    },
    CaseKind.PAYMENT_PLAN: {
        "invoices": "I1",
        "revision": 2,
        "total": 25_300,
        "instalments": 2,
        "received": 5_000,
        "debt": 25_000,
        "currency": "EUR",
        "by": "carl",
        "in_force": True,
        "missed": 1,
        "reason": "",
        "lapses_on": None,
        "schedule": "2013-04-01:12650:150 2013-05-01:12650:150",
        "agreed": 1,
        "agreed_total": 25_000,
        "agreed_schedule": "2013-04-01:20000:0",
    },
    CaseKind.SUSPENSION: {
        "invoices": "I1 I2",
        "warned": "I1",
        "askers": "ben kim",
        "prepaid": False,
        "spared": False,
        "undelivered": True,
        "returned": False,
        "extended_days": 3,
        "approvals": 1,
        "delivered_on": "2013-03-02",
        "notice_ends": None,
        "suspended_on": None,
        "hand_over_on": None,
        "owed_EUR": 700,
        "owed_GBP": 900,
    },
    CaseKind.CREDIT_REVIEW: {
        "reason": "insolvency_notice",
        "stopped": True,
        "segment": None,
        "ability": "unable",
        "willingness": "willing",
        "course": "stop",
        "insolvent": True,
        "limit": 50_000,
        "currency": "EUR",
        "conditions": "note-1",
        "next_review_on": "2013-06-03",
        "by": "carla",
    },
    CaseKind.WRITE_OFF: {
        "invoices": "I1 I2",
        "decision": "part",
        "proposed_by": "wanda",
        "approvals": 2,
        "booked_I1": 4_000,
        "recovered_I1": 2_500,
        "owed_EUR": 700,
    },
    CaseKind.POLICY_ADOPTION: {
        "policy": "standard",
        "policy_version": 4,
        "requester": "mira",
        "approvals": 1,
        "total": 12,
        "told": 11,
        "ended": 1,
        "left": 2,
        "sample": "I-1 I-2",
    },
    CaseKind.CREDIT_REQUEST: {
        "reduction": "credit_note",
        "amount": 2_500,
        "currency": "EUR",
        "requester": "bea",
        "approvals": 1,
        "refused": "",
    },
    CaseKind.SEAL: {"on": "2013-03-01", "hash": "c" * 64, "cases": 2, "entries": 9},
}
"""A row of each kind, as version 0.1.0 wrote it."""


def test_every_kind_of_case_has_its_model() -> None:
    assert SUMMARY_MODELS.keys() == STORED.keys() == set(CaseKind)


@pytest.mark.parametrize("kind", STORED)
def test_what_is_stored_is_read_and_written_as_it_was(kind: str) -> None:
    assert dump_summary(parse_case_summary(kind, STORED[kind])) == STORED[kind]


@pytest.mark.parametrize("kind", STORED)
def test_what_is_missing_has_a_default_and_what_is_unknown_is_passed_over(kind: str) -> None:
    assert parse_case_summary(kind, {}) == SUMMARY_MODELS[kind]()
    later = parse_case_summary(kind, {**STORED[kind], "of_a_later_version": [1]} if kind != CaseKind.APPROVAL else STORED[kind])
    assert later == parse_case_summary(kind, STORED[kind])


def test_a_kind_that_is_not_known_says_nothing() -> None:
    assert parse_case_summary("audit", {"amount": 1}) == EmptySummary()


@pytest.mark.parametrize(("kind", "stored"), [(CaseKind.DISPUTE, [1]), (CaseKind.SUSPENSION, {"owed_EUR": "much"})])
def test_what_no_version_writes_is_refused(kind: str, stored: object) -> None:
    with pytest.raises(ValidationError):
        parse_case_summary(kind, stored)


def test_packed_words_become_lists_of_what_they_name() -> None:
    approval = parse_case_summary(CaseKind.APPROVAL, STORED[CaseKind.APPROVAL])
    assert isinstance(approval, ApprovalSummary)
    assert approval.roles == (Role.COLLECTIONS_MANAGER, Role.FINANCE_DIRECTOR)
    assert (approval.matter, approval.invoices) == (ApprovalType.WRITE_OFF, ("I1", "I2"))
    assert approval.details == {"decision": "whole", "owed_EUR": 2_500, "owed_GBP": 700}
    dispute = parse_case_summary(CaseKind.DISPUTE, STORED[CaseKind.DISPUTE])
    assert isinstance(dispute, DisputeSummary)
    assert (dispute.reason, dispute.evidence) == (DisputeReason.WRONG_PRICE, ("a" * 64, "b" * 64))


def test_an_approval_that_was_written_before_all_participants_were_kept_names_those_it_has() -> None:
    known = ApprovalSummary.model_validate({"requester": "ben", "signed_by": "anna"}).participants
    assert (known.requester, known.also_asked, known.acting_for, known.signers) == ("ben", [], [], ["anna"])


def test_amounts_are_gathered_by_currency_and_by_invoice() -> None:
    write_off = parse_case_summary(CaseKind.WRITE_OFF, STORED[CaseKind.WRITE_OFF])
    assert isinstance(write_off, WriteOffSummary)
    assert (write_off.booked, write_off.recovered, write_off.owed) == ({"I1": 4_000}, {"I1": 2_500}, {"EUR": 700})
    suspension = parse_case_summary(CaseKind.SUSPENSION, STORED[CaseKind.SUSPENSION])
    assert isinstance(suspension, SuspensionSummary)
    assert suspension.owed == {"EUR": 700, "GBP": 900}


def test_a_plan_has_the_terms_in_force_and_those_that_are_to_take_their_place() -> None:
    plan = parse_case_summary(CaseKind.PAYMENT_PLAN, STORED[CaseKind.PAYMENT_PLAN])
    assert isinstance(plan, PaymentPlanSummary)
    assert (plan.current_terms.revision, plan.current_terms.schedule.total, plan.current_terms.schedule.paid_before) == (1, 25_000, 5_000)
    assert plan.proposed_terms is not None
    assert (plan.proposed_terms.revision, plan.proposed_terms.schedule.interest) == (2, 300)
    before = PaymentPlanSummary.model_validate(STORED[CaseKind.PAYMENT_PLAN] | {"agreed": None})
    assert (before.current_terms.revision, before.proposed_terms) == (2, None)


@pytest.mark.parametrize(
    ("kind", "amounts"),
    [
        (CaseKind.APPROVAL, (Money(minor=2_500, currency="EUR"),)),
        (CaseKind.DISPUTE, (Money(minor=3_000, currency="EUR"),)),
        (CaseKind.PAYMENT_PLAN, (Money(minor=25_000, currency="EUR"),)),
        (CaseKind.SUSPENSION, (Money(minor=700, currency="EUR"), Money(minor=900, currency="GBP"))),
        (CaseKind.WRITE_OFF, (Money(minor=700, currency="EUR"),)),
        (CaseKind.CREDIT_REVIEW, ()),
        (CaseKind.INVOICE, ()),
    ],
)
def test_a_case_states_the_money_that_it_is_about(kind: str, amounts: tuple[Money, ...]) -> None:
    assert list_stated_amounts(parse_case_summary(kind, STORED[kind])) == amounts
    assert list_stated_amounts(parse_case_summary(kind, {})) == ()


def test_a_case_names_its_invoices() -> None:
    named = {kind: list_summarised_invoices(parse_case_summary(kind, STORED[kind])) for kind in STORED}
    assert {kind for kind, invoices in named.items() if invoices} == {
        CaseKind.APPROVAL,
        CaseKind.PAYMENT_PLAN,
        CaseKind.SUSPENSION,
        CaseKind.WRITE_OFF,
    }


def test_only_an_insolvent_customers_review_stops_collection() -> None:
    review = parse_case_summary(CaseKind.CREDIT_REVIEW, STORED[CaseKind.CREDIT_REVIEW])
    assert isinstance(review, CreditReviewSummary)
    assert review.course is CollectionCourse.STOP
    assert is_collection_stopped(review)
    assert not is_collection_stopped(CreditReviewSummary())
    assert not is_collection_stopped(EmptySummary())
