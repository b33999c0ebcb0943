"""Money: booked once in the ledger, and the case told at once."""

from typing import Any

import pytest
from sqlmodel import select

from adapters.database.tables import Allocation, CreditNote, LedgerEvent, Note, Payment
from adapters.identity.users_and_tokens import IdentityStore
from adapters.policies.matrix_store import build_matrix_row
from domain.billing.reduction_kind import ReductionKind
from domain.credit_request.commands import RequestCredit
from domain.policy.approval_matrix import ApprovalMatrix, ApprovalRule, MatrixSnapshot
from domain.policy.approval_type import ApprovalType
from domain.roles import Role
from tests.api.conftest import As, Client, Problem
from tests.api.portfolio_world import PortfolioWorld
from tests.api.stored_approvals import MATRIX

NOBODY = MATRIX.model_copy(
    update={
        "rules": [
            *(rule for rule in MATRIX.rules if rule.act is not ApprovalType.CREDIT_NOTE),
            ApprovalRule(rule="any_credit", act=ApprovalType.CREDIT_NOTE, sign=[]),
        ]
    }
)
"""The project's matrix, by which a credit note needs nobody."""

PAID = {"amount": "100.00", "currency": "EUR", "reference": "bank 4711"}


def an_invoice(world: PortfolioWorld) -> None:
    world.account()
    world.invoice("I-1", total=25_000)


def put_matrix_in_force(world: PortfolioWorld, matrix: ApprovalMatrix) -> None:
    world.add(build_matrix_row(MatrixSnapshot.from_matrix(matrix)))


async def test_a_payment_reduces_the_balance_and_is_delivered_at_once(collector: Client, world: PortfolioWorld) -> None:
    an_invoice(world)
    answer = await collector.post("/v1/invoices/I-1/payments", json=PAID)
    assert answer.status_code == 201
    assert answer.json()["open_balance"] == {"amount": "150.00", "currency": "EUR"}
    assert answer.json()["unapplied"] == {"amount": "0.00", "currency": "EUR"}
    assert world.cases.deliveries == 1
    with world.database.reading() as session:
        assert session.exec(select(Payment)).one().recorded_by == "collector-1"
        assert session.exec(select(LedgerEvent)).one().invoice_id == "I-1"


async def test_what_an_invoice_does_not_need_is_said(collector: Client, world: PortfolioWorld) -> None:
    an_invoice(world)
    answer = (await collector.post("/v1/invoices/I-1/payments", json={**PAID, "amount": "260.00"})).json()
    assert (answer["status"], answer["open_balance"]["amount"], answer["unapplied"]["amount"]) == ("paid", "0.00", "10.00")


async def test_a_payment_under_one_key_is_booked_once(collector: Client, world: PortfolioWorld) -> None:
    an_invoice(world)
    for _ in range(2):
        await collector.post("/v1/invoices/I-1/payments", json=PAID, headers={"Idempotency-Key": "k"})
    with world.database.reading() as session:
        assert len(session.exec(select(Payment)).all()) == 1


