"""Every page of the console, whoever added it: accessible in light, in dark and on a phone, no wider than that, and its text whole."""

from urllib.parse import quote

from playwright.async_api import Page, expect
from sqlalchemy import update
from sqlmodel import col

from adapters.database.tables import Account
from domain.roles import Role
from tests.console.browser import ConsoleSite, find_access_faults, needs_browser
from tests.console.browser_stage import SHOWN, BrowserStage, list_stage_pages, open_reader, propose_plan

pytestmark = needs_browser

LONG_NAME = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
"""No browser breaks such a name by itself."""


async def test_every_page_is_accessible_in_light_dark_and_on_a_phone_without_scrolling_sideways(
    stage: BrowserStage, site: ConsoleSite
) -> None:
    faults: list[str] = []
    readers: dict[Role | None, Page] = {}
    with stage.environment.database.writing() as session:
        session.execute(update(Account).where(col(Account.id) == SHOWN).values(name=LONG_NAME))
    for path, role, status in await list_stage_pages(stage):
        if role not in readers:
            readers[role] = await open_reader(site, role)
        answer = await readers[role].goto(site.url + path)
        assert (path, answer and answer.status) == (path, status)
        faults += [f"{path}: {fault}" for fault in await find_access_faults(readers[role])]
    assert "\n".join(faults) == ""


async def test_pages_that_an_act_leads_to_are_accessible_too(stage: BrowserStage, site: ConsoleSite) -> None:
    """A plan's other terms, and a draft of a policy as it was checked."""
    plan = await propose_plan(stage, "WEST")
    collector, manager = await site.sign_in("mia", Role.COLLECTOR), await site.sign_in("anna", Role.COLLECTIONS_MANAGER)
    await collector.goto(f"{site.url}/cases/{quote(plan, safe='')}/terms")
    await expect(collector.locator("form.plan")).to_be_visible()
    await manager.goto(f"{site.url}/policies/standard")
    draft = manager.locator("form").filter(has=manager.locator("textarea"))
    await draft.locator("textarea").fill("policy: standard")
    await draft.locator("button").click()
    await expect(manager.locator("#faults")).to_be_visible()
    assert await find_access_faults(collector) + await find_access_faults(manager) == []
