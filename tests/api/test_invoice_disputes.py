"""A dispute shows on its invoice: how much, why, whose answer is awaited and until when; in bodies, lists and pages, in four languages."""

import re

import pytest
from sqlmodel import select

from adapters.database.tables import CallRequest, Task
from adapters.i18n.languages import LANGUAGES
from api.presenters.phrases import load_phrases
from domain.billing.billing_events import InvoiceFacts
from domain.clock import Moment
from domain.dispute.command_rules import apply_command
from domain.dispute.commands import AssignDispute, RaiseDispute, ResolveDispute
from domain.dispute.dispute_case import DisputeCase
from domain.dispute.state import DisputeStage
from domain.dispute.view import build_case_view
from domain.journal.journal import Journal
from domain.policy.dispute_rules import DisputeReason, DisputeResolution
from domain.roles import Role
from tests.api.account_cases import NOW, create_account, days_from_today, write_case
from tests.api.conftest import As, Problem
from tests.api.portfolio_world import POLICY, PortfolioWorld

SAYS = "€100.00 in dispute (the price is wrong): the sales operations team answers, by 8 Mar 2013"


def raise_dispute(world: PortfolioWorld, at: Moment = NOW) -> DisputeCase:
    """EUR 100 of the EUR 250 of I-1, by maria."""
    facts = InvoiceFacts(version=1, due_date=days_from_today(-10), currency="EUR", total=25_000, open_balance=25_000)
    raised = RaiseDispute(act_id="d", actor="maria", role=Role.COLLECTOR, reason=DisputeReason.WRONG_PRICE, amount=10_000)
    journal = Journal(case_id="dispute:I-1:1", account_id="A-1", invoice_id="I-1")
    case = DisputeCase(journal=journal, facts=facts, snapshot=POLICY, raised=raised)
    case.open(at)
    return write_case(world, case, build_case_view)


@pytest.fixture
def disputed(world: PortfolioWorld) -> DisputeCase:
    create_account(world, "I-1", "I-2")
    return raise_dispute(world)


async def test_the_invoice_says_amount_reason_department_and_deadline(as_role: As, disputed: DisputeCase) -> None:
    async with as_role(Role.AUDITOR) as client:
        dispute = (await client.get("/v1/invoices/I-1")).json()["dispute"]
        listed = {item["id"]: item["dispute"] for item in (await client.get("/v1/invoices")).json()["items"]}
        of_account = {item["id"]: item["dispute"] for item in (await client.get("/v1/accounts/A-1")).json()["invoices"]}
    assert dispute["amount"] == {"amount": "100.00", "currency": "EUR"}
    named = ("case_id", "reason", "department", "assignee", "deadline", "escalated", "raised_by")
    assert [dispute[name] for name in named] == ["dispute:I-1:1", "wrong_price", "sales_ops", None, "2013-03-08", False, "maria"]
    assert dispute["says"] == SAYS
    assert listed == of_account == {"I-1": dispute, "I-2": None}


async def test_an_assignee_is_named_and_an_answer_waits_for_its_approval(as_role: As, world: PortfolioWorld, disputed: DisputeCase) -> None:
    apply_command(disputed, AssignDispute(act_id="a", actor="ben", role=Role.SALES_OPS, assignee="ben"), NOW)
    write_case(world, disputed, build_case_view)
    async with as_role(Role.AUDITOR) as client:
        says = (await client.get("/v1/invoices/I-1")).json()["dispute"]["says"]
        assert says == "€100.00 in dispute (the price is wrong): the sales operations team answers, ben, by 8 Mar 2013"
        answer = ResolveDispute(act_id="r", actor="ben", role=Role.SALES_OPS, resolution=DisputeResolution.CREDIT_NOTE, amount=10_000)
        apply_command(disputed, answer, NOW)
        write_case(world, disputed, build_case_view)
        dispute = (await client.get("/v1/invoices/I-1")).json()["dispute"]
    assert (dispute["stage"], dispute["deadline"]) == ("approval", None)
    assert dispute["says"].endswith("the answer of the sales operations team waits for approval")


async def test_a_dispute_that_is_over_shows_no_more(as_role: As, world: PortfolioWorld, disputed: DisputeCase) -> None:
    answer = ResolveDispute(act_id="r", actor="ben", role=Role.SALES_OPS, resolution=DisputeResolution.REJECTED)
    apply_command(disputed, answer, NOW)
    write_case(world, disputed, build_case_view)
    async with as_role(Role.AUDITOR) as client:
        assert (await client.get("/v1/invoices/I-1")).json()["dispute"] is None


async def test_the_pages_have_a_badge_and_a_sentence(as_role: As, disputed: DisputeCase) -> None:
    async with as_role(Role.AUDITOR, Accept="text/html") as client:
        shown = {
            path: " ".join(re.sub(r"<[^>]+>", " ", (await client.get(path)).text).split())
            for path in ("/", "/accounts/A-1", "/invoices/I-1")
        }
    assert f"Dispute {SAYS}. Raised on 1 Mar 2013 by maria." in shown["/invoices/I-1"]
    for path in ("/", "/accounts/A-1"):
        assert "disputed €100.00, sales operations team, 8 Mar 2013" in shown[path], path


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_stage_of_a_dispute_has_its_sentence(language: str) -> None:
    assert load_phrases(language).disputes.keys() == set(DisputeStage)


async def test_a_dispute_that_is_raised_can_name_the_day_on_which_to_look_at_it_again(
    as_role: As, world: PortfolioWorld, problem: Problem
) -> None:
    world.account()
    world.invoice("I-1")
    body = {"amount": "100.00", "currency": "EUR", "reason": "wrong_price", "look_again_on": "2013-03-01"}
    async with as_role(Role.COLLECTOR) as client:
        refused = problem(await client.post("/v1/invoices/I-1/disputes", json=body), 422)
        assert refused["errors"][0]["pointer"] == "/look_again_on", "that is today"
        assert world.cases.acts == []
        for _ in range(2):
            sent = {**body, "look_again_on": "2013-03-11"}
            assert (await client.post("/v1/invoices/I-1/disputes", json=sent, headers={"Idempotency-Key": "k"})).status_code == 200
    with world.database.reading() as session:
        (call,) = session.exec(select(Task).where(Task.state == "open")).all()
        (asked,) = session.exec(select(CallRequest)).all()
    assert (call.kind, call.due_on.isoformat(), asked.invoice_id) == ("call", "2013-03-11", "I-1")
