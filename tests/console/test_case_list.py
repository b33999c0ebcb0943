"""The list of cases: everything that is in dispute, promised, planned or asked for, and the tasks, in one order, a page at a time."""

import csv
import re
from datetime import timedelta
from io import StringIO

import pytest

from adapters.database.tables import Task
from adapters.read_model.cursors import UnknownCursorError
from adapters.read_model.lists import case_list
from adapters.read_model.lists.case_list import CaseListFilter, list_case_page, load_case_totals
from domain.case.case_view import TaskKind
from domain.invoice.command_rules import apply_command
from domain.invoice.commands import EscalateInvoice, MakePromise
from domain.roles import Role
from tests.api.account_cases import create_account, create_credit_review, create_proposed_plan, create_suspension, create_write_off
from tests.api.conftest import As
from tests.api.portfolio_world import TODAY, PortfolioWorld, moment_on
from tests.api.stored_approvals import store_approval
from tests.api.test_invoice_disputes import raise_dispute
from tests.console.test_pages import page, words

DAY = timedelta(days=1)
ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
ALL_KINDS = {"dispute", "payment_plan", "suspension", "credit_review", "write_off", "approval", "promise", "call", "escalation"}


@pytest.fixture
def busy(world: PortfolioWorld) -> PortfolioWorld:
    """One of each, all but two of one account; the dispute was raised eight days ago, the call is late."""
    create_account(world, "I-1", "I-2")
    raise_dispute(world, moment_on(TODAY - 8 * DAY))
    create_proposed_plan(world, invoices=("I-2",))
    create_suspension(world)
    create_credit_review(world)
    create_write_off(world)
    store_approval(world, {"EUR": 10_000, "GBP": 700})
    world.account("A-2", "Hafenwerk", collector="ben")
    case = world.invoice("I-3", "A-2", due=TODAY - 9 * DAY)
    assert case is not None
    apply_command(case, MakePromise(act_id="p", actor="ben", amount=20_000, by=TODAY + 3 * DAY), moment_on(TODAY))
    apply_command(case, EscalateInvoice(act_id="act:e", actor="ben", role=Role.SALES, note_id="n"), moment_on(TODAY))
    world.write(case)
    world.add(Task(key="escalation:act:e", kind=TaskKind.ESCALATION, role="sales", account_id="A-2", invoice_id="I-3", due_on=TODAY))
    world.task("I-3", account="A-2", due=TODAY - 2 * DAY)
    world.add(Task(key="old", kind=TaskKind.CALL, account_id="A-1", due_on=TODAY - 99 * DAY, state="done"))
    return world


def walk(world: PortfolioWorld, wanted: CaseListFilter, sort: str = "since", descending: bool = False) -> list[str]:
    found: list[str] = []
    cursor = None
    while True:
        rows, cursor = list_case_page(world.database, wanted, sort, descending, TODAY, 2, cursor)
        found += [row.kind for row in rows]
        if cursor is None:
            return found


def test_every_order_goes_through_all_tables_once_a_page_at_a_time(busy: PortfolioWorld) -> None:
    everything = CaseListFilter()
    longest = walk(busy, everything)
    assert set(longest) == ALL_KINDS
    assert len(longest) == len(ALL_KINDS)
    assert longest[0] == "call", "what has waited longest comes first"
    for sort in ("since", "due", "account", "amount"):
        assert walk(busy, everything, sort, descending=True) == walk(busy, everything, sort)[::-1], sort
    assert walk(busy, everything, "due")[0] == "call"
    assert walk(busy, everything, "account")[-3:] != longest[-3:]
    rows, _ = list_case_page(busy.database, everything, "amount", False, TODAY, 99, None)
    amounts = [next(((each.currency, each.minor) for each in row.amounts), ("", 0)) for row in rows]
    assert amounts == sorted(amounts), "within its currency, and first what is over no money"
    assert {currency for currency, _ in amounts} == {"", "EUR"}
    _, cursor = list_case_page(busy.database, everything, "since", False, TODAY, 2, None)
    with pytest.raises(UnknownCursorError):
        list_case_page(busy.database, everything, "due", False, TODAY, 2, cursor)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (CaseListFilter(kind="dispute"), {"dispute"}),
        (CaseListFilter(kind="promise"), {"promise"}),
        (CaseListFilter(kind="invoice"), set()),
        (CaseListFilter(kind="escalation"), {"escalation"}),
        (CaseListFilter(stage="payment_plan.approval"), {"payment_plan"}),
        (CaseListFilter(role="sales_ops"), {"dispute"}),
        (CaseListFilter(role="sales"), {"escalation"}),
        (CaseListFilter(person="maria"), {"call"}),
        (CaseListFilter(person="nobody-here"), set()),
        (CaseListFilter(collector="ben"), {"promise", "call", "escalation"}),
        (CaseListFilter(account="A-2"), {"promise", "call", "escalation"}),
        (CaseListFilter(q="hafen"), {"promise", "call", "escalation"}),
        (CaseListFilter(q="N-I-2"), set()),
        (CaseListFilter(q="N-I-1"), {"dispute"}),
        (CaseListFilter(is_late=True), {"call", "dispute"}),
        (CaseListFilter(is_late=False, kind="dispute"), set()),
        (CaseListFilter(is_open=False), {"call"}),
        (CaseListFilter(is_open=None, kind="call"), {"call"}),
        (CaseListFilter(department="sales_ops"), {"dispute"}),
        (CaseListFilter(department="billing_ops"), set()),
        (CaseListFilter(dispute_age=0), set()),
        (CaseListFilter(dispute_age=1), {"dispute"}),
        (CaseListFilter(dispute_age=3), set()),
    ],
)
@ON_SQLITE
def test_a_filter_of_cases_finds_those_and_no_others(busy: PortfolioWorld, wanted: CaseListFilter, found: set[str]) -> None:
    kinds = walk(busy, wanted)
    assert set(kinds) == found
    assert load_case_totals(busy.database, wanted, TODAY).count == len(kinds)


