"""Who decides on a page whose facts have changed is shown what has changed, in words, and decides once more on the facts as they are: with
the real rules, one at a time and many at once."""

from urllib.parse import quote

import httpx
import pytest

from adapters.i18n.languages import LANGUAGES
from api.presenters.phrases import load_phrases
from domain.roles import Role
from tests.console.test_act_forms import fields_of
from tests.console.test_pages import page, words
from tests.workflows.account_commands import AccountCommands
from tests.workflows.collection_environment import CollectionEnvironment
from tests.workflows.people import People
from tests.workflows.test_approval_facts import ask, wait_for_version

MANAGER = Role.COLLECTIONS_MANAGER


async def pay(environment: CollectionEnvironment, account: str, invoice: str, amount: int) -> None:
    """Billing has booked it, and has not reported it."""
    now = await environment.play.now()
    environment.play.parts.billing.record_payment(f"P-{account}", account, "EUR", amount, now.date(), invoice_id=invoice, at=now)


async def open_reader(people: People, user: str, language: str = "en") -> httpx.AsyncClient:
    people.identity.add_user(user, MANAGER, language=language)
    client = await people(user, MANAGER)
    client.headers["Accept"] = "text/html"
    return client


async def ask_for_warning(
    environment: CollectionEnvironment, cases: AccountCommands, people: People, account: str
) -> tuple[list[str], str]:
    """Of two invoices of EUR 100 and EUR 200, which mia asks for; they, and the approval."""
    invoices, _ = await cases.open_overdue_invoices(account, 40, "100.00", "200.00")
    people.now = await environment.play.environment.get_current_time()
    await ask(await people("mia", Role.COLLECTOR), account)
    return invoices, await cases.wait_for_approval(f"suspension:{account}")


async def test_a_decision_on_facts_that_have_changed_shows_the_difference_and_keeps_what_was_typed(
    environment: CollectionEnvironment, cases: AccountCommands, people: People
) -> None:
    """Before billing has reported what it booked, and after; sent again, it counts."""
    invoices, approval = await ask_for_warning(environment, cases, people, "STALE")
    address = f"/approvals/{quote(approval, safe='')}"
    anna = await open_reader(people, "anna")
    html = await page(anna, address)
    assert "Nothing has changed since it was asked" in words(html)
    typed = {**fields_of(html), "decision": "reject", "reason": "customer_record", "comment": "they always pay in the end"}
    assert typed["facts_version"] == "1"
    await pay(environment, "STALE", invoices[0], 4_000)

    early = await anna.post("/act/decide_approval", data=typed)
    assert early.status_code == 409
    assert f"Invoice {invoices[0]}: €60.00 open, before €100.00" in words(early.text)
    assert "the case takes it in just now" in words(early.text)

    await environment.play.sync()
    await wait_for_version(environment, cases, approval, 2)
    late = await anna.post("/act/decide_approval", data=typed)
    assert late.status_code == 409
    shown = words(late.text)
    assert "The facts have changed since you read them, so nothing is decided yet." in shown
    assert "€260.00 asked for, before €300.00" in shown
    assert f"Invoice {invoices[0]}: €60.00 open, before €100.00" in shown
    again = fields_of(late.text)
    assert again["facts_version"] == "2", "sent again, it is about the facts that are shown now"
    assert 'value="reject" checked' in late.text
    assert 'value="customer_record" checked' in late.text
    assert ">they always pay in the end</textarea>" in late.text
    assert cases.row(approval).outcome is None

    known = words(await page(anna, address))
    assert "Asked for €300.00 €260.00" in known, "what it was when it was asked stands beside what it is"
    assert "Changed since it was asked" in known
    done = await anna.post("/act/decide_approval", data={**typed, **again})
    assert done.status_code == 303, done.text
    await environment.wait_until(lambda: cases.row(approval).outcome == "rejected")
    [rejected] = cases.entry_facts(approval, "approval.rejected")
    assert (rejected["facts_version"], rejected["reason"]) == (2, "customer_record")


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
async def test_the_difference_is_told_in_the_readers_language(
    environment: CollectionEnvironment, cases: AccountCommands, people: People, language: str
) -> None:
    account, phrases = f"STALE-{language.upper()}", load_phrases(language)
    invoices, approval = await ask_for_warning(environment, cases, people, account)
    anna = await open_reader(people, f"anna-{language}", language)
    form = fields_of(await page(anna, f"/approvals/{quote(approval, safe='')}"))
    await pay(environment, account, invoices[0], 4_000)
    await environment.play.sync()
    await wait_for_version(environment, cases, approval, 2)
    refused = await anna.post("/act/decide_approval", data={**form, "decision": "approve"})
    assert refused.status_code == 409
    before, after = (phrases.shared.format_money(minor, "EUR") for minor in (30_000, 26_000))
    shown = words(refused.text).lower()
    assert phrases.approvals["changed_read"].lower() in shown
    told = phrases.fact_changes["amount"].replace("{before}", before).replace("{after}", after)
    assert words(told).lower() in shown


async def test_of_many_decided_at_once_those_that_have_changed_are_named_with_the_difference_and_the_others_decided(
    environment: CollectionEnvironment, cases: AccountCommands, people: People
) -> None:
    invoices, changed = await ask_for_warning(environment, cases, people, "BATCH-1")
    _, same = await ask_for_warning(environment, cases, people, "BATCH-2")
    anna = await open_reader(people, "anna")
    form = fields_of(await page(anna, f"/approval-decisions?approval={quote(changed, safe='')}&approval={quote(same, safe='')}"))
    await pay(environment, "BATCH-1", invoices[0], 4_000)
    await environment.play.sync()
    await wait_for_version(environment, cases, changed, 2)
    told = await anna.post("/approval-decisions", data={**form, "approval": [changed, same], "decision": "approve"})
    assert told.status_code == 200
    shown = words(told.text)
    assert "Decided: 1" in shown
    assert "€260.00 asked for, before €300.00" in shown
    assert quote(same, safe="") not in told.text
    await environment.wait_until(lambda: cases.row(same).outcome == "approved")
    assert cases.row(changed).outcome is None

    again = fields_of(told.text)
    assert (again["approval"], again[f"version.{changed}"]) == (changed, "2")
    assert 'value="approve" checked' in told.text
    assert "Decided: 1" in words((await anna.post("/approval-decisions", data={**again, "decision": "approve"})).text)
    await environment.wait_until(lambda: cases.row(changed).outcome == "approved")
