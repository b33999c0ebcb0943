"""Every page of the console speaks its reader's language, and nothing in it is English that is not so in that language too."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache
from html import unescape
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI

from adapters.correspondence.letter_stop_store import BrakeContext
from adapters.correspondence.release_store import hold_accounts
from adapters.database.row_states import IdentityChannel, TaskState
from adapters.database.tables import Account, Note, Task
from adapters.i18n.languages import DEFAULT_LANGUAGE, LANGUAGES
from adapters.i18n.wording import flatten_words
from adapters.identity.identity_events import ChangeAuthor
from adapters.identity.openid_provider import OpenIdConfig, OpenIdProvider
from adapters.identity.passwords import PasswordStore
from adapters.identity.users_and_tokens import IdentityStore
from adapters.mail.local_inbox import Inbox
from adapters.policies.refusal import store_refusal
from adapters.set_aside.set_aside_store import Failure, SetAsideStore
from adapters.set_aside.stages import SetAsideStage
from adapters.shipped_files import PROJECT
from api.console.acts.wording import ACT_WORDING
from api.console.page_words import put_inside_sentence
from api.console.verbatim import VERBATIM_REASONS
from api.presenters.phrases import load_phrases
from domain.billing.billing_events import InvoiceStatus
from domain.case.case_view import TaskKind
from domain.invoice.command_rules import apply_command
from domain.invoice.commands import MakePromise, PauseCollection
from domain.roles import Role
from tests.api.account_cases import create_credit_review, create_proposed_plan, create_suspension, create_write_off
from tests.api.portfolio_world import REAL_NOW, TODAY, PortfolioWorld, moment_on
from tests.api.stored_approvals import store_approval
from tests.api.test_invoice_disputes import raise_dispute
from tests.console.test_pages import MAIL

TEMPLATES = sorted((PROJECT / "api" / "console" / "templates").glob("*.html"))
LABELS = "title|aria-label|placeholder|alt"
VERBATIM_ELEMENT = re.compile(r'<(\w+)\b[^>]*\sdata-verbatim="([^"]*)"[^>]*>.*?</\1>', re.DOTALL)
"""What is shown in other words than the reader's, and why: one of `VERBATIM_REASONS`."""

NO_WORDS_OF_OURS = frozenset({"Duecourse", "UTC", "Message", "ID", "PDF", "JSON"})
"""What is called so in every language."""

