"""Every page of the console speaks its reader's language, and nothing in it is English that is not so in that language too."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from html import unescape
from pathlib import Path

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
from api.audit_port import UnavailableAuditPort
from api.console.acts.wording import ACT_WORDING
from api.console.page_words import put_inside_sentence
from api.console.verbatim import VERBATIM_REASONS
from api.presenters.phrases import load_phrases
from domain.audit.replay_report import CaseReplay, EntryFinding, EntryVerdict, ReplayReport
from domain.billing.billing_events import InvoiceStatus
from domain.case.case_view import TaskKind
from domain.identifiers import approval_case_id, policy_adoption_case_id
from domain.invoice.command_rules import apply_command
from domain.invoice.commands import MakePromise, PauseCollection
from domain.journal.entry import FactValue
from domain.policy.approval_type import ApprovalType
from domain.roles import Role
from tests.api.account_cases import create_credit_review, create_proposed_plan, create_suspension, create_write_off
from tests.api.portfolio_world import REAL_NOW, TODAY, PortfolioWorld, moment_on
from tests.api.stored_approvals import store_approval
from tests.api.test_invoice_disputes import raise_dispute
from tests.console.connected_erp import ERP_ID, connect_erp
from tests.console.page_examples import (
    PageExample,
    begin_works,
    build_example,
    list_bare_examples,
    list_examples,
    list_routes_without_example,
    wait_for_works,
)
from tests.console.staged_file import stage_file, try_out
from tests.console.test_pages import MAIL
from tests.form_tokens import find_form_token

TEMPLATES = sorted((PROJECT / "api" / "console" / "templates").glob("*.html"))
LABELS = "title|aria-label|placeholder|alt"
VERBATIM_ELEMENT = re.compile(r'<(\w+)\b[^>]*\sdata-verbatim="([^"]*)"[^>]*>.*?</\1>', re.DOTALL)
"""What is shown in other words than the reader's, and why: one of `VERBATIM_REASONS`."""

NO_WORDS_OF_OURS = frozenset({"Duecourse", "UTC", "Message", "ID", "PDF", "JSON"})
"""What is called so in every language."""

COLON = re.compile(r"(?:\}\}(?:</\w+>)?|%\}):(?= ?<| [{<])")
"""One of a template's own: French has a space before it, and `parts.colon` is each language's."""

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
PAGES = (
    "/?q=nothing",
    "/?stage=paid",
    "/accounts?q=nothing",
    "/accounts?column=country&column=language&column=unapplied&said=view_saved",
    "/invoices?q=nothing&said=no_name",
    "/lists/accounts/reassignment?q=A-1",
    "/invoices?status=any&sort=-open&column=collector&column=total&column=next",
    "/accounts/A-2",
    "/accounts/A-3",
    "/accounts/A-1?share=notes",
    "/invoices/I-1?depth=all",
    "/invoices/I-2",
    "/invoices/I-3",
    "/invoices/I-4",
    "/invoices/P-1",
    "/cases/suspension:A-1",
    "/cases/write_off:A-1",
    "/preview?account=A-4",
    "/act/take_back_letter?account_id=A-4&last_day=2013-03-01",
    "/accounts/A-4/plan",
    "/accounts/A-3/plan",
    "/accounts/A-3/write",
    "/settings?said=preferences_saved",
    "/accounts/none",
    "/invoices/none",
    "/?overdue=many",
    "/cases?kind=call&person=maria",
    "/policies/none",
    "/cases?kind=approval&role=collections_manager",
    "/cases?kind=dispute&department=sales_ops&column=opened&column=collector&column=opened_by&column=invoice&sort=-due",
    "/cases?status=any&sort=account",
    "/correspondence?first_day=2013-01-01&state=sent&column=template&column=channel&column=language&column=state",
    "/act/answer_escalation?invoice_id=I-1&escalation=escalation:call:x",
    f"/approval-decisions?approval={approval_case_id(policy_adoption_case_id('standard'), 1)}",
)
"""What pages say besides, of other things that are there, and of what is not."""

THINGS = {
    "account_id": "A-1",
    "invoice_id": "I-1",
    "dispute_id": "dispute:I-1:1",
    "plan_id": "plan:A-1:1",
    "review_id": "credit_review:A-1",
    "letter_id": "1",
    "contact_id": "1",
    "name": "standard",
    "connection_id": ERP_ID,
    "secret": "api_key",
}
"""Of which the examples of pages tell."""

NOTHING_THERE = (
    "/import/none",
    "/imports/none",
    "/audit/accounts/none",
    "/users/none",
    "/sign-in?code=x",
    "/act/deactivate_user?user_name=x",
)


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
    store_policy_approval(world)
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


def store_policy_approval(world: PortfolioWorld) -> None:
    """An approval that is about no customer."""
    details: dict[str, FactValue] = {"policy": "standard", "policy_version": 7, "invoices_affected": 12}
    store_approval(world, {"EUR": 0}, "", matter=ApprovalType.POLICY_CHANGE, details=details, subject=policy_adoption_case_id("standard"))


class FoundDifference(UnavailableAuditPort):
    """Every replay differs in one entry."""

    async def replay(self, account_id: str, progress: Callable[[int, int], None] | None = None) -> ReplayReport:
        finding = EntryFinding(case_id="invoice:I-1", seq=2, verdict=EntryVerdict.CHANGED, kind="step.taken", why="its actor differs")
        case = CaseReplay(case_id="invoice:I-1", kind="invoice", counts={EntryVerdict.CHANGED: 1}, findings=[finding])
        return ReplayReport(account_id=account_id, replayed_at=REAL_NOW, cases=[case])


