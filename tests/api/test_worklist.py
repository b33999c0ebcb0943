"""A person's day through the API, on both databases."""

from datetime import date, timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from adapters.cases.notes import build_note_id
from adapters.database.tables import CallRequest, Case, JournalEntry, Note, Task
from adapters.i18n.languages import LANGUAGES
from adapters.identity.delegation_store import DelegationStore
from adapters.portfolio.cover_store import CoverStore
from api.presenters.phrases import load_phrases
from api.schemas.worklist import AVAILABLE_OPERATIONS, UNTRACED_LETTER_OPERATIONS
from domain.approval.delegation import Delegation
from domain.invoice.escalation import build_escalation_key
from domain.portfolio.assignment_rules import Cover
from domain.portfolio.worklist_ranking import WorkKind
from domain.roles import Role
from tests.api.awaited_rows import build_awaited_rows
from tests.api.conftest import As, Client, Problem
from tests.api.portfolio_world import REAL_NOW, TODAY, PortfolioWorld, moment_on

ME, COLLEAGUE = "collector-1", "anna"


def days(count: int) -> date:
    return TODAY + timedelta(days=count)


def case(world: PortfolioWorld, kind: str, waiting_for: str, account: str = "A-1", **more: Any) -> str:
    """An open case of an account, as its workflow wrote it."""
    case_id: str = more.pop("id", f"{kind}:{account}")
    row: dict[str, Any] = {
        "case_id": case_id,
        "run_id": "r",
        "kind": kind,
        "account_id": account,
        "stage": "x",
        "waiting_for": waiting_for,
        "summary": {},
        "seq": 1,
        "head": "h",
        "updated_at": REAL_NOW,
    }
    written = Case(**row | more)
    world.add(*build_awaited_rows(written))
    world.add(written)
    return case_id


def task(world: PortfolioWorld, kind: str, account: str = "A-1", **more: Any) -> Task:
    body: dict[str, Any] = {"key": f"{kind}:{account}", "kind": kind, "account_id": account, "due_on": TODAY}
    row = Task(**body | more)
    world.add(row)
    return row


async def listed(client: Client, query: str = "") -> list[dict[str, Any]]:
    answer = await client.get(f"/v1/worklist{query}")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def kinds(client: Client, query: str = "") -> list[str]:
    return [item["kind"] for item in await listed(client, query)]


@pytest.fixture
def mine(world: PortfolioWorld) -> PortfolioWorld:
    """An account of the one who asks, with one open invoice and no work yet."""
    world.account("A-1", collector=ME)
    world.invoice("I-1", started=False)
    return world


async def test_a_call_says_why_it_is_where_it_is(mine: PortfolioWorld, collector: Client) -> None:
    row = task(mine, "call", invoice_id="I-1", assignee=ME, due_on=days(-3))
    (item,) = await listed(collector)
    assert (item["kind"], item["task_id"], item["invoice_number"], item["days_late"]) == ("call", row.id, "N-I-1", 3)
    assert item["at_risk"] == [{"amount": "250.00", "currency": "EUR"}]
    assert item["points"] == {"urgency": 25, "money": 30, "lateness": 7}
    assert item["score"] == 62
    assert item["why"] == [
        "The customer is to be called",
        "It has been due for 3 days",
        "€250.00 hangs on it",
    ]
    assert item["link"] == "/invoices/I-1"
    assert "log_call" in item["can_do"]


async def test_an_amount_is_weighed_against_the_collectors_own_open_invoices(mine: PortfolioWorld, collector: Client) -> None:
    """Nine of ten owe less; another collector's invoices do not count."""
    for number in range(2, 11):
        mine.invoice(f"I-{number}", total=10_000 + number, started=False)
    mine.account("A-2", collector="somebody.else")
    mine.invoice("J-1", account="A-2", total=1_000_000, started=False)
    task(mine, "call", invoice_id="I-1", assignee=ME)
    (item,) = await listed(collector)
    assert "€250.00 hangs on it: more than 90 % of your open EUR invoices" in item["why"]


async def test_what_is_more_than_any_one_invoice_is_told_so(mine: PortfolioWorld, collector: Client) -> None:
    """Of a customer's several invoices all hangs on one thing."""
    mine.invoice("I-2", total=10_000, started=False)
    task(mine, "refused_letter", assignee=ME)
    (item,) = await listed(collector)
    assert "€350.00 hangs on it: more than any of your open EUR invoices" in item["why"]


