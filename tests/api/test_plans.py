"""Payment plans over HTTP: tried out, proposed once, answered, and read with what is paid."""

from datetime import date

from sqlalchemy import delete
from sqlmodel import select

from adapters.database.tables import IdempotencyKey, Note
from domain.billing.billing_events import InvoiceFacts, InvoiceStatus
from domain.payment_plan import negotiation, plan_progress
from domain.payment_plan.commands import AcceptPlan, CancelPlan, DeclinePlan, RevisePlan, Side
from domain.payment_plan.view import build_case_view
from domain.payment_plan.workflow_input import PaymentPlanInput
from domain.roles import Role
from tests.api.account_cases import (
    PLAN,
    accept_plan,
    approve_plan,
    create_account,
    create_proposed_plan,
    days_from_today,
    moment_in,
    write_case,
)
from tests.api.conftest import As, Client, Problem
from tests.api.portfolio_world import PortfolioWorld

TERMS = {"first_on": "2013-03-11", "equal": 2}
WANTED = {"invoices": ["I-1"], "currency": "EUR", "terms": TERMS}
PROPOSE, PREVIEW = "/v1/accounts/A-1/plans", "/v1/accounts/A-1/plans/preview"


def part(amount: str, due_on: str, currency: str = "EUR") -> dict[str, str]:
    return {"amount": amount, "currency": currency, "due_on": due_on}


async def test_a_preview_shows_the_schedule_and_proposes_nothing(collector: Client, world: PortfolioWorld) -> None:
    create_account(world)
    answer = await collector.post(PREVIEW, json={**WANTED, "terms": {**TERMS, "interest_percent": "12"}})
    shown = answer.json()
    assert (shown["debt"]["amount"], shown["last_on"]) == ("250.00", "2013-04-11")
    assert [(one["due_on"], one["amount"]["amount"], one["interest"]["amount"]) for one in shown["instalments"]] == [
        ("2013-03-11", "125.82", "0.82"),
        ("2013-04-11", "126.28", "1.28"),
    ]
    assert shown["total"]["amount"] == "252.10"
    assert world.cases.begun == []


async def test_a_first_payment_and_custom_parts_make_a_schedule_too(collector: Client, world: PortfolioWorld) -> None:
    create_account(world)
    terms = {
        "first_on": "2013-03-05",
        "first_payment": {"amount": "50.00", "currency": "EUR"},
        "custom": [part("120.00", "2013-03-20"), part("80.00", "2013-04-02")],
    }
    shown = (await collector.post(PREVIEW, json={**WANTED, "terms": terms})).json()
    assert [(one["due_on"], one["amount"]["amount"]) for one in shown["instalments"]] == [
        ("2013-03-05", "50.00"),
        ("2013-03-20", "120.00"),
        ("2013-04-02", "80.00"),
    ]


async def test_a_proposal_starts_the_plan_in_the_name_of_who_signed_in(collector: Client, world: PortfolioWorld) -> None:
    create_account(world)
    body = {**WANTED, "asked_by": "customer", "why": "seasonal", "comment": "Mr Smith rang"}
    answer = await collector.post(PROPOSE, json=body)
    assert (answer.status_code, answer.json()["plan_id"], answer.json()["recorded"]) == (201, PLAN, "now")
    [begun] = world.cases.begun
    assert isinstance(begun.workflow_input, PaymentPlanInput)
    proposal = begun.workflow_input.proposal
    assert (begun.workflow, begun.case_id, begun.account_id, begun.collector) == ("PaymentPlan", PLAN, "A-1", "maria")
    assert (proposal.actor, proposal.asked_by, proposal.why, begun.workflow_input.number) == ("collector-1", Side.CUSTOMER, "seasonal", 1)
    assert begun.workflow_input.covered["I-1"].open_balance == 25_000
    with world.database.reading() as session:
        assert session.exec(select(Note)).one().id == proposal.note_id
    assert "Smith" not in begun.workflow_input.model_dump_json()


async def test_a_proposal_that_no_worker_takes_waits_for_one(collector: Client, world: PortfolioWorld) -> None:
    create_account(world).cases.answers = False
    answer = await collector.post(PROPOSE, json=WANTED)
    assert (answer.status_code, answer.json()["recorded"], answer.json()["plan_id"]) == (202, "will be applied", PLAN)


