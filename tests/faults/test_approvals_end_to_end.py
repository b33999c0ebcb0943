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
from tests.faults.decisions import Bill, Bureau, bureau, money, terms

MIA, ANNA, BEN = ("mia", Role.COLLECTOR), ("anna", Role.COLLECTIONS_MANAGER), ("ben", Role.SALES_OPS)
ANA, WIM, SAL = ("ana", Role.CREDIT_ANALYST), ("wim", Role.WRITE_OFF_ANALYST), ("sal", Role.SALES)
DAY_SECONDS = 4.0
WHY = "this is why"


async def approve(desk: Bureau, case_id: str, number: int = 1) -> None:
    """Anna, once it is asked; she finds it among what she may decide."""
    approval = ids.approval_case(case_id, number)
    await desk.reached("approval.asked", [approval])
    anna = await desk.client(*ANNA)
    mine = (await anna.get("/v1/approvals?mine=true&limit=100")).json()["items"]
    assert approval in [item["id"] for item in mine]
    await desk.do((ANNA, f"approvals/{approval}/decision", {"decision": "approve"}))
    assert [facts["channel"] for facts in desk.facts(approval, "approval.signed")] == ["api"]


async def credit_note(desk: Bureau) -> None:
    dispute, anna = ids.dispute_case("CONTESTED", 1), await desk.client(*ANNA)
    await desk.do((MIA, "invoices/CONTESTED/disputes", {**money("40.00"), "reason": "wrong_price"}))
    await desk.reached("dispute.raised", [dispute])
    await desk.do((BEN, f"disputes/{dispute}/resolution", {"resolution": "credit_note", "amount": money("40.00"), "comment": WHY}))
    await approve(desk, dispute)
    await desk.reached("dispute.resolved", [dispute])
    await desk.reached("credit_note.issued", [ids.invoice_case("CONTESTED")])
    assert (await anna.get("/v1/invoices/CONTESTED")).json()["open_balance"] == money("60.00")


async def plan(desk: Bureau) -> None:
    body: dict[str, Any] = {"invoices": ["PLANNED"], "currency": "EUR", "terms": terms(desk.today(60))}
    await desk.do((MIA, "accounts/A-PLANNED/plans", body))
    case_id = ids.plan_case("A-PLANNED", 1)
    await approve(desk, case_id)
    await desk.reached("plan.offered", [case_id])
    await desk.do((MIA, f"plans/{case_id}/acceptance", {"revision": 1}))
    assert (await (await desk.client(*MIA)).get(f"/v1/plans/{case_id}")).json()["in_force"]


async def suspension_and_write_off(desk: Bureau) -> None:
    """The warning and, after its notice, the sign-off; then the account is given up."""
    case_id, account = ids.suspension_case("A-OVERDUE"), "accounts/A-OVERDUE"
    await desk.do((MIA, f"{account}/suspension", {}))
    await approve(desk, case_id)
    await desk.reached("suspension.warning_delivered", [case_id])
    [delivered] = desk.facts(case_id, "suspension.warning_delivered")
    await approve(desk, case_id, 2)
    [asked] = [entry for entry in desk.entries(ids.approval_case(case_id, 2)) if entry.kind == "approval.requested"]
    assert asked.business_at.date().isoformat() > str(delivered["notice_ends"])
    await desk.reached("suspension.suspended", [case_id])
    anna = await desk.client(*ANNA)
    assert (await anna.get("/v1/accounts/A-OVERDUE")).json()["suspended_on"]

    await desk.do((ANNA, f"{account}/suspension/hand-over", {}))
    write_off = ids.write_off_case("A-OVERDUE")
    await desk.reached("dossier.made", [write_off])
    await desk.do((WIM, f"{account}/write-off/decision", {"decision": "whole"}))
    await approve(desk, write_off)
    await desk.reached("write_off.booked", [write_off])
    assert (await anna.get("/v1/invoices/OVERDUE")).json()["status"] == "written_off"


async def credit_verdict(desk: Bureau) -> None:
    review = ids.credit_review_case("A-DOUBTFUL")
    await desk.do((MIA, "accounts/A-DOUBTFUL/credit-reviews", {"comment": WHY}))
    await desk.reached("credit_review.referred", [review])
    said = {"ability": "unable", "willingness": "willing", "next_review_on": desk.today(200)}
    assert (await desk.post(MIA, f"credit-reviews/{review}/verdict", said)).status_code == 403
    await desk.do((ANA, f"credit-reviews/{review}/verdict", said))
    shown = (await (await desk.client(*ANA)).get(f"/v1/credit-reviews/{review}")).json()
    assert (shown["course"], shown["verdict_by"]) == ("plan", "ana")


async def escalation(desk: Bureau) -> None:
    [asked] = await desk.do((MIA, "invoices/ODD/escalations", {"role": "sales", "comment": WHY}))
    await desk.do((SAL, "invoices/ODD/escalations/answer", {"escalation": asked["act_id"], "comment": "there was no such promise"}))
    again = await desk.post(SAL, "invoices/ODD/escalations/answer", {"escalation": asked["act_id"], "comment": WHY})
    assert (again.status_code, "sal has answered" in again.json()["detail"]) == (409, True)
    assert [entry.actor for entry in desk.entries(ids.invoice_case("ODD")) if entry.kind == "escalation.answered"] == ["sal"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_every_human_gate_opens_for_those_who_may_open_it(database: Database, tmp_path: Path) -> None:
    async with bureau(database, tmp_path, DAY_SECONDS, short_notice=True) as desk:
        await desk.stage.working()
        await desk.open([*map(Bill, ("CONTESTED", "PLANNED", "DOUBTFUL", "ODD")), Bill("OVERDUE", due_in=-10)])
        await asyncio.gather(credit_note(desk), plan(desk), suspension_and_write_off(desk), credit_verdict(desk), escalation(desk))
        books = desk.books()
        subjects = {str(letter.letter["To"]) for letter in desk.stage.office.taken if "OVERDUE" in letter.text}
    assert subjects == {"a-overdue@customer.test"}
    assert len([case for case in books if case.startswith("approval:")]) == 5
