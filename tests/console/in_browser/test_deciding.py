"""Approvals decided in a browser: two managers on one, facts that changed meanwhile, and a second signature."""

import asyncio
import re
from urllib.parse import quote

import pytest
from playwright.async_api import Page, Request, Route, expect

from domain.roles import Role
from tests.console.browser import ConsoleSite, needs_browser
from tests.console.browser_stage import LARGE, BrowserStage
from tests.console.in_browser.acting import READ_AGAIN, SCRIPTED, open_from_today, press
from tests.workflows.dispute_commands import DisputeCommands

pytestmark = needs_browser


async def hold_until_the_first_is_over(page: Page, first: str) -> asyncio.Queue[str]:
    """The answers of the queue's links: each waits until the one to `first` has come or is given up, and that one until it is let go. The
    links that were asked for."""
    asked, let_go, is_over = asyncio.Queue[str](), asyncio.Event(), asyncio.Event()

    def note_end(request: Request) -> None:
        if request.url.endswith(first):
            is_over.set()

    async def hold(route: Route) -> None:
        is_first = route.request.url.endswith(first)
        asked.put_nowait(route.request.url)
        if not is_first:
            let_go.set()
        await (let_go if is_first else is_over).wait()
        await route.continue_()

    page.on("requestfinished", note_end)
    page.on("requestfailed", note_end)
    await page.route(lambda url: "/approvals/" in url or "item=" in url, hold)
    return asked


@pytest.mark.parametrize("queue", ["/today", "/approvals"])
async def test_the_link_that_was_followed_last_is_shown_and_what_was_typed_comes_back(
    stage: BrowserStage, site: ConsoleSite, queue: str
) -> None:
    page = await site.sign_in("anna", Role.COLLECTIONS_MANAGER)
    await page.goto(site.url + queue)
    links, fields = page.locator(".queue ol a"), page.locator("main form.act textarea, .queue input[type=checkbox]")
    first = await links.nth(1).get_attribute("href") or ""
    if queue == "/approvals":
        await page.locator('input[name="decision"][value="reject"]').check()
    for field in await fields.all():
        await (field.fill("half a sentence") if await field.evaluate("field => field.type") == "textarea" else field.check())
    asked = await hold_until_the_first_is_over(page, first)
    await links.nth(1).click()
    assert (await asked.get()).endswith(first)
    await links.nth(2).click()
    await expect(page.locator(".queue li").nth(2)).to_have_class(re.compile("chosen"))
    await page.unroute_all(behavior="wait")
    await links.nth(0).click()
    await expect(page.locator(".queue li").nth(0)).to_have_class(re.compile("chosen"))
    assert await page.locator("main[aria-busy]").count() == 0
    for field in await fields.all():
        assert await field.evaluate("field => field.checked || field.value") in (True, "half a sentence")


async def test_whoever_writes_on_while_a_link_loads_stays_and_what_a_form_refuses_is_read_before_a_link_is_followed(
    stage: BrowserStage, site: ConsoleSite
) -> None:
    page = await site.sign_in("anna", Role.COLLECTIONS_MANAGER)
    await page.goto(f"{site.url}/approvals")
    links, comment = page.locator(".queue ol a"), page.locator('form.act [name="comment"]')
    await page.locator('input[name="decision"][value="reject"]').check()
    asked, let_go = asyncio.Queue[str](), asyncio.Event()

    async def hold(route: Route) -> None:
        asked.put_nowait(route.request.method)
        await let_go.wait()
        await route.continue_()

    await page.route(re.compile("/(approvals|act)/"), hold)
    await links.nth(1).click()
    assert await asked.get() == "GET"
    await comment.press_sequentially("no")
    await expect(page.locator("#warning")).to_contain_text("You went on writing")
    await comment.fill("")
    await page.get_by_role("button", name="Decide", exact=True).click()
    assert await asked.get() == "POST"
    await links.nth(1).click()
    let_go.set()
    await expect(page.locator("main form.act .fault").first).to_be_visible()
    await expect(page.locator('input[name="decision"][value="reject"]')).to_be_checked()
    await page.unroute_all(behavior="wait")


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
    await expect(anna, "the next one that waits is open").to_have_url(re.compile("/approvals/[^?]+$"))
    assert not anna.url.endswith(quote(approval, safe=""))
    await expect(anna.locator("#announcement"), "the page is whole again").to_have_text(await anna.locator("p.done").inner_text())
    await stage.environment.wait_until(lambda: stage.environment.case_row(approval).outcome == "approved")
    await anna.evaluate(f"document.querySelector('main').id = 'before'; {READ_AGAIN}")
    await expect(anna.locator("main#content p.done"), "what was done stays said when the page is read again").to_be_visible()
    await otto.get_by_role("button", name="Decide", exact=True).click()
    await expect(otto.locator('main [role="alert"]')).to_contain_text("approved by anna")


