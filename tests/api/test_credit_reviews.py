"""Credit reviews and write-offs over HTTP: referred or handed over by collections, decided by the analysts alone."""

from datetime import date
from typing import Any

import pytest
from sqlmodel import select

from adapters.database.tables import Note
from domain.credit_review.command_rules import apply_command
from domain.credit_review.commands import AbilityToPay, CloseCreditReview, GiveCreditVerdict, ReferAccount, ReferralReason
from domain.credit_review.view import build_case_view as review_view
from domain.credit_review.workflow_input import CreditReviewInput
from domain.roles import Role
from domain.write_off.commands import ProposeWriteOff, WriteOffDecision
from domain.write_off.view import build_case_view as write_off_view
from domain.write_off.write_off_case import BookedWriteOff
from tests.api.account_cases import NOW, REVIEW, WRITE_OFF, create_account, create_credit_review, create_write_off, write_case
from tests.api.conftest import As, Client, Problem
from tests.api.portfolio_world import PortfolioWorld

REFER, DECIDE = "/v1/accounts/A-1/credit-reviews", "/v1/accounts/A-1/write-off/decision"
VERDICT: dict[str, Any] = {
    "ability": "unable",
    "willingness": "willing",
    "limit": {"amount": "5000.00", "currency": "EUR"},
    "next_review_on": "2013-06-03",
    "conditions": "Mr Smith must sign for new orders.",
}


def part(invoice: str, amount: str, currency: str = "EUR") -> dict[str, str]:
    return {"invoice": invoice, "amount": amount, "currency": currency}


async def test_a_referral_begins_the_review_of_all_open_invoices(collector: Client, world: PortfolioWorld) -> None:
    create_account(world, "I-1", "I-2")
    answer = await collector.post(REFER, json={"reason": "exposure_over_limit", "comment": "two branches closed"})
    assert (answer.status_code, answer.json()["recorded"]) == (200, "now")
    [begun], [command] = world.cases.begun, world.cases.acts
    assert (begun.workflow, begun.case_id) == ("CreditReview", REVIEW)
    assert isinstance(begun.workflow_input, CreditReviewInput)
    assert begun.workflow_input.invoice_ids == ["I-1", "I-2"]
    assert isinstance(command, ReferAccount)
    assert (command.reason, command.actor) == (ReferralReason.EXPOSURE_OVER_LIMIT, "collector-1")
    with world.database.reading() as session:
        assert session.exec(select(Note)).one().id == command.note_id


