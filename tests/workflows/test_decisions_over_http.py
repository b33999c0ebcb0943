"""Disputes and approvals as people act on them: over HTTP, with who signed in as the only actor, on the real workflows.

Invoices are of EUR 100; a credit note of EUR 25 takes a manager, one of EUR 20,000 a manager and a director.
"""

import asyncio
import hashlib
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlmodel import col

from adapters.database.tables import Document, Note
from domain.approval.delegation import Delegation
from domain.roles import Role
from tests.workflows.collection_environment import DAY, CollectionEnvironment
from tests.workflows.dispute_commands import DisputeCommands
from tests.workflows.people import People

WHOLE = {"amount": "100.00", "currency": "EUR", "reason": "wrong_price"}
CREDIT = {"resolution": "credit_note", "amount": {"amount": "25.00", "currency": "EUR"}, "comment": "two boxes were missing"}


@pytest.fixture
def cases(environment: CollectionEnvironment) -> DisputeCommands:
    return DisputeCommands(environment)


async def asked(
    environment: CollectionEnvironment, cases: DisputeCommands, people: People, amount: str = "25.00", total: str = "100.00"
) -> tuple[str, str]:
    """A dispute, and the approval of the credit note that ben of sales operations answered it with."""
    invoice, _ = await environment.open_reminded_invoice(total=total)
    people.now = await environment.play.environment.get_current_time()
    mia, ben = await people("mia", Role.COLLECTOR), await people("ben", Role.SALES_OPS)
    raised = await mia.post(f"/v1/invoices/{invoice}/disputes", json={**WHOLE, "amount": amount})
    assert raised.status_code == 200, raised.text
    dispute = f"dispute:{invoice}:1"
    await cases.wait_for_entries(dispute, "dispute.raised")
    credit = {**CREDIT, "amount": {"amount": amount, "currency": "EUR"}}
    answered = await ben.post(f"/v1/disputes/{dispute}/resolution", json=credit)
    assert answered.status_code == 200, answered.text
    return dispute, await cases.wait_for_approval(dispute)


def decide(client: httpx.AsyncClient, approval: str, decision: str = "approve", comment: str = "") -> Any:
    return client.post(f"/v1/approvals/{approval}/decision", json={"decision": decision, "comment": comment})


async def test_a_dispute_goes_its_whole_way_over_http(environment: CollectionEnvironment, cases: DisputeCommands, people: People) -> None:
    dispute, approval = await asked(environment, cases, people)
    anna = await people("anna", Role.COLLECTIONS_MANAGER)
    mine = (await anna.get("/v1/approvals?mine=true")).json()["items"]
    assert [(item["id"], item["amount"]["amount"], item["requester"]) for item in mine if item["id"] == approval] == [
        (approval, "25.00", "ben")
    ]
    answer = await decide(anna, approval)
    assert (answer.status_code, answer.json()["recorded"]) == (200, "now")
    await cases.wait_for_entries(dispute, "dispute.resolved")
    assert cases.entry_facts(approval, "approval.signed")[0]["channel"] == "api"
    [shown] = (await anna.get(f"/v1/disputes?invoice={dispute.split(':')[1]}")).json()["items"]
    assert (shown["id"], shown["resolution"], shown["amount"]["amount"]) == (dispute, "credit_note", "25.00")
    with environment.database.reading() as session:
        assert "two boxes were missing" in session.scalars(select(col(Note.text))).all()


async def test_two_managers_in_the_same_moment_one_wins_and_the_other_sees_who_decided(
    environment: CollectionEnvironment, cases: DisputeCommands, people: People
) -> None:
    _, approval = await asked(environment, cases, people)
    anna, otto = await people("anna", Role.COLLECTIONS_MANAGER), await people("otto", Role.COLLECTIONS_MANAGER)
    answers = await asyncio.gather(decide(anna, approval), decide(otto, approval))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    winner = "anna" if answers[0].status_code == 200 else "otto"
    lost = next(answer for answer in answers if answer.status_code == 409)
    assert f"approved by {winner}" in lost.json()["detail"]
    await environment.wait_until(lambda: cases.row(approval).outcome == "approved")
    late = await decide(await people("late", Role.COLLECTIONS_MANAGER), approval)
    assert (late.status_code, winner in late.json()["detail"]) == (409, True)


async def test_whoever_asked_cannot_approve_it_by_any_route(
    environment: CollectionEnvironment, cases: DisputeCommands, people: People
) -> None:
    _, approval = await asked(environment, cases, people)
    assert (await decide(await people("ben", Role.SALES_OPS), approval)).status_code == 409
    assert (await decide(await people("mia", Role.COLLECTOR), approval)).status_code == 403
    for role in (Role.COLLECTIONS_MANAGER, Role.FINANCE_DIRECTOR):
        answer = await decide(await people("ben", role), approval)
        assert (answer.status_code, "ben asked for this credit note" in answer.json()["detail"]) == (409, True)
    ben = await people("ben", Role.COLLECTIONS_MANAGER)
    today = (await environment.today()).isoformat()
    own = await ben.post("/v1/delegations", json={"to_user": "ben", "first_day": today, "last_day": today})
    assert own.status_code == 422
    given = await ben.post("/v1/delegations", json={"to_user": "ines", "first_day": today, "last_day": today})
    assert given.status_code == 422, "ines may approve nothing yet"
    mine = (await ben.get("/v1/approvals?mine=true")).json()["items"]
    assert approval not in [item["id"] for item in mine]


