"""The forms by which people act: they fit the API, speak four languages, and what they send is done once, or said to be wrong beside its
field."""

import re
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from httpx import Response

from adapters.correspondence.letter_stop_store import BrakeContext
from adapters.correspondence.release_store import hold_accounts
from adapters.i18n.languages import LANGUAGES
from adapters.identity.users_and_tokens import IdentityStore
from api.console.acts.form_body import UnreadableField, build_body, read_amount
from api.console.acts.forms import ActForm, load_act_forms
from api.console.acts.wording import ACT_WORDING
from api.presenters.phrases import load_phrases
from api.web.authentication import SESSION_COOKIE
from domain.approval.commands import DecideApproval
from domain.dispute.commands import RaiseDispute
from domain.invoice.commands import LogCall, MakePromise, PauseCollection
from domain.roles import Role
from tests.api.conftest import As, Client
from tests.api.portfolio_world import TODAY, PortfolioWorld, moment_on
from tests.api.stored_approvals import store_approval
from tests.console.test_pages import page, words

FORMS = load_act_forms()


# --- the forms themselves


def _resolve(schemas: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    """A schema's alternatives, its references followed."""
    if reference := schema.get("$ref"):
        return _resolve(schemas, schemas[reference.rpartition("/")[2]])
    return [each for part in schema.get("anyOf", [schema]) for each in (_resolve(schemas, part) if part is not schema else [schema])]


def _find_field(schemas: dict[str, Any], body: dict[str, Any], place: str) -> list[dict[str, Any]]:
    found = [body]
    for key in place.split("."):
        names = [
            each["items"] if key.isdigit() else each["properties"][key]
            for each in found
            if key in each.get("properties", {}) or key.isdigit()
        ]
        found = [each for name in names for each in _resolve(schemas, name)]
    return found


def test_every_form_sends_what_its_operation_takes(application: FastAPI) -> None:
    document = application.openapi()
    schemas = document["components"]["schemas"]
    for name, form in FORMS.items():
        operation = document["paths"][form.path][form.method.lower()]
        assert operation["operationId"] == name
        if not form.fields:
            continue
        media_type = "multipart/form-data" if form.takes_files else "application/json"
        [body] = _resolve(schemas, operation["requestBody"]["content"][media_type]["schema"])
        for place, field in form.fields.items():
            found = _find_field(schemas, body, place)
            assert found, f"{name}: {place} is no field of the body"
            if field.choices:
                taken = {value for each in found for value in each.get("enum", [])} | {each["const"] for each in found if "const" in each}
                assert set(field.choices) <= taken, f"{name}: {place}"
        asked = {place for place in form.fields if "." not in place}
        assert set(body.get("required", ())) <= asked | {place.partition(".")[0] for place in form.fields}, name


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_form_is_labelled_in_every_language(language: str) -> None:
    said, phrases = ACT_WORDING.load(language), load_phrases(language)
    assert set(said.titles) == set(said.hints) == set(said.done) == set(FORMS)
    for form in FORMS.values():
        for place, field in form.fields.items():
            assert not field.part or field.part == "call_note" or field.part in said.parts
            if not field.is_hidden:
                assert said.fields.get(place) or said.fields.get(place.rpartition(".")[2]), place
            for choice in field.choices:
                assert choice in (
                    getattr(phrases, field.words, None) or getattr(phrases.shared, field.words) if field.words else said.choices
                )


@pytest.mark.parametrize(
    ("locale", "written", "amount"),
    [
        ("de_DE", "1.234,56", "1234.56"),
        ("de_DE", "1234,5", "1234.5"),
        ("en_GB", "1,234.56", "1234.56"),
        ("fr_FR", "1 234,56", "1234.56"),
        ("fr_FR", "1\N{NO-BREAK SPACE}234,56", "1234.56"),
        ("es_ES", "50", "50"),
    ],
)
def test_amounts_are_read_as_the_language_writes_them(locale: str, written: str, amount: str) -> None:
    assert read_amount("amount", written, locale) == amount


@pytest.mark.parametrize(
    ("locale", "written", "example"), [("de_DE", "12.50", "1.234,56"), ("en_GB", "12,50", "1,234.56"), ("es_ES", "viel", "1.234,56")]
)
def test_an_amount_that_could_be_another_is_not_guessed(locale: str, written: str, example: str) -> None:
    with pytest.raises(UnreadableField) as fault:
        read_amount("amount", written, locale)
    assert fault.value.example == example


def test_a_part_of_which_nothing_is_filled_in_is_not_sent() -> None:
    form = FORMS["log_account_call"]
    known = {"promises.0.currency": ["EUR"], "promises.0.invoices": ["overdue"], "disputes.0.currency": ["EUR"]}
    known["disputes.0.look_again_on"] = ["2013-03-15"]
    assert build_body(form, {"outcome": ["no_answer"], "note": [" "], **known}, "en_GB") == {"outcome": "no_answer"}
    assert build_body(form, {"outcome": ["reached"], "promises.0.by": ["2013-03-10"], **known}, "en_GB") == {
        "outcome": "reached",
        "promises": [{"by": "2013-03-10", "currency": "EUR", "invoices": "overdue"}],
    }


def test_ticked_things_flags_and_numbers_are_sent_as_what_they_are() -> None:
    form = ActForm.model_validate(
        {
            "path": "/x",
            "permission": "collect",
            "fields": {"many": {"kind": "open_invoices"}, "yes": {"kind": "flag"}, "a.n": {"kind": "number"}},
        }
    )
    assert build_body(form, {"many": ["I-1", "I-2"], "yes": ["yes"], "a.n": ["3"]}, "en_GB") == {
        "many": ["I-1", "I-2"],
        "yes": True,
        "a": {"n": 3},
    }
    with pytest.raises(UnreadableField):
        build_body(form, {"a.n": ["three"]}, "en_GB")


# --- acting


@pytest.fixture
def invoiced(world: PortfolioWorld) -> PortfolioWorld:
    world.account()
    world.invoice("I-1")
    return world


def fields_of(html: str) -> dict[str, str]:
    """The form's fields as a browser would send them, without what a person fills in or ticks."""
    form = html[html.index('<form class="act"') :]
    form = form[: form.index("</form>")]
    sent = {}
    for tag in re.findall(r"<input [^>]*>", form):
        kind = re.search(r'type="(\w+)"', tag)
        if kind is None or kind[1] not in ("radio", "checkbox"):
            name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
            assert name
            sent[name[1]] = unescape(value[1]) if value else ""
    return sent


async def test_a_promise_is_recorded_once_however_often_its_form_is_sent(as_role: As, invoiced: PortfolioWorld) -> None:
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        form = fields_of(await page(client, "/act/make_promise?invoice_id=I-1&back=/invoices/I-1"))
        assert form["amount"] == "250.00"
        for _ in range(2):
            answer = await client.post("/act/make_promise", data={**form, "by": "2013-03-10"})
            assert (answer.status_code, answer.headers["location"]) == (303, "/invoices/I-1?acted=make_promise")
        assert "The promise is recorded." in words(await page(client, answer.headers["location"]))
    [command] = invoiced.cases.acts
    assert isinstance(command, MakePromise)
    assert (command.amount, command.actor) == (25_000, "collector-1")


async def test_whoever_reads_german_writes_and_is_answered_in_german(as_role: As, invoiced: PortfolioWorld) -> None:
    IdentityStore(invoiced.database).add_user("collector-1", Role.COLLECTOR, language="de")
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        html = await page(client, "/act/make_promise?invoice_id=I-1")
        assert "Zahlungszusage festhalten" in html
        form = fields_of(html)
        assert form["amount"] == "250,00"
        refused = await client.post("/act/make_promise", data={**form, "amount": "12.50", "by": "2013-03-10"})
        assert refused.status_code == 422
        assert "Schreiben Sie es wie in 1.234,56" in words(refused.text)
        refused = await client.post("/act/make_promise", data={**form, "amount": "250,01", "by": "2013-03-10"})
        assert "Nichts ist geschehen: der zugesagte Betrag ist höher als der offene" in words(refused.text)
        refused = await client.post("/act/make_promise", data={**form, "amount": "12,50", "by": ""})
        assert "das fehlt noch" in words(refused.text)
        done = await client.post("/act/make_promise", data={**form, "amount": "12,50", "by": "2013-03-10"})
        assert done.headers["location"] == "/?acted=make_promise"
        assert "Die Zusage ist festgehalten." in words(await page(client, done.headers["location"]))
    *_, command = invoiced.cases.acts
    assert isinstance(command, MakePromise)
    assert command.amount == 1_250


async def test_what_is_wrong_stands_beside_its_field_and_nothing_typed_is_lost(as_role: As, invoiced: PortfolioWorld) -> None:
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        form = fields_of(await page(client, "/act/pause_invoice?invoice_id=I-1&back=/invoices/I-1"))
        answer = await client.post("/act/pause_invoice", data={**form, "reason": "", "until": "2013-03-20"})
        assert answer.status_code == 422
        assert 'id="f-pause_invoice-reason-fault"' in answer.text
        again = fields_of(answer.text)
        assert (again["until"], again["form_key"], again["back"]) == ("2013-03-20", form["form_key"], "/invoices/I-1")
        assert invoiced.cases.acts == []
        assert (await client.post("/act/pause_invoice", data={**again, "reason": "Ware wird geprüft"})).status_code == 303
    assert isinstance(invoiced.cases.acts[0], PauseCollection)


async def test_what_the_case_refuses_is_said_and_what_waits_for_a_worker_too(as_role: As, invoiced: PortfolioWorld) -> None:
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        form = fields_of(await page(client, "/act/make_promise?invoice_id=I-1"))
        refused = await client.post("/act/make_promise", data={**form, "amount": "250.01", "by": "2013-03-10"})
        assert refused.status_code == 409
        assert "Nothing was done: the promised amount is more than the open balance" in words(refused.text)
        invoiced.cases.answers = False
        queued = await client.post("/act/make_promise", data={**form, "by": "2013-03-10"})
        assert queued.headers["location"] == "/?acted=make_promise&queued=yes"
        assert "a worker is about to do it" in words(await page(client, queued.headers["location"]))


async def test_a_call_is_logged_with_its_promise_and_its_dispute(as_role: As, invoiced: PortfolioWorld) -> None:
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        html = await page(client, "/act/log_account_call?account_id=A-1&back=/accounts/A-1")
        assert "N-I-1, €250.00, 10 Feb 2013" in words(html)
        said = {"outcome": "reached", "contact": "Frau Berg", "promises.0.by": "2013-03-10", "note": "Zahllauf am Freitag"}
        answer = await client.post("/act/log_account_call", data={**fields_of(html), **said})
        assert answer.headers["location"] == "/accounts/A-1?acted=log_account_call", answer.text
    assert {type(command) for command in invoiced.cases.acts} == {LogCall, MakePromise}


async def test_what_a_call_seldom_needs_is_folded_away_until_it_is_filled_in(as_role: As, invoiced: PortfolioWorld) -> None:
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        html = await page(client, "/act/log_account_call?account_id=A-1&back=/accounts/A-1")
        assert list_folds(html) == {"A promise to pay": False, "A dispute": False}
        assert re.search(r'<input [^>]*name="disputes.0.comment"[^>]* data-names-people', html)
        assert html.index('name="outcome"') < html.index('name="note"') < html.index('name="promises.0.by"')
        sent = {**fields_of(html), "outcome": "reached", "promises.0.amount": "10.00"}
        refused = await client.post("/act/log_account_call", data=sent)
        assert refused.status_code == 422
        assert list_folds(refused.text) == {"A promise to pay": True, "A dispute": False}, "a fault is not folded away"
        assert 'id="f-log_account_call-promises.0.by-fault"' in refused.text
        assert fields_of(refused.text)["promises.0.amount"] == "10.00"
    assert invoiced.cases.acts == []


async def test_a_dispute_is_offered_the_day_by_which_its_department_must_have_answered(as_role: As, invoiced: PortfolioWorld) -> None:
    dispute = {"disputes.0.invoice_id": "I-1", "disputes.0.amount": "10.00", "disputes.0.reason": "tax"}
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        form = fields_of(await page(client, "/act/log_account_call?account_id=A-1&back=/accounts/A-1"))
        assert form["disputes.0.look_again_on"] == "2013-03-15", "the longest deadline of the policy, of fourteen days"
        sent = {**form, "outcome": "reached", **dispute}
        refused = await client.post("/act/log_account_call", data={**sent, "disputes.0.look_again_on": ""})
        assert "name a day on which to see whether the dispute has its answer" in words(refused.text)
        assert 'id="f-log_account_call-disputes.0.look_again_on-fault"' in refused.text
        assert (await client.post("/act/log_account_call", data=sent)).status_code == 303
    assert {type(command) for command in invoiced.cases.acts} == {LogCall, RaiseDispute}


async def test_what_an_invoice_refuses_of_a_call_is_told(as_role: As, invoiced: PortfolioWorld) -> None:
    """It was examined before, and has changed since."""
    IdentityStore(invoiced.database).add_user("collector-1", Role.COLLECTOR, language="de")
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        form = fields_of(await page(client, "/act/log_account_call?account_id=A-1&back=/accounts/A-1"))
        del invoiced.cases.cases["I-1"]
        answer = await client.post("/act/log_account_call", data={**form, "outcome": "reached"})
    assert answer.status_code == 200
    assert "die Rechnung wurde in diesem Augenblick ausgeglichen" in words(answer.text)


def list_folds(html: str) -> dict[str, bool]:
    """What is folded away, by what it is called, and whether it is open."""
    return {unescape(name): bool(is_open) for is_open, name in re.findall(r'<details class="part"( open)?><summary>(.*?)</summary>', html)}


async def test_an_approval_is_decided_on_its_page_on_the_facts_that_it_shows(as_role: As, world: PortfolioWorld) -> None:
    world.account()
    case = store_approval(world, {"EUR": 10_000})
    address = f"/approvals/{case.journal.case_id}".replace(":", "%3A")
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        form = fields_of(await page(manager, address))
        answer = await manager.post("/act/decide_approval", data={**form, "decision": "approve", "comment": "@nobody-there look"})
        case_id = quote(case.journal.case_id, safe="")
        assert answer.headers["location"] == f"/approvals?acted=decide_approval&decided={case_id}&decision=approve&unknown=nobody-there"
        assert "There is no user nobody-there" in await page(manager, answer.headers["location"])
    [command] = world.cases.acts
    assert isinstance(command, DecideApproval)
    assert str(command.facts_version) == form["facts_version"]
    async with as_role(Role.COLLECTOR, Accept="text/html") as collector:
        assert '<form class="act"' not in await page(collector, address)


async def test_pages_offer_what_the_readers_role_may_do(as_role: As, invoiced: PortfolioWorld) -> None:
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        account, invoice = await page(client, "/accounts/A-1"), await page(client, "/invoices/I-1")
        assert "/act/log_account_call?account_id=A-1" in account
        assert "/act/stop_letters" not in account
        assert "/act/pause_invoice?invoice_id=I-1&amp;back=%2Finvoices%2FI-1" in invoice
        assert "/act/cancel_invoice" not in invoice
    async with as_role(Role.AUDITOR, Accept="text/html") as client:
        for address in ("/accounts/A-1", "/invoices/I-1"):
            assert "/act/" not in await page(client, address)


async def test_who_may_not_act_is_told_so_and_an_unknown_form_is_not_found(as_role: As, invoiced: PortfolioWorld) -> None:
    async with as_role(Role.AUDITOR, Accept="text/html") as client:
        for send in (client.get, client.post):
            assert (await send("/act/make_promise")).status_code == 403
        assert (await client.get("/act/rob_the_bank")).status_code == 404
    async with as_role(None, Accept="text/html") as client:
        assert (await client.post("/act/make_promise")).headers["location"] == "/sign-in"


# --- other people's pages


async def test_a_form_that_does_not_know_this_session_is_shown_again_and_sends_nothing(as_role: As, invoiced: PortfolioWorld) -> None:
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        form = fields_of(await page(client, "/act/make_promise?invoice_id=I-1"))
        answer = await client.post("/act/make_promise", data={**form, "form_token": "guessed", "by": "2013-03-10"})
        assert answer.status_code == 403
        assert "send it again" in words(answer.text)
        assert invoiced.cases.acts == []
        assert (await client.post("/act/make_promise", data={**fields_of(answer.text), "by": "2013-03-10"})).status_code == 303


async def test_a_key_of_any_signs_is_one_under_which_it_is_done_once(as_role: As, invoiced: PortfolioWorld) -> None:
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        form = fields_of(await page(client, "/act/make_promise?invoice_id=I-1")) | {"by": "2013-03-10", "form_key": "Schlüssel 1"}
        assert [(await client.post("/act/make_promise", data=form)).status_code for _ in range(2)] == [303, 303]
    assert len(invoiced.cases.acts) == 1


async def test_another_sites_form_changes_nothing(as_role: As, invoiced: PortfolioWorld) -> None:
    token = IdentityStore(invoiced.database).issue_token("mia", Role.COLLECTOR)
    async with as_role(None, Accept="text/html", Cookie=f"{SESSION_COOKIE}={token}") as client:
        form = fields_of(await page(client, "/act/make_promise?invoice_id=I-1"))
        foreign = await client.post("/act/make_promise", data={**form, "by": "2013-03-10"}, headers={"Origin": "https://evil.example"})
        assert foreign.status_code == 403
        own = await client.post("/act/make_promise", data={**form, "by": "2013-03-10"}, headers={"Origin": "http://duecourse.test"})
        assert own.status_code == 303
    assert len(invoiced.cases.acts) == 1


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\r\nSet-Cookie: a=b"]
)
async def test_a_form_leads_nowhere_else(as_role: As, invoiced: PortfolioWorld, back: str) -> None:
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        form = fields_of(await page(client, "/act/resume_invoice?invoice_id=I-1")) | {"back": back}
        answer = await client.post("/act/resume_invoice", data=form)
    assert answer.headers.get("location", "/").startswith("/?acted=") or answer.status_code == 409
    assert "evil" not in answer.text.replace(back, "")
    assert 'href="javascript' not in answer.text


