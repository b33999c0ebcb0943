"""A collector at work: by keyboard alone, without a script, with two windows, and when the connection is lost."""

import asyncio
import re
from datetime import timedelta

from playwright.async_api import Page, Route, expect
from sqlalchemy import select

from adapters.database.tables import Message
from domain.identifiers import CaseKind
from domain.roles import Role
from tests.console.browser import ConsoleSite, needs_browser
from tests.console.browser_stage import CALLED, BrowserStage
from tests.console.in_browser.acting import READ_AGAIN, SCRIPTED, call_field, has_case, press, send, turn_the_clock, wait_for_call

pytestmark = needs_browser
FREE = "SUED"
"""Of those who are to be called, one whose letters nothing holds."""


async def go_to_today(page: Page) -> None:
    """By two keys in a row, and until the page takes keys again. They come from the browser's own process: the page waits for a second one
    no longer than a second, and this process may be busy."""
    await page.keyboard.type("gt")
    await page.wait_for_url("**/today")


async def test_today_is_worked_by_the_keys_that_stand_on_it_and_says_what_will_happen(stage: BrowserStage, site: ConsoleSite) -> None:
    page = await site.sign_in("mia", Role.COLLECTOR)
    await page.goto(f"{site.url}/today?kind=call")
    first = await page.locator("#work").inner_text()
    await press(page, "l")
    await expect(page).to_have_url(re.compile("item="))
    await expect(page.locator("#work"), "later is for the next one").not_to_have_text(first)
    await page.locator(".queue ol a").filter(has_text=FREE).click()
    await expect(page.locator("#work"), "a plan holds the letters of others, once every page was shown").to_have_text(FREE)
    await press(page, "m")
    await expect(call_field(page, "promises.0.amount")).to_be_focused()
    by = (await turn_the_clock(stage)) + timedelta(days=4)
    await call_field(page, "promises.0.by").fill(by.isoformat())
    await call_field(page, "note").focus()
    await expect(page.locator("#foreseen")).to_contain_text("Letters about 1 invoice wait until")
    await expect(call_field(page, "note"), "what is computed leaves the focus where it is").to_be_focused()
    await expect(page.locator(".work-bar")).to_be_in_viewport()
    await press(page, "Control+Enter")
    await expect(page.locator("form.act .fault").first, "how it went is missing").to_be_visible()
    await expect(call_field(page, "promises.0.by")).to_have_value(by.isoformat())


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


HOLD_THE_NEXT_TEXT = """() => {
    const read = Response.prototype.text, gate = new Promise((done) => { window.letGo = done; });
    let hold;
    window.held = new Promise((done) => { hold = done; });
    Response.prototype.text = async function () {
        Response.prototype.text = read;
        const text = await read.call(this);
        hold();
        await gate;
        return text;
    };
}"""


async def test_a_page_that_is_read_again_does_not_take_the_place_of_the_one_that_was_opened_meanwhile(
    stage: BrowserStage, site: ConsoleSite
) -> None:
    page = await site.sign_in("mia", Role.COLLECTOR)
    await page.goto(f"{site.url}/accounts/SUED")
    await page.evaluate(HOLD_THE_NEXT_TEXT)
    await page.evaluate(READ_AGAIN)
    await page.evaluate("held")
    await press(page, "n")
    note = page.locator('form.act[action="/act/add_account_note"]')
    await expect(note).to_be_visible()
    await expect(page.locator("main[aria-busy]")).to_have_count(0)
    await page.evaluate("() => { letGo(); return new Promise((done) => setTimeout(done)); }")
    await expect(note, "the account is not shown in its place").to_be_visible()


async def test_no_key_is_lost_while_a_page_is_under_way_or_read_again(stage: BrowserStage, site: ConsoleSite) -> None:
    page, begun, go_on = await site.sign_in("mia", Role.COLLECTOR), asyncio.Queue[str](), asyncio.Event()
    await page.goto(f"{site.url}/invoices")
    await press(page, ".")
    key = page.locator("main kbd.letter").first
    await expect(key).to_be_visible()
    await page.evaluate("document.activeElement.blur()")
    await page.evaluate(READ_AGAIN)
    await page.evaluate("new Promise((done) => setTimeout(done, 300))")
    await expect(key, "a letter that can be chosen stays").to_be_visible()
    await press(page, "Escape")
    await page.goto(f"{site.url}/act/add_account_note?account_id=SUED&back=/accounts/SUED")
    await page.locator('form.act [name="text"]').fill("called back")

    async def hold(route: Route) -> None:
        begun.put_nowait(route.request.method)
        await go_on.wait()
        await route.continue_()

    await page.route(re.compile("/act/add_account_note"), hold)
    await page.locator('form.act button[type="submit"]').click()
    assert await begun.get() == "POST"
    await page.keyboard.type("n")
    go_on.set()
    again = page.locator('form.act [name="text"]')
    await expect(again, "the key leads on, from the page that came").to_have_value("")
    assert await begun.get() == "GET"
    await page.unroute_all(behavior="wait")


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
    await go_to_today(page)


@SCRIPTED
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
    await expect(page.locator('#foreseen [data-outcome="no_answer"]')).to_be_visible()
    await expect(page.locator('#foreseen [data-outcome="reached"]')).to_be_hidden()
    await page.get_by_role("button", name="Save, next customer").click()
    await expect(page.locator("p.done")).to_be_visible()
    assert (await wait_for_call(stage, stage.invoices[account]))["outcome"] == "no_answer"