@ON_SQLITE
def test_one_kind_is_summed_by_currency_and_several_are_not(busy: PortfolioWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    def total(kind: str | None) -> dict[str, int]:
        return {each.currency: each.amount for each in load_case_totals(busy.database, CaseListFilter(kind=kind), TODAY).sums}

    assert total(None) == {}, "an approval is about the money of the case that asks"
    assert total("approval") == {"EUR": 10_000, "GBP": 700}
    assert (total("dispute"), total("payment_plan")) == ({"EUR": 10_000}, {"EUR": 25_000})
    assert (total("promise"), total("escalation"), total("call")) == ({"EUR": 20_000}, {"EUR": 25_000}, {})
    monkeypatch.setattr(case_list, "MAX_SUMMED", 0)
    assert total("dispute") == {}
    monkeypatch.setattr(case_list, "MAX_COUNTED", 3)
    many = load_case_totals(busy.database, CaseListFilter(), TODAY)
    assert (many.count, many.is_more) == (3, True)


@ON_SQLITE
async def test_each_row_says_whom_it_waits_for_and_leads_to_where_it_is_seen_to(as_role: As, busy: PortfolioWorld) -> None:
    shown = "/cases?column=account&column=stage&column=waits_for&column=since&column=due&column=amount&column=opened_by&column=opened"
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        html = await page(client, shown)
        rows = {row[0]: words(row[1]) for row in re.findall(r'<th scope="row"><a href="([^"]+)">(.*?)</tr>', html, re.DOTALL)}
        assert set(rows) >= {
            "/cases/dispute%3AI-1%3A1",
            "/cases/plan%3AA-1%3A1",
            "/approvals/approval%3Asuspension%3AA-1%3A1",
            "/accounts/A-2",
        }
        dispute = rows["/cases/dispute%3AI-1%3A1"]
        for said in ("Dispute", "Waiting for its department’s answer", "sales operations", "21 Feb 2013", "€100.00", "maria"):
            assert said in dispute
        assert "€100.00 £7.00" in rows["/approvals/approval%3Asuspension%3AA-1%3A1"]
        html = await page(client, "/cases?kind=promise&sort=-amount")
        assert "€200.00" in words(html)
        assert "1 Mar 2013" in words(html), "since when it is promised"
        assert "4 Mar 2013" in words(html)
        escalated = words(await page(client, "/cases?kind=escalation"))
        assert "sales" in escalated
        assert "ben" in escalated, "who escalated it"
        for address in rows:
            assert (await client.get(address)).status_code == 200
        for nonsense in ("kind=nothing", "stage=dispute.nowhere", "age=9", "age=x", "role=boss", "sort=kind", "department=nowhere"):
            assert (await client.get(f"/cases?{nonsense}")).status_code == 422, nonsense
        sheet = await client.get("/lists/cases/csv?kind=approval")
        head, *lines = csv.reader(StringIO(sheet.text.removeprefix("\ufeff")))
        assert [dict(zip(head, line, strict=True))["Amount"] for line in lines] == ["100.00", "7.00"]
        assert (await client.get("/lists/cases/xlsx")).status_code == 200
