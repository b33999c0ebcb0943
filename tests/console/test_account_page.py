"""The page of an account answers a call without another click."""

import re
from collections import Counter
from datetime import timedelta

from sqlalchemy import event, update

from adapters.database.tables import Contact, Task
from api.console.account.conversation import Mention, Talk, _join_alike
from api.console.account.lanes import MAX_LANES, LaneMark, _clear_label
from api.console.invoice.picture import Shade, StoppedSpan
from domain.billing.billing_events import InvoiceStatus
from domain.case.case_view import TaskKind
from domain.invoice.command_rules import apply_command
from domain.invoice.commands import CallOutcome, LogCall, MakePromise, PauseCollection
from domain.invoice.promise import PromiseShare
from domain.roles import Role
from tests.api.conftest import As
from tests.api.portfolio_world import TODAY, PortfolioWorld, moment_on
from tests.console.test_pages import page, words
from tests.form_tokens import find_form_token


def fill_account(world: PortfolioWorld) -> None:
    """Two invoices overdue, one not due yet; a promise that was made in a call, a pause, a letter that went."""
    world.account()
    case = world.invoice("I-1", due=TODAY - timedelta(days=40), total=100_00)
    assert case is not None
    world.steps(case, 1)
    apply_command(case, LogCall(act_id="c", actor="maria", outcome=CallOutcome.REACHED), moment_on(TODAY))
    apply_command(case, MakePromise(act_id="a", actor="maria", amount=50_00, by=TODAY + timedelta(days=7)), moment_on(TODAY))
    world.write(case)
    paused = world.invoice("I-2", due=TODAY - timedelta(days=3), total=20_00)
    assert paused is not None
    apply_command(paused, PauseCollection(act_id="b", actor="maria", reason="stock"), moment_on(TODAY))
    world.write(paused)
    world.invoice("I-3", due=TODAY + timedelta(days=20), total=5_00, started=False)
    world.letter("I-1")


async def test_the_page_says_what_is_owed_by_age_what_was_promised_and_who_was_reached(as_role: As, world: PortfolioWorld) -> None:
    fill_account(world)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        shown = words(await page(client, "/accounts/A-1"))
    assert "Overdue €120.00 not yet due €5.00" in shown
    assert "less unapplied" not in shown
    assert shown.count("1–30 days: €20.00 · 31–60 days: €100.00") >= 2, "in words beside the bar, and as what the bar is called"
    assert "Promises open: 1" in shown
    assert "open €50.00 by 8 Mar 2013" in shown
    assert "Last contact 1 Mar 2013, " in shown
    assert "Collection is paused on 1 invoice: N-I-2" in shown
    assert "The customer was called: the customer was reached" in shown
    course = shown[shown.index("Invoice Due Past due") :]
    assert re.search(r"N-I-2 26 Feb 2013 3 days €20.00 .*? since 1 Mar 2013 then \w+", course)
    held = r"N-I-1 20 Jan 2013 40 days €100\.00 .+? \d+ \w+ 2013 .*?since 1 Mar 2013.*? then \w+"
    assert re.search(held, course)


async def test_nothing_is_asked_of_the_database_twice_for_one_page(as_role: As, world: PortfolioWorld) -> None:
    fill_account(world)
    world.add(Task(key="call:A-1", kind=TaskKind.CALL, account_id="A-1", due_on=TODAY))
    asked: list[str] = []
    event.listen(world.database.engine, "after_cursor_execute", lambda *given: asked.append(f"{given[2]} {given[3]}"))
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        await page(client, "/accounts/A-1")
        asked.clear()
        await page(client, "/accounts/A-1")
    assert [statement for statement, times in Counter(asked).items() if times > 1 and statement.startswith("SELECT")] == []


async def test_the_conversation_tells_a_letter_once_and_opens_it_as_it_was_sent(as_role: As, world: PortfolioWorld) -> None:
    fill_account(world)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        whole = words(await page(client, "/accounts/A-1"))
        assert "First reminder , 1 invoice delivered to the mail server to ap@a-1.example · read it as it was sent" in whole
        calls = words(await page(client, "/accounts/A-1?share=calls"))
        assert "The customer promised to pay €50.00" in calls
        assert "read it as it was sent" not in calls
        assert "Nothing of this kind." in words(await page(client, "/accounts/A-1?share=notes"))
        letter = words(await page(client, "/letters/1"))
        assert "Guten Tag" in letter
        assert "N-I-1 19 €250.00" in letter
        assert (await client.get("/letters/99")).status_code == 404
        assert (await client.get("/accounts/A-1?share=all")).status_code == 422


async def test_a_promise_over_several_invoices_is_told_once_and_whole(as_role: As, world: PortfolioWorld) -> None:
    world.account()
    whole = PromiseShare(promise_id="p", amount=75_00)
    for number, amount in enumerate((50_00, 25_00)):
        case = world.invoice(f"I-{number}", due=TODAY - timedelta(days=40), total=amount)
        assert case is not None
        command = MakePromise(act_id=f"a{number}", actor="maria", amount=amount, by=TODAY + timedelta(days=7), share=whole)
        apply_command(case, command, moment_on(TODAY))
        world.write(case)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        shown = words(await page(client, "/accounts/A-1?share=calls"))
        assert re.search(r"The customer promised to pay €75\.00 by 8 Mar 2013 N-I-\d N-I-\d by maria", shown), shown
        assert shown[shown.index("Conversation") :].count("The customer promised") == 1
        assert words(await page(client, "/accounts/A-1?share=decisions")).count("Put on hold: promise to pay") == 1