async def test_what_is_typed_outlives_a_lost_connection_a_fault_and_another_session(stage: BrowserStage, site: ConsoleSite) -> None:
    page = await site.sign_in("mia", Role.COLLECTOR)
    await page.goto(f"{site.url}/today?kind=call")
    account = await page.locator("#work").inner_text()
    await call_field(page, "note").fill("ruft zurück")
    await page.context.set_offline(True)
    async with page.expect_event("requestfailed", lambda request: request.method == "POST"):
        await page.get_by_role("button", name="Save, next customer").click()
    await expect(page.locator("#warning")).to_contain_text("can be sent again")
    await page.context.set_offline(False)
    site.complaints.clear()  # of what the line that was cut has kept from the script
    await page.get_by_role("button", name="Save, next customer").click()
    await expect(page.locator("form.act .fault").first).to_be_visible()
    await expect(page.locator("#warning")).to_be_hidden()
    await expect(call_field(page, "note")).to_have_value("ruft zurück")
    window = await page.context.new_page()
    await window.goto(f"{site.url}/sign-in?code={site.people.identity.issue_sign_in_code('mia', Role.COLLECTOR)}")
    await call_field(page, "outcome").nth(0).check()
    await page.get_by_role("button", name="Log a call").click()
    await expect(page.locator('main [role="alert"]')).to_contain_text("another session")
    await expect(call_field(page, "note")).to_have_value("ruft zurück")
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
async def test_a_customer_is_written_to_now(stage: BrowserStage, site: ConsoleSite, scripted: bool) -> None:
    """What comes of it in the inbox, `test_time_passing.py` sees."""
    account = "NORD" if scripted else "OST"
    page = await site.sign_in("mia", Role.COLLECTOR, java_script_enabled=scripted)
    await page.goto(f"{site.url}/accounts/{account}")
    await page.locator(f'a[href="/accounts/{account}/write"]').first.click()
    await page.locator('[name="sentence"]').fill(f"As we said on the phone, {account}")
    await page.locator('form.act[action$="#letters"] button').click()
    read = page.frame_locator("iframe.mail")
    await expect(read.locator("body")).to_contain_text(f"As we said on the phone, {account}")
    assert await read.locator("[style]").first.evaluate("element => element.style.length") > 0
    await send(page, "write_letter")


@SCRIPTED
async def test_a_view_of_a_list_is_kept_found_again_and_forgotten(stage: BrowserStage, site: ConsoleSite, scripted: bool) -> None:
    page = await site.sign_in("vera" if scripted else "volker", Role.COLLECTOR, java_script_enabled=scripted)
    await page.goto(f"{site.url}/invoices?status=any&sort=-open")
    await page.locator("details.views-of summary").click()
    await page.locator('[name="view"]').first.fill("The largest")
    await page.locator('form[action="/lists/invoices/views"] button').click()
    await expect(page.locator("main p.done")).to_be_visible()
    await page.goto(f"{site.url}/invoices")
    view = page.locator("nav.views a").filter(has_text="The largest")
    await view.click()
    await expect(page).to_have_url(re.compile("sort=-open"))
    await expect(view).to_have_attribute("aria-current", "true")
    await page.locator("details.views-of summary").click()
    await page.locator('form[action="/lists/invoices/views/forget"] button').click()
    await expect(view).to_have_count(0)


async def test_whom_a_note_may_name_is_offered_and_chosen_by_key_and_by_mouse(stage: BrowserStage, site: ConsoleSite) -> None:
    readers = [await site.people(name, role) for name, role in (("anna", Role.COLLECTIONS_MANAGER), ("ben", Role.SALES_OPS))]
    page = await site.sign_in("mia", Role.COLLECTOR)
    await page.goto(f"{site.url}/act/add_account_note?account_id=NORD")
    field, offered = page.locator('form.act [name="text"]'), page.get_by_role("listbox", name="Whom you can name")
    chosen = offered.get_by_role("option", selected=True)
    await field.press_sequentially("for @")
    await expect(chosen).to_be_visible()
    options = await offered.get_by_role("option").all_inner_texts()
    for key, place in (("ArrowDown", 1), ("ArrowUp", 0), ("ArrowUp", len(options) - 1)):
        await press(page, key)
        await expect(chosen).to_have_text(options[place])
    await expect(field).to_have_attribute("aria-activedescendant", await chosen.get_attribute("id") or "")
    await expect(field).to_have_attribute("aria-expanded", "true")
    await expect(field).to_have_role("combobox")
    await press(page, "Escape")
    await expect(offered).to_have_count(0)
    await expect(field).to_have_role("textbox")
    await expect(field).to_have_value("for @")
    await field.press_sequentially("ann")
    await expect(chosen).to_contain_text("@anna")
    await press(page, "Enter")
    await expect(field).to_have_value("for @anna ")
    await field.press_sequentially("and @be")
    await offered.get_by_role("option").filter(has_text="@ben").click()
    await expect(field).to_have_value("for @anna and @ben ")
    await expect(field).to_be_focused()
    await send(page, "add_account_note")
    for reader in readers:
        assert "and <a" in (await reader.get("/mentions", headers={"Accept": "text/html"})).text, "both find it among what names them"


@SCRIPTED
async def test_an_account_has_three_acts_in_sight_and_the_others_under_one_word(
    stage: BrowserStage, site: ConsoleSite, scripted: bool
) -> None:
    page = await site.sign_in("mia", Role.COLLECTOR, java_script_enabled=scripted)
    await page.goto(f"{site.url}/accounts/OST")
    note = page.locator('main .head a[href^="/act/add_account_note"]')
    await expect(page.locator(".head .acts > a.button")).to_have_count(3)
    await expect(note).to_be_hidden()
    await page.locator(".head .acts summary").press("Enter")
    await expect(note).to_be_visible()
    if scripted:
        await page.reload()
        await press(page, "n")
    else:
        await note.click()
    await expect(page.locator('form.act[action="/act/add_account_note"]')).to_be_visible()
