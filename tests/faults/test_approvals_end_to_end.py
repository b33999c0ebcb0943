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


async def approve(environment: DecisionEnvironment, case_id: str, number: int = 1) -> None:
    """Anna, once it is asked; she finds it among what she may decide."""
    approval = ids.approval_case_id(case_id, number)
    await environment.wait_for_entries("approval.asked", [approval])
    anna = await environment.client(*ANNA)
    mine = (await anna.get("/v1/approvals?mine=true&limit=100")).json()["items"]
    assert approval in [item["id"] for item in mine]
    await environment.post_all((ANNA, f"approvals/{approval}/decision", {"decision": "approve"}))
    assert [facts["channel"] for facts in environment.entry_facts(approval, "approval.signed")] == ["api"]


async def credit_note(environment: DecisionEnvironment) -> None:
    dispute, anna = ids.dispute_case_id("CONTESTED", 1), await environment.client(*ANNA)
    await environment.post_all((MIA, "invoices/CONTESTED/disputes", {**money_body("40.00"), "reason": "wrong_price"}))
    await environment.wait_for_entries("dispute.raised", [dispute])
    await environment.post_all(
        (BEN, f"disputes/{dispute}/resolution", {"resolution": "credit_note", "amount": money_body("40.00"), "comment": WHY})
    )
    await approve(environment, dispute)
    await environment.wait_for_entries("dispute.resolved", [dispute])
    await environment.wait_for_entries("credit_note.issued", [ids.invoice_case_id("CONTESTED")])
    assert (await anna.get("/v1/invoices/CONTESTED")).json()["open_balance"] == money_body("60.00")


async def plan(environment: DecisionEnvironment) -> None:
    body: dict[str, Any] = {"invoices": ["PLANNED"], "currency": "EUR", "terms": terms_body(environment.today(60))}
    await environment.post_all((MIA, "accounts/A-PLANNED/plans", body))
    case_id = ids.plan_case_id("A-PLANNED", 1)
    await approve(environment, case_id)
    await environment.wait_for_entries("plan.offered", [case_id])
    await environment.post_all((MIA, f"plans/{case_id}/acceptance", {"revision": 1}))
    assert (await (await environment.client(*MIA)).get(f"/v1/plans/{case_id}")).json()["in_force"]


async def suspension_and_write_off(environment: DecisionEnvironment) -> None:
    """The warning and, after its notice, the sign-off; then the account is given up."""
    case_id, account = ids.suspension_case_id("A-OVERDUE"), "accounts/A-OVERDUE"
    await environment.post_all((MIA, f"{account}/suspension", {}))
    await approve(environment, case_id)
    await environment.wait_for_entries("suspension.warning_delivered", [case_id])
    [delivered] = environment.entry_facts(case_id, "suspension.warning_delivered")
    await approve(environment, case_id, 2)
    [asked] = [entry for entry in environment.entries(ids.approval_case_id(case_id, 2)) if entry.kind == "approval.requested"]
    assert asked.business_at.date().isoformat() > str(delivered["notice_ends"])
    await environment.wait_for_entries("suspension.suspended", [case_id])
    anna = await environment.client(*ANNA)
    assert (await anna.get("/v1/accounts/A-OVERDUE")).json()["suspended_on"]

    await environment.post_all((ANNA, f"{account}/suspension/hand-over", {}))
    write_off = ids.write_off_case_id("A-OVERDUE")
    await environment.wait_for_entries("dossier.made", [write_off])
    await environment.post_all((WIM, f"{account}/write-off/decision", {"decision": "whole"}))
    await approve(environment, write_off)
    await environment.wait_for_entries("write_off.booked", [write_off])
    assert (await anna.get("/v1/invoices/OVERDUE")).json()["status"] == "written_off"


async def credit_verdict(environment: DecisionEnvironment) -> None:
    review = ids.credit_review_case_id("A-DOUBTFUL")
    await environment.post_all((MIA, "accounts/A-DOUBTFUL/credit-reviews", {"comment": WHY}))
    await environment.wait_for_entries("credit_review.referred", [review])
    said = {"ability": "unable", "willingness": "willing", "next_review_on": environment.today(200)}
    assert (await environment.post(MIA, f"credit-reviews/{review}/verdict", said)).status_code == 403
    await environment.post_all((ANA, f"credit-reviews/{review}/verdict", said))
    shown = (await (await environment.client(*ANA)).get(f"/v1/credit-reviews/{review}")).json()
    assert (shown["course"], shown["verdict_by"]) == ("plan", "ana")


async def escalation(environment: DecisionEnvironment) -> None:
    [asked] = await environment.post_all((MIA, "invoices/ODD/escalations", {"role": "sales", "comment": WHY}))
    await environment.post_all(
        (SAL, "invoices/ODD/escalations/answer", {"escalation": asked["act_id"], "comment": "there was no such promise"})
    )
    again = await environment.post(SAL, "invoices/ODD/escalations/answer", {"escalation": asked["act_id"], "comment": WHY})
    assert (again.status_code, "sal has answered" in again.json()["detail"]) == (409, True)
    assert [entry.actor for entry in environment.entries(ids.invoice_case_id("ODD")) if entry.kind == "escalation.answered"] == ["sal"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_every_human_gate_opens_for_those_who_may_open_it(database: Database, tmp_path: Path) -> None:
    async with start_decision_environment(database, tmp_path, DAY_SECONDS, short_notice=True) as environment:
        await environment.fault_environment.start_worker()
        await environment.open_invoices(
            [*map(DecisionInvoice, ("CONTESTED", "PLANNED", "DOUBTFUL", "ODD")), DecisionInvoice("OVERDUE", due_in=-10)]
        )
        await asyncio.gather(
            credit_note(environment),
            plan(environment),
            suspension_and_write_off(environment),
            credit_verdict(environment),
            escalation(environment),
        )
        journals = environment.read_chains()
        subjects = {str(letter.letter["To"]) for letter in environment.fault_environment.office.taken if "OVERDUE" in letter.text}
    assert subjects == {"a-overdue@customer.test"}
    assert len([case for case in journals if case.startswith("approval:")]) == 5