async def test_a_repeated_proposal_makes_one_plan(collector: Client, world: PortfolioWorld) -> None:
    create_account(world)
    answers = [await collector.post(PROPOSE, json=WANTED, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert len(world.cases.begun) == 1


async def test_a_proposal_whose_answer_was_lost_is_answered_with_the_plan_it_made(collector: Client, world: PortfolioWorld) -> None:
    create_account(world)
    key = {"Idempotency-Key": "k"}
    made = (await collector.post(PROPOSE, json=WANTED, headers=key)).json()
    create_proposed_plan(world, command=made["act_id"])
    with world.database.writing() as session:
        session.execute(delete(IdempotencyKey))
    again = (await collector.post(PROPOSE, json=WANTED, headers=key)).json()
    assert (again["plan_id"], again["repeated"]) == (PLAN, True)
    assert len(world.cases.begun) == 1


async def test_what_the_rules_forbid_is_refused_before_anything_begins(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    create_account(world)
    for path in (PREVIEW, PROPOSE):
        long = {**WANTED, "terms": {**TERMS, "equal": 13}}
        assert problem(await collector.post(path, json=long), 409)["detail"] == "the policy allows 12 instalments at most"
        unknown = {**WANTED, "invoices": ["I-9"]}
        assert problem(await collector.post(path, json=unknown), 409)["detail"] == "the account has no invoice I-9"
    assert world.cases.begun == []


async def test_an_invoice_of_another_open_plan_cannot_be_planned_again(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    create_proposed_plan(create_account(world, "I-1", "I-2"))
    document = problem(await collector.post(PROPOSE, json=WANTED), 409)
    assert document["detail"] == "invoice I-1 is part of another plan"
    answer = await collector.post(PROPOSE, json={**WANTED, "invoices": ["I-2"]})
    assert (answer.status_code, answer.json()["plan_id"]) == (201, "plan:A-1:2")


async def test_two_proposals_of_one_moment_make_one_plan(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    create_account(world).cases.running[PLAN] = ""
    assert "look at it" in problem(await collector.post(PROPOSE, json=WANTED), 409)["detail"]


async def test_amounts_in_another_currency_and_half_said_terms_are_pointed_at(
    collector: Client, problem: Problem, world: PortfolioWorld
) -> None:
    create_account(world)
    for terms, pointer in (
        ({"custom": [part("250.00", "2013-03-20", "USD")]}, "/terms/custom/0/currency"),
        ({**TERMS, "first_payment": {"amount": "1.00", "currency": "USD"}}, "/terms/first_payment/currency"),
        ({**TERMS, "equal": None}, "/terms"),
        ({"equal": 3}, "/terms"),
        ({**TERMS, "first_on": "9999-12-31"}, "/terms/first_on"),
        ({**TERMS, "instalments": 3}, "/terms/instalments"),
    ):
        document = problem(await collector.post(PROPOSE, json={**WANTED, "terms": terms}), 422)
        assert [fault["pointer"] for fault in document["errors"]] == [pointer]


async def test_an_unknown_account_or_plan_is_not_found(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    problem(await collector.post(PROPOSE, json=WANTED), 404)
    problem(await collector.get("/v1/plans/nowhere"), 404)
    problem(await collector.post("/v1/plans/nowhere/cancellation", json={"why": "x"}), 404)


async def test_lists_narrow_by_account_by_whether_it_is_over_and_by_whose_turn_it_is(collector: Client, world: PortfolioWorld) -> None:
    create_proposed_plan(create_account(world, "I-1", "I-2"))
    approve_plan(world, create_proposed_plan(world, ("I-2",), "plan:A-1:2", "act:other"))

    async def found(query: str) -> list[str]:
        return [item["id"] for item in (await collector.get(f"/v1/plans{query}")).json()["items"]]

    assert await found("") == ["plan:A-1:2", PLAN]
    assert await found("?role=collector") == ["plan:A-1:2"]
    assert await found("?account=A-1&open=true") == ["plan:A-1:2", PLAN]
    assert await found("?open=false") == []
    assert await found("?account=A-2") == []


async def test_a_plan_in_force_shows_what_is_paid_and_what_was_missed(collector: Client, world: PortfolioWorld) -> None:
    case = accept_plan(world, approve_plan(world, create_proposed_plan(create_account(world))))
    facts = InvoiceFacts(
        version=2, due_date=date(2013, 2, 10), currency="EUR", total=25_000, open_balance=15_000, status=InvoiceStatus.OPEN
    )
    plan_progress.apply_invoice_facts(case, "I-1", facts, moment_in(11))
    plan_progress.run_due_actions(case, moment_in(12))
    write_case(world, case, build_case_view)
    shown = (await collector.get(f"/v1/plans/{PLAN}")).json()
    assert (shown["stage"], shown["in_force"], shown["invoice_ids"]) == ("active", True, ["I-1"])
    assert (shown["received"]["amount"], shown["outstanding"]["amount"], shown["instalments_missed"]) == ("100.00", "150.00", 1)
    first, second = shown["instalments"]
    assert (first["paid"]["amount"], first["missed"], first["grace_until"]) == ("100.00", True, "2013-03-17")
    assert (second["paid"]["amount"], second["missed"]) == ("0.00", False)
    [revision] = shown["revisions"]
    assert (revision["number"], revision["made_by"], revision["why"], revision["fate"]) == (1, "carl", "seasonal", "offered")


async def test_new_terms_stand_beside_those_in_force(collector: Client, world: PortfolioWorld) -> None:
    case = accept_plan(world, approve_plan(world, create_proposed_plan(create_account(world))))
    terms = case.proposal.terms.model_copy(update={"equal": 4})
    negotiation.revise_plan(
        case, RevisePlan(act_id="act:r", actor="carl", terms=terms, asked_by=Side.CUSTOMER, why="too much a month"), moment_in(1)
    )
    write_case(world, case, build_case_view)
    shown = (await collector.get(f"/v1/plans/{PLAN}")).json()
    assert (shown["revision"], len(shown["instalments"]), len(shown["proposed"]["instalments"])) == (1, 2, 4)
    assert [(each["number"], each["asked_by"]) for each in shown["revisions"]] == [(1, "us"), (2, "customer")]


async def test_each_act_on_a_plan_reaches_its_case(collector: Client, world: PortfolioWorld) -> None:
    create_proposed_plan(create_account(world))
    for path, body in (
        ("revision", {"terms": TERMS, "asked_by": "customer", "why": "smaller parts", "comment": "rang"}),
        ("acceptance", {"revision": 1}),
        ("refusal", {"revision": 1, "comment": "by e-mail"}),
        ("cancellation", {"why": "sold"}),
    ):
        answer = await collector.post(f"/v1/plans/{PLAN}/{path}", json=body)
        assert (answer.status_code, answer.json()["recorded"]) == (200, "now"), answer.text
    revised, yes, no, end = world.cases.acts
    assert isinstance(revised, RevisePlan)
    assert (revised.terms.first_on, revised.why, revised.actor) == (days_from_today(10), "smaller parts", "collector-1")
    assert revised.note_id
    assert isinstance(yes, AcceptPlan)
    assert yes.revision == 1
    assert isinstance(no, DeclinePlan)
    assert isinstance(end, CancelPlan)
    assert end.why == "sold"


async def test_what_a_plan_refuses_is_a_conflict_in_its_own_words(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    create_proposed_plan(create_account(world))
    world.cases.running[PLAN] = "revision 1 was replaced; revision 2 is on offer"
    document = problem(await collector.post(f"/v1/plans/{PLAN}/acceptance", json={"revision": 1}), 409)
    assert document["detail"] == "revision 1 was replaced; revision 2 is on offer"


async def test_a_plan_that_is_over_says_how_it_ended(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    case = create_proposed_plan(create_account(world))
    plan_progress.cancel_plan(case, "sold", moment_in(1))
    write_case(world, case, build_case_view)
    del world.cases.running[PLAN]
    document = problem(await collector.post(f"/v1/plans/{PLAN}/acceptance", json={"revision": 1}), 409)
    assert document["detail"].startswith("this payment plan is over: cancelled")


async def test_an_act_on_a_plan_needs_its_words(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    create_proposed_plan(create_account(world))
    for path, body, pointer in (
        ("revision", {"terms": TERMS, "why": ""}, "/why"),
        ("acceptance", {}, "/revision"),
        ("cancellation", {"why": "x", "actor": "boss"}, "/actor"),
    ):
        document = problem(await collector.post(f"/v1/plans/{PLAN}/{path}", json=body), 422)
        assert [fault["pointer"] for fault in document["errors"]] == [pointer]


async def test_an_analyst_reads_plans_and_proposes_none(as_role: As, problem: Problem, world: PortfolioWorld) -> None:
    create_proposed_plan(create_account(world))
    async with as_role(Role.CREDIT_ANALYST) as analyst:
        assert (await analyst.get(f"/v1/plans/{PLAN}")).status_code == 200
        assert "propose payment plans" in problem(await analyst.post(PROPOSE, json=WANTED), 403)["detail"]