async def test_the_reasons_are_in_the_readers_language(mine: PortfolioWorld, collector: Client) -> None:
    task(mine, "call", invoice_id="I-1", assignee=ME)
    answer = await collector.get("/v1/worklist", headers={"Accept-Language": "de"})
    assert answer.json()["items"][0]["why"][:2] == ["Der Kunde ist anzurufen", "Heute fällig"]


async def test_the_collectors_day_holds_all_that_waits_for_them(mine: PortfolioWorld, collector: Client) -> None:
    task(mine, "call", assignee=ME)
    task(mine, "no_address")
    promised = mine.invoice("I-2", started=True)
    assert promised is not None
    case(mine, "payment_plan", "author", id="plan:A-1:1", awaiting_role="collector", summary={"lapses_on": str(days(5)), "by": ME})
    case(mine, "payment_plan", "customer", id="plan:A-1:2", awaiting_role="collector", summary={"lapses_on": str(days(2))})
    case(mine, "payment_plan", "payment", id="plan:A-1:3", next_step="grace_ends", next_on=days(3))
    case(mine, "suspension", "address", awaiting_role="collector")
    case(mine, "invoice", "promise", id="invoice:I-1", invoice_id="I-1", promised_by=TODAY, promised_amount=25_000)
    assert set(await kinds(collector)) == {
        "call",
        "no_address",
        "plan_returned",
        "offer_lapsing",
        "plan_missed",
        "warning_undelivered",
        "promise_due",
    }


async def test_what_goes_on_by_itself_or_is_over_is_not_on_the_list(mine: PortfolioWorld, collector: Client) -> None:
    task(mine, "call", assignee=ME, due_on=days(1))
    task(mine, "escalation", state="done", assignee=ME)
    case(mine, "payment_plan", "author", id="plan:A-1:1", awaiting_role="collector", outcome="cancelled")
    case(mine, "payment_plan", "customer", id="plan:A-1:2", awaiting_role="collector", summary={"lapses_on": str(days(9))})
    case(mine, "suspension", "time")
    assert await kinds(collector) == []


async def test_a_colleagues_work_is_not_mine_unless_it_was_given_to_me(mine: PortfolioWorld, collector: Client) -> None:
    mine.account("A-2", name="Andere GmbH", collector=COLLEAGUE)
    task(mine, "call", account="A-2", assignee=COLLEAGUE)
    task(mine, "refused_letter", account="A-2", assignee=ME)
    task(mine, "unknown_letter", account="A-1", assignee=COLLEAGUE)
    case(mine, "suspension", "address", account="A-2", awaiting_role="collector")
    (item,) = await listed(collector)
    assert item["kind"] == "refused_letter"
    assert f"It was given to {ME}" in item["why"]


async def test_what_came_back_is_on_the_list_of_those_who_asked_for_it(mine: PortfolioWorld, collector: Client) -> None:
    mine.account("A-2", collector=COLLEAGUE)
    case(mine, "payment_plan", "author", account="A-2", id="plan:A-2:1", awaiting_role="collector", summary={"by": ME})
    case(mine, "suspension", "requester", account="A-2", awaiting_role="collector", summary={"askers": f"ben {ME}"})
    assert await kinds(collector) == ["plan_returned", "suspension_returned"]


async def test_whoever_covers_sees_the_accounts_and_is_told_for_whom(mine: PortfolioWorld, collector: Client, manager: Client) -> None:
    mine.account("A-2", collector=COLLEAGUE)
    task(mine, "call", account="A-2", assignee=COLLEAGUE)
    cover = Cover(cover_id="c", collector=COLLEAGUE, covered_by=ME, first_day=TODAY, last_day=days(7))
    CoverStore(mine.database).add(cover, "mia")
    (item,) = await listed(collector)
    assert item["covering_for"] == COLLEAGUE
    assert "Covering for anna until 8 Mar 2013" in item["why"]
    assert await kinds(manager, f"?collector={COLLEAGUE}") == ["call"]
    CoverStore(mine.database).end("c", "mia", moment_on(TODAY).business)
    assert await kinds(collector) == []


