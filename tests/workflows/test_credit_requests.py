"""A credit note or a cancellation that somebody asks for by hand goes through the matrix, over HTTP and through the real workflows."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from adapters.billing.results import PaymentResult
from adapters.ledger.ledger import Ledger
from adapters.mail.local_inbox import InboxMessage
from adapters.policies.matrix_store import build_matrix_row
from adapters.shipped_files import PROJECT
from domain.journal.entry_kinds import EntryKind
from domain.policy.approval_matrix import MatrixSnapshot
from domain.policy.dispute_rules import DisputeResolution
from domain.policy.matrix_parsing import parse_matrix
from domain.roles import Role
from tests.workflows.account_commands import AccountCommands
from tests.workflows.collection_environment import DAY, CollectionEnvironment
from tests.workflows.people import People
from tests.workflows.test_worker_crash import WorkerDies, worker_dies_once_after_writing

MANAGER, BILLING = Role.COLLECTIONS_MANAGER, Role.BILLING_OPS
MATRIX = PROJECT / "policies" / "approvals.yaml"
CREDIT = {"amount": "25.00", "currency": "EUR", "reason": "two items were missing"}


class CreditDesk:
    """Bea of billing asks, and Anna, a manager, decides."""

    def __init__(self, environment: CollectionEnvironment, cases: AccountCommands, people: People) -> None:
        self.environment, self.cases, self.people = environment, cases, people
        self.billing = environment.play.parts.billing

    async def begin(self) -> None:
        self.people.now = await self.environment.play.environment.get_current_time()
        self.bea, self.anna = await self.people("bea", BILLING), await self.people("anna", MANAGER)

    async def ask(self, invoice: str, by: httpx.AsyncClient | None = None, key: str | None = None, **changes: str) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return await (by or self.bea).post(f"/v1/invoices/{invoice}/credit-notes", json=CREDIT | changes, headers=headers)

    async def cancel(self, invoice: str) -> httpx.Response:
        return await self.bea.post(f"/v1/invoices/{invoice}/cancellation", json={"reason": "issued twice"})

    async def read(self, approval: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self.anna.get(f"/v1/approvals/{approval}")).json()
        return found

    async def decide(
        self, approval: str, by: httpx.AsyncClient | None = None, decision: str = "approve", version: int | None = None
    ) -> httpx.Response:
        body = {"decision": decision, "comment": "seen"} | ({} if version is None else {"facts_version": version})
        return await (by or self.anna).post(f"/v1/approvals/{approval}/decision", json=body)

    async def wait_for_end(self, invoice: str, times: int = 1) -> dict[str, Any]:
        """The facts of the last of the entries that ended a request, once another may be begun."""
        case_id = f"credit_request:{invoice}"
        await self.cases.wait_for_entries(case_id, "credit_request.ended", times)
        with self.environment.play.environment.auto_time_skipping_disabled():
            await self.environment.play.client.get_workflow_handle(case_id).result()
        return self.cases.entry_facts(case_id, "credit_request.ended")[-1]

    async def wait_for_mail(self, recipient: str, subject: str) -> InboxMessage:
        """The only one."""
        await self.environment.wait_until(lambda: self.environment.mails(recipient, subject))
        [mail] = self.environment.mails(recipient, subject)
        return mail

    def open_balance(self, invoice: str) -> int:
        return self.billing.get_invoice_facts(invoice).open_balance


@pytest.fixture
def desk(environment: CollectionEnvironment, cases: AccountCommands, people: People) -> CreditDesk:
    return CreditDesk(environment, cases, people)


async def test_a_credit_note_is_booked_once_a_manager_agrees_and_letters_ask_for_the_rest(
    environment: CollectionEnvironment, cases: AccountCommands, people: People, desk: CreditDesk
) -> None:
    """A manager may ask too, and does not decide it, nor does anybody for whom she may act; the same act twice asks once."""
    invoice, monday = await environment.open_reminded_invoice()
    await desk.begin()
    people.identity.add_user("olga", MANAGER, email="olga-credit@ours.test")
    olga, mara = await people("olga", MANAGER), await people("mara", MANAGER)
    asked = await desk.ask(invoice, olga, "k")
    assert (asked.status_code, asked.json()["recorded"], asked.json()["open_balance"]["amount"]) == (202, "queued for approval", "100.00")
    assert (await desk.ask(invoice, olga, "k")).json() == asked.json()
    approval = await cases.wait_for_approval(f"credit_request:{invoice}")
    assert asked.json()["approval_id"] == approval
    shown = await desk.read(approval)
    assert (shown["matter"], shown["reduction"], shown["requester"]) == ("credit_note", "credit_note", "olga")
    assert (shown["amount"]["amount"], shown["reason"], shown["facts_version"]) == ("25.00", "two items were missing", 1)
    assert [(each["id"], each["amount"]["amount"], each["open_balance"]["amount"]) for each in shown["invoices"]] == [
        (invoice, "25.00", "100.00")
    ]
    second = await desk.ask(invoice, reason="the price")
    assert (second.status_code, second.json()["detail"]) == (
        409,
        f"olga has asked already to reduce invoice {invoice}; wait until that is decided",
    )
    day = (await environment.today()).isoformat()
    given = {"to_user": "olga", "first_day": day, "last_day": day}
    assert (await mara.post("/v1/delegations", json=given)).status_code == 200
    for client in (olga, mara):
        assert (await desk.decide(approval, client)).status_code == 409
    assert desk.open_balance(invoice) == 10_000

    assert (await desk.decide(approval, version=1)).status_code == 200
    ended = await desk.wait_for_end(invoice)
    assert (ended["ending"], ended["decided_by"], ended["amount"]) == ("booked", "anna", 2_500)
    assert desk.open_balance(invoice) == 7_500
    await environment.sync_until_entry(invoice, "credit_note.issued")
    [booked] = environment.entry_facts(invoice, "credit_note.issued")
    assert booked["amount"] == 2_500
    await environment.play.run_mornings(monday + 3 * DAY, monday + 9 * DAY)
    letter = environment.sent_letters(environment.account_and_currency(invoice)[0])[-1]
    assert (letter.letter, letter.asked_for) == ("second_reminder", 7_500)
    assert cases.entry_kinds(f"credit_request:{invoice}") == ["credit_request.asked", "credit_request.ended"]
    await desk.wait_for_mail("olga-credit@ours.test", "Approved: credit note of €25.00")


async def test_what_is_rejected_books_nothing_and_may_be_asked_for_again(
    environment: CollectionEnvironment, cases: AccountCommands, people: People, desk: CreditDesk
) -> None:
    """Two who ask at once are one who asked and one who was too late."""
    invoice, _ = await environment.open_reminded_invoice()
    await desk.begin()
    people.identity.add_user("bea", BILLING, email="bea-credit@ours.test")
    answers = await asyncio.gather(desk.ask(invoice), desk.ask(invoice, await people("ben", BILLING)))
    assert sorted(answer.status_code for answer in answers) == [202, 409]
    approval = await cases.wait_for_approval(f"credit_request:{invoice}")
    assert (await desk.decide(approval, decision="reject")).status_code == 200
    assert (await desk.wait_for_end(invoice))["ending"] == "rejected"
    again = await desk.ask(invoice, amount="30.00")
    assert (again.status_code, again.json()["approval_id"]) == (202, f"approval:credit_request:{invoice}:2")
    approval = await cases.wait_for_approval(f"credit_request:{invoice}", 2)
    assert (await desk.decide(approval, decision="return")).status_code == 200
    ended = await desk.wait_for_end(invoice, 2)
    assert (ended["ending"], ended["decided_by"], ended["amount"]) == ("returned", "anna", 3_000)
    assert desk.open_balance(invoice) == 10_000
    await desk.wait_for_mail("bea-credit@ours.test", "Returned for changes: credit note of €30.00")
    too_much = await desk.ask(invoice, amount="100.01")
    assert (too_much.status_code, too_much.json()["type"]) == (409, "urn:duecourse:problem:refused")
    assert f"EUR 100.01 is more than the EUR 100.00 that invoice {invoice} still owes" in too_much.json()["detail"]
    assert (await desk.ask(invoice, amount="1.00", currency="USD")).status_code == 422


async def test_a_payment_while_it_waits_revises_it_and_one_that_leaves_less_ends_it(
    environment: CollectionEnvironment, cases: AccountCommands, people: People, desk: CreditDesk
) -> None:
    invoice, _ = await environment.open_reminded_invoice()
    await desk.begin()
    people.identity.add_user("bea", BILLING, email="bea-paid@ours.test")
    await desk.ask(invoice)
    approval = await cases.wait_for_approval(f"credit_request:{invoice}")
    now = await environment.play.now()
    account, _ = environment.account_and_currency(invoice)
    desk.billing.record_payment("P-EARLY", account, "EUR", 4_000, now.date(), invoice_id=invoice, at=now)
    early = await desk.decide(approval, version=1)
    assert (early.status_code, early.json()["type"]) == (409, "urn:duecourse:problem:facts-changed")
    assert "EUR 60.00 open" in early.json()["detail"]
    assert "EUR 100.00 open" in early.json()["detail"]
    await environment.play.sync()
    await environment.wait_until(lambda: cases.row(approval).summary["facts_version"] == 2)
    late = await desk.decide(approval, version=1)
    assert (late.status_code, late.json()["facts_version"]) == (409, 2)
    assert late.json()["changes"][0]["after"].startswith("EUR 25.00 of EUR 60.00 open")
    await environment.pay(invoice, 4_000)
    ended = await desk.wait_for_end(invoice)
    assert (ended["ending"], ended["reason"], desk.open_balance(invoice)) == ("lapsed", "amount_shrank", 2_000)
    mail = await desk.wait_for_mail("bea-paid@ours.test", "Lapsed: credit note of €25.00")
    assert "lapsed (less is owed than was to be credited)" in mail.text
    assert (await desk.decide(approval)).status_code == 409

    await desk.ask(invoice, amount="20.00")
    await cases.wait_for_approval(f"credit_request:{invoice}", 2)
    await environment.pay(invoice, 2_000)
    ended = await desk.wait_for_end(invoice, 2)
    assert (ended["ending"], ended["reason"]) == ("lapsed", "settled")


async def test_a_cancellation_says_what_becomes_of_what_was_paid_and_makes_it_credit(
    environment: CollectionEnvironment, cases: AccountCommands, desk: CreditDesk
) -> None:
    """It is asked of those who sign for its total. One that was paid already may be cancelled too."""
    invoice, _ = await environment.open_reminded_invoice()
    await desk.begin()
    await environment.pay(invoice, 3_000)
    answer = await desk.cancel(invoice)
    assert answer.status_code == 202
    approval = await cases.wait_for_approval(f"credit_request:{invoice}")
    shown = await desk.read(approval)
    assert (shown["reduction"], shown["amount"]["amount"], shown["reason"]) == ("cancellation", "100.00", "issued twice")
    assert shown["invoices"][0]["amount"] == shown["invoices"][0]["open_balance"] == {"amount": "70.00", "currency": "EUR"}
    page = (await desk.anna.get(f"/approvals/{approval}")).text
    assert "Cancellation of the invoice" in page
    assert "Of its total, €30.00 is no longer open: what was paid of it becomes unapplied credit of the customer." in page
    assert (await desk.decide(approval, version=1)).status_code == 200
    assert (await desk.wait_for_end(invoice))["ending"] == "booked"
    assert desk.billing.get_invoice_facts(invoice).status == "cancelled"
    assert desk.billing.get_unapplied_credit(environment.account_and_currency(invoice)[0]) == {"EUR": 3_000}
    await environment.play.sync()
    again = await desk.cancel(invoice)
    assert (again.status_code, again.json()["detail"]) == (409, f"invoice {invoice} is cancelled; there is nothing to reduce")

    paid, _ = await environment.open_reminded_invoice()
    await desk.begin()
    await environment.pay(paid, 10_000)
    assert (await desk.cancel(paid)).status_code == 202
    approval = await cases.wait_for_approval(f"credit_request:{paid}")
    assert (await desk.decide(approval)).status_code == 200
    assert (await desk.wait_for_end(paid))["ending"] == "booked"
    assert desk.billing.get_invoice_facts(paid).status == "cancelled"


async def test_what_is_withdrawn_is_decided_by_nobody_and_the_invoice_shows_it_no_longer(
    environment: CollectionEnvironment, cases: AccountCommands, people: People, desk: CreditDesk
) -> None:
    invoice, _ = await environment.open_reminded_invoice()
    await desk.begin()
    withdrawal = f"/v1/invoices/{invoice}/credit-request/withdrawal"
    assert (await desk.bea.post(withdrawal, json={})).status_code == 404
    await desk.ask(invoice)
    approval = await cases.wait_for_approval(f"credit_request:{invoice}")
    shown = (await desk.bea.get(f"/v1/invoices/{invoice}")).json()["reduction"]
    assert (shown["kind"], shown["amount"]["amount"], shown["requester"], shown["approval_id"]) == ("credit_note", "25.00", "bea", approval)
    assert shown["says"] == "bea asks for: credit note of €25.00. It waits for approval"
    page = (await desk.bea.get(f"/invoices/{invoice}")).text
    assert "credit of €25.00 waits for approval" in page
    assert f'href="/approvals/{approval.replace(":", "%3A")}"' in page
    refused = await (await people("ben", BILLING)).post(withdrawal, json={})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:duecourse:problem:refused")
    done = await desk.bea.post(withdrawal, json={"reason": "they were found"})
    assert (done.status_code, done.json()["recorded"]) == (200, "now")
    ended = await desk.wait_for_end(invoice)
    assert (ended["ending"], ended["act"]) == ("withdrawn", done.json()["act_id"])
    await environment.wait_until(lambda: cases.row(approval).outcome == "lapsed")
    assert (await desk.decide(approval)).status_code == 409
    assert (desk.open_balance(invoice), (await desk.bea.get(f"/v1/invoices/{invoice}")).json()["reduction"]) == (10_000, None)
    closed = await desk.bea.post(withdrawal, json={})
    assert (closed.status_code, closed.json()["type"]) == (409, "urn:duecourse:problem:closed")
    assert (await desk.ask(invoice)).status_code == 202, "it may be asked for again"


async def test_a_worker_that_dies_while_it_books_books_once(
    environment: CollectionEnvironment, cases: AccountCommands, desk: CreditDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Billing has it, but the answer is lost; and once more when the journal has the end."""
    invoice, _ = await environment.open_reminded_invoice()
    await desk.begin()
    issue, booked = Ledger.issue_credit_note, list[str]()

    def dies_once_after_booking(ledger: Ledger, credit_note_id: str, *details: Any, **more: Any) -> PaymentResult:
        result = issue(ledger, credit_note_id, *details, **more)
        booked.append(credit_note_id)
        if len(booked) == 1:
            raise WorkerDies(credit_note_id)
        return result

    monkeypatch.setattr(Ledger, "issue_credit_note", dies_once_after_booking)
    has_died = worker_dies_once_after_writing(monkeypatch, EntryKind.CREDIT_ENDED)
    await desk.ask(invoice)
    assert (await desk.decide(await cases.wait_for_approval(f"credit_request:{invoice}"))).status_code == 200
    await environment.wait_until(has_died)
    await environment.wait_until(lambda: cases.row(f"credit_request:{invoice}").outcome)
    assert booked == [f"credit_request:{invoice}:1"] * 2
    assert (cases.row(f"credit_request:{invoice}").outcome, desk.open_balance(invoice)) == ("booked", 7_500)