@dataclass
class PageReaders:
    """Those of each language, in every role; what each page of an application says to them."""

    app: FastAPI
    identity: IdentityStore

    async def read(self, language: str, pages: Iterable[PageExample]) -> dict[str, str]:
        shown: dict[str, str] = {}
        async with AsyncExitStack() as stack:
            clients: dict[Role | None, httpx.AsyncClient] = {}
            for path, role, status in pages:
                if role not in clients:
                    clients[role] = await stack.enter_async_context(self.open(language, role))
                shown[path] = await read(clients[role], path, language, status)
        return shown

    def open(self, language: str, role: Role | None) -> httpx.AsyncClient:
        """A stranger's browser asks for the language; whoever is signed in has it among their settings."""
        if role is None:
            return open_as(self.app, f"{language}-CH, ja;q=0.5", None)
        name = name_reader(language, role)
        self.identity.add_user(name, role, language=language)
        return open_as(self.app, "ja", self.identity.issue_token(name, role))


def name_reader(language: str, role: Role) -> str:
    return f"{role.value.replace('_', '-')}-{language}"


def name_more(paths: Iterable[str]) -> list[PageExample]:
    """Pages that may answer with a refusal."""
    return [build_example(path)._replace(status=0) for path in paths]


async def read(client: httpx.AsyncClient, path: str, language: str, status: int = 0) -> str:
    """`status`: with which it must answer; 0 for any but a fault of ours."""
    answer = await client.get(path)
    assert answer.status_code == status or (not status and answer.status_code < 500), (path, answer.text)
    assert f'<html lang="{language}">' in answer.text, path
    assert NAMELESS.findall(answer.text) == [], path
    return " ".join(visible_words(answer.text))


async def bring_in_invoices(administrator: httpx.AsyncClient) -> str:
    """The id of an import, of which one row could not be read."""
    staged = await stage_file(administrator)
    token = find_form_token(await try_out(administrator, staged))
    await administrator.post(f"{staged}/run", data={"form_token": token})
    return (await administrator.get(staged)).headers["location"].rpartition("/")[2]


def visible_words(html: str) -> Iterator[str]:
    """What stands on a page or names what does, but for letters, and what is said to be in other words for one of a few reasons."""
    assert {why for _, why in VERBATIM_ELEMENT.findall(html)} <= VERBATIM_REASONS.keys()
    body = re.sub(r'<iframe\b.*?</iframe>|srcdoc="[^"]*"', " ", VERBATIM_ELEMENT.sub(" ", html), flags=re.DOTALL)
    yield from (unescape(label) for label in re.findall(rf'\s(?:{LABELS})="([^"]*)"', body))
    yield " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


NAMELESS = re.compile(
    r'aria-label="(?:[^"]*–)?\s*"|<label\b[^>]*>(?:(?!</label>).)*–\s*(?:</span>)?\s*</label>|<a\b(?![^>]*aria-label)[^>]*>\s*</a>',
    re.DOTALL,
)
"""A link without words, and a label that says nothing, or of nothing."""


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


def test_every_page_has_an_example_that_tests_and_pictures_look_at(application: FastAPI) -> None:
    assert list_routes_without_example(application) == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_no_page_has_words_of_another_language_or_of_the_code(
    app: FastAPI, world: PortfolioWorld, inbox: Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for_works(monkeypatch)
    openid = OpenIdProvider(OpenIdConfig("https://login.lindenhof.example", "duecourse", None, {}))
    app.state.parts = replace(app.state.parts, openid=openid, audits=FoundDifference())
    readers = PageReaders(app, IdentityStore(world.database))
    empty = {each: await readers.read(each, [*list_bare_examples(app), *name_more(NOTHING_THERE)]) for each in LANGUAGES}
    approval = fill_books(world)
    connect_erp(world.database, tmp_path)
    async with readers.open("en", Role.COLLECTIONS_MANAGER) as manager:
        for body in ({"scope": "all", "reason": "Umzug"}, {"scope": "account", "target": "A-1", "reason": "Verkauf"}):
            assert (await manager.post("/v1/letter-stops", json=body)).status_code == 201
    facts = THINGS | {"approval_id": approval, "mail_id": inbox.store(MAIL)}
    shown: dict[str, dict[str, str]] = {}
    for language in LANGUAGES:
        name = name_reader(language, Role.ADMIN)
        async with readers.open(language, Role.ADMIN) as administrator:
            facts |= await begin_works(administrator, "A-1", "I-1") | {"user_name": name}
            if "import_id" not in facts:
                facts["import_id"] = await bring_in_invoices(administrator)
        facts["password_code"] = PasswordStore(world.database).make_link_code(name, ChangeAuthor("admin", IdentityChannel.CONSOLE))
        shown[language] = await readers.read(language, [*list_examples(app, facts), *name_more(PAGES)])
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


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_a_colon_after_words_is_the_languages_own(template: Path) -> None:
    assert [line for line in template.read_text(encoding="utf-8").splitlines() if COLON.search(line)] == []


def test_a_label_inside_a_sentence_keeps_its_nouns() -> None:
    assert put_inside_sentence("Den Kunden anrufen") == "den Kunden anrufen"
    assert put_inside_sentence("") == ""
