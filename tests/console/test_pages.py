"""The pages for people: what they show, what they escape, how one signs in."""

import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import blake2b

import pytest
from fastapi import FastAPI

from adapters.correspondence.letter_stop_store import BrakeContext
from adapters.correspondence.release_store import hold_accounts
from adapters.database.tables import Note
from adapters.mail.local_inbox import Inbox
from adapters.shipped_files import PROJECT
from api.console.assets import LIBRARIES
from api.console.pages import MAX_LIST_LENGTH
from api.presenters.phrases import load_phrases
from api.web.authentication import SESSION_COOKIE
from domain.billing.billing_events import InvoiceStatus
from domain.correspondence.letter_outcome import LetterResult
from domain.invoice.command_rules import apply_command
from domain.invoice.commands import AddNote, MakePromise, PauseCollection
from domain.roles import Role
from tests.api.conftest import As, Client
from tests.api.portfolio_world import TODAY, PortfolioWorld, moment_on
from tests.form_tokens import sign_out

NASTY = "<script>alert(1)</script>&\"'"
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;&amp;&#34;&#39;"
MAIL = (
    b"From: Lindenhof <r@lindenhof.example>\r\nTo: ap@nord.example\r\nSubject: Zahlungserinnerung\r\nMessage-ID: <1@x>\r\n"
    b"Date: Fri, 01 Mar 2013 09:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGuten Tag <Frau>\r\n"
    b'--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p style="color:red">Guten Tag</p><script>alert(1)</script>\r\n--b--\r\n'
)


@pytest.fixture
async def person(as_role: As) -> AsyncIterator[Client]:
    async with as_role(Role.AUDITOR, Accept="text/html") as client:
        yield client


@pytest.fixture
async def stranger(as_role: As) -> AsyncIterator[Client]:
    async with as_role(None, Accept="text/html") as client:
        yield client


async def page(client: Client, path: str) -> str:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


