"""What is decided is what was read: an approval shows its facts, is revised in place when they change, and refuses a decision on others.

Over HTTP and through the real workflows. A suspension's warning takes one manager, whatever its amount.
"""

from typing import Any

import httpx

from domain.invoice.commands import CallOutcome, LogCall, MakePromise
from domain.policy.dispute_rules import DisputeResolution
from domain.roles import Role
from domain.write_off.commands import WriteOffDecision
from tests.workflows.account_commands import AccountCommands
from tests.workflows.collection_environment import DAY, CollectionEnvironment, InvoiceSpec
from tests.workflows.dispute_commands import next_act_id
from tests.workflows.people import People
from workflows.invoice_collection import InvoiceCollection

MANAGER, DIRECTOR = Role.COLLECTIONS_MANAGER, Role.FINANCE_DIRECTOR


async def read(client: httpx.AsyncClient, approval: str) -> dict[str, Any]:
    answer = await client.get(f"/v1/approvals/{approval}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def decide(
    client: httpx.AsyncClient, approval: str, version: int | None = None, decision: str = "approve", key: str = ""
) -> httpx.Response:
    """`key`: under which the decision may be sent again."""
    body = {"decision": decision} | ({} if version is None else {"facts_version": version}) | {"comment": "seen"}
    return await client.post(f"/v1/approvals/{approval}/decision", json=body, headers={"Idempotency-Key": key} if key else {})


async def wait_for_version(environment: CollectionEnvironment, cases: AccountCommands, approval: str, version: int) -> None:
    await environment.wait_until(lambda: cases.row(approval).summary.get("facts_version") == version)


def stated(listed: dict[str, Any]) -> dict[str, str]:
    """What an approval asks for of each invoice."""
    return {invoice["id"]: invoice["amount"]["amount"] for invoice in listed["invoices"]}


async def ask(client: httpx.AsyncClient, account: str, *invoices: str, reason: str = "") -> None:
    body = {"reason": reason} | ({"invoices": list(invoices)} if invoices else {})
    answer = await client.post(f"/v1/accounts/{account}/suspension", json=body)
    assert answer.status_code == 200, answer.text


async def test_five_invoices_asked_for_one_after_another_are_decided_warned_and_written_down_as_the_same_five(
    environment: CollectionEnvironment, cases: AccountCommands, people: People
) -> None:
    """Mia asks for three, Cora for two more: one approval, told again once for each change, and its warning names what was decided."""
    totals = ("100.01", "200.02", "300.03", "400.04", "500.05")
    invoices, _ = await cases.open_overdue_invoices("ONEBYONE", 40, *totals)
    people.now = await environment.play.environment.get_current_time()
    mia, cora, anna = await people("mia", Role.COLLECTOR), await people("cora", Role.COLLECTOR), await people("anna", MANAGER)
    people.identity.add_user("olga", MANAGER, email="olga-one@ours.test")
    for number, invoice in enumerate(invoices):
        await ask(mia if number < 3 else cora, "ONEBYONE", invoice, reason="no answer to five calls" if number == 0 else "")
    case = "suspension:ONEBYONE"
    approval = await cases.wait_for_approval(case)
    await environment.wait_until(lambda: len(cases.row(approval).summary.get("invoices", "").split()) == 5)
    assert len(cases.entry_facts(case, "suspension.approval_asked")) == 1

    shown = await read(anna, approval)
    assert stated(shown) == dict(zip(invoices, totals, strict=True))
    assert shown["amounts"] == [{"amount": "1500.15", "currency": "EUR"}]
    assert shown["reason"] == "no answer to five calls"
    assert {invoice["days_overdue"] for invoice in shown["invoices"]} == {40}
    [listed] = [each for each in (await anna.get("/v1/approvals?mine=true&limit=200")).json()["items"] if each["id"] == approval]
    assert listed == shown
    assert (await decide(await people("cora", MANAGER), approval, shown["facts_version"])).status_code == 409

    assert (await decide(anna, approval, shown["facts_version"])).status_code == 200
    await cases.wait_for_entries(case, "suspension.warning_requested")
    await cases.deliver_letters(case, "suspension.warning_delivered")
    [letter] = [sent for sent in environment.sent_letters("ONEBYONE") if sent.letter == "suspension_warning"]
    assert {name for name, *_ in letter.named} == set(invoices)
    assert sum(amount for *_, amount in letter.named) == 150_015
    assert "1,500.15" in letter.text
    [signed] = cases.entry_facts(approval, "approval.signed")
    assert signed["facts_version"] == shown["facts_version"]
    known = [*cases.entry_facts(approval, "approval.requested"), *cases.entry_facts(approval, "approval.revised")][-1]
    assert known["asked_for"].split() == [f"{name}={total.replace('.', '')}" for name, total in sorted(stated(shown).items())]
    assert (known["amount"], known["facts_version"]) == (150_015, shown["facts_version"])
    revised = cases.entry_facts(approval, "approval.revised")
    await environment.wait_until(lambda: len(environment.notices("olga", approval)) == 1 + len(revised))