PAGE_GROUPS = frozenset(
    {
        "frame",
        "parts",
        "portfolio",
        "overview",
        "account_page",
        "case_page",
        "talk",
        "letter_page",
        "letters_page",
        "write_page",
        "picture",
        "plan_page",
        "invoice_page",
        "preview",
        "mails",
        "roles_page",
        "settings_page",
        "sign_in",
    }
)
BEFORE_ANYTHING = (
    "/",
    "/accounts",
    "/approvals",
    "/import",
    "/import/none",
    "/imports/none",
    "/inbox",
    "/overview",
    "/policies",
    "/team",
    "/letters",
    "/invoices",
    "/cases",
    "/correspondence",
    "/preview",
    "/role",
    "/roles",
    "/set-aside",
    "/connections",
    "/settings",
    "/search?q=nothing",
    "/shortcuts",
    "/today",
)
PAGES = (
    *BEFORE_ANYTHING,
    "/?q=nothing",
    "/?stage=paid",
    "/accounts?q=nothing",
    "/accounts?column=country&column=language&column=unapplied&said=view_saved",
    "/invoices?q=nothing&said=no_name",
    "/search?q=-",
    "/lists/accounts/reassignment?q=A-1",
    "/invoices?status=any&sort=-open&column=collector&column=total&column=next",
    "/accounts/A-1",
    "/accounts/A-2",
    "/accounts/A-3",
    "/accounts/A-1?share=notes",
    "/letters/1",
    "/invoices/I-1",
    "/invoices/I-1?depth=all",
    "/invoices/I-1?depth=proof",
    "/invoices/I-2",
    "/invoices/I-3",
    "/invoices/I-4",
    "/invoices/P-1",
    "/cases/dispute:I-1:1",
    "/cases/plan:A-1:1",
    "/cases/suspension:A-1",
    "/cases/credit_review:A-1",
    "/cases/write_off:A-1",
    "/act/attach_evidence?dispute_id=dispute:I-1:1",
    "/act/make_dossier?account_id=A-1",
    "/preview?account=A-4",
    "/act/make_promise?invoice_id=I-1",
    "/act/raise_dispute?invoice_id=I-1",
    "/act/log_account_call?account_id=A-1",
    "/act/propose_plan?account_id=A-1",
    "/act/take_back_letter?account_id=A-4&last_day=2013-03-01",
    "/letters?whose=all",
    "/accounts/A-1/write",
    "/accounts/A-4/plan",
    "/accounts/A-3/plan",
    "/accounts/A-3/write",
    "/settings?said=preferences_saved",
    "/act/change_contact?account_id=A-1&contact_id=1",
    "/accounts/none",
    "/invoices/none",
    "/nowhere",
    "/?overdue=many",
    "/cases?kind=call&person=maria",
    "/policies/standard",
    "/policies/none",
    "/cases?kind=approval&role=collections_manager",
    "/cases?kind=dispute&department=sales_ops&column=opened&column=collector&column=opened_by&column=invoice&sort=-due",
    "/cases?status=any&sort=account",
    "/correspondence?first_day=2013-01-01&state=sent&column=template&column=channel&column=language&column=state",
    "/cases/plan:A-1:1/terms",
    "/act/answer_escalation?invoice_id=I-1&escalation=escalation:call:x",
    "/act/change_service?account_id=A-1",
)
KEY_PAGES = (
    "/audit",
    "/audit/accounts/A-1",
    "/audit/accounts/none",
    "/users",
    "/users/none",
    "/tokens",
    "/act/add_user",
    "/connections/new",
    "/act/issue_token",
    "/act/deactivate_user?user_name=x",
)
"""Those of administrators."""


def open_as(app: FastAPI, language: str, token: str | None) -> httpx.AsyncClient:
    given = {"Authorization": f"Bearer {token}"} if token else {}
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"Accept": "text/html", "Accept-Language": language, **given}
    return httpx.AsyncClient(transport=transport, base_url="http://duecourse.test", headers=headers)


def fill_books(world: PortfolioWorld) -> str:
    """An account with everything that can be about one, one that is held, one that nobody can write to, one that is due; return the id of
    an approval."""
    world.account()
    world.account("A-2", "Hafenwerk KG")
    world.add(Account(id="A-3", name="Café Mitte", country="AT", time_zone="Europe/Vienna", language="fr", segment="small"))
    world.account("A-4", "Tischlerei Ost")
    case = world.invoice("I-1", due=TODAY - timedelta(days=9))
    assert case is not None
    world.steps(case, 2)
    apply_command(case, MakePromise(act_id="a", actor="maria", amount=25_000, by=TODAY + timedelta(days=7)), moment_on(TODAY))
    apply_command(case, PauseCollection(act_id="b", actor="maria", reason="Lager"), moment_on(TODAY))
    world.write(case)
    world.invoice("I-2", account="A-3", started=False)
    world.invoice("I-3", account="A-2", due=TODAY - timedelta(days=3))
    world.invoice("I-4", account="A-4", due=TODAY - timedelta(days=1), started=False)
    world.invoice("P-1", status=InvoiceStatus.PAID)
    world.letter("I-1", "refused", reply="554")
    world.letter("I-1", "unknown", step="second_reminder")
    world.letter("I-1", step="courtesy")
    world.task("I-1", due=TODAY - timedelta(days=2))
    for number, (kind, outcome) in enumerate(
        ((TaskKind.CALL, "reached"), (TaskKind.REFUSED_LETTER, "resend: neu"), (TaskKind.ESCALATION, "gut"))
    ):
        task = Task(key=f"closed:{number}", kind=kind, account_id="A-1", invoice_id="I-1", due_on=TODAY, state=TaskState.DONE)
        task.outcome, task.closed_by = outcome, "maria"
        world.add(task)
    world.add(Note(id="n", account_id="A-1", invoice_id="I-1", author="maria", text="", written_at=moment_on(TODAY).business))
    raise_dispute(world)
    create_suspension(world)
    create_proposed_plan(world)
    create_credit_review(world)
    create_write_off(world)
    approval = store_approval(world, {"EUR": 123_456})
    store = SetAsideStore(world.database)
    store.set_aside(
        SetAsideStage.BILLING_EVENT,
        "I-1",
        Failure(RuntimeError("the server closed the connection while it was asked"), "A-1"),
        at_least=timedelta(hours=1),
    )
    at = moment_on(TODAY)
    with world.database.writing() as session:
        hold_accounts(session, ["A-2"], BrakeContext("import-1", "nils", at.business, REAL_NOW))
        store_refusal(session, ["x.yaml:1"])
    return approval.journal.case_id


