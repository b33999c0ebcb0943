"""The tasks of those who are neither collector nor manager, from signing in to what comes of it in the workflow."""

import re

from playwright.async_api import FilePayload, expect

from domain import identifiers as ids
from domain.roles import Role
from tests.console.browser import ConsoleSite, needs_browser
from tests.console.browser_stage import DISPUTED, REFUSED, SUSPENDED, BrowserStage, raise_dispute, refer_account
from tests.console.in_browser.acting import SCRIPTED, open_act, open_from_today, send
from tests.workflows.account_commands import AccountCommands
from tests.workflows.dispute_commands import DisputeCommands

pytestmark = needs_browser

OPEN_ITEMS = """Rechnungsnr;Kundennummer;Kunde;Rechnungsdatum;Fällig am;Währung;Betrag;Land
R-1;K-7;Brauerei Nord;03.12.2012;02.01.2013;EUR;1.234,56;DE
"""
SIGNED_FOR = FilePayload(name="signed for.pdf", mimeType="application/pdf", buffer=b"%PDF-1.4 signed for")


@SCRIPTED
async def test_sales_operations_answers_a_dispute_with_the_evidence(stage: BrowserStage, site: ConsoleSite, scripted: bool) -> None:
    account, cases = "WEST" if scripted else "SUED", DisputeCommands(stage.environment)
    dispute = await raise_dispute(stage.environment, site.people, stage.invoices[account])
    page = await site.sign_in("ben", Role.SALES_OPS, java_script_enabled=scripted)
    await open_from_today(page, site.url, account)
    await page.get_by_role("link", name="The whole case").click()
    await page.locator('form[action="/act/attach_evidence"] input[type="file"]').set_input_files(SIGNED_FOR)
    await send(page, "attach_evidence")
    await expect(page.get_by_role("link", name="signed for.pdf", exact=True)).to_be_visible()
    await cases.wait_for_entries(dispute, "dispute.evidence_attached")
    await open_act(page, "resolve_dispute")
    await page.locator('[name="resolution"][value="rejected"]').check()
    await page.locator('[name="comment"]').fill("delivered whole, and signed for")
    await send(page, "resolve_dispute")
    await cases.wait_for_entries(dispute, "dispute.resolved")


@SCRIPTED
async def test_a_credit_analyst_says_whether_a_customer_can_pay_and_wants_to(
    stage: BrowserStage, site: ConsoleSite, scripted: bool
) -> None:
    account, cases = DISPUTED[0] if scripted else DISPUTED[1], DisputeCommands(stage.environment)
    review = await refer_account(stage, account)
    page = await site.sign_in("ana", Role.CREDIT_ANALYST, java_script_enabled=scripted)
    await open_from_today(page, site.url, account)
    await open_act(page, "give_verdict")
    await page.locator('[name="ability"][value="able"]').check()
    await page.locator('[name="willingness"][value="willing"]').check()
    await page.locator('[name="conditions"]').fill("in advance alone")
    await send(page, "give_verdict")
    await cases.wait_for_entries(review, "credit_review.verdict")
    assert cases.row(review).summary["course"] == "gentle"


@SCRIPTED
async def test_a_manager_hands_an_account_over_and_the_write_off_team_gives_it_up(
    stage: BrowserStage, site: ConsoleSite, scripted: bool
) -> None:
    account, cases = SUSPENDED[0] if scripted else SUSPENDED[1], AccountCommands(stage.environment)
    case = ids.write_off_case_id(account)
    manager = await site.sign_in("anna", Role.COLLECTIONS_MANAGER, java_script_enabled=scripted)
    await manager.goto(f"{site.url}/accounts/{account}")
    await open_act(manager, "hand_over_account")
    await send(manager, "hand_over_account")
    await cases.wait_for_entries(case, "dossier.made")
    analyst = await site.sign_in("wim", Role.WRITE_OFF_ANALYST, java_script_enabled=scripted)
    await open_from_today(analyst, site.url, account)
    await open_act(analyst, "decide_write_off")
    await analyst.locator('[name="decision"][value="whole"]').check()
    await analyst.locator('[name="reason"]').fill("there is nothing left")
    await send(analyst, "decide_write_off")
    await cases.approve_request(case)
    await cases.wait_for_entries(case, "write_off.booked")
    assert stage.environment.play.parts.billing.get_invoice_facts(stage.invoices[account]).open_balance == 0


@SCRIPTED
async def test_billing_does_by_hand_what_its_system_could_not_book(stage: BrowserStage, site: ConsoleSite, scripted: bool) -> None:
    account, cases = REFUSED[0] if scripted else REFUSED[1], DisputeCommands(stage.environment)
    page = await site.sign_in("bea", Role.BILLING_OPS, java_script_enabled=scripted)
    await open_from_today(page, site.url, account)
    await page.locator(f'.work a[href="/accounts/{account}"]').first.click()
    await expect(page.locator("main")).to_contain_text("a contract that only a person may end")
    stage.in_the_way.discard(account)
    await open_from_today(page, site.url, account)
    await open_act(page, "close_task")
    await page.locator('[name="outcome"]').fill("the contract has ended")
    await send(page, "close_task")
    await stage.environment.play.settle()
    await cases.wait_for_entries(ids.suspension_case_id(account), "suspension.suspended")


@SCRIPTED
async def test_a_policy_is_changed_once_the_director_agrees(stage: BrowserStage, site: ConsoleSite, scripted: bool) -> None:
    title = "Friendly timeline" if scripted else "Friendlier timeline"
    manager = await site.sign_in("anna", Role.COLLECTIONS_MANAGER, java_script_enabled=scripted)
    await manager.goto(f"{site.url}/policies/standard")
    draft = manager.locator("form").filter(has=manager.locator("textarea"))
    text = re.sub("title: .*", f"title: {title}", await draft.locator("textarea").input_value())
    await draft.locator("textarea").fill(text)
    await draft.locator("button").click()
    await manager.locator('[name="applies_to"][value="new_invoices"]').check()
    await send(manager, "put_policy_in_force")
    director = await site.sign_in("dora", Role.FINANCE_DIRECTOR, java_script_enabled=scripted)
    await director.goto(f"{site.url}/approvals")
    await director.locator('.queue a[href*="adoption"]').click()
    await expect(director).to_have_url(re.compile("/approvals/approval"))
    await director.locator('input[name="decision"][value="approve"]').check()
    await director.get_by_role("button", name="Decide", exact=True).click()
    await expect(director.locator("p.done")).to_be_visible()
    policies = stage.environment.play.parts.policies
    await stage.environment.wait_until(lambda: title in [each.load_policy().title for each in policies.list_in_force()])
    await manager.goto(f"{site.url}/policies/standard")
    await expect(manager.locator("h1")).to_contain_text(title)


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
async def test_an_auditor_replays_an_account_and_verifies_the_rest(stage: BrowserStage, site: ConsoleSite, scripted: bool) -> None:
    page = await site.sign_in("iris", Role.AUDITOR, java_script_enabled=scripted)
    await page.goto(f"{site.url}/audit/accounts/{DISPUTED[0]}")
    await page.get_by_role("button", name="Replay").click()
    await expect(page.locator("main p.done")).to_be_visible()
    await expect(page.locator("main tbody tr")).not_to_have_count(0)
    await page.goto(f"{site.url}/audit")
    await page.locator('main form[method="post"] button').click()
    await expect(page.locator("main p.done")).to_be_visible()


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