async def test_every_open_invoice_has_a_lane_and_each_mark_of_it_says_what_it_is(as_role: As, world: PortfolioWorld) -> None:
    fill_account(world)
    world.invoice("I-4", due=TODAY - timedelta(days=5), status=InvoiceStatus.PAID)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        html = await page(client, "/accounts/A-1")
    lanes = re.findall(r'<div class="lane">.*?</svg>.*?</div>', html, re.DOTALL)
    assert [re.findall(r"N-I-\d", lane)[0] for lane in lanes] == ["N-I-1", "N-I-2"], "what is open and begun, the oldest first"
    first, second = (words(lane) for lane in lanes)
    assert "the clock stopped 1 time" in first
    assert re.search(r"Reminder|reminder", first)
    assert "The customer promised to pay €50.00 by 8 Mar 2013" in first
    assert first.endswith("€100.00")
    assert re.search(r"paused, 1 Mar 2013 – …", second), second
    places = [float(x) for x in re.findall(r'class="now" x1="([\d.]+)"', html)]
    assert len(places) == 2, "today stands in both"
    assert len(set(places)) == 1, "at one place"


def test_no_mark_lies_on_a_label() -> None:
    shade = Shade(100, 150, "promise to pay", StoppedSpan(TODAY, None, "promise to pay"))
    for x, label in ((100, shade.label), (140, ""), (260, shade.label)):
        assert _clear_label(shade, [LaneMark(x, "money", False, "paid")]).label == label


async def test_only_who_may_audit_is_led_to_another_day(as_role: As, world: PortfolioWorld) -> None:
    fill_account(world)
    for role, is_led in ((Role.AUDITOR, True), (Role.COLLECTOR, False)):
        async with as_role(role, Accept="text/html") as client:
            assert ('href="/audit/accounts/A-1"' in await page(client, "/accounts/A-1")) == is_led


async def test_what_has_no_lane_is_counted_and_listed(as_role: As, world: PortfolioWorld) -> None:
    world.account()
    for number in range(MAX_LANES + 3):
        world.invoice(f"I-{number}", due=TODAY - timedelta(days=40 - number))
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        html = await page(client, "/accounts/A-1")
    assert html.count('<div class="lane">') == MAX_LANES
    assert '<a href="/invoices?account=A-1">3 more open invoices</a>' in html
    assert len(re.findall(r'<th scope="row"><a href="/invoices/', html)) == MAX_LANES + 3


def talk(hour: int, sentence: str, *invoices: str, share: str = "decisions", notes: tuple[str, ...] = ()) -> Talk:
    at = moment_on(TODAY).business.replace(hour=hour)
    return Talk(at, share, sentence, "maria", invoices=tuple(Mention(each, each) for each in invoices), notes=notes)


def test_what_is_said_in_the_same_words_is_joined_and_nothing_comes_before_what_was_before_it() -> None:
    told = _join_alike([talk(12, "paused", "B"), talk(11, "resumed", "A"), talk(10, "paused", "A"), talk(9, "paused", "C")])
    assert [(each.sentence, [invoice.id for invoice in each.invoices]) for each in told] == [
        ("paused", ["B"]),
        ("resumed", ["A"]),
        ("paused", ["A", "C"]),
    ]
    notes = [talk(12, "a note", "A", share="notes", notes=("n1",)), talk(12, "a note", "B", share="notes", notes=("n2",))]
    assert [each.notes for each in _join_alike(notes)] == [("n1", "n2")]
    assert len(_join_alike([talk(12, "paid", "A", share="money"), talk(12, "paid", "B", share="money")])) == 2


async def test_a_contact_is_corrected_on_the_page_and_its_form_is_filled_in(as_role: As, world: PortfolioWorld) -> None:
    world.account()
    with world.database.writing() as session:
        session.execute(update(Contact).values(undeliverable_since=moment_on(TODAY).business))
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        assert "bounced on 1 Mar 2013" in words(await page(client, "/accounts/A-1"))
        html = await page(client, "/act/change_contact?account_id=A-1&contact_id=1&back=/accounts/A-1")
        assert 'value="ap@a-1.example"' in html
        token = find_form_token(html)
        sent = {"form_token": token, "form_key": "k1", "account_id": "A-1", "contact_id": "1", "role": "billing", "back": "/accounts/A-1"}
        refused = await client.post("/act/change_contact", data=sent | {"email": "nowhere"})
        assert refused.status_code == 422
        assert "is not an e-mail address" in refused.text
        done = await client.post("/act/change_contact", data=sent | {"email": "neu@a-1.example", "name": "Frau Neu"})
        assert done.status_code == 303
        shown = words(await page(client, "/accounts/A-1"))
        assert "bounced" not in shown
        assert "A contact was changed Accounts payable, ap@a-1.example → Frau Neu, neu@a-1.example" in shown
        gone = await client.post("/act/remove_contact", data=sent | {"form_key": "k2"})
        assert gone.status_code == 303
        assert "letters to this account cannot go" in words(await page(client, "/accounts/A-1"))


async def test_what_time_it_is_stands_beside_each_contact(as_role: As, world: PortfolioWorld) -> None:
    world.account()
    world.add(Contact(account_id="A-1", role="billing", name="Sra. Ruiz", email="", phone="+34 952 1", time_zone="Atlantic/Canary"))
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        shown = words(await page(client, "/accounts/A-1"))
    assert "ap@a-1.example · It is 10:00 there" in shown
    assert "+34 952 1 · It is 09:00 there" in shown