async def test_a_cover_of_other_days_shows_nothing_today(mine: PortfolioWorld, collector: Client) -> None:
    mine.account("A-2", collector=COLLEAGUE)
    task(mine, "call", account="A-2", assignee=COLLEAGUE)
    for number, (first, last) in enumerate(((-9, -1), (1, 9))):
        cover = Cover(cover_id=f"c{number}", collector=COLLEAGUE, covered_by=ME, first_day=days(first), last_day=days(last))
        CoverStore(mine.database).add(cover, "mia")
    assert await kinds(collector) == []


def approval(world: PortfolioWorld, number: int = 1, role: str = "collections_manager", **body: Any) -> str:
    summary = {
        "matter": "credit_note",
        "amount": 2_500,
        "currency": "EUR",
        "requester": "ben",
        "roles": role,
        "signed_by": "",
        "escalated": False,
    }
    case_id = f"approval:dispute:I-1:1:{number}"
    return case(world, "approval", role, id=case_id, awaiting_role=role.split()[-1], next_on=days(1), summary=summary | body)


async def test_a_manager_sees_what_waits_for_their_role(mine: PortfolioWorld, manager: Client) -> None:
    approval(mine)
    case(mine, "invoice", "decision", id="invoice:I-1", invoice_id="I-1", awaiting_role="collections_manager")
    task(mine, "escalation", role="collections_manager", invoice_id="I-1")
    task(mine, "call", assignee=ME)
    items = {item["kind"]: item for item in await listed(manager)}
    assert items.keys() == {"approval", "timeline_end", "escalation"}
    assert items["approval"]["at_risk"] == [{"amount": "25.00", "currency": "EUR"}]
    assert items["approval"]["why"][:2] == ["The collections manager is asked to decide: credit note", "There is time until 2 Mar 2013"]
    assert "It was brought to the attention of the collections manager" in items["escalation"]["why"]


async def test_an_escalation_says_who_made_it_and_what_for_cut_to_a_line(mine: PortfolioWorld, manager: Client) -> None:
    long = "they want to\n pay in parts " + "and in parts " * 20
    for number, said in enumerate(("they want to\n pay in parts", long)):
        task(mine, "escalation", role="collections_manager", invoice_id="I-1", key=build_escalation_key(f"act-{number}"))
        mine.add(Note(id=build_note_id(f"act-{number}"), account_id="A-1", author="carla", text=said, written_at=moment_on(TODAY).business))
    told = "It was brought to the attention of the collections manager by carla: “they want to pay in parts"
    assert sorted(item["why"][0][len(told) :] for item in await listed(manager))[-1] == "”"
    cut = next(why for item in await listed(manager) if (why := item["why"][0]).endswith("…”"))
    assert cut.startswith(told)
    assert len(cut) < len(told) + 160


async def test_nobody_is_shown_an_approval_that_they_asked_for_or_signed(mine: PortfolioWorld, manager: Client) -> None:
    approval(mine, 1, requester="collections_manager-1")
    approval(mine, 2, signed_by="otto collections_manager-1")
    shown = approval(mine, 3)
    assert [item["id"] for item in await listed(manager)] == [shown]


async def test_nobody_is_shown_an_approval_whose_decision_would_refuse_them(mine: PortfolioWorld, manager: Client) -> None:
    approval(mine, 1, also_asked="otto Collections_Manager-1")
    approval(mine, 2, acting_for="collections_manager-1")
    approval(mine, 3, signed_by="otto", signed_for="COLLECTIONS_MANAGER-1")
    shown = approval(mine, 4, also_asked="otto", acting_for="dora", signed_for="carl")
    assert [item["id"] for item in await listed(manager)] == [shown]


async def test_a_delegate_is_not_shown_what_the_one_in_whose_place_they_act_asked_for(mine: PortfolioWorld, manager: Client) -> None:
    approval(mine, role="finance_director", requester="Dora")
    for giver, place in (("dora", None), ("carl", "It may be decided in place of carl")):
        given = Delegation(
            delegation_id=giver,
            from_user=giver,
            to_user="collections_manager-1",
            role=Role.FINANCE_DIRECTOR,
            first_day=TODAY,
            last_day=TODAY,
        )
        DelegationStore(mine.database).add(given, giver)
        assert [place in item["why"] for item in await listed(manager)] == ([True] if place else [])


async def test_an_escalated_approval_waits_for_both_roles(mine: PortfolioWorld, manager: Client) -> None:
    approval(mine, role="collections_manager finance_director", escalated=True)
    (item,) = await listed(manager)
    assert "A deadline was missed before" in item["why"]