async def test_five_invoices_that_ask_at_once_are_one_question_and_one_warning(
    environment: CollectionEnvironment, cases: AccountCommands, people: People
) -> None:
    monday = await environment.pass_to_monday()
    invoices = await environment.open_invoices(
        *[InvoiceSpec(monday + DAY, account="ATONCE", total=f"{number}11.11") for number in range(1, 6)]
    )
    people.identity.add_user("olga", MANAGER, email="olga-once@ours.test")
    await environment.play.run_mornings(monday, monday + 48 * DAY)
    people.now = await environment.play.environment.get_current_time()
    approval = await cases.wait_for_approval("suspension:ATONCE")
    anna = await people("anna", MANAGER)
    shown = await read(anna, approval)
    assert stated(shown) == {name: f"{number}11.11" for number, name in enumerate(invoices, 1)}
    assert shown["contacts"]["letters"] > 0
    await environment.wait_until(lambda: environment.notices("olga", approval))
    await environment.pass_to_digest()
    # she is told of the call that nobody made, too
    [mail] = [mail for mail in environment.mails("olga-once@ours.test") if "Please decide" in mail.text]
    assert "Please decide: suspension warning of €1,555.55" in mail.text
    assert all(f"Invoice {name}: €{number}11.11" in mail.text for number, name in enumerate(invoices, 1))
    assert "Asked for: €1,555.55" in mail.text
    assert "Letters so far: " in mail.text
    assert (await decide(anna, approval, shown["facts_version"])).status_code == 200
    await environment.play.run_mornings(monday + 49 * DAY, monday + 51 * DAY)
    [letter] = [sent for sent in environment.sent_letters("ATONCE") if sent.letter == "suspension_warning"]
    assert {name: amount for name, _, amount in letter.named} == {name: number * 10_000 + 1_111 for number, name in enumerate(invoices, 1)}


async def test_a_payment_between_reading_and_deciding_is_told_as_the_difference(
    environment: CollectionEnvironment, cases: AccountCommands, people: People
) -> None:
    """Before billing has reported it, and after: then the approval is at its next version, and that one can be decided."""
    invoices, _ = await cases.open_overdue_invoices("PAYS", 40, "100.00", "200.00")
    people.now = await environment.play.environment.get_current_time()
    mia, anna = await people("mia", Role.COLLECTOR), await people("anna", MANAGER)
    await ask(mia, "PAYS")
    approval = await cases.wait_for_approval("suspension:PAYS")
    version = (await read(anna, approval))["facts_version"]
    assert version == 1, "what is asked for together is gathered first"
    now = await environment.play.now()
    environment.play.parts.billing.record_payment("P-PAYS", "PAYS", "EUR", 4_000, now.date(), invoice_id=invoices[0], at=now)

    early = await decide(anna, approval, version, key="pays")
    assert (early.status_code, early.headers["content-type"]) == (409, "application/problem+json")
    assert early.json()["type"] == "urn:duecourse:problem:facts-changed"
    assert f"invoice {invoices[0]}: EUR 60.00 open now, EUR 100.00 open before" in early.json()["detail"]

    await environment.play.sync()
    await wait_for_version(environment, cases, approval, version + 1)
    late = await decide(anna, approval, version, key="another")
    assert late.status_code == 409
    assert late.json()["facts_version"] == version + 1
    assert {"fact": "amount", "subject": "EUR", "before": "EUR 300.00", "after": "EUR 260.00"} in late.json()["changes"]
    assert "amount EUR: EUR 260.00 now, EUR 300.00 before" in late.json()["detail"]
    assert cases.row(approval).outcome is None
    assert (await decide(anna, approval, 99)).status_code == 409
    shown = await read(anna, approval)
    assert (stated(shown), shown["amount"]["amount"]) == ({invoices[0]: "60.00", invoices[1]: "200.00"}, "260.00")
    signed = await decide(anna, approval, shown["facts_version"], key="pays")
    assert (signed.status_code, signed.json()["recorded"]) == (200, "now"), "on another version it is another decision under the same key"
    assert (await decide(anna, approval, shown["facts_version"], key="pays")).headers["Idempotency-Replayed"] == "true"
    await cases.deliver_letters("suspension:PAYS", "suspension.warning_delivered")
    [letter] = [sent for sent in environment.sent_letters("PAYS") if sent.letter == "suspension_warning"]
    assert sum(amount for *_, amount in letter.named) == 26_000