async def test_whatever_is_sent_is_escaped(as_role: As, invoiced: PortfolioWorld) -> None:
    nasty = "<script>alert(1)</script>"
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        answer = await client.get("/act/pause_invoice", params={"invoice_id": nasty, "reason": nasty, "back": f"/{nasty}"})
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text


async def test_a_payment_that_was_booked_before_is_refused_by_its_form_until_it_is_said_to_be_another(
    as_role: As, invoiced: PortfolioWorld
) -> None:
    payment = {"amount": "10.00", "received_on": "2013-03-01", "reference": "bank 4711"}

    async def send(client: Client, **more: str) -> Response:
        form = fields_of(await page(client, "/act/record_payment?invoice_id=I-1"))
        return await client.post("/act/record_payment", data={**form, **payment, **more})

    async with as_role(Role.BILLING_OPS, Accept="text/html") as client:
        assert (await send(client)).status_code == 303
        refused = await send(client)
        assert refused.status_code == 409
        assert "nothing was booked" in words(refused.text)
        assert (await send(client, another="yes")).status_code == 303


async def test_a_manager_lets_held_letters_go_and_stops_letters_from_the_preview(as_role: As, invoiced: PortfolioWorld) -> None:
    at = moment_on(TODAY)
    with invoiced.database.writing() as session:
        hold_accounts(session, ["A-1"], BrakeContext("import-1", "admin", at.business, at.real))
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        html = await page(manager, "/preview")
        form = fields_of(await page(manager, find_link(html, "/act/release_accounts")))
        assert (await manager.post("/act/release_accounts", data=form)).headers["location"] == "/preview?acted=release_accounts"
        html = await page(manager, "/preview")
        assert "/act/release_accounts" not in html
        form = fields_of(await page(manager, find_link(html, "/act/stop_letters")))
        answer = await manager.post("/act/stop_letters", data={**form, "reason": "the bank account is wrong"})
        assert answer.headers["location"] == "/preview?acted=stop_letters", answer.text
        assert "the bank account is wrong" in await page(manager, "/preview")


def find_link(html: str, begins: str) -> str:
    return unescape(html[html.index(f'href="{begins}') + 6 :].partition('"')[0])