@pytest.fixture
def small_credits_need_nobody(environment: CollectionEnvironment) -> Iterator[None]:
    """Up to the small level, as long as the test lasts."""
    text = MATRIX.read_text(encoding="utf-8")
    rule = "  - {rule: credit_note,       act: credit_note, amount: {up_to: middle}, sign: [manager]}\n"
    assert rule in text
    small = "  - {rule: small_credit,      act: credit_note, amount: {up_to: small}, sign: []}\n"
    put_matrix_in_force(environment, text.replace(rule, small + rule.replace("{up_to", "{over: small, up_to")), version=2)
    yield
    put_matrix_in_force(environment, text, version=3)


def put_matrix_in_force(environment: CollectionEnvironment, text: str, version: int) -> None:
    matrix = parse_matrix(text.replace("version: 1\n", f"version: {version}\n"), "approvals.yaml")
    with environment.database.writing() as session:
        session.add(build_matrix_row(MatrixSnapshot.from_matrix(matrix)))


async def test_where_the_matrix_names_nobody_it_is_booked_at_once(
    environment: CollectionEnvironment, cases: AccountCommands, people: People, desk: CreditDesk, small_credits_need_nobody: None
) -> None:
    """Up to the small level; a dispute's credit note as well."""
    invoice, _ = await environment.open_reminded_invoice(total="2000.00")
    await desk.begin()
    booked = await desk.ask(invoice, key="direct")
    assert (booked.status_code, booked.json()["recorded"], booked.json()["open_balance"]["amount"]) == (201, "now", "1975.00")
    assert (await desk.ask(invoice, key="direct")).json() == booked.json()
    assert (await desk.ask(invoice, amount="1000.01")).status_code == 202
    approval = await cases.wait_for_approval(f"credit_request:{invoice}")
    assert (await desk.ask(invoice, amount="975.00")).json()["open_balance"]["amount"] == "1000.00"
    await environment.play.sync()
    assert (await desk.wait_for_end(invoice))["reason"] == "amount_shrank"
    assert cases.row(approval).outcome == "lapsed"
    parts = await desk.ask(invoice, amount="0.01")
    assert parts.status_code == 202, "with what she has credited before it is more than nobody need agree to"
    again = await cases.wait_for_approval(f"credit_request:{invoice}", 2)
    shown = await desk.read(again)
    assert (shown["amount"]["amount"], shown["credited_before"]["amount"]) == ("0.01", "1000.00")
    assert "has had €1,000.00 credited of this invoice before" in (await desk.anna.get(f"/approvals/{again}")).text
    assert (await desk.decide(again, decision="reject")).status_code == 200
    await desk.wait_for_end(invoice, 2)
    ben, cleo = await people("ben", BILLING), await people("cleo", BILLING)
    assert (await desk.ask(invoice, ben, amount="1000.00")).json()["status"] == "credited"
    await environment.play.sync()
    refused = await desk.ask(invoice, cleo, amount="1.00")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:duecourse:problem:excessive-credit")

    disputed, _ = await environment.open_reminded_invoice()
    dispute = await cases.raise_dispute(disputed, 2_500)
    await cases.resolve(dispute, DisputeResolution.CREDIT_NOTE, 2_500)
    await cases.wait_for_entries(dispute, "dispute.resolved")
    assert desk.open_balance(disputed) == 7_500
    asked = await desk.ask(disputed, await people("sven-dispute", BILLING), amount="1.00")
    assert asked.status_code == 201, "another person's"