async def test_a_promise_and_a_dispute_revise_it_in_place_and_a_call_is_found_when_it_is_decided(
    environment: CollectionEnvironment, cases: AccountCommands, people: People
) -> None:
    invoices, today = await cases.open_overdue_invoices("TALKS", 40, "100.00", "200.00")
    people.now = await environment.play.environment.get_current_time()
    people.identity.add_user("olga", MANAGER, email="olga-talks@ours.test")
    mia, anna = await people("mia", Role.COLLECTOR), await people("anna", MANAGER)
    await ask(mia, "TALKS")
    approval = await cases.wait_for_approval("suspension:TALKS")
    await environment.case(invoices[0]).execute_update(
        InvoiceCollection.make_promise, MakePromise(act_id=next_act_id(), actor="mia", amount=5_000, by=today + 7 * DAY)
    )
    await wait_for_version(environment, cases, approval, 2)
    shown = await read(anna, approval)
    assert [(each["promised"] or {}).get("amount") for each in shown["invoices"]] == ["50.00", None]
    await environment.wait_until(lambda: environment.notices("olga", approval) == ["approval_asked", "approval_revised"])
    stale = await decide(anna, approval, 1)
    assert (stale.status_code, stale.json()["changes"][0]["fact"]) == (409, "promise")

    await cases.raise_dispute(invoices[1], 3_000)
    await environment.wait_until(lambda: cases.row(approval).summary["amount"] == 27_000)
    shown = await read(anna, approval)
    assert [(each["invoice_id"], each["amount"]["amount"], each["reason"]) for each in shown["disputes"]] == [
        (invoices[1], "30.00", "wrong_price")
    ]
    call = LogCall(act_id=next_act_id(), actor="mia", outcome=CallOutcome.REFUSES_TO_PAY)
    await environment.case(invoices[0]).execute_update(InvoiceCollection.log_call, call)
    stale = await decide(anna, approval, shown["facts_version"])
    assert (stale.status_code, [change["subject"] for change in stale.json()["changes"]]) == (409, ["calls"])
    newest = await read(anna, approval)
    assert (newest["facts_version"], newest["contacts"]["last_call"]) == (stale.json()["facts_version"], "refuses_to_pay")
    assert (await decide(anna, approval, newest["facts_version"])).status_code == 200


async def test_a_decision_without_a_version_decides_on_the_facts_as_they_are(
    environment: CollectionEnvironment, cases: AccountCommands, people: People
) -> None:
    invoices, _ = await cases.open_overdue_invoices("OLDER", 40, "100.00", "200.00")
    people.now = await environment.play.environment.get_current_time()
    await ask(await people("mia", Role.COLLECTOR), "OLDER", invoices[0])
    approval = await cases.wait_for_approval("suspension:OLDER")
    await ask(await people("mia", Role.COLLECTOR), "OLDER", invoices[1])
    assert (await decide(await people("anna", MANAGER), approval)).status_code == 200
    await cases.wait_for_entries("suspension:OLDER", "suspension.warning_requested")
    [signed] = cases.entry_facts(approval, "approval.signed")
    decided = [*cases.entry_facts(approval, "approval.requested"), *cases.entry_facts(approval, "approval.revised")]
    [known] = [facts for facts in decided if facts["facts_version"] == signed["facts_version"]]
    assert len(known["asked_for"].split()) == len(cases.row("suspension:OLDER").summary["warned"].split())


