"""The page on which a payment plan is built."""

import re
from datetime import timedelta
from decimal import Decimal
from urllib.parse import quote

from adapters.letters.letter_templates import LetterTemplates
from adapters.policies.policy_store import PolicyStore
from adapters.shipped_files import PROJECT
from domain.billing.billing_events import InvoiceFacts, InvoiceStatus
from domain.payment_plan.commands import RevisePlan
from domain.payment_plan.plan_progress import apply_invoice_facts
from domain.payment_plan.view import build_case_view as plan_view
from domain.roles import Role
from tests.api.account_cases import PLAN, accept_plan, approve_plan, create_proposed_plan, write_case
from tests.api.conftest import As
from tests.api.portfolio_world import TODAY, PortfolioWorld, moment_on
from tests.console.test_pages import page, words

DAY = timedelta(days=1)


def owe(world: PortfolioWorld) -> None:
    world.account()
    world.invoice("I-1", due=TODAY - 20 * DAY, total=300_00)
    world.invoice("I-2", due=TODAY + 20 * DAY, total=50_00)
    PolicyStore(world.database, LetterTemplates()).load_folder(PROJECT / "policies")


def filled(html: str) -> dict[str, list[str]]:
    """What a browser sends of the form as it stands."""
    fields: dict[str, list[str]] = {}
    for tag in re.findall(r"<input[^>]*>", html.partition('<form class="act plan"')[2]):
        name, value = re.search(r'name="(\w+)"', tag), re.search(r'value="([^"]*)"', tag)
        kind = re.search(r'type="(\w+)"', tag)
        if name and value and (kind is None or kind[1] not in ("checkbox", "radio") or " checked" in tag):
            fields.setdefault(name[1], []).append(value[1])
    return fields


async def test_instalments_are_computed_and_who_must_agree_and_the_offer_stand_beside(as_role: As, world: PortfolioWorld) -> None:
    owe(world)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        html = await page(client, "/accounts/A-1/plan")
        form = filled(html)
        assert (form["invoices"], form["amount"]) == (["I-1"], ["100.00", "100.00", "100.00", ""])
        shown = words(html)
        assert "3 instalments, €300.00 in all" in shown
        assert re.search(r"Who must agree \w", shown)
        assert "Zahlungsplan" in shown
        more = form | {"equal": ["2"], "invoices": ["I-1", "I-2"], "first_payment": ["50.00"], "do": ["compute"]}
        html = (await client.post("/accounts/A-1/plan", data=more)).text
        assert filled(html)["amount"] == ["50.00", "150.00", "150.00", ""]
    assert world.cases.begun == []


async def test_what_was_edited_is_checked_and_proposed_as_it_stands(as_role: As, world: PortfolioWorld) -> None:
    owe(world)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        form = filled(await page(client, "/accounts/A-1/plan"))
        days = form["due_on"][:2]
        wrong = await client.post("/accounts/A-1/plan", data=form | {"due_on": days, "amount": ["100.00", "190.00"], "do": ["check"]})
        assert wrong.status_code == 200
        assert "The instalments come to €290.00, and €300.00 is owed." in words(wrong.text)
        assert filled(wrong.text)["amount"] == ["100.00", "190.00", ""]
        unreadable = await client.post("/accounts/A-1/plan", data=form | {"amount": ["lots"], "do": ["send"]})
        assert unreadable.status_code == 422
        assert "Write it as in 1,234.56" in words(unreadable.text)
        right = form | {"due_on": days, "amount": ["110.00", "190.00"], "do": ["send"]}
        stale = await client.post("/accounts/A-1/plan", data=right | {"form_token": ["other"]})
        assert stale.status_code == 403
        assert world.cases.begun == []
        sent = await client.post("/accounts/A-1/plan", data=right)
        assert (sent.status_code, sent.headers["location"]) == (303, "/accounts/A-1?acted=propose_plan")
    (begun,) = world.cases.begun
    terms = begun.workflow_input.model_dump()["proposal"]["terms"]
    assert [part["amount"] for part in terms["custom"]] == [110_00, 190_00]
    async with as_role(Role.AUDITOR, Accept="text/html") as auditor:
        assert (await auditor.get("/accounts/A-1/plan")).status_code == 403


async def test_a_customer_who_owes_nothing_needs_no_plan(as_role: As, world: PortfolioWorld) -> None:
    world.account()
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        assert "Nothing to pay off" in words(await page(client, "/accounts/A-1/plan"))


async def test_other_terms_begin_with_those_that_stand_and_are_put_forward_with_their_reason(as_role: As, world: PortfolioWorld) -> None:
    owe(world)
    world.invoice("I-3", due=TODAY - 30 * DAY)
    plan = create_proposed_plan(world, invoices=("I-3",))
    approve_plan(world, plan)
    world.cases.running = {PLAN: ""}
    address = f"/cases/{quote(PLAN, safe='')}"
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        assert f'href="{address}/terms"' in await page(client, address)
        html = await page(client, f"{address}/terms")
        form = filled(html)
        assert (form["equal"], form["amount"]) == (["2"], ["125.00", "125.00", ""])
        assert "invoices" not in form, "what a plan covers is not changed"
        shown = words(html)
        assert "Still to be paid off: €250.00" in shown
        assert re.search(r"Who must agree \w", shown)
        assert "Zahlungsplan" in shown
        wrong = await client.post(f"{address}/terms", data=form | {"amount": ["125.00", "100.00"], "do": ["check"]})
        assert "The instalments come to €225.00, and €250.00 is owed." in words(wrong.text)
        four = (await client.post(f"{address}/terms", data=form | {"equal": ["4"], "interest": ["4.5"], "do": ["compute"]})).text
        assert filled(four)["amount"] == ["62.50", "62.50", "62.50", "62.50", ""]
        silent = await client.post(f"{address}/terms", data=filled(four) | {"do": ["send"]})
        assert (silent.status_code, world.cases.acts) == (422, [])
        assert "Say why other terms are put forward." in words(silent.text)
        sent = await client.post(f"{address}/terms", data=filled(four) | {"why": ["smaller parts"], "do": ["send"]})
        assert (sent.status_code, sent.headers["location"]) == (303, f"{address}?acted=revise_plan")
        assert (await client.get("/cases/plan:A-1:9/terms")).status_code == 404
    [command] = world.cases.acts
    assert isinstance(command, RevisePlan)
    assert ([part.amount for part in command.terms.custom], command.terms.interest_percent) == ([62_50] * 4, Decimal("4.5"))
    assert command.why == "smaller parts"


async def test_a_plan_in_force_is_renegotiated_over_what_is_still_owed(as_role: As, world: PortfolioWorld) -> None:
    owe(world)
    world.invoice("I-3", due=TODAY - 30 * DAY)
    case = accept_plan(world, approve_plan(world, create_proposed_plan(world, invoices=("I-3",))))
    paid = InvoiceFacts(version=2, status=InvoiceStatus.OPEN, currency="EUR", total=25_000, open_balance=15_000, due_date=TODAY - 30 * DAY)
    apply_invoice_facts(case, "I-3", paid, moment_on(TODAY))
    write_case(world, case, plan_view)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        html = await page(client, f"/cases/{quote(PLAN, safe='')}/terms")
        assert filled(html)["amount"] == ["25.00", "125.00", ""]
        assert "2 instalments, €150.00 in all" in words(html)