async def test_a_delegate_sees_what_they_may_sign_in_anothers_place(mine: PortfolioWorld, manager: Client) -> None:
    approval(mine, role="finance_director")
    assert await kinds(manager) == []
    given = Delegation(
        delegation_id="d", from_user="dora", to_user="collections_manager-1", role=Role.FINANCE_DIRECTOR, first_day=TODAY, last_day=TODAY
    )
    DelegationStore(mine.database).add(given, "dora")
    (item,) = await listed(manager)
    assert "It may be decided in place of dora" in item["why"]


@pytest.mark.parametrize(
    ("role", "kind", "waiting_for", "summary", "at_risk"),
    [
        (Role.SALES_OPS, "dispute", "sales_ops", {"contested": 900, "currency": "GBP"}, {"GBP"}),
        (Role.CREDIT_ANALYST, "credit_review", "verdict", {"stopped": False}, {"EUR"}),
        (Role.WRITE_OFF_ANALYST, "write_off", "decision", {"owed_EUR": 700, "owed_GBP": 900}, {"EUR", "GBP"}),
    ],
)
async def test_each_department_has_its_own_day(
    mine: PortfolioWorld, as_role: As, role: Role, kind: str, waiting_for: str, summary: dict[str, Any], at_risk: set[str]
) -> None:
    case(mine, kind, waiting_for, awaiting_role=role.value, summary=summary)
    async with as_role(role) as client:
        (item,) = await listed(client)
    assert item["kind"] == kind
    assert {money["currency"] for money in item["at_risk"]} == at_risk


async def test_a_dispute_that_a_colleague_was_given_is_theirs_until_it_is_escalated(mine: PortfolioWorld, as_role: As) -> None:
    body = {"contested": 4_000, "currency": "EUR", "reason": "wrong_price", "assignee": "ben", "escalated": False}
    case(mine, "dispute", "sales_ops", id="dispute:I-1:1", invoice_id="I-1", awaiting_role="sales_ops", summary=body)
    case(mine, "dispute", "sales_ops", id="dispute:I-1:2", invoice_id="I-1", awaiting_role="sales_ops", summary=body | {"escalated": True})
    async with as_role(Role.SALES_OPS) as client:
        (item,) = await listed(client)
    assert item["id"] == "dispute:I-1:2"
    assert item["why"][0] == "The customer contests €40.00: the price is wrong"


def broken(world: PortfolioWorld, day: date, seq: int = 5, kind: str = "promise.broken") -> None:
    facts = {"amount": 25_000, "received": 0}
    world.add(
        JournalEntry(
            case_id="invoice:I-1",
            seq=seq,
            hash=f"h{seq}",
            previous="h",
            kind=kind,
            business_at=moment_on(day).business,
            recorded_at=REAL_NOW,
            account_id="A-1",
            invoice_id="I-1",
            actor="duecourse",
            facts=facts,
        )
    )


async def test_a_promise_broken_lately_is_on_the_list(mine: PortfolioWorld, collector: Client) -> None:
    broken(mine, days(-2))
    (item,) = await listed(collector)
    assert (item["kind"], item["days_late"]) == ("promise_broken", 2)
    assert item["why"][0] == "The promise of €250.00 was broken on 27 Feb 2013"


async def test_a_broken_promise_leaves_the_list_with_time_and_when_the_customer_was_called(mine: PortfolioWorld, collector: Client) -> None:
    broken(mine, days(-8))
    assert await kinds(collector) == []
    broken(mine, days(-1), seq=6)
    assert await kinds(collector) == ["promise_broken"]
    broken(mine, TODAY, seq=7, kind="call.logged")
    assert await kinds(collector) == []


async def test_an_undelivered_letter_is_worth_what_its_invoices_owe_now(mine: PortfolioWorld, collector: Client) -> None:
    mine.invoice("I-2", total=99_000, started=False)
    letter = mine.letter("I-2", state="refused")
    task(mine, "refused_letter", assignee=ME, message_id=letter)
    (item,) = await listed(collector)
    assert (item["letter_id"], item["at_risk"]) == (letter, [{"amount": "990.00", "currency": "EUR"}])


