"""What people do on pages, as tests do it."""

import re
from datetime import date
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect
from sqlalchemy import select

from adapters.database.tables import Case
from domain.identifiers import CaseKind
from tests.console.browser_stage import BrowserStage

SCRIPTED = pytest.mark.parametrize("scripted", [True, False], ids=["script", "no_script"])
"""Every task of the day is done once with a script and once without."""


READ_AGAIN = "document.dispatchEvent(new Event('visibilitychange'))"
"""As when somebody comes back to the page."""


async def press(page: Page, *keys: str) -> None:
    for key in keys:
        await page.keyboard.press(key)


async def send(page: Page, name: str) -> None:
    """Send the form of an act, and see that the page says it is done."""
    await page.locator(f'form.act[action="/act/{name}"] button[type="submit"]').click()
    await expect(page.locator("main p.done")).to_be_visible()


async def open_from_today(page: Page, site_url: str, account: str) -> None:
    """Open what waits about an account, from the list of the day."""
    await page.goto(f"{site_url}/today")
    await page.locator(".queue ol a").filter(has_text=account).first.click()
    await expect(page, "where there is a script, the page is whole again by then").to_have_url(re.compile("item="))
    await expect(page.locator("#work")).to_contain_text(account)


async def open_act(page: Page, name: str) -> None:
    """Follow the page's link to the form of an act."""
    await page.locator(f'a[href^="/act/{name}"]').first.click()
    await expect(page.locator(f'form.act[action="/act/{name}"]')).to_be_visible()


def call_field(page: Page, name: str) -> Locator:
    return page.locator(f'form.act[action="/act/log_account_call"] [name="{name}"]')


def has_case(stage: BrowserStage, account: str, kind: CaseKind) -> bool:
    with stage.environment.database.reading() as session:
        return session.scalars(select(Case).filter_by(account_id=account, kind=kind)).first() is not None


async def wait_for_call(stage: BrowserStage, invoice: str) -> dict[str, Any]:
    """The facts of the one call that is in the invoice's journal."""
    await stage.environment.wait_for_entries(invoice, "call.logged")
    [facts] = stage.environment.entry_facts(invoice, "call.logged")
    return facts


async def turn_the_clock(stage: BrowserStage) -> date:
    """Let the console's clock show what time it is in the play; the business date."""
    stage.site.people.now = await stage.environment.play.environment.get_current_time()
    return await stage.environment.today()
