"""The page on which a payment plan is built."""

import re
from datetime import timedelta

from adapters.letters.letter_templates import LetterTemplates
from adapters.policies.policy_store import PolicyStore
from adapters.shipped_files import PROJECT
from domain.roles import Role
from tests.api.conftest import As
from tests.api.portfolio_world import TODAY, PortfolioWorld
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