async def test_a_call_is_one_item_for_all_invoices_that_ask_for_it_and_weighs_what_they_owe(
    mine: PortfolioWorld, collector: Client
) -> None:
    mine.invoice("I-2", total=990_00, started=False)
    mine.invoice("I-3", total=5_000_00, started=False)
    call = task(mine, "call", assignee=ME)
    mine.add(*(CallRequest(invoice_id=invoice, step="phone_call", task_id=call.id or 0, due_on=TODAY) for invoice in ("I-1", "I-2")))
    (item,) = await listed(collector)
    assert (item["invoice_id"], item["link"], [each["number"] for each in item["invoices"]]) == (None, "/accounts/A-1", ["N-I-1", "N-I-2"])
    assert item["at_risk"] == [{"amount": "1240.00", "currency": "EUR"}]
    assert item["why"][0] == "The customer is to be called: 2 invoices ask for it"


async def test_a_call_that_is_closed_by_hand_asks_for_nothing_any_more(mine: PortfolioWorld, collector: Client) -> None:
    call = task(mine, "call", assignee=ME)
    mine.add(CallRequest(invoice_id="I-1", step="phone_call", task_id=call.id or 0, due_on=TODAY))
    await collector.post(f"/v1/tasks/{call.id}/done", json={"outcome": "wrote instead"})
    with mine.database.reading() as session:
        assert session.get_one(CallRequest, ("I-1", "phone_call")).state == "done"


async def test_currencies_are_ranked_each_within_its_own(mine: PortfolioWorld, collector: Client) -> None:
    """The largest yen invoice is as heavy as the largest in euros: no rate is used, and nothing is added."""
    mine.invoice("I-2", total=10_000, started=False)
    mine.invoice("J-1", total=500, currency="JPY", started=False)
    for invoice in ("I-1", "I-2", "J-1"):
        task(mine, "escalation", invoice_id=invoice, assignee=ME, key=f"escalation:{invoice}")
    items = await listed(collector)
    assert [(item["invoice_id"], item["points"]["money"]) for item in items] == [("I-1", 30), ("J-1", 30), ("I-2", 15)]


async def test_pages_go_on_where_they_stopped_though_the_first_was_done_meanwhile(mine: PortfolioWorld, collector: Client) -> None:
    for number in range(5):
        task(mine, "escalation", key=f"escalation:{number}", assignee=ME, due_on=days(-number))
    first = (await collector.get("/v1/worklist?limit=2")).json()
    await collector.post(f"/v1/tasks/{first['items'][0]['task_id']}/done", json={})
    rest = (await collector.get(f"/v1/worklist?limit=10&cursor={first['next']}")).json()
    assert [item["days_late"] for item in [*first["items"], *rest["items"]]] == [4, 3, 2, 1, 0]
    assert rest["next"] is None


async def test_a_list_can_be_narrowed_to_kinds(mine: PortfolioWorld, collector: Client, problem: Problem) -> None:
    task(mine, "call", assignee=ME)
    task(mine, "no_address", assignee=ME)
    assert await kinds(collector, "?kind=no_address") == ["no_address"]
    assert len(await kinds(collector, "?kind=no_address&kind=call")) == 2
    problem(await collector.get("/v1/worklist?kind=nonsense"), 422)


async def test_a_foreign_cursor_is_refused(mine: PortfolioWorld, collector: Client, problem: Problem) -> None:
    problem(await collector.get("/v1/worklist?cursor=abc"), 422)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_work_has_its_sentence_in_every_language(language: str) -> None:
    assert set(WorkKind) <= load_phrases(language).worklist.keys()


def test_what_one_can_do_are_operations_that_exist(app: FastAPI) -> None:
    known = {operation["operationId"] for methods in app.openapi()["paths"].values() for operation in methods.values()}
    assert AVAILABLE_OPERATIONS.keys() == set(WorkKind)
    assert set(UNTRACED_LETTER_OPERATIONS) <= known
    assert {command for acts in AVAILABLE_OPERATIONS.values() for command in acts} <= known


async def test_a_letter_without_a_trace_can_be_sent_again_and_one_that_is_known_decided(mine: PortfolioWorld, collector: Client) -> None:
    task(mine, "unknown_letter", invoice_id="I-1", role="collector")
    task(mine, "unknown_letter", key="known", message_id=mine.letter("I-1"))
    untraced, known = sorted(await listed(collector), key=lambda item: item["letter_id"] or 0)
    assert (untraced["can_do"], untraced["why"][0]) == (
        ["resend_letter", "skip_letter"],
        "There is no trace of a letter: have it sent again, or go on without it",
    )
    assert known["can_do"] == ["decide_letter", "skip_letter"]
