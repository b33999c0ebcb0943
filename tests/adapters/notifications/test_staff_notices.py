"""Messages to people of ours: whom they reach, what they say, and that one way of asking makes one message."""

import ast
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from email import message_from_bytes, policy

import pytest

from adapters.database.engine import Database
from adapters.database.tables import Account, Invoice
from adapters.i18n.languages import LANGUAGES
from adapters.i18n.wording import fill_placeholders
from adapters.identity.users_and_tokens import IdentityStore
from adapters.mail.smtp_client import DeliveryOutcome, DeliveryResult
from adapters.notifications.staff_notices import NOTICE_WORDING, NoticeDeferredError, NoticeSender, render_notice
from adapters.shipped_files import PROJECT
from domain.approval.digest import ApprovalEvent
from domain.approval.result import ApprovalResult
from domain.case.effects import NotifyPerson, NotifyRole
from domain.clock import Clock
from domain.journal.entry import FactValue
from domain.roles import Role
from tests.adapters.ledger.builders import add_account, add_invoice

CONSOLE = "http://duecourse.test"
DETAILS: dict[str, FactValue] = {
    "case": "dispute:I-1:1",
    "subject": "dispute:I-1:1",
    "account": "A-1",
    "invoice": "I-1",
    "matter": "credit_note",
    "amount": 2_500,
    "currency": "EUR",
    "requester": "ben",
    "due_on": "2013-03-04",
    "result": "approved",
    "by": "anna",
    "reason": "wrong_price",
    "deadline": "2013-03-08",
    "resolution": "credit_note",
    "reference": "bank 17",
    "until": "2013-03-18",
    "because": "offer_lapsed",
    "days": 12,
    "unreached_role": "sales",
    "unreached_person": "carl",
    "reduction": "cancellation",
    "why": "invoice I-1 is cancelled",
    "system": "erp",
}
every_language = pytest.mark.parametrize("language", LANGUAGES)
REAL_CLOCK = Clock.real_time()


class RecordingMailer:
    """A mailer that keeps what it is given."""

    def __init__(self, outcome: DeliveryOutcome = DeliveryOutcome.SENT) -> None:
        self.sent: list[tuple[str, bytes]] = []
        self.outcome = outcome

    async def send(self, message: bytes, sender: str, recipients: Sequence[str]) -> DeliveryResult:
        self.sent.append((recipients[0], message))
        return DeliveryResult(self.outcome, None, "")

    async def close(self) -> None:
        return None


def notices(database: Database, mailer: RecordingMailer, clock: Clock = REAL_CLOCK) -> NoticeSender:
    identity = IdentityStore(database)
    identity.add_user("anna", Role.COLLECTIONS_MANAGER, email="anna@ours.test")
    identity.add_user("otto", Role.COLLECTIONS_MANAGER, email="otto@ours.test", language="de")
    identity.add_user("silent", Role.COLLECTIONS_MANAGER)
    identity.add_user("gone", Role.COLLECTIONS_MANAGER, email="gone@ours.test")
    identity.deactivate_user("gone")
    identity.add_user("ben", Role.SALES_OPS, email="ben@ours.test")
    return NoticeSender(database, mailer, "duecourse@ours.test", "ours.test", f"{CONSOLE}/", clock)


# --- what the cases ask for