async def test_a_manager_approves_without_a_script(stage: BrowserStage, site: ConsoleSite) -> None:
    page = await site.sign_in("anna", Role.COLLECTIONS_MANAGER, java_script_enabled=False)
    await page.goto(f"{site.url}/approvals/{stage.approvals[1]}")
    await page.locator('input[name="decision"][value="approve"]').check()
    await page.get_by_role("button", name="Decide", exact=True).click()
    await expect(page.locator("p.done")).to_be_visible()
    await stage.environment.wait_until(lambda: stage.environment.case_row(stage.approvals[1]).outcome == "approved")


@SCRIPTED
async def test_a_tab_whose_facts_have_changed_says_what_has_changed_and_decides_on_what_it_shows_then(
    stage: BrowserStage, site: ConsoleSite, scripted: bool
) -> None:
    approval, account = (stage.approvals[3], "DELT") if scripted else (stage.approvals[4], "EPSI")
    page = await site.sign_in("anna", Role.COLLECTIONS_MANAGER, java_script_enabled=scripted)
    await page.goto(f"{site.url}/approvals/{approval}")
    await page.locator('input[name="decision"][value="approve"]').check()
    await page.locator('[name="comment"]').fill("two boxes, I counted them")
    mia = await site.people("mia", Role.COLLECTOR)
    answer = await mia.post(f"/v1/invoices/{stage.invoices[account]}/calls", json={"outcome": "refuses_to_pay"})
    assert answer.status_code == 200, answer.text
    await page.get_by_role("button", name="Decide", exact=True).click()
    refusal = page.locator('main [role="alert"]')
    await expect(refusal).to_contain_text("calls: 1, before 0", ignore_case=True)
    if scripted:
        await expect(refusal, "the work goes on at what has changed").to_be_focused()
    await expect(page.locator('input[name="decision"][value="approve"]')).to_be_checked()
    await expect(page.locator('[name="comment"]')).to_have_value("two boxes, I counted them")
    await page.get_by_role("button", name="Decide", exact=True).click()
    await expect(page.locator("p.done")).to_be_visible()
    await stage.environment.wait_until(lambda: stage.environment.case_row(approval).outcome == "approved")


async def test_single_keys_are_letters_for_whoever_switched_them_off(stage: BrowserStage, site: ConsoleSite) -> None:
    page = await site.sign_in("otto", Role.COLLECTIONS_MANAGER)
    await page.goto(f"{site.url}/settings")
    await page.locator('[name="single_keys"]').uncheck()
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("p.done")).to_be_visible()
    await page.goto(f"{site.url}/shortcuts")
    await expect(page.get_by_text("switched off for you")).to_be_visible()
    await page.goto(f"{site.url}/approvals/{stage.approvals[2]}")
    await press(page, "a", "?", "g", "t")
    await expect(page.locator('input[name="decision"]:checked')).to_have_count(0)
    await expect(page.locator("dialog")).to_be_hidden()
    assert page.url.endswith(stage.approvals[2])


@SCRIPTED
async def test_the_director_signs_after_the_manager_what_takes_two(stage: BrowserStage, site: ConsoleSite, scripted: bool) -> None:
    account = LARGE[0] if scripted else LARGE[1]
    invoice, billing = stage.invoices[account], stage.environment.play.parts.billing
    page = await site.sign_in("dora", Role.FINANCE_DIRECTOR, java_script_enabled=scripted)
    await open_from_today(page, site.url, account)
    await page.get_by_role("link", name="Read and decide").click()
    await expect(page.locator("section.work")).to_contain_text("anna")
    assert billing.get_invoice_facts(invoice).open_balance == 3_000_000
    await page.locator('input[name="decision"][value="approve"]').check()
    await page.get_by_role("button", name="Decide", exact=True).click()
    await expect(page.locator("p.done")).to_be_visible()
    await DisputeCommands(stage.environment).wait_for_entries(f"dispute:{invoice}:1", "dispute.resolved")
    assert billing.get_invoice_facts(invoice).open_balance == 1_000_000