async def test_who_signed_for_less_has_not_signed_for_more(
    environment: CollectionEnvironment, cases: AccountCommands, people: People
) -> None:
    """Of a key account a manager and a director sign; an invoice that joins between them is asked of both."""
    invoices, _ = await cases.open_overdue_invoices("KEYACCOUNT", 40, "100.00", "200.00")
    cases.set_segment("KEYACCOUNT", "key")
    people.now = await environment.play.environment.get_current_time()
    mia, anna, dora = await people("mia", Role.COLLECTOR), await people("anna", MANAGER), await people("dora", DIRECTOR)
    await ask(mia, "KEYACCOUNT", invoices[0])
    approval = await cases.wait_for_approval("suspension:KEYACCOUNT")
    assert (await decide(anna, approval, 1)).status_code == 200
    await environment.wait_until(lambda: cases.row(approval).awaiting_role == "finance_director")
    await ask(mia, "KEYACCOUNT", invoices[1])
    await environment.wait_until(lambda: cases.row(approval).awaiting_role == "collections_manager")
    assert cases.entry_facts(approval, "approval.revised")[-1]["void_signatures"] == 1
    version = (await read(dora, approval))["facts_version"]
    assert (await decide(dora, approval, version)).status_code == 409
    for client in (anna, dora):
        assert (await decide(client, approval, version)).status_code == 200
    await cases.wait_for_entries("suspension:KEYACCOUNT", "suspension.warning_requested")


async def test_a_credit_note_a_plan_and_a_write_off_show_and_bind_their_facts_too(
    environment: CollectionEnvironment, cases: AccountCommands, people: People
) -> None:
    (credited, planned), today = await cases.open_overdue_invoices("OTHERS", 10, "100.00", "80.00")
    people.now = await environment.play.environment.get_current_time()
    anna = await people("anna", MANAGER)
    dispute = await cases.raise_dispute(credited, 2_500)
    await cases.resolve(dispute, DisputeResolution.CREDIT_NOTE, 2_500)
    plan = await cases.propose_plan("OTHERS", planned, first_on=today + 7 * DAY)
    for case, invoice, asked_for in ((dispute, credited, "25.00"), (plan, planned, "80.00")):
        approval = await cases.wait_for_approval(case)
        shown = await read(anna, approval)
        assert stated(shown) == {invoice: asked_for}
        await environment.pay(invoice, 1_000)
        await wait_for_version(environment, cases, approval, 2)
        assert (await decide(anna, approval, 1)).status_code == 409
        newest = await read(anna, approval)
        assert newest["invoices"][0]["open_balance"]["amount"] == ("90.00" if invoice == credited else "70.00")
        assert (await decide(anna, approval, newest["facts_version"])).status_code == 200
    await cases.wait_for_entries(dispute, "dispute.resolved")
    await cases.wait_for_entries(plan, "plan.offered")


async def test_a_write_off_that_shrinks_is_revised_in_place_and_books_no_more_than_was_decided(
    environment: CollectionEnvironment, cases: AccountCommands, people: People
) -> None:
    invoices, _ = await cases.open_overdue_invoices("GIVENUP", 40, "100.00", "200.00")
    case = await cases.bring_to_handed_over("GIVENUP", *invoices)
    await cases.propose_write_off("GIVENUP", WriteOffDecision.WHOLE)
    approval = await cases.wait_for_approval(case)
    people.now = await environment.play.environment.get_current_time()
    anna = await people("anna", MANAGER)
    await environment.pay(invoices[0], 4_000)
    await environment.wait_until(lambda: cases.row(approval).summary["amount"] == 26_000)
    assert len(cases.entry_facts(case, "write_off.approval_asked")) == 1
    assert (await decide(anna, approval, 1)).status_code == 409
    assert (await decide(anna, approval, (await read(anna, approval))["facts_version"])).status_code == 200
    await cases.wait_for_entries(case, "write_off.booked", 2)
    assert {facts["invoice"]: facts["amount"] for facts in cases.entry_facts(case, "write_off.booked")} == {
        invoices[0]: 6_000,
        invoices[1]: 20_000,
    }