def asked_for() -> set[str]:
    """Every template that the domain names when it tells people something, read from its source."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in (PROJECT / "domain").rglob("*.py")]
    functions = [found for tree in trees for found in ast.walk(tree) if isinstance(found, ast.FunctionDef)]
    return {template for function in functions for template in _named_in(function, _tellers(functions))}


def _calls(function: ast.FunctionDef) -> Iterator[tuple[str, ast.Call]]:
    for found in ast.walk(function):
        if isinstance(found, ast.Call) and isinstance(found.func, ast.Name | ast.Attribute):
            yield (found.func.id if isinstance(found.func, ast.Name) else found.func.attr), found


def _tellers(functions: list[ast.FunctionDef]) -> dict[str, int]:
    """The functions that tell people what their argument `template` says, with its place among the arguments."""
    tellers = {}
    for function in functions:
        names = [argument.arg for argument in function.args.args if argument.arg != "self"]
        if "template" in names and any(name in ("NotifyRole", "NotifyPerson") for name, _ in _calls(function)):
            tellers[function.name] = names.index("template")
    return tellers


def _named_in(function: ast.FunctionDef, tellers: dict[str, int]) -> Iterator[str]:
    for name, call in _calls(function):
        if name in ("NotifyRole", "NotifyPerson"):
            said = next(keyword.value for keyword in call.keywords if keyword.arg == "template")
            yield from () if function.name in tellers else _templates(said, function)
        elif name in tellers and len(call.args) > tellers[name]:
            yield from _templates(call.args[tellers[name]], function)


def _templates(said: ast.expr, function: ast.FunctionDef) -> Iterator[str]:
    """A name stands for the words that were assigned to it; a blank in a word for every answer of an approval but yes."""
    match said:
        case ast.Constant(value=str(template)):
            yield template
        case ast.Attribute(value=ast.Name(id="ApprovalEvent"), attr=member):
            yield ApprovalEvent[member].value
        case ast.JoinedStr(values=[ast.Constant(value=str(start)), ast.FormattedValue()]):
            yield from (f"{start}{result}" for result in ApprovalResult if result is not ApprovalResult.APPROVED)
        case ast.Name(id=name):
            assigned = [each.value for each in ast.walk(function) if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == name]
            words = [each.value for value in assigned for each in ast.walk(value) if isinstance(each, ast.Constant)]
            assert words, f"{ast.unparse(said)} in {function.name} is not understood here"
            yield from (word for word in words if isinstance(word, str))
        case _:
            raise AssertionError(f"{ast.unparse(said)} in {function.name} is not understood here")


@every_language
def test_every_notice_that_a_case_asks_for_has_words(language: str) -> None:
    asked = asked_for()
    assert {"approval_asked", "write_off_lapsed", "credit_review_advises_plan", "plan_returned"} <= asked
    assert asked <= NOTICE_WORDING.load(language).notices.keys()


@every_language
def test_a_notice_has_links_and_leaves_no_gap(language: str) -> None:
    for template in NOTICE_WORDING.load(language).notices:
        rendered = render_notice(template, DETAILS, CONSOLE, language)
        assert f"{CONSOLE}/invoices/I-1" in rendered.text
        assert not set("{}[]_–") & set(rendered.subject + rendered.text.partition("\n")[0]), template


@every_language
def test_a_notice_speaks_of_the_same_facts_in_every_language(language: str) -> None:
    def facts(spoken: str) -> dict[str, set[str]]:
        marked = {name: f"§{name}" for name in DETAILS}
        words = NOTICE_WORDING.load(spoken)
        return {
            template: {
                name for name in marked if marked[name] in fill_placeholders(wording.text + wording.subject, marked).replace("–", "")
            }
            for template, wording in words.notices.items()
        }

    assert facts(language) == facts("en")
    assert NOTICE_WORDING.load(language).links.keys() == NOTICE_WORDING.load("en").links.keys()


@pytest.mark.parametrize("room", ["i18n", "notifications"])
def test_no_file_of_words_is_left_unused(room: str) -> None:
    assert sorted(path.stem for path in (PROJECT / "adapters" / room / "words").iterdir()) == sorted(LANGUAGES)


def test_money_days_and_reasons_are_said_as_the_reader_says_them() -> None:
    text = render_notice("dispute_raised", DETAILS, CONSOLE, "de").text
    assert text.startswith("Der Kunde bestreitet 25,00\xa0€ der Rechnung I-1 (falscher Preis). Bitte antworten Sie bis zum 08.03.2013.")


def test_an_approval_to_decide_leads_to_its_page_and_to_all_that_waits_for_ones_decision() -> None:
    details = DETAILS | {
        "case": "approval:suspension:A-1:2",
        "invoice": None,
        "result": None,
        "unreached_role": None,
        "unreached_person": None,
    }
    assert render_notice("approval_asked", details, CONSOLE).text.endswith(
        f"The approval: {CONSOLE}/approvals/approval%3Asuspension%3AA-1%3A2\n"
        f"All that waits for your decision: {CONSOLE}/approvals\n"
        f"The account: {CONSOLE}/accounts/A-1\n"
    )


def test_a_plans_notice_leads_to_its_account() -> None:
    rendered = render_notice("plan_returned", {"plan": "plan:A:1:3", "revision": 1, "until": "2013-03-18"}, CONSOLE)
    assert rendered.subject == "Come back to you: payment plan of account A:1"
    assert f"{CONSOLE}/accounts/A%3A1" in rendered.text


def test_what_a_customer_is_called_by_cannot_become_markup() -> None:
    assert "<b>" not in render_notice("credit_review_due", {"account": "<b>", "reason": "review_date"}, CONSOLE).html


async def test_an_invoice_and_a_customer_of_a_connected_system_are_called_as_people_know_them(database: Database) -> None:
    mailer = RecordingMailer()
    add_account(database, "@erp:1:17")
    add_invoice(database, "@erp:1:4711", account_id="@erp:1:17")
    with database.writing() as session:
        session.get_one(Account, "@erp:1:17").number = "C-17"
        session.get_one(Invoice, "@erp:1:4711").number = "2026-17"
    sender = notices(database, mailer)
    about = {"invoice": "@erp:1:4711", "account": "@erp:1:17", "amount": 100, "currency": "EUR", "days": 3, "requester": "ben"}
    await sender.send(NotifyRole(role=Role.SALES_OPS, template="escalation_raised", details=dict(about)), "k")
    text = message_from_bytes(mailer.sent[0][1], policy=policy.default).get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "look at invoice 2026-17 of account C-17" in " ".join(text.split())
    assert "/invoices/%40erp%3A1%3A4711" in text


# --- whom it reaches


async def test_a_role_is_told_person_by_person_as_far_as_their_addresses_are_known(database: Database) -> None:
    mailer = RecordingMailer()
    notice = NotifyRole(role=Role.COLLECTIONS_MANAGER, template="approval_asked", details=DETAILS)
    assert await notices(database, mailer).send(notice, "k") == ["anna", "otto"]
    assert [address for address, _ in mailer.sent] == ["anna@ours.test", "otto@ours.test"]


async def test_each_reads_in_their_own_language_and_in_english_where_none_is_known(database: Database) -> None:
    mailer = RecordingMailer()
    await notices(database, mailer).send(NotifyRole(role=Role.COLLECTIONS_MANAGER, template="suspension_returned", details=DETAILS), "k")
    english, german = (message_from_bytes(message, policy=policy.default) for _, message in mailer.sent)
    assert (english["Content-Language"], german["Content-Language"]) == ("en", "de")
    assert english["Subject"] == "Come back: suspension of account A-1"
    assert german["Subject"] == "Zurückgegeben: Sperre des Kontos A-1"


async def test_the_same_notice_again_carries_the_same_message_id(database: Database) -> None:
    mailer = RecordingMailer()
    notice_sender = notices(database, mailer)
    for _ in range(2):
        await notice_sender.send(NotifyPerson(user="ben", template="approval_ended", details=DETAILS), "k")
    ids = {next(line for line in message.splitlines() if line.startswith(b"Message-ID:")) for _, message in mailer.sent}
    assert (len(mailer.sent), len(ids)) == (2, 1)


async def test_a_message_is_dated_by_the_clock_that_is_played_as_the_letters_beside_it_are(database: Database) -> None:
    mailer, now = RecordingMailer(), datetime.now(UTC)
    played = Clock(real_anchor=now, business_anchor=datetime(2013, 3, 1, 12, tzinfo=UTC), day_seconds=86_400)
    await notices(database, mailer, played).send(NotifyPerson(user="ben", template="approval_ended", details=DETAILS), "k")
    (message,) = (message_from_bytes(content, policy=policy.default) for _, content in mailer.sent)
    assert message["Date"].datetime.date() == date(2013, 3, 1)


async def test_a_message_that_the_mail_server_refused_has_told_nobody(database: Database) -> None:
    notice = NotifyPerson(user="ben", template="approval_ended", details=DETAILS)
    assert await notices(database, RecordingMailer(DeliveryOutcome.REFUSED)).send(notice, "k") == []


async def test_a_mail_server_that_is_away_is_tried_again(database: Database) -> None:
    with pytest.raises(NoticeDeferredError):
        await notices(database, RecordingMailer(DeliveryOutcome.DEFERRED)).send(
            NotifyPerson(user="ben", template="approval_ended", details=DETAILS), "k"
        )