def words(html: str) -> str:
    """What a reader reads."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


async def test_an_empty_portfolio_says_how_to_begin(as_role: As, world: PortfolioWorld) -> None:
    for role, begins in ((Role.COLLECTIONS_MANAGER, True), (Role.COLLECTOR, False)):
        async with as_role(role, Accept="text/html") as reader:
            content = (await page(reader, "/")).partition("<main")[2]
            assert ('href="/import"' in content, load_phrases("en").imports["not_yours"] in content) == (begins, not begins)
            assert "duecourse import" not in content


async def test_the_portfolio_shows_each_currency_by_itself(person: Client, world: PortfolioWorld) -> None:
    world.account()
    world.invoice("E-1", total=100_000)
    world.invoice("E-2", total=50_000)
    world.invoice("G-1", total=7_000, currency="GBP")
    world.invoice("P-1", status=InvoiceStatus.PAID)
    shown = words(await page(person, "/"))
    assert "Not chased yet 3 €1,500.00 £70.00" in shown
    assert "All open 3 €1,500.00 £70.00" in shown
    assert "1 paid" in shown
    assert "1,570" not in shown


async def test_the_portfolio_shows_the_business_date_and_how_fast_it_runs(person: Client, world: PortfolioWorld) -> None:
    shown = words(await page(person, "/"))
    assert "1 Mar 2013 one day takes 2 s" in shown


async def test_stages_stand_in_the_order_of_the_timeline(person: Client, world: PortfolioWorld) -> None:
    world.account()
    for number, steps in enumerate((3, 0, 1)):
        case = world.invoice(f"I-{number}", due=TODAY - timedelta(days=20))
        assert case is not None
        world.steps(case, steps)
    html = await page(person, "/")
    table = words(html[html.index('<table class="stages">') :])
    assert table.index("Not chased yet") < table.index("First reminder") < table.index("Phone call")


async def test_what_needs_a_person_is_named_with_its_invoice(person: Client, world: PortfolioWorld) -> None:
    world.account()
    world.invoice("I-1")
    world.letter("I-1", "unknown")
    world.task("I-1", "call", due=TODAY - timedelta(days=2))
    shown = words(await page(person, "/"))
    assert "Call the customer N-I-1 , Brauerei Nord GmbH since 27 Feb 2013, maria" in shown
    assert "A letter’s fate is unknown N-I-1" in shown


async def test_letters_in_trouble_stand_before_calls_however_many_these_are(person: Client, world: PortfolioWorld) -> None:
    for number in range(9):
        world.account(f"A-{number}")
        world.invoice(f"I-{number}", account=f"A-{number}", started=False)
        world.task(f"I-{number}", "call", account=f"A-{number}", due=TODAY - timedelta(days=9))
    world.letter("I-0", "refused", account="A-0")
    shown = words(await page(person, "/"))
    assert shown.index("A letter was refused N-I-0") < shown.index("Call the customer N-I-0")
    assert "10 tasks in all: call the customer 9, a letter was refused 1." in shown


async def test_letters_of_today_show_at_once_though_what_is_counted_over_all_is_kept(person: Client, world: PortfolioWorld) -> None:
    world.account()
    world.invoice("I-1")
    world.letter("I-1", step="courtesy")
    assert "sent today 1 sent in all 1 waiting to go 0 refused 0" in words(await page(person, "/"))
    world.letter("I-1")
    world.letter("I-1", "refused", step="second_reminder")
    shown = words(await page(person, "/"))
    assert "sent today 2 sent in all 2 waiting to go 0 refused 1" in shown
    assert "and kept for a minute" in shown


async def test_a_filter_narrows_the_list_and_keeps_what_was_chosen(person: Client, world: PortfolioWorld) -> None:
    world.account()
    world.invoice("I-1")
    world.invoice("I-2", currency="GBP")
    html = await page(person, "/?q=&stage=&currency=GBP&overdue=&hold=")
    assert 'href="/invoices/I-2"' in html
    assert 'href="/invoices/I-1"' not in html
    assert "<option selected>GBP</option>" in html
    assert "No invoice fits" in await page(person, "/?q=nothing")


async def test_the_next_page_keeps_the_filter(person: Client, world: PortfolioWorld) -> None:
    world.account()
    for number in range(MAX_LIST_LENGTH + 1):
        world.invoice(f"I-{number:03}", started=False)
    html = await page(person, "/?stage=waiting&q=N-")
    following = re.search(r'href="/\?([^"]+)#invoices" rel="next"', html)
    assert following is not None
    second = await page(person, "/?" + following[1].replace("&amp;", "&"))
    assert f'href="/invoices/I-{MAX_LIST_LENGTH:03}"' in second
    assert 'href="/invoices/I-000"' not in second
    assert '<option value="waiting" selected>' in second


async def test_an_invoice_says_what_comes_next_and_why(person: Client, world: PortfolioWorld) -> None:
    world.account()
    case = world.invoice("I-1", due=TODAY - timedelta(days=3))
    assert case is not None
    world.steps(case, 1)
    shown = words(await page(person, "/invoices/I-1"))
    assert "Second reminder on 5 Mar 2013 The policy’s day 7, counted from the due date." in shown
    assert "First reminder day 1 27 Feb 2013 · delivered to the mail server" in shown
    assert "Final demand day 30 later" in shown
    assert "Courtesy note day −3 passed over" in shown


async def test_an_invoice_on_hold_says_why_and_what_follows(person: Client, world: PortfolioWorld) -> None:
    world.account()
    case = world.invoice("I-1", due=TODAY - timedelta(days=3))
    assert case is not None
    apply_command(case, MakePromise(act_id="a", actor="maria", amount=25_000, by=TODAY + timedelta(days=7)), moment_on(TODAY))
    apply_command(case, PauseCollection(act_id="b", actor="maria", reason="stock"), moment_on(TODAY))
    world.write(case)
    shown = words(await page(person, "/invoices/I-1"))
    assert "On hold: €250.00 is promised by 8 Mar 2013." in shown
    assert "Also on hold: paused since 1 Mar 2013 (stock)" in shown
    assert "the next step is “First reminder”" in shown


async def test_a_settled_invoice_shows_its_end_and_the_steps_it_was_spared(person: Client, world: PortfolioWorld) -> None:
    world.account()
    case = world.invoice("I-1", due=TODAY - timedelta(days=3))
    assert case is not None
    world.steps(case, 1)
    world.record_payment(case, 25_000)
    shown = words(await page(person, "/invoices/I-1"))
    assert "Nothing more: the invoice is paid." in shown
    assert "Second reminder day 7 not needed" in shown
    assert "€250.00 was paid; €0.00 is still open" in shown


async def test_a_refused_letter_stands_out(person: Client, world: PortfolioWorld) -> None:
    world.account()
    case = world.invoice("I-1", due=TODAY - timedelta(days=3))
    assert case is not None
    world.steps(case, 1, LetterResult.REFUSED, must_arrive=False)
    world.letter("I-1", "refused", reply="554 no such user")
    html = await page(person, "/invoices/I-1")
    assert 'class="taken bad"' in html
    assert "refused 554 no such user" in words(html)


async def test_without_a_worker_the_page_says_where_it_read(person: Client, world: PortfolioWorld) -> None:
    world.account()
    world.invoice("I-1")
    assert "did not answer in time" not in await page(person, "/invoices/I-1")
    world.cases.answers = False
    assert "did not answer in time" in await page(person, "/invoices/I-1")


async def test_an_invoice_that_has_not_begun_has_a_page(person: Client, world: PortfolioWorld) -> None:
    world.account()
    world.invoice("I-1", started=False)
    assert "Its collection has not begun yet." in words(await page(person, "/invoices/I-1"))


async def test_an_account_shows_balances_contacts_and_what_happened(person: Client, world: PortfolioWorld) -> None:
    world.account()
    case = world.invoice("I-1")
    assert case is not None
    world.steps(case, 1)
    shown = words(await page(person, "/accounts/A-1"))
    assert "Overdue €250.00" in shown
    assert "1–30 days: €250.00" in shown
    assert "ap@a-1.example" in shown
    assert "Letter “First reminder” was delivered to the mail server on 11 Feb 2013 N-I-1" in shown


async def test_an_address_with_a_slash_or_a_space_reaches_its_invoice(person: Client, world: PortfolioWorld) -> None:
    world.account()
    world.invoice("I 1?#", started=False)
    html = await page(person, "/")
    link = re.search(r'href="(/invoices/[^"]+)"', html)
    assert link is not None
    assert "N-I 1?#" in await page(person, link[1])


async def test_what_people_wrote_is_never_markup(person: Client, world: PortfolioWorld, inbox: Inbox) -> None:
    world.account("A-1", NASTY, collector=NASTY)
    case = world.invoice("I-1")
    assert case is not None
    world.add(Note(id="n", account_id="A-1", invoice_id="I-1", author=NASTY, text=NASTY, written_at=moment_on(TODAY).business))
    apply_command(case, AddNote(act_id="a", actor=NASTY, note_id="n"), moment_on(TODAY))
    apply_command(case, PauseCollection(act_id="b", actor=NASTY, reason=NASTY), moment_on(TODAY))
    world.write(case)
    world.letter("I-1", "refused", reply=NASTY)
    for path in ("/", "/invoices/I-1", "/accounts/A-1", f"/?q={NASTY}", "/?stage=%22%3E%3Cscript%3E"):
        html = await page(person, path)
        assert "<script>alert" not in html, path
        assert "><script>" not in html, path
    assert ESCAPED in await page(person, "/invoices/I-1")


async def test_the_inbox_lists_mails_and_says_when_there_is_none(person: Client, world: PortfolioWorld, inbox: Inbox) -> None:
    assert "No letter has gone yet" in await page(person, "/inbox")
    inbox.store(MAIL)
    shown = words(await page(person, "/inbox"))
    assert "Zahlungserinnerung ap@nord.example 1 Mar 2013" in shown


async def test_a_mail_is_shown_in_a_frame_that_can_do_nothing(person: Client, world: PortfolioWorld, inbox: Inbox) -> None:
    answer = await person.get(f"/inbox/{inbox.store(MAIL)}")
    frame = re.search(r"<iframe[^>]*>", answer.text)
    assert frame is not None
    assert " sandbox " in frame[0]
    assert "allow-" not in frame[0]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in frame[0]
    assert re.findall(r"<script(?! src=\"/assets/)", answer.text) == [], "only the console's own scripts run beside it"
    assert "alert(1)</script>" not in answer.text
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "default-src 'none'" in policy
    assert "Guten Tag &lt;Frau&gt;" in answer.text


@pytest.mark.parametrize("path", ["/invoices/none", "/accounts/none", "/inbox/none", "/inbox/..%2Fx", "/nowhere"])
async def test_what_is_not_there_is_a_page_that_leads_back(person: Client, world: PortfolioWorld, path: str) -> None:
    answer = await person.get(path)
    assert answer.status_code == 404
    assert 'href="/"' in answer.text
    assert "openapi" not in answer.text
    assert answer.headers["content-type"].startswith("text/html")


async def test_no_page_holds_script_style_or_anything_from_elsewhere(person: Client, world: PortfolioWorld, inbox: Inbox) -> None:
    world.account()
    world.invoice("I-1")
    for path in ("/", "/invoices/I-1", "/accounts/A-1", "/inbox", "/sign-in"):
        answer = await person.get(path)
        html = answer.text.replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|<style|\sstyle=|\son\w+=|<script>", html), path
        assert "'unsafe" not in answer.headers["content-security-policy"], path
        assert '<html lang="en">' in html, path
        assert html.count("<h1>") == 1, path


ASSET = re.compile(r'(?:href|src)="(/assets/[^"]+)"')


async def test_style_and_script_load_nothing_from_elsewhere(stranger: Client, world: PortfolioWorld) -> None:
    ours = [path for path in ASSET.findall(await page(stranger, "/sign-in")) if "/console." in path]
    assert len(ours) == 2
    for path in ours:
        answer = await stranger.get(path)
        assert answer.status_code == 200
        assert not re.search(r"https?://|@import|url\(", answer.text)


async def test_what_a_page_loads_is_kept_for_ever_under_a_name_that_its_content_gives_it(stranger: Client, world: PortfolioWorld) -> None:
    for path in ASSET.findall(await page(stranger, "/sign-in")):
        plain = await stranger.get(path, headers={"Accept-Encoding": "identity"})
        packed = await stranger.get(path, headers={"Accept-Encoding": "gzip"})
        digest = blake2b(plain.content, digest_size=8).hexdigest()
        assert digest in path
        assert (plain.content, packed.headers["content-encoding"]) == (packed.content, "gzip")
        assert plain.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert (await stranger.get(path.replace(digest, "0" * 16))).status_code == 404


def test_libraries_have_exact_versions_and_hashes_and_the_lock_names_no_host() -> None:
    wanted = json.loads((PROJECT / "package.json").read_text(encoding="utf-8"))
    lock = json.loads((PROJECT / "package-lock.json").read_text(encoding="utf-8"))
    locked = {name.removeprefix("node_modules/"): package for name, package in lock["packages"].items() if name}
    for name, version in (wanted["dependencies"] | wanted["devDependencies"]).items():
        assert locked[name]["version"] == version
    for package in locked.values():
        assert package["integrity"].startswith("sha512-")
        assert "resolved" not in package
    shipped = {path.split("/")[1] for path in LIBRARIES}
    assert wanted["dependencies"].keys() == shipped == {name for name, package in locked.items() if not package.get("dev")}


# --- signing in and out


async def test_a_link_signs_in_once_with_a_cookie_that_no_script_reads(app: FastAPI, stranger: Client, world: PortfolioWorld) -> None:
    code = app.state.parts.identity.issue_sign_in_code("maria", Role.COLLECTOR)
    answer = await stranger.get(f"/sign-in?code={code}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/today")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert "maria, collector" in words(await page(stranger, "/"))
    stranger.cookies.clear()
    again = await stranger.get(f"/sign-in?code={code}")
    assert (again.status_code, "set-cookie" in again.headers) == (401, False)
    assert "was used before" in again.text


async def test_over_https_the_cookie_stays_on_https(app: FastAPI, stranger: Client, world: PortfolioWorld) -> None:
    code = app.state.parts.identity.issue_sign_in_code("maria", Role.COLLECTOR)
    answer = await stranger.get(f"https://duecourse.test/sign-in?code={code}")
    assert "Secure" in answer.headers["set-cookie"]


async def test_a_token_can_be_pasted_and_outlives_signing_out(app: FastAPI, stranger: Client, world: PortfolioWorld) -> None:
    identity = app.state.parts.identity
    token = identity.issue_token("maria", Role.COLLECTOR)
    await stranger.post("/sign-in", data={"token": f" {token} "})
    assert "maria, collector" in words(await page(stranger, "/"))
    await sign_out(stranger)
    assert (await stranger.get("/")).headers["location"] == "/sign-in"
    assert identity.authenticate(token) is not None


async def test_signing_out_ends_the_session_of_a_link(app: FastAPI, stranger: Client, world: PortfolioWorld) -> None:
    identity = app.state.parts.identity
    await stranger.get(f"/sign-in?code={identity.issue_sign_in_code('maria', Role.COLLECTOR)}")
    cookie = stranger.cookies[SESSION_COOKIE]
    await sign_out(stranger)
    assert (await stranger.get("/", headers={"Cookie": f"{SESSION_COOKIE}={cookie}"})).headers["location"] == "/sign-in"


async def test_a_wrong_token_is_refused_in_words(stranger: Client, world: PortfolioWorld) -> None:
    answer = await stranger.post("/sign-in", data={"token": "guess"})
    assert answer.status_code == 401
    assert "unknown, expired or revoked" in answer.text


async def test_the_sign_in_page_says_how_to_get_in(stranger: Client, world: PortfolioWorld) -> None:
    shown = words(await page(stranger, "/sign-in"))
    assert "duecourse token" in shown
    assert "duecourse sign-in" in shown


async def test_the_cookie_serves_the_api_but_not_for_another_sites_page(app: FastAPI, stranger: Client, world: PortfolioWorld) -> None:
    world.account()
    world.invoice("I-1")
    await stranger.get(f"/sign-in?code={app.state.parts.identity.issue_sign_in_code('maria', Role.COLLECTOR)}")
    note = {"text": "x"}
    foreign = await stranger.post("/v1/invoices/I-1/notes", json=note, headers={"Origin": "https://evil.example"})
    own = await stranger.post("/v1/invoices/I-1/notes", json=note, headers={"Origin": "http://duecourse.test"})
    assert (foreign.status_code, own.status_code) == (403, 200)


# --- stops of letters


async def test_a_stop_is_on_every_page_and_on_its_account(person: Client, as_role: As, world: PortfolioWorld) -> None:
    world.account()
    world.account("A-2")
    world.invoice("I-1")
    async with as_role(Role.COLLECTIONS_MANAGER) as manager:
        for body in ({"scope": "all", "reason": NASTY}, {"scope": "account", "target": "A-1", "reason": "a new owner"}):
            assert (await manager.post("/v1/letter-stops", json=body)).status_code == 201
    for path in ("/", "/accounts/A-2", "/invoices/I-1", "/inbox"):
        shown = await page(person, path)
        assert f"All letters are stopped</strong> since 1 Mar 2013, by collections_manager-1: {ESCAPED}" in shown
        assert NASTY not in shown
        assert "Letters are stopped to A-1" in words(shown)
    assert "Letters to this account are stopped since 1 Mar 2013, by collections_manager-1: a new owner" in words(
        await page(person, "/accounts/A-1")
    )
    assert "All letters are stopped" not in (await person.get("/sign-in")).text


async def test_accounts_that_are_held_for_release_are_on_every_page(person: Client, world: PortfolioWorld) -> None:
    world.account()
    world.account("A-2")
    at = moment_on(TODAY)
    with world.database.writing() as session:
        hold_accounts(session, ["A-1", "A-2"], BrakeContext("import-1", NASTY, at.business, at.real))
    assert "2 accounts are held for release : no letter goes to them before a manager lets it go. What would go: Preview" in words(
        await page(person, "/")
    )
    account = await page(person, "/accounts/A-1")
    assert f"held for release since 1 Mar 2013, when {ESCAPED} imported it: no letter goes to it" in account
    assert NASTY not in account
