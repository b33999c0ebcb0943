"""People at work in a browser, on the real workflows: by keyboard alone, without a script, two at once, and with a page that is old."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote

import pytest
from playwright.async_api import FilePayload, Locator, Page, Route, expect
from sqlalchemy import select, update
from sqlmodel import col

from adapters.database.tables import Account, Case, Message
from adapters.mail.mail_server_watch import MailServerState, keep_mail_server_state
from api.console.live import LOOK_EVERY_SECONDS
from api.presenters.phrases import load_phrases
from domain.identifiers import CaseKind
from domain.roles import Role
from tests.console.browser import ConsoleSite, find_access_faults, needs_browser
from tests.console.browser_stage import CALLED, BrowserStage, list_pages, list_pages_of_administrators, open_stage, raise_dispute
from tests.workflows.collection_environment import DAY, InvoiceSpec
from tests.workflows.dispute_commands import DisputeCommands

pytestmark = needs_browser

LATER_THAN_THE_STAGE = datetime(2100, 1, 1, tzinfo=UTC)
"""Its clock is ahead of the real one: what was found lately is not old by it."""

READ_AGAIN = "document.dispatchEvent(new Event('visibilitychange'))"
"""As when somebody comes back to the page."""

OPEN_ITEMS = """Rechnungsnr;Kundennummer;Kunde;Rechnungsdatum;Fällig am;Währung;Betrag;Land
R-1;K-7;Brauerei Nord;03.12.2012;02.01.2013;EUR;1.234,56;DE
"""


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


async def go_to_today(page: Page) -> None:
    """By two keys in a row, and until the page takes keys again. They come from the browser's own process: the page waits for a second one
    no longer than a second, and this process may be busy."""
    await page.keyboard.type("gt")
    await page.wait_for_url("**/today")


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


async def test_a_collector_logs_a_call_from_today_by_keyboard_alone(stage: BrowserStage, site: ConsoleSite) -> None:
    page, other = await site.sign_in("mia", Role.COLLECTOR), await site.sign_in("mia", Role.COLLECTOR)
    await other.goto(f"{site.url}/today?kind=call")
    await site.wait_until_heard(other)
    await go_to_today(page)
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
    assert (await wait_for_call(stage, stage.invoices[account]))["outcome"] == "reached"


async def choose_act(page: Page, name: str) -> None:
    """Press the point, and the letter that appears beside what is called so."""
    await press(page, ".")
    key = page.locator("main a.button, main form button, main summary").filter(has_text=name).first.locator("kbd.letter")
    await press(page, await key.inner_text())


async def test_whatever_a_page_offers_is_done_by_the_letter_beside_it(stage: BrowserStage, site: ConsoleSite) -> None:
    page = await site.sign_in("mia", Role.COLLECTOR)
    await page.goto(f"{site.url}/accounts/SUED")
    await press(page, ".")
    letters = await page.locator("main kbd.letter").all_inner_texts()
    assert len(letters) == len(set(letters)) > 8
    await press(page, "Escape")
    await expect(page.locator("main kbd.letter")).to_have_count(0)
    await press(page, "?")
    await expect(page.locator("#keys-here dt").first).to_be_visible()
    assert sorted(await page.locator("#keys-here kbd").all_inner_texts()) == sorted(f". {letter}" for letter in letters)
    await press(page, "Escape")
    await choose_act(page, "Pause collection")
    await expect(page.locator('form.act [name="reason"]')).to_be_visible()
    await choose_act(page, "Pause collection")
    await expect(page.locator('form.act [name="reason"]')).to_be_focused()
    await press(page, *"Umzug", "Enter")
    await expect(page.locator("p.done")).to_have_text("Collection is paused on 1 invoice.")
    await choose_act(page, "Resume collection")
    await expect(page.locator('form.act [name="invoices"]')).to_be_checked()
    await page.keyboard.type("go")
    await page.wait_for_url("**/overview")


async def test_the_second_of_two_keys_is_none_of_its_own(stage: BrowserStage, site: ConsoleSite) -> None:
    page = await site.sign_in("mia", Role.COLLECTOR)
    await page.goto(f"{site.url}/accounts")
    await press(page, "j")
    await expect(page.locator("main tbody a:focus")).to_be_visible()
    opened: list[str] = []
    page.on("request", lambda request: opened.append(request.url))
    await page.keyboard.type("go")
    await page.wait_for_url("**/overview")
    assert not [url for url in opened if "/accounts/" in url], "the o opens nothing"


async def test_pages_with_letters_have_the_keys_and_letters_their_style(stage: BrowserStage, site: ConsoleSite) -> None:
    page = await site.sign_in("mia", Role.COLLECTOR)
    with stage.environment.database.reading() as session:
        letter = min(message.id for message in session.scalars(select(Message).filter_by(account_id="NORD", state="sent")) if message.id)
    await page.goto(f"{site.url}/accounts/NORD")
    await page.evaluate("path => htmx.ajax('GET', path, {target: '#content', select: '#content'})", f"/letters/{letter}")
    await page.wait_for_url(f"**/letters/{letter}")
    styled = page.frame_locator("iframe.mail").locator("[style]").first
    assert await styled.evaluate("element => element.style.length") > 0
    await page.keyboard.type("gc")
    await page.wait_for_url("**/accounts")
    await page.goto(f"{site.url}/nowhere")
    site.complaints.clear()  # the page is a problem's
    await go_to_today(page)


@pytest.mark.parametrize("scripted", [True, False], ids=["script", "no_script"])
async def test_the_headers_field_leads_to_a_customer(stage: BrowserStage, site: ConsoleSite, scripted: bool) -> None:
    page = await site.sign_in("mia", Role.COLLECTOR, java_script_enabled=scripted)
    await page.goto(f"{site.url}/letters")
    if scripted:
        await page.keyboard.press("/")
        await expect(page.locator("#find")).to_be_focused()
    else:
        await page.locator("#find").focus()
    await press(page, *"NORD", "Enter")
    await expect(page).to_have_url(f"{site.url}/accounts/NORD")


async def test_the_same_call_without_a_script(stage: BrowserStage, site: ConsoleSite) -> None:
    page = await site.sign_in("mia", Role.COLLECTOR, java_script_enabled=False)
    await page.goto(f"{site.url}/today?kind=call")
    account = await page.locator("#work").inner_text()
    await call_field(page, "outcome").nth(1).check()
    await page.get_by_role("button", name="Log a call").click()
    await expect(page.locator("p.done")).to_be_visible()
    assert (await wait_for_call(stage, stage.invoices[account]))["outcome"] == "no_answer"


async def test_what_is_typed_outlives_a_lost_connection_a_fault_and_another_session(stage: BrowserStage, site: ConsoleSite) -> None:
    page = await site.sign_in("mia", Role.COLLECTOR)
    await page.goto(f"{site.url}/today?kind=call")
    account = await page.locator("#work").inner_text()
    await call_field(page, "note").fill("ruft zurück")
    await page.context.set_offline(True)
    async with page.expect_event("requestfailed", lambda request: request.method == "POST"):
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
    assert await wait_for_call(stage, stage.invoices[account])


async def test_what_changes_while_a_page_is_read_again_is_read_after_that(stage: BrowserStage, site: ConsoleSite) -> None:
    page, begun, go_on = await site.sign_in("mia", Role.COLLECTOR), asyncio.Queue[str](), asyncio.Event()
    await page.goto(f"{site.url}/today?kind=call")

    async def hold(route: Route) -> None:
        begun.put_nowait(route.request.url)
        await go_on.wait()
        await route.continue_()

    await page.route(re.compile("/today"), hold)
    await page.evaluate(READ_AGAIN)
    await begun.get()
    await page.evaluate(READ_AGAIN)
    go_on.set()
    assert "/today" in await begun.get()
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
    site.complaints.clear()


async def test_a_manager_approves_without_a_script(stage: BrowserStage, site: ConsoleSite) -> None:
    page = await site.sign_in("anna", Role.COLLECTIONS_MANAGER, java_script_enabled=False)
    await page.goto(f"{site.url}/approvals/{stage.approvals[1]}")
    await page.locator('input[name="decision"][value="approve"]').check()
    await page.get_by_role("button", name="Decide", exact=True).click()
    await expect(page.locator("p.done")).to_be_visible()
    await stage.environment.wait_until(lambda: stage.environment.case_row(stage.approvals[1]).outcome == "approved")


@pytest.mark.parametrize("scripted", [True, False], ids=["script", "no_script"])
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
    site.complaints.clear()  # a browser notes every answer that is a refusal
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


async def test_every_page_is_accessible_in_light_dark_and_on_a_phone_without_scrolling_sideways(
    stage: BrowserStage, site: ConsoleSite
) -> None:
    faults: list[str] = []
    for user, role, paths in (
        ("anna", Role.COLLECTIONS_MANAGER, list_pages(stage)),
        ("ada", Role.ADMIN, list_pages_of_administrators(stage)),
    ):
        page = await site.sign_in(user, role)
        for path in paths:
            await page.goto(site.url + path)
            faults += [f"{path}: {fault}" for fault in await find_access_faults(page)]
    site.complaints.clear()  # one of the pages is a problem's
    assert "\n".join(faults) == ""


SCRIPTED = pytest.mark.parametrize("scripted", [True, False], ids=["script", "no_script"])
"""Every task of the day is done once with a script and once without."""


@SCRIPTED
async def test_a_collector_proposes_a_plan(stage: BrowserStage, site: ConsoleSite, scripted: bool) -> None:
    account = "NORD" if scripted else "OST"
    page = await site.sign_in("mia", Role.COLLECTOR, java_script_enabled=scripted)
    await page.goto(f"{site.url}/accounts/{account}/plan")
    await page.get_by_label("Comment").fill("three times")
    await page.locator('button[name="do"][value="send"]').click()
    await expect(page.locator("p.done")).to_be_visible()
    await expect(page).to_have_url(re.compile(rf"/accounts/{account}(\?|$)"))
    await stage.environment.wait_until(lambda: has_case(stage, account, CaseKind.PAYMENT_PLAN))


@SCRIPTED
async def test_sales_operations_answers_a_dispute(stage: BrowserStage, site: ConsoleSite, scripted: bool) -> None:
    account = "WEST" if scripted else "SUED"
    dispute = await raise_dispute(stage.environment, site.people, stage.invoices[account])
    page = await site.sign_in("ben", Role.SALES_OPS, java_script_enabled=scripted)
    await page.goto(f"{site.url}/accounts/{account}")
    await page.locator('a[href^="/act/resolve_dispute"]').first.click()
    await page.locator('[name="resolution"][value="rejected"]').check()
    await page.locator('[name="comment"]').fill("delivered whole, and signed for")
    await page.locator("form.act button").click()
    await expect(page.locator("p.done")).to_be_visible()
    await DisputeCommands(stage.environment).wait_for_entries(dispute, "dispute.resolved")


@SCRIPTED
async def test_a_manager_gives_the_accounts_of_one_to_another(stage: BrowserStage, site: ConsoleSite, scripted: bool) -> None:
    site.people.identity.add_user("nora", Role.COLLECTOR)
    page = await site.sign_in("anna", Role.COLLECTIONS_MANAGER, java_script_enabled=scripted)
    await page.goto(f"{site.url}/team")
    rows = page.locator("tbody tr").filter(has=page.locator('a[href^="/act/reassign_accounts"]'))
    giver = await rows.first.locator("th a").inner_text()
    taker = "nora" if giver == "mia" else "mia"
    await rows.first.locator('a[href^="/act/reassign_accounts"]').click()
    await page.locator('[name="to"]').fill(taker)
    await page.locator('[name="why"]').fill("holiday")
    await page.locator("form.act button").click()
    await expect(page.locator("p.done")).to_be_visible()
    await page.goto(f"{site.url}/accounts?collector={taker}")
    await expect(page.locator("main tbody th").first).to_be_visible()


@SCRIPTED
async def test_an_auditor_sees_an_account_on_a_day_and_was_seen_looking(stage: BrowserStage, site: ConsoleSite, scripted: bool) -> None:
    auditor = "iris" if scripted else "jan"
    page = await site.sign_in(auditor, Role.AUDITOR, java_script_enabled=scripted)
    await page.goto(f"{site.url}/audit")
    await page.locator('[name="account"]').fill("NORD")
    await page.get_by_role("button", name="Show").click()
    await page.locator('a[href="/audit/accounts/NORD"]').first.click()
    await page.locator('a[rel="prev"]').click()
    await expect(page).to_have_url(re.compile("on="))
    if scripted:
        on, line = page.locator('[name="on"]'), page.locator("#line")
        before = await on.input_value()
        await line.focus()
        await page.keyboard.press("ArrowLeft")
        await expect(on, "it is told while it is moved").not_to_have_value(before)
        await expect(page).to_have_url(re.compile(f"on={await on.input_value()}$"))
        await expect(line).to_be_focused()
    await expect(page.locator("main p.done"), "every entry until then holds").to_be_visible()
    await page.goto(f"{site.url}/audit?account=NORD")
    await expect(page.locator("main tbody th").filter(has_text=auditor).first).to_be_visible()


@SCRIPTED
async def test_an_administrator_imports_a_file_whose_columns_are_guessed(stage: BrowserStage, site: ConsoleSite, scripted: bool) -> None:
    number = "F-1" if scripted else "F-2"
    page = await site.sign_in("ada", Role.ADMIN, java_script_enabled=scripted)
    await page.goto(f"{site.url}/import")
    file = FilePayload(name=f"{number}.csv", mimeType="text/csv", buffer=OPEN_ITEMS.replace("R-1", number).encode())
    await page.locator('[name="file"]').set_input_files(file)
    await page.locator("form.act button").click()
    await page.locator("form.mapping button").click()
    await page.locator('form[action$="/run"] button').click()
    await expect(page).to_have_url(re.compile("/imports/"))
    await page.goto(f"{site.url}/invoices?q={number}")
    await expect(page.locator("main tbody th")).to_have_count(1)


async def test_pages_that_an_act_leads_to_are_accessible_too(stage: BrowserStage, site: ConsoleSite) -> None:
    """A plan's other terms, and a draft of a policy as it was checked."""
    plan = await propose_plan(stage, site, "WEST")
    collector, manager = await site.sign_in("mia", Role.COLLECTOR), await site.sign_in("anna", Role.COLLECTIONS_MANAGER)
    await collector.goto(f"{site.url}/cases/{quote(plan, safe='')}/terms")
    await expect(collector.locator("form.plan")).to_be_visible()
    await manager.goto(f"{site.url}/policies/standard")
    draft = manager.locator("form").filter(has=manager.locator("textarea"))
    await draft.locator("textarea").fill("policy: standard")
    await draft.locator("button").click()
    await expect(manager.locator("#faults")).to_be_visible()
    assert await find_access_faults(collector) + await find_access_faults(manager) == []


async def propose_plan(stage: BrowserStage, site: ConsoleSite, account: str) -> str:
    """A plan of mia's; its id."""
    mia = await site.people("mia", Role.COLLECTOR)
    terms = {"first_on": (await stage.environment.today() + 7 * DAY).isoformat(), "equal": 2, "rhythm": "weekly"}
    asked = {"invoices": [stage.invoices[account]], "currency": "EUR", "terms": terms}
    made = await mia.post(f"/v1/accounts/{account}/plans", json=asked)
    assert made.status_code == 201, made.text
    await stage.environment.wait_until(lambda: has_case(stage, account, CaseKind.PAYMENT_PLAN))
    return str(made.json()["plan_id"])


# --- what a day brings: from here on time passes


async def turn_the_clock(stage: BrowserStage) -> date:
    """Let the console's clock show what time it is in the play; the business date."""
    stage.site.people.now = await stage.environment.play.environment.get_current_time()
    return await stage.environment.today()


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
    await environment.play.run_morning(today)
    assert [len(environment.sent_letters(account)) for account in ("KEPT", "GONE")] == [0, 1]


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
