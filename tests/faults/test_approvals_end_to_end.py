"""Every human gate once, from end to end: people at the API, the real server, a real worker, letters over SMTP, and time that passes.

A business day lasts four seconds, and a suspension's notice one day.
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from adapters.database.engine import Database
from domain import identifiers as ids
from domain.roles import Role
from tests.faults.decisions import DecisionEnvironment, DecisionInvoice, money_body, start_decision_environment, terms_body

MIA, ANNA, BEN = ("mia", Role.COLLECTOR), ("anna", Role.COLLECTIONS_MANAGER), ("ben", Role.SALES_OPS)
ANA, WIM, SAL = ("ana", Role.CREDIT_ANALYST), ("wim", Role.WRITE_OFF_ANALYST), ("sal", Role.SALES)
DAY_SECONDS = 4.0
WHY = "this is why"


async def approve(desk: DecisionEnvironment, case_id: str, number: int = 1) -> None:
    """Anna, once it is asked; she finds it among what she may decide."""
    approval = ids.approval_case_id(case_id, number)
    await desk.wait_for_entries("approval.asked", [approval])
    anna = await desk.client(*ANNA)
    mine = (await anna.get("/v1/approvals?mine=true&limit=100")).json()["items"]
    assert approval in [item["id"] for item in mine]
    await desk.post_all((ANNA, f"approvals/{approval}/decision", {"decision": "approve"}))
    assert [facts["channel"] for facts in desk.entry_facts(approval, "approval.signed")] == ["api"]


async def credit_note(desk: DecisionEnvironment) -> None:
    dispute, anna = ids.dispute_case_id("CONTESTED", 1), await desk.client(*ANNA)
    await desk.post_all((MIA, "invoices/CONTESTED/disputes", {**money_body("40.00"), "reason": "wrong_price"}))
    await desk.wait_for_entries("dispute.raised", [dispute])
    await desk.post_all(
        (BEN, f"disputes/{dispute}/resolution", {"resolution": "credit_note", "amount": money_body("40.00"), "comment": WHY})
    )
    await approve(desk, dispute)
    await desk.wait_for_entries("dispute.resolved", [dispute])
    await desk.wait_for_entries("credit_note.issued", [ids.invoice_case_id("CONTESTED")])
    assert (await anna.get("/v1/invoices/CONTESTED")).json()["open_balance"] == money_body("60.00")


async def plan(desk: DecisionEnvironment) -> None:
    body: dict[str, Any] = {"invoices": ["PLANNED"], "currency": "EUR", "terms": terms_body(desk.today(60))}
    await desk.post_all((MIA, "accounts/A-PLANNED/plans", body))
    case_id = ids.plan_case_id("A-PLANNED", 1)
    await approve(desk, case_id)
    await desk.wait_for_entries("plan.offered", [case_id])
    await desk.post_all((MIA, f"plans/{case_id}/acceptance", {"revision": 1}))
    assert (await (await desk.client(*MIA)).get(f"/v1/plans/{case_id}")).json()["in_force"]


async def suspension_and_write_off(desk: DecisionEnvironment) -> None:
    """The warning and, after its notice, the sign-off; then the account is given up."""
    case_id, account = ids.suspension_case_id("A-OVERDUE"), "accounts/A-OVERDUE"
    await desk.post_all((MIA, f"{account}/suspension", {}))
    await approve(desk, case_id)
    await desk.wait_for_entries("suspension.warning_delivered", [case_id])
    [delivered] = desk.entry_facts(case_id, "suspension.warning_delivered")
    await approve(desk, case_id, 2)
    [asked] = [entry for entry in desk.entries(ids.approval_case_id(case_id, 2)) if entry.kind == "approval.requested"]
    assert asked.business_at.date().isoformat() > str(delivered["notice_ends"])
    await desk.wait_for_entries("suspension.suspended", [case_id])
    anna = await desk.client(*ANNA)
    assert (await anna.get("/v1/accounts/A-OVERDUE")).json()["suspended_on"]

    await desk.post_all((ANNA, f"{account}/suspension/hand-over", {}))
    write_off = ids.write_off_case_id("A-OVERDUE")
    await desk.wait_for_entries("dossier.made", [write_off])
    await desk.post_all((WIM, f"{account}/write-off/decision", {"decision": "whole"}))
    await approve(desk, write_off)
    await desk.wait_for_entries("write_off.booked", [write_off])
    assert (await anna.get("/v1/invoices/OVERDUE")).json()["status"] == "written_off"


async def credit_verdict(desk: DecisionEnvironment) -> None:
    review = ids.credit_review_case_id("A-DOUBTFUL")
    await desk.post_all((MIA, "accounts/A-DOUBTFUL/credit-reviews", {"comment": WHY}))
    await desk.wait_for_entries("credit_review.referred", [review])
    said = {"ability": "unable", "willingness": "willing", "next_review_on": desk.today(200)}
    assert (await desk.post(MIA, f"credit-reviews/{review}/verdict", said)).status_code == 403
    await desk.post_all((ANA, f"credit-reviews/{review}/verdict", said))
    shown = (await (await desk.client(*ANA)).get(f"/v1/credit-reviews/{review}")).json()
    assert (shown["course"], shown["verdict_by"]) == ("plan", "ana")


async def escalation(desk: DecisionEnvironment) -> None:
    [asked] = await desk.post_all((MIA, "invoices/ODD/escalations", {"role": "sales", "comment": WHY}))
    await desk.post_all((SAL, "invoices/ODD/escalations/answer", {"escalation": asked["act_id"], "comment": "there was no such promise"}))
    again = await desk.post(SAL, "invoices/ODD/escalations/answer", {"escalation": asked["act_id"], "comment": WHY})
    assert (again.status_code, "sal has answered" in again.json()["detail"]) == (409, True)
    assert [entry.actor for entry in desk.entries(ids.invoice_case_id("ODD")) if entry.kind == "escalation.answered"] == ["sal"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_every_human_gate_opens_for_those_who_may_open_it(database: Database, tmp_path: Path) -> None:
    async with start_decision_environment(database, tmp_path, DAY_SECONDS, short_notice=True) as desk:
        await desk.stage.start_worker()
        await desk.open_invoices(
            [*map(DecisionInvoice, ("CONTESTED", "PLANNED", "DOUBTFUL", "ODD")), DecisionInvoice("OVERDUE", due_in=-10)]
        )
        await asyncio.gather(credit_note(desk), plan(desk), suspension_and_write_off(desk), credit_verdict(desk), escalation(desk))
        books = desk.read_chains()
        subjects = {str(letter.letter["To"]) for letter in desk.stage.office.taken if "OVERDUE" in letter.text}
    assert subjects == {"a-overdue@customer.test"}
    assert len([case for case in books if case.startswith("approval:")]) == 5
