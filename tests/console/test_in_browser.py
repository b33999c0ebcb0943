"""People at work in a browser, on the real workflows: by keyboard alone, without a script, two at once, and with a page that is old."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Locator, Page, expect

from domain.roles import Role
from tests.console.browser import PATIENCE_MS, ConsoleSite, find_access_faults, needs_browser
from tests.console.browser_stage import CALLED, BrowserStage, list_pages, open_stage

pytestmark = needs_browser
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BrowserStage]:
    async with open_stage(tmp_path_factory.mktemp("browser")) as stage:
        yield stage


@pytest.fixture
async def site(stage: BrowserStage) -> AsyncIterator[ConsoleSite]:
    """At the end of a test its windows are closed, and no page broke the content policy or a script."""
    yield stage.site
    await stage.site.close_windows()
    assert stage.site.complaints == []


async def press(page: Page, *keys: str) -> None:
    for key in keys:
        await page.keyboard.press(key)


def call_field(page: Page, name: str) -> Locator:
    return page.locator(f'form.act[action="/act/log_account_call"] [name="{name}"]')


async def open_call(page: Page, account: str) -> None:
    await page.locator(".queue ol a", has_text=account).click()
    await expect(page.locator("#work")).to_have_text(account)


async def test_a_collector_logs_a_call_from_today_by_keyboard_alone(stage: BrowserStage, site: ConsoleSite) -> None:
    page, other = await site.sign_in("mia", Role.COLLECTOR), await site.sign_in("mia", Role.COLLECTOR)
    await other.goto(f"{site.url}/today?kind=call")
    await press(page, "g", "t")
    await expect(page.locator(".queue ol a")).to_have_count(len(CALLED))
    await press(page, "?")
    await expect(page.locator("dialog kbd").first).to_be_visible()
    await press(page, "Escape", "j", "k", "o")
    account = await page.locator("#work").inner_text()
    await expect(page.locator("#work")).to_be_focused()
    await press(page, "c", "Space")
    await expect(call_field(page, "outcome").first).to_be_checked()
    await press(page, "Tab", *"Frau Ott", "Enter")
    await expect(page.locator("p.done")).to_be_visible()
    await expect(page.locator("#announcement")).to_have_text(await page.locator("p.done").inner_text())
    await expect(page.locator(".queue ol li.chosen a")).to_be_focused()
    assert "acted" not in page.url
    await expect(other.locator(".queue ol a")).to_have_count(len(CALLED) - 1)
    [entry] = stage.environment.entry_facts(stage.invoices[account], "call.logged")
    assert entry["outcome"] == "reached"


async def test_the_same_call_without_a_script(stage: BrowserStage, site: ConsoleSite) -> None:
    page = await site.sign_in("mia", Role.COLLECTOR, java_script_enabled=False)
    await page.goto(f"{site.url}/today?kind=call")
    account = await page.locator("#work").inner_text()
    await call_field(page, "outcome").nth(1).check()
    await page.get_by_role("button", name="Log a call").click()
    await expect(page.locator("p.done")).to_be_visible()
    [entry] = stage.environment.entry_facts(stage.invoices[account], "call.logged")
    assert entry["outcome"] == "no_answer"


async def test_what_is_typed_outlives_a_lost_connection_a_fault_and_another_session(stage: BrowserStage, site: ConsoleSite) -> None:
    page = await site.sign_in("mia", Role.COLLECTOR)
    await page.goto(f"{site.url}/today?kind=call")
    account = await page.locator("#work").inner_text()
    await call_field(page, "note").fill("ruft zurück")
    await page.context.set_offline(True)
    await page.get_by_role("button", name="Log a call").click()
    await expect(page.locator("#warning")).to_contain_text("can be sent again")
    await page.context.set_offline(False)
    site.complaints.clear()
    await page.get_by_role("button", name="Log a call").click()
    await expect(page.locator("form.act .fault").first).to_be_visible()
    await expect(page.locator("#warning")).to_be_hidden()
    await expect(call_field(page, "note")).to_have_value("ruft zurück")
    site.complaints.clear()  # a browser notes every answer that is a refusal
    window = await page.context.new_page()
    await window.goto(f"{site.url}/sign-in?code={site.people.identity.issue_sign_in_code('mia', Role.COLLECTOR)}")
    await call_field(page, "outcome").nth(0).check()
    await page.get_by_role("button", name="Log a call").click()
    await expect(page.locator('main [role="alert"]')).to_contain_text("another session")
    await expect(call_field(page, "note")).to_have_value("ruft zurück")
    site.complaints.clear()
    await page.get_by_role("button", name="Log a call").click()
    await expect(page.locator("p.done")).to_be_visible()
    assert len(stage.environment.entry_facts(stage.invoices[account], "call.logged")) == 1


async def test_a_manager_approves_and_the_second_sees_who_decided(stage: BrowserStage, site: ConsoleSite) -> None:
    anna, otto = await site.sign_in("anna", Role.COLLECTIONS_MANAGER), await site.sign_in("otto", Role.COLLECTIONS_MANAGER)
    approval = stage.approvals[0]
    for page in (anna, otto):
        await page.goto(f"{site.url}/approvals/{approval}")
    await press(otto, "r")
    await expect(otto.locator('input[name="decision"][value="reject"]'), "what otto chose stays, whatever comes").to_be_checked()
    await press(anna, "a")
    await expect(anna.locator('input[name="decision"][value="approve"]')).to_be_checked()
    await press(anna, "Enter")
    await expect(anna.locator("p.done")).to_be_visible()
    assert anna.url.endswith("/approvals")
    await stage.environment.wait_until(lambda: stage.environment.case_row(approval).outcome == "approved")
    await anna.evaluate("document.querySelector('main').id = 'before'; document.dispatchEvent(new Event('visibilitychange'))")
    await expect(anna.locator("main#content p.done"), "what was done stays said when the page is read again").to_be_visible()
    await otto.get_by_role("button", name="Decide").click()
    await expect(otto.locator('main [role="alert"]')).to_contain_text("approved by anna")
    site.complaints.clear()


async def test_a_manager_approves_without_a_script(stage: BrowserStage, site: ConsoleSite) -> None:
    page = await site.sign_in("anna", Role.COLLECTIONS_MANAGER, java_script_enabled=False)
    await page.goto(f"{site.url}/approvals/{stage.approvals[1]}")
    await page.locator('input[name="decision"][value="approve"]').check()
    await page.get_by_role("button", name="Decide").click()
    await expect(page.locator("p.done")).to_be_visible()
    await stage.environment.wait_until(lambda: stage.environment.case_row(stage.approvals[1]).outcome == "approved")


async def test_single_keys_are_letters_for_whoever_switched_them_off(stage: BrowserStage, site: ConsoleSite) -> None:
    page = await site.sign_in("otto", Role.COLLECTIONS_MANAGER)
    await page.goto(f"{site.url}/settings")
    await page.locator('[name="single_keys"]').uncheck()
    await page.get_by_role("button", name="Save").click()
    await page.goto(f"{site.url}/shortcuts")
    await expect(page.get_by_text("switched off for you")).to_be_visible()
    await page.goto(f"{site.url}/approvals/{stage.approvals[2]}")
    await press(page, "a", "?", "g", "t")
    await expect(page.locator('input[name="decision"]:checked')).to_have_count(0)
    await expect(page.locator("dialog")).to_be_hidden()
    assert page.url.endswith(stage.approvals[2])


async def test_every_page_is_accessible_in_light_dark_and_on_a_phone_without_scrolling_sideways(
    stage: BrowserStage, site: ConsoleSite
) -> None:
    page = await site.sign_in("anna", Role.COLLECTIONS_MANAGER)
    faults: list[str] = []
    for path in list_pages(stage):
        await page.goto(site.url + path)
        faults += [f"{path}: {fault}" for fault in await find_access_faults(page)]
    site.complaints.clear()  # one of the pages is a problem's
    assert "\n".join(faults) == ""