async def test_a_delegate_signs_in_the_place_of_another_and_the_journal_names_both(
    environment: CollectionEnvironment, cases: DisputeCommands, people: People
) -> None:
    _, approval = await asked(environment, cases, people)
    anna, kurt = await people("anna", Role.COLLECTIONS_MANAGER), await people("kurt", Role.CREDIT_ANALYST)
    assert (await decide(kurt, approval)).status_code == 409
    today = await environment.today()
    answer = {"to_user": "kurt", "first_day": today.isoformat(), "last_day": (today + DAY).isoformat()}
    made = await anna.post("/v1/delegations", json=answer)
    assert made.status_code == 200, made.text
    assert Delegation.model_validate(made.json()).role is Role.COLLECTIONS_MANAGER
    assert approval in [item["id"] for item in (await kurt.get("/v1/approvals?mine=true")).json()["items"]]
    assert (await decide(kurt, approval)).status_code == 200
    [signed] = cases.entry_facts(approval, "approval.signed")
    assert (signed["on_behalf_of"], signed["role"]) == ("anna", "collections_manager")


async def test_a_delegation_made_after_the_request_offers_and_opens_no_way_round(
    environment: CollectionEnvironment, cases: DisputeCommands, people: People
) -> None:
    """Greta lets Ben act for her after Ben has asked: the request counts as hers from then on, in the lists and in the decision."""
    _, approval = await asked(environment, cases, people)
    greta = await people("greta", Role.COLLECTIONS_MANAGER)

    async def offered() -> bool:
        return approval in [item["id"] for item in (await greta.get("/v1/approvals?mine=true&limit=200")).json()["items"]]

    async def listed() -> bool:
        return approval in [item["case_id"] for item in (await greta.get("/v1/worklist?limit=200")).json()["items"]]

    assert (await offered(), await listed()) == (True, True)
    people.identity.add_user("ben", Role.COLLECTIONS_MANAGER)
    today = (await environment.today()).isoformat()
    given = await greta.post("/v1/delegations", json={"to_user": "ben", "first_day": today, "last_day": today})
    assert given.status_code == 200, given.text
    answer = await decide(greta, approval)
    assert (answer.status_code, "acts for greta" in answer.json()["detail"]) == (409, True)
    assert (await offered(), await listed()) == (False, False)
    assert (await decide(await people("anna", Role.COLLECTIONS_MANAGER), approval)).status_code == 200


async def test_the_second_tier_takes_another_person_of_a_higher_role(
    environment: CollectionEnvironment, cases: DisputeCommands, people: People
) -> None:
    dispute, approval = await asked(environment, cases, people, "20000.00", "30000.00")
    dora = await people("dora", Role.FINANCE_DIRECTOR)
    assert "waits for collections_manager" in (await decide(dora, approval)).json()["detail"]
    assert (await decide(await people("anna", Role.COLLECTIONS_MANAGER), approval)).status_code == 200
    listed = (await dora.get("/v1/approvals?role=finance_director&open=true")).json()["items"]
    assert approval in [item["id"] for item in listed]
    assert (await decide(dora, approval)).status_code == 200
    await cases.wait_for_entries(dispute, "dispute.resolved")


async def test_a_return_needs_a_comment_and_gives_the_dispute_back(
    environment: CollectionEnvironment, cases: DisputeCommands, people: People
) -> None:
    dispute, approval = await asked(environment, cases, people)
    anna = await people("anna", Role.COLLECTIONS_MANAGER)
    assert "needs a comment" in (await decide(anna, approval, "return")).json()["detail"]
    assert (await decide(anna, approval, "return", "attach the delivery note")).status_code == 200
    await cases.wait_for_entries(dispute, "dispute.returned")
    assert cases.entry_facts(approval, "approval.returned")[0]["note"].startswith("note:")


async def test_evidence_is_stored_once_and_can_be_read(environment: CollectionEnvironment, cases: DisputeCommands, people: People) -> None:
    dispute, _ = await asked(environment, cases, people)
    ben, content = await people("ben", Role.SALES_OPS), b"%PDF delivery note " + dispute.encode()
    for _ in range(2):
        answer = await ben.post(f"/v1/disputes/{dispute}/evidence", files=[("files", ("note.pdf", content, "application/pdf"))])
        assert answer.status_code == 200, answer.text
    digest = hashlib.sha256(content).hexdigest()
    assert answer.json()["evidence"] == [digest]
    assert (await ben.get(f"/v1/documents/{digest}")).content == content
    with environment.database.reading() as session:
        assert len(session.scalars(select(Document).filter_by(sha256=digest)).all()) == 1
    await cases.wait_for_entries(dispute, "dispute.evidence_attached", 2)
    assert cases.row(dispute).summary["evidence"] == digest


async def test_a_department_hands_a_dispute_on_and_strangers_cannot(
    environment: CollectionEnvironment, cases: DisputeCommands, people: People
) -> None:
    invoice, _ = await environment.open_reminded_invoice()
    people.now = await environment.play.environment.get_current_time()
    await (await people("mia", Role.COLLECTOR)).post(f"/v1/invoices/{invoice}/disputes", json=WHOLE)
    dispute = f"dispute:{invoice}:1"
    await cases.wait_for_entries(dispute, "dispute.raised")
    stranger = await (await people("bo", Role.BILLING_OPS)).post(f"/v1/disputes/{dispute}/assignment", json={"assignee": "bo"})
    assert (stranger.status_code, "belongs to sales_ops" in stranger.json()["detail"]) == (409, True)
    given = await (await people("ben", Role.SALES_OPS)).post(f"/v1/disputes/{dispute}/assignment", json={"department": "billing_ops"})
    assert given.status_code == 200
    [shown] = (await (await people("bo", Role.BILLING_OPS)).get(f"/v1/disputes?role=billing_ops&invoice={invoice}")).json()["items"]
    assert shown["department"] == "billing_ops"