async def test_a_repeated_referral_counts_once_and_without_a_worker_waits(collector: Client, world: PortfolioWorld) -> None:
    create_account(world).cases.answers = False
    answers = [await collector.post(REFER, json={}, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert len(world.cases.acts) == 1


async def test_a_verdict_reaches_the_review_in_minor_units_with_its_conditions_in_a_note(as_role: As, world: PortfolioWorld) -> None:
    create_credit_review(create_account(world))
    async with as_role(Role.CREDIT_ANALYST) as analyst:
        answer = await analyst.post(f"/v1/credit-reviews/{REVIEW}/verdict", json=VERDICT)
        assert answer.status_code == 200, answer.text
        assert (await analyst.post(f"/v1/credit-reviews/{REVIEW}/closing")).status_code == 200
    command, closing = world.cases.acts
    assert isinstance(command, GiveCreditVerdict)
    assert isinstance(closing, CloseCreditReview)
    assert (command.ability, command.limit, command.currency, command.next_review_on) == (
        AbilityToPay.UNABLE,
        500_000,
        "EUR",
        date(2013, 6, 3),
    )
    assert "Smith" not in command.model_dump_json()


async def test_a_review_is_shown_with_its_verdict_and_its_conditions(as_role: As, auditor: Client, world: PortfolioWorld) -> None:
    case = create_credit_review(create_account(world))
    async with as_role(Role.CREDIT_ANALYST) as analyst:
        await analyst.post(f"/v1/credit-reviews/{REVIEW}/verdict", json=VERDICT)
    apply_command(case, world.cases.acts[0], NOW)
    write_case(world, case, review_view)
    shown = (await auditor.get(f"/v1/credit-reviews/{REVIEW}")).json()
    assert (shown["course"], shown["limit"]["amount"], shown["verdict_by"]) == ("plan", "5000.00", "credit_analyst-1")
    assert shown["conditions"] == "Mr Smith must sign for new orders."


async def test_an_analyst_finds_what_waits_for_a_verdict(as_role: As, world: PortfolioWorld) -> None:
    create_credit_review(create_account(world))
    async with as_role(Role.CREDIT_ANALYST) as analyst:
        items = (await analyst.get("/v1/credit-reviews?role=credit_analyst&open=true")).json()["items"]
        assert [(item["id"], item["reason"], item["awaiting_role"]) for item in items] == [(REVIEW, "collector", "credit_analyst")]
        assert (await analyst.get("/v1/credit-reviews?account=A-2")).json()["items"] == []


@pytest.mark.parametrize("role", [Role.COLLECTOR, Role.COLLECTIONS_MANAGER, Role.ADMIN])
async def test_who_refers_an_account_gives_no_verdict_on_it(role: Role, as_role: As, problem: Problem, world: PortfolioWorld) -> None:
    create_credit_review(create_account(world))
    async with as_role(role) as client:
        problem(await client.post(f"/v1/credit-reviews/{REVIEW}/verdict", json=VERDICT), 403)
        problem(await client.post(f"/v1/credit-reviews/{REVIEW}/closing"), 403)
        problem(await client.post(DECIDE, json={"decision": "whole"}), 403)


async def test_what_a_review_refuses_is_a_conflict_and_what_cannot_be_read_is_pointed_at(
    as_role: As, problem: Problem, world: PortfolioWorld
) -> None:
    create_credit_review(create_account(world))
    world.cases.running[REVIEW] = "the next review must be after today"
    async with as_role(Role.CREDIT_ANALYST) as analyst:
        document = problem(await analyst.post(f"/v1/credit-reviews/{REVIEW}/verdict", json=VERDICT), 409)
        assert document["detail"] == "the next review must be after today"
        wrong = problem(await analyst.post(f"/v1/credit-reviews/{REVIEW}/verdict", json={**VERDICT, "ability": "perhaps"}), 422)
        assert wrong["errors"][0]["pointer"] == "/ability"
        problem(await analyst.post("/v1/credit-reviews/nowhere/verdict", json=VERDICT), 404)
        problem(await analyst.get("/v1/credit-reviews/nowhere"), 404)


async def test_an_unknown_account_cannot_be_referred(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    problem(await collector.post(REFER, json={}), 404)


# --- write-offs


async def test_a_write_off_in_part_names_each_amount_in_its_invoices_currency(as_role: As, problem: Problem, world: PortfolioWorld) -> None:
    create_write_off(create_account(world))
    async with as_role(Role.WRITE_OFF_ANALYST) as analyst:
        for amounts, pointer in (
            ([part("I-9", "1.00")], "/amounts/0/invoice"),
            ([part("I-1", "1.00"), part("I-1", "2.00")], "/amounts/1/invoice"),
            ([part("I-1", "1.00", "USD")], "/amounts/0/currency"),
            ([part("I-1", "0.00")], "/amounts/0"),
        ):
            document = problem(await analyst.post(DECIDE, json={"decision": "part", "amounts": amounts}), 422)
            assert [fault["pointer"] for fault in document["errors"]] == [pointer]
        answer = await analyst.post(DECIDE, json={"decision": "part", "amounts": [part("I-1", "40.00")]})
    assert answer.status_code == 200, answer.text
    [command] = world.cases.acts
    assert isinstance(command, ProposeWriteOff)
    assert (command.decision, command.amounts, command.actor) == (WriteOffDecision.PART, {"I-1": 4_000}, "write_off_analyst-1")


async def test_a_repeated_decision_counts_once_and_a_refused_one_says_why(as_role: As, problem: Problem, world: PortfolioWorld) -> None:
    create_write_off(create_account(world))
    async with as_role(Role.WRITE_OFF_ANALYST) as analyst:
        for _ in range(2):
            assert (await analyst.post(DECIDE, json={"decision": "legal"}, headers={"Idempotency-Key": "k"})).status_code == 200
        assert len(world.cases.acts) == 1
        world.cases.running[WRITE_OFF] = "this account's write-off is at 'approval'; there is nothing to decide now"
        assert "nothing to decide now" in problem(await analyst.post(DECIDE, json={"decision": "legal"}), 409)["detail"]
        world.cases.answers = False
        assert (await analyst.post(DECIDE, json={"decision": "legal"})).status_code == 202


async def test_a_write_off_is_shown_with_what_was_booked_and_what_came_back(auditor: Client, world: PortfolioWorld) -> None:
    case = create_write_off(create_account(world))
    case.booked["I-1"] = BookedWriteOff(amount=20_000, currency="EUR", recovered=500)
    case.journal.pending.clear()
    write_case(world, case, write_off_view)
    shown = (await auditor.get("/v1/accounts/A-1/write-off")).json()
    assert (shown["id"], shown["stage"], shown["owed"][0]["amount"]) == (WRITE_OFF, "deciding", "250.00")
    [booked] = shown["booked"]
    assert (booked["invoice_id"], booked["written_off"]["amount"], booked["recovered"]["amount"]) == ("I-1", "200.00", "5.00")
    items = (await auditor.get("/v1/write-offs?role=write_off_analyst")).json()["items"]
    assert [item["id"] for item in items] == [WRITE_OFF]


async def test_an_account_that_was_not_handed_over_has_no_write_off(auditor: Client, problem: Problem, world: PortfolioWorld) -> None:
    create_account(world)
    problem(await auditor.get("/v1/accounts/A-1/write-off"), 404)
