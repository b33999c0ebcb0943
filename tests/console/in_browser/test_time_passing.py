"""What a day brings: letters in the inbox, a promise that is broken, a mail server that is away. Here time passes."""

import asyncio
import re
from datetime import UTC, datetime

from playwright.async_api import Page, expect
from sqlalchemy import update
from sqlmodel import col

from adapters.database.tables import Account
from adapters.mail.mail_server_watch import MailServerState, keep_mail_server_state
from api.console.live import LOOK_EVERY_SECONDS
from api.presenters.phrases import load_phrases
from domain.roles import Role
from tests.console.browser import ConsoleSite, needs_browser
from tests.console.browser_stage import BrowserStage
from tests.console.in_browser.acting import SCRIPTED, call_field, open_act, press, send, turn_the_clock
from tests.workflows.collection_environment import DAY, InvoiceSpec

pytestmark = needs_browser

LATER_THAN_THE_STAGE = datetime(2100, 1, 1, tzinfo=UTC)
"""Its clock is ahead of the real one: what was found lately is not old by it."""


async def test_a_letter_taken_back_before_its_morning_does_not_go(stage: BrowserStage, site: ConsoleSite) -> None:
    environment, today = stage.environment, await turn_the_clock(stage)
    opened = await environment.open_invoices(InvoiceSpec(today - DAY, account="KEPT"), InvoiceSpec(today - DAY, account="GONE"))
    for each in opened:
        await environment.wait_for_entries(each, "letter.requested")
    page = await site.sign_in("mia", Role.COLLECTOR)
    await page.goto(f"{site.url}/letters?whose=all")
    row = page.locator("tbody tr").filter(has=page.locator('th a[href="/accounts/KEPT"]'))
    await row.locator('a[href^="/act/take_back_letter"]').click()
    await page.locator('[name="reason"]').fill("pays today")
    await page.locator("form.act button").click()
    await expect(page.locator("p.done")).to_be_visible()
    await expect(row).to_contain_text("pays today")
    await take_back_and_put_back(page, f"{site.url}/preview?account=GONE")
    await environment.play.run_morning(today)
    assert [len(environment.sent_letters(account)) for account in ("KEPT", "GONE")] == [0, 1]


async def take_back_and_put_back(page: Page, preview: str) -> None:
    """On the page on which the customer's next letters are read."""
    await page.goto(preview)
    await open_act(page, "take_back_letter")
    await page.locator('[name="reason"]').fill("not today")
    await send(page, "take_back_letter")
    await expect(page.locator("iframe.mail")).to_be_visible()
    await open_act(page, "put_back_letter")
    await send(page, "put_back_letter")
    await expect(page.frame_locator("iframe.mail").locator("body")).to_contain_text("100.00")


LETTERS = {
    "NORD": "statement",
    "WEST": "dispute_rejected",
    "SUED": "dispute_rejected",
    "ALFA": "dispute_credit_note",
    "RHO": "dispute_credit_note",
    "OMEGA": "suspended",
}
"""Of some whose cases people have decided at the console, the letter that says so."""


async def test_what_people_did_is_in_the_letters_of_the_next_morning(stage: BrowserStage, site: ConsoleSite) -> None:
    sent = {account: {letter.letter for letter in stage.environment.sent_letters(account)} for account in LETTERS}
    assert {account: letter for account, letter in LETTERS.items() if letter not in sent[account]} == {}, sent


@SCRIPTED
async def test_a_letter_is_read_in_the_inbox_as_it_came(stage: BrowserStage, site: ConsoleSite, scripted: bool) -> None:
    account = "NORD" if scripted else "OST"
    page = await site.sign_in("mia", Role.COLLECTOR, java_script_enabled=scripted)
    await page.goto(f"{site.url}/inbox")
    row = page.locator("main tr, main li").filter(has_text=f"{account.lower()}@customer.test").first
    await row.locator("a").first.click()
    await expect(page.frame_locator("iframe.mail").locator("body")).to_contain_text(f"As we said on the phone, {account}")


async def test_a_promise_of_a_call_is_kept_in_mind_and_comes_back_on_today_once_it_is_broken(
    stage: BrowserStage, site: ConsoleSite
) -> None:
    environment, today = stage.environment, await turn_the_clock(stage)
    invoice = await environment.open_invoice(today - 3 * DAY, account="BROKEN")
    with environment.database.writing() as session:
        session.execute(update(Account).where(col(Account.id) == "BROKEN").values(collector="mia"))
    page = await site.sign_in("mia", Role.COLLECTOR)
    await page.goto(f"{site.url}/act/log_account_call?account_id=BROKEN")
    await press(page, "1")
    await expect(call_field(page, "outcome").first).to_be_checked()
    await expect(call_field(page, "promises.0.by")).to_be_hidden()
    await page.locator("details.part summary").first.click()
    await call_field(page, "promises.0.amount").fill("80.00")
    await call_field(page, "promises.0.by").fill((today + DAY).isoformat())
    await page.get_by_role("button", name="Log a call").click()
    await expect(page.locator("p.done")).to_be_visible()
    await environment.wait_for_entries(invoice, "promise.made")
    assert environment.entry_facts(invoice, "promise.made")[0]["amount"] == 8_000
    await environment.pass_to(today + 6 * DAY)
    await environment.wait_for_entries(invoice, "promise.broken")
    await turn_the_clock(stage)
    later = await site.sign_in("mia", Role.COLLECTOR)
    await later.goto(f"{site.url}/today?kind=promise_broken")
    await expect(later.locator(".queue ol a").filter(has_text="BROKEN")).to_have_count(1)


async def test_what_does_not_work_is_said_beside_a_form_that_is_being_filled_in(stage: BrowserStage, site: ConsoleSite) -> None:
    page = await site.sign_in("mia", Role.COLLECTOR)
    await page.goto(f"{site.url}/act/make_promise?invoice_id={stage.invoices['NORD']}")
    amount = page.locator('[name="amount"]')
    await amount.fill("12")
    for problem in ("Connection refused", ""):
        state = MailServerState(problem=problem, looked_at=LATER_THAN_THE_STAGE)
        await asyncio.to_thread(keep_mail_server_state, stage.environment.database, state)
        said = load_phrases("en").live["mail_away"] if problem else ""
        await expect(page.locator("#absent")).to_have_text(re.compile(f"{re.escape(said)}$"), timeout=3_000 * LOOK_EVERY_SECONDS)
        await expect(amount).to_have_value("12")