async def test_the_same_payment_again_is_refused_with_the_first_named(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    an_invoice(world)
    payments = "/v1/invoices/I-1/payments"
    first = (await collector.post(payments, json=PAID)).json()["id"]
    refused = problem(await collector.post(payments, json=PAID), 409)
    assert (refused["type"], refused["first_payment"]) == ("urn:duecourse:problem:repeated-payment", first)
    assert first in refused["detail"]
    assert "'another': true" in refused["detail"]
    problem(await collector.post(payments, json={**PAID, "another": "perhaps"}), 422)
    for other in ({"amount": "1.00"}, {"reference": "bank 4712"}, {"received_on": "2013-01-31"}, {"another": True}):
        assert (await collector.post(payments, json={**PAID, **other})).status_code == 201
    keyed = [await collector.post(payments, json={**PAID, "amount": "2.00"}, headers={"Idempotency-Key": key}) for key in "abb"]
    assert len({answer.json()["id"] for answer in keyed}) == 2
    said = {**PAID, "amount": "2.00", "another": False}
    problem(await collector.post(payments, json=said, headers={"Idempotency-Key": "c"}), 409)
    with world.database.reading() as session:
        assert len(session.exec(select(Payment)).all()) == 5 + 2


async def test_a_payment_that_bounced_may_come_again(collector: Client, world: PortfolioWorld) -> None:
    an_invoice(world)
    first = (await collector.post("/v1/invoices/I-1/payments", json=PAID)).json()["id"]
    await collector.post(f"/v1/payments/{first}/reversal")
    assert (await collector.post("/v1/invoices/I-1/payments", json=PAID)).status_code == 201


async def test_whoever_collects_the_account_does_not_book_its_payments(
    as_role: As, collector: Client, problem: Problem, world: PortfolioWorld
) -> None:
    for number, name in enumerate(("collector-1", "Collector-1"), 1):
        world.account(f"A-{number}", collector=name)
        world.invoice(f"I-{number}", f"A-{number}", total=25_000)
        refused = problem(await collector.post(f"/v1/invoices/I-{number}/payments", json=PAID), 403)
        assert f"you collect the account A-{number}" in refused["detail"]
        assert "ask someone else who is admin, billing_ops, collections_manager, collector" in refused["detail"]
    for role in (Role.COLLECTIONS_MANAGER, Role.BILLING_OPS):
        async with as_role(role) as another:
            assert (await another.post("/v1/invoices/I-1/payments", json={**PAID, "reference": role.value})).status_code == 201
    with world.database.reading() as session:
        assert sorted(payment.recorded_by for payment in session.exec(select(Payment))) == ["billing_ops-1", "collections_manager-1"]


async def test_a_person_gives_a_payments_reference_and_a_machine_need_not(
    as_role: As, collector: Client, problem: Problem, world: PortfolioWorld
) -> None:
    an_invoice(world)
    bare = {"amount": "10.00", "currency": "EUR"}
    for reference in ({}, {"reference": ""}, {"reference": "  "}):
        found = problem(await collector.post("/v1/invoices/I-1/payments", json=bare | reference), 422)
        assert found["errors"][0]["pointer"] == "/reference"
    async with as_role(Role.BILLING_OPS) as bank_feed:
        assert (await bank_feed.post("/v1/invoices/I-1/payments", json=bare)).status_code == 201
        IdentityStore(world.database).add_user("billing_ops-1", Role.BILLING_OPS, email="bea@ours.test")
        problem(await bank_feed.post("/v1/invoices/I-1/payments", json=bare), 422)
    with world.database.reading() as session:
        assert len(session.exec(select(Payment)).all()) == 1


@pytest.mark.parametrize("reason", [{}, {"reason": ""}, {"reason": " "}])
async def test_a_credit_note_and_a_cancellation_need_a_reason(
    manager: Client, problem: Problem, world: PortfolioWorld, reason: dict[str, str]
) -> None:
    an_invoice(world)
    problem(await manager.post("/v1/invoices/I-1/credit-notes", json={"amount": "1.00", "currency": "EUR"} | reason), 422)
    problem(await manager.post("/v1/invoices/I-1/cancellation", json=reason), 422)
    assert (await manager.get("/v1/invoices/I-1")).json()["open_balance"]["amount"] == "250.00"


async def test_a_payment_in_another_currency_is_refused(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    an_invoice(world)
    problem(await collector.post("/v1/invoices/I-1/payments", json={**PAID, "currency": "USD"}), 422)
    assert world.cases.deliveries == 0


async def test_a_bounced_payment_is_owed_again(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    an_invoice(world)
    payment = (await collector.post("/v1/invoices/I-1/payments", json=PAID)).json()["id"]
    answer = (await collector.post(f"/v1/payments/{payment}/reversal")).json()
    assert answer["owed_again"] == [{"invoice_id": "I-1", "amount": {"amount": "100.00", "currency": "EUR"}}]
    assert (await collector.get("/v1/invoices/I-1")).json()["open_balance"]["amount"] == "250.00"
    problem(await collector.post("/v1/payments/none/reversal"), 404)


async def test_a_credit_note_settles_what_it_covers(manager: Client, problem: Problem, world: PortfolioWorld) -> None:
    an_invoice(world)
    put_matrix_in_force(world, NOBODY)
    answer = await manager.post("/v1/invoices/I-1/credit-notes", json={"amount": "250.00", "currency": "EUR", "reason": "missing items"})
    assert (answer.status_code, answer.json()["status"]) == (201, "credited")
    with world.database.reading() as session:
        note = session.exec(select(CreditNote)).one()
        assert (note.reason, note.recorded_by) == ("missing items", "collections_manager-1")
    problem(await manager.post("/v1/invoices/I-1/credit-notes", json={"amount": "1.00", "currency": "USD", "reason": "x"}), 422)


async def test_a_cancelled_invoice_owes_nothing_and_says_why(manager: Client, problem: Problem, world: PortfolioWorld) -> None:
    an_invoice(world)
    put_matrix_in_force(world, NOBODY)
    answer = (await manager.post("/v1/invoices/I-1/cancellation", json={"reason": "issued twice"})).json()
    assert (answer["status"], answer["open_balance"]["amount"]) == ("cancelled", "0.00")
    with world.database.reading() as session:
        assert session.exec(select(Note)).one().text == "issued twice"
    problem(await manager.post("/v1/invoices/I-1/credit-notes", json={"amount": "1.00", "currency": "EUR", "reason": "x"}), 409)


async def test_a_credit_note_beyond_what_is_open_is_refused_where_it_needs_nobody(
    manager: Client, problem: Problem, world: PortfolioWorld
) -> None:
    an_invoice(world)
    put_matrix_in_force(world, NOBODY)
    body = {"amount": "250.01", "currency": "EUR", "reason": "x"}
    assert "owes no more than EUR 250.00" in problem(await manager.post("/v1/invoices/I-1/credit-notes", json=body), 409)["detail"]
    with world.database.reading() as session:
        assert session.exec(select(CreditNote)).all() == []


@pytest.mark.parametrize(
    ("path", "body", "reduction", "amount"),
    [
        ("credit-notes", {"amount": "40.00", "currency": "EUR", "reason": "missing items"}, ReductionKind.CREDIT_NOTE, 4_000),
        ("cancellation", {"reason": "missing items"}, ReductionKind.CANCELLATION, 25_000),
    ],
)
async def test_what_somebody_must_sign_is_asked_and_not_booked(
    as_role: As, manager: Client, world: PortfolioWorld, path: str, body: dict[str, str], reduction: ReductionKind, amount: int
) -> None:
    """The reason is kept as a note, which the request names; without a worker it waits to be asked."""
    an_invoice(world)
    put_matrix_in_force(world, MATRIX)
    for world.cases.answers in (True, False):
        answer = await manager.post(f"/v1/invoices/I-1/{path}", json=body)
        assert (answer.status_code, answer.json()["recorded"], answer.json()["approval_id"]) == (202, "queued for approval", None)
        assert (answer.json()["id"], answer.json()["open_balance"]["amount"]) == ("credit_request:I-1", "250.00")
    command = world.cases.acts[0]
    assert isinstance(command, RequestCredit)
    assert (command.reduction, command.amount, command.actor) == (reduction, amount, "collections_manager-1")
    assert (command.facts.open_balance, world.cases.begun[0].case_id) == (25_000, "credit_request:I-1")
    with world.database.reading() as session:
        assert session.get_one(Note, command.note_id).text == "missing items"
        assert session.exec(select(CreditNote)).all() == []
    async with as_role(Role.COLLECTOR) as client:
        assert (await client.post(f"/v1/invoices/I-1/{path}", json=body)).status_code == 403


async def test_no_case_is_begun_for_a_credit_note_that_cannot_be_had(manager: Client, problem: Problem, world: PortfolioWorld) -> None:
    an_invoice(world)
    put_matrix_in_force(world, MATRIX)
    body = {"amount": "250.01", "currency": "EUR", "reason": "x"}
    assert "still owes; credit no more" in problem(await manager.post("/v1/invoices/I-1/credit-notes", json=body), 409)["detail"]
    world.cases.is_reachable = False
    problem(await manager.post("/v1/invoices/I-1/credit-notes", json=body | {"amount": "1.00"}), 503)
    assert world.cases.acts == []


APPLICATIONS = "/v1/accounts/A-1/unapplied/applications"


async def test_unapplied_credit_pays_what_is_open_and_its_cases_hear_of_it(collector: Client, world: PortfolioWorld) -> None:
    an_invoice(world)
    world.invoice("I-2", total=10_000)
    await collector.post("/v1/invoices/I-1/payments", json={**PAID, "amount": "370.00"})
    answer = await collector.post(APPLICATIONS, json={"currency": "EUR"})
    payment, application = (await collector.get("/v1/accounts/A-1/unapplied")).json()["credits"][0]["id"], answer.json()["id"]
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "id": application,
            "account_id": "A-1",
            "shares": [{"credit_id": payment, "invoice_id": "I-2", "amount": {"amount": "100.00", "currency": "EUR"}}],
            "applied": [{"invoice_id": "I-2", "amount": {"amount": "100.00", "currency": "EUR"}}],
            "unapplied": {"amount": "20.00", "currency": "EUR"},
        },
    )
    assert (await collector.get("/v1/invoices/I-2")).json()["open_balance"]["amount"] == "0.00"
    assert world.cases.deliveries == 2


async def test_unapplied_credit_is_applied_once_under_one_key(collector: Client, world: PortfolioWorld) -> None:
    an_invoice(world)
    await collector.post("/v1/invoices/I-1/payments", json={**PAID, "amount": "370.00"})
    world.invoice("I-2", total=10_000)
    first, repeated = [await collector.post(APPLICATIONS, json={"currency": "EUR"}, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert first.json() == repeated.json()
    assert (await collector.post(APPLICATIONS, json={"currency": "EUR"})).json()["applied"] == [], "nothing is open any more"
    with world.database.reading() as session:
        assert sum(allocation.amount for allocation in session.exec(select(Allocation)) if allocation.invoice_id == "I-2") == 10_000


async def test_unapplied_credit_of_nobody_or_in_no_currency_is_refused(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    an_invoice(world)
    assert "A-9" in problem(await collector.post("/v1/accounts/A-9/unapplied/applications", json={"currency": "EUR"}), 404)["detail"]
    problem(await collector.post(APPLICATIONS, json={"currency": "euro"}), 422)
    assert (await collector.post(APPLICATIONS, json={"currency": "USD"})).json()["applied"] == []
    assert world.cases.deliveries == 0


async def read_credit(client: Client) -> dict[str, Any]:
    answer: dict[str, Any] = (await client.get("/v1/accounts/A-1/unapplied")).json()
    return answer


def describe(shares: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(share["invoice_id"], share["amount"]["amount"]) for share in shares]


async def test_unapplied_credit_is_shown_applied_in_chosen_shares_and_taken_back(
    collector: Client, problem: Problem, world: PortfolioWorld
) -> None:
    an_invoice(world)
    for invoice in ("I-2", "I-3"):
        world.invoice(invoice, total=10_000)
    await collector.post("/v1/invoices/I-1/payments", json={**PAID, "amount": "400.00"})
    shown = await read_credit(collector)
    credit = shown["credits"][0]
    assert (credit["kind"], credit["reference"], credit["amount"]["amount"], credit["left"]["amount"]) == (
        "payment",
        "bank 4711",
        "400.00",
        "150.00",
    )
    assert describe(shown["proposed"]) == [("I-2", "100.00"), ("I-3", "50.00")]
    share = {"credit_id": credit["id"], "invoice_id": "I-3", "amount": "100.00", "currency": "EUR"}
    for wrong, status in (
        ({"amount": "100.01"}, 409),
        ({"invoice_id": "I-1"}, 409),
        ({"invoice_id": "I-9"}, 404),
        ({"credit_id": "payment:none"}, 404),
        ({"amount": "0.00"}, 422),
        ({"currency": "USD"}, 422),
        ({"on": "2013-01-01"}, 422),
    ):
        problem(await collector.post(APPLICATIONS, json={"currency": "EUR", "shares": [{**share, **wrong}]}), status)
    applied = (await collector.post(APPLICATIONS, json={"currency": "EUR", "shares": [share]}, headers={"Idempotency-Key": "k"})).json()
    assert (describe(applied["shares"]), applied["unapplied"]["amount"]) == ([("I-3", "100.00")], "50.00")

    reversal = f"{APPLICATIONS}/{applied['id']}/reversal"
    problem(await collector.post(reversal, json={"reason": " "}), 422)
    problem(await collector.post(f"{APPLICATIONS}/application:none/reversal", json={"reason": "x"}), 404)
    undone = (await collector.post(reversal, json={"reason": "meant for I-2"}, headers={"Idempotency-Key": "m"})).json()
    assert (describe(undone["owed_again"]), undone["unapplied"]["amount"]) == ([("I-3", "100.00")], "150.00")
    assert "was taken back on" in problem(await collector.post(reversal, json={"reason": "again"}), 409)["detail"]
    listed = (await read_credit(collector))["applications"]
    assert {each["id"]: (each["by"], each["reason"], each["takes_back"], each["taken_back_by"]) for each in listed} == {
        applied["id"]: ("collector-1", "", None, undone["id"]),
        undone["id"]: ("collector-1", "meant for I-2", applied["id"], None),
    }
    assert (await collector.get("/v1/invoices/I-3")).json()["status"] == "open"


async def test_whoever_collects_the_account_does_not_say_what_its_credit_pays(
    as_role: As, collector: Client, problem: Problem, world: PortfolioWorld
) -> None:
    world.account(collector="collector-1")
    world.invoice("I-1", total=25_000)
    world.invoice("I-2", total=10_000)
    async with as_role(Role.BILLING_OPS) as booker:
        await booker.post("/v1/invoices/I-1/payments", json={**PAID, "amount": "300.00"})
        refused = problem(await collector.post(APPLICATIONS, json={"currency": "EUR"}), 403)
        assert "you collect the account A-1" in refused["detail"]
        applied = (await booker.post(APPLICATIONS, json={"currency": "EUR"})).json()["id"]
        problem(await collector.post(f"{APPLICATIONS}/{applied}/reversal", json={"reason": "x"}), 403)
        world.account("A-2")
        problem(await booker.post(f"/v1/accounts/A-2/unapplied/applications/{applied}/reversal", json={"reason": "x"}), 404)
        assert (await booker.post(f"{APPLICATIONS}/{applied}/reversal", json={"reason": "x"})).status_code == 200