async def read_pages(app: FastAPI, world: PortfolioWorld, paths: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """What a reader of each language reads on each page; a stranger on the page to sign in."""
    identity = IdentityStore(world.database)
    shown: dict[str, dict[str, str]] = {}
    for language in LANGUAGES:
        name = f"reader-{language}"
        identity.add_user(name, Role.COLLECTIONS_MANAGER, language=language)
        pages: dict[str, str] = {}
        async with open_as(app, "ja", identity.issue_token(name, Role.COLLECTIONS_MANAGER)) as reader:
            for path in paths:
                pages[path] = await read(reader, path, language)
        identity.add_user(name, Role.ADMIN)
        async with open_as(app, "ja", identity.issue_token(name, Role.ADMIN)) as administrator:
            for path in (*KEY_PAGES, f"/users/{name}", f"/act/change_user?user_name={name}"):
                pages[path] = await read(administrator, path, language)
        async with open_as(app, f"{language}-CH, ja;q=0.5", None) as stranger:
            pages["/sign-in"] = await read(stranger, "/sign-in", language)
            pages["/oidc/callback"] = await read(stranger, "/oidc/callback", language)
            pages["/password?code=x"] = await read(stranger, "/password?code=x", language)
            code = PasswordStore(world.database).make_link_code(name, ChangeAuthor("admin", IdentityChannel.CONSOLE))
            pages["/password"] = await read(stranger, f"/password?code={code}", language)
            pages["/sign-in?code=x"] = await read(stranger, "/sign-in?code=x", language)
        shown[language] = pages
    return shown


async def read(client: httpx.AsyncClient, path: str, language: str) -> str:
    answer = await client.get(path)
    assert answer.status_code < 500, path
    assert f'<html lang="{language}">' in answer.text, path
    return " ".join(visible_words(answer.text))


def visible_words(html: str) -> Iterator[str]:
    """What stands on a page or names what does, but for letters, and what is said to be in other words for one of a few reasons."""
    assert {why for _, why in VERBATIM_ELEMENT.findall(html)} <= VERBATIM_REASONS.keys()
    body = re.sub(r'<iframe\b.*?</iframe>|srcdoc="[^"]*"', " ", VERBATIM_ELEMENT.sub(" ", html), flags=re.DOTALL)
    yield from (unescape(label) for label in re.findall(rf'\s(?:{LABELS})="([^"]*)"', body))
    yield " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def list_stretches(language: str, groups: frozenset[str] | None = None) -> set[str]:
    """The wording's sentences without their facts: what stands between those."""
    phrases = load_phrases(language).model_dump(exclude={"shared": {"locale"}})
    wording = phrases | {"acts": ACT_WORDING.load(language).model_dump()} if groups is None else {name: phrases[name] for name in groups}
    stretches = (part for sentence in flatten_words(wording).values() for part in re.split(r"\{[^}]*\}|[\[\]]", sentence))
    return {stripped for part in stretches if (stripped := part.strip(" .,:;()“”"))}


ENGLISH_WORDS = re.compile(r"(?<![\w-])(?:the|which|with|cannot|your|there|this|that|they|does|what|from|has been|is not)(?![\w-])")


def is_telling(stretch: str) -> bool:
    """Whether it is long enough to stand for a language."""
    return " " in stretch and sum(map(str.isalpha, stretch)) > 8


@cache
def list_foreign_stretches(language: str) -> list[str]:
    """What is English and, as far as the wording knows, nothing in `language`."""
    own = "\n".join(list_stretches(language))
    return [each for each in list_stretches(DEFAULT_LANGUAGE) if is_telling(each) and each not in own]


def find_english(text: str, language: str) -> list[str]:
    """The sentences of the English wording, and words that are none of another language's: whatever says them is no sentence of ours."""
    found = [each for each in list_foreign_stretches(language) if each in text]
    return [each for each in found if re.search(rf"(?<!\w){re.escape(each)}(?!\w)", text)] + ENGLISH_WORDS.findall(text)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_no_page_has_words_of_another_language_or_of_the_code(app: FastAPI, world: PortfolioWorld, inbox: Inbox) -> None:
    openid = OpenIdProvider(OpenIdConfig("https://login.lindenhof.example", "duecourse", None, {}))
    app.state.parts = replace(app.state.parts, openid=openid)
    empty = await read_pages(app, world, BEFORE_ANYTHING)
    approval = quote(fill_books(world), safe="")
    identity = IdentityStore(world.database)
    async with open_as(app, "en", identity.issue_token("leitung", Role.COLLECTIONS_MANAGER)) as manager:
        for body in ({"scope": "all", "reason": "Umzug"}, {"scope": "account", "target": "A-1", "reason": "Verkauf"}):
            assert (await manager.post("/v1/letter-stops", json=body)).status_code == 201
    mail = inbox.store(MAIL)
    shown = await read_pages(app, world, (*PAGES, f"/approvals/{approval}", f"/approval-decisions?approval={approval}", f"/inbox/{mail}"))
    for language in LANGUAGES:
        for path, text in [*empty[language].items(), *shown[language].items()]:
            assert not re.findall(r"(?<![\w@.:/-])[a-z]+(?:_[a-z]+)+\b(?!:)", text), (language, path)
            if language != DEFAULT_LANGUAGE:
                assert find_english(text, language) == [], (language, path)
    assert "erneut senden: neu" in shown["de"]["/invoices/I-1"], "what came of a task is a word of ours, with what a person added"
    english = "\n".join([*empty[DEFAULT_LANGUAGE].values(), *shown[DEFAULT_LANGUAGE].values()])
    labels = {each for each in list_stretches(DEFAULT_LANGUAGE, PAGE_GROUPS) if is_telling(each)}
    unseen = [each for each in labels if each not in english]
    assert len(unseen) < len(labels) / 2, unseen


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_no_template_has_words_of_its_own(template: Path) -> None:
    """All that a page says stands in the wording."""
    text = re.sub(r"\{#.*?#\}", " ", VERBATIM_ELEMENT.sub(" ", template.read_text(encoding="utf-8")), flags=re.DOTALL)
    assert 'lang="en"' not in text, "say why, by data-verbatim"
    literals = [literal for code in re.findall(r"\{\{.*?\}\}", text, flags=re.DOTALL) for literal in re.findall(r'"([^"]*)"', code)]
    assert [each for each in literals if re.search(r"[a-z] [a-z]", each)] == []
    without_code = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", text, flags=re.DOTALL)
    labels = " ".join(re.findall(rf'\s(?:{LABELS})="([^"]*)"', without_code))
    said = re.findall(r"[^\W\d_]{2,}", f"{re.sub('<[^>]*>', ' ', without_code)} {labels}")
    assert set(said) <= NO_WORDS_OF_OURS


def test_a_label_inside_a_sentence_keeps_its_nouns() -> None:
    assert put_inside_sentence("Den Kunden anrufen") == "den Kunden anrufen"
    assert put_inside_sentence("") == ""
