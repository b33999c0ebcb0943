"""The suspension of an account through its real workflow, with its approvals, letters and billing."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col
from temporalio.client import WorkflowUpdateFailedError

from adapters.database.tables import Account, Contact
from adapters.identity.delegation_store import DelegationStore
from adapters.mail.smtp_client import DeliveryOutcome
from domain.approval.commands import ApprovalVerdict, DecideApproval
from domain.approval.delegation import Delegation
from domain.policy.dispute_rules import DisputeResolution
from domain.roles import Role
from domain.suspension.commands import ExtendNotice, ReinstateAccount, RequestApprovalAgain, ResendWarning, WithdrawSuspension
from tests.workflows.account_commands import AccountCommands
from tests.workflows.collection_environment import DAY, CollectionEnvironment, InvoiceSpec, fix_delivery
from tests.workflows.dispute_commands import next_act_id
from workflows.account_suspension import AccountSuspension
from workflows.invoice_collection import InvoiceCollection


async def test_five_invoices_of_one_account_make_one_case_one_warning_and_one_suspension(
    environment: CollectionEnvironment, cases: AccountCommands
) -> None:
    monday = await environment.pass_to_monday()
    invoices = await environment.open_invoices(
        *[InvoiceSpec(monday + DAY, account="FIVE", total=f"{number}00.00") for number in range(1, 6)]
    )
    case = "suspension:FIVE"
    await environment.play.run_mornings(monday, monday + 48 * DAY)
    await cases.decide(await cases.wait_for_approval(case), "anna")
    await environment.play.run_mornings(monday + 49 * DAY, monday + 66 * DAY)
    await cases.decide(await cases.wait_for_approval(case, 2), "anna")
    await cases.wait_for_entries(case, "suspension.suspended")
    once = ("suspension.warning_requested", "suspension.warning_delivered", "suspension.suspended")
    assert [cases.entry_kinds(case).count(kind) for kind in once] == [1, 1, 1]
    assert [letter.letter for letter in environment.sent_letters("FIVE")].count("suspension_warning") == 1
    assert cases.account("FIVE").suspended_on is not None
    for invoice in invoices:
        await cases.wait_for_account_entries(invoice, ["suspension.asked", "suspension.warning_delivered", "suspension.suspended"])


async def test_a_warning_that_was_refused_does_not_count_until_another_is_delivered(
    environment: CollectionEnvironment, cases: AccountCommands, monkeypatch: pytest.MonkeyPatch
) -> None:
    (invoice,), _ = await cases.open_overdue_invoices(account="BOUNCE", days=40)
    case = await cases.request_suspension("BOUNCE", invoice)
    await cases.decide(await cases.wait_for_approval(case), "anna")
    await cases.wait_for_entries(case, "suspension.warning_requested")
    with monkeypatch.context() as patched:
        patched.setattr(environment.play.parts.mailer, "send", fix_delivery(DeliveryOutcome.REFUSED, 550, "no such user"))
        await cases.deliver_letters(case, "suspension.warning_undelivered")
    assert (cases.row(case).stage, cases.row(case).waiting_for, cases.row(case).awaiting_role) == ("warning", "address", "collector")
    await environment.pass_to(await environment.today() + 21 * DAY)
    assert "suspension.warning_delivered" not in cases.entry_kinds(case)
    with environment.database.writing() as session:  # the customer has another address
        session.execute(update(Contact).where(col(Contact.account_id) == "BOUNCE").values(undeliverable_since=None))
    again = ResendWarning(act_id=next_act_id(), actor="mia")
    await cases.suspension_handle("BOUNCE").execute_update(AccountSuspension.send_warning_again, again)
    await cases.deliver_letters(case, "suspension.warning_delivered")
    assert cases.row(case).stage == "notice"


async def test_a_warning_of_unknown_fate_does_not_count_until_a_person_says_that_it_arrived(
    environment: CollectionEnvironment, cases: AccountCommands, monkeypatch: pytest.MonkeyPatch
) -> None:
    (invoice,), _ = await cases.open_overdue_invoices(account="SILENT", days=40)
    case = await cases.request_suspension("SILENT", invoice)
    await cases.decide(await cases.wait_for_approval(case), "anna")
    await cases.wait_for_entries(case, "suspension.warning_requested")
    with monkeypatch.context() as patched:
        patched.setattr(environment.play.parts.mailer, "send", fix_delivery(DeliveryOutcome.UNKNOWN, None, "the connection died"))
        await cases.deliver_letters(case, "suspension.warning_undelivered")
    assert cases.entry_facts(case, "letter.unknown")[0]["letter"] == "suspension_warning"
    assert cases.row(case).waiting_for == "address"


async def test_an_account_is_suspended_only_after_the_notice_and_the_sign_off(
    environment: CollectionEnvironment, cases: AccountCommands
) -> None:
    (invoice,), _ = await cases.open_overdue_invoices(account="FULL", days=40)
    case = await cases.bring_to_notice("FULL", invoice)
    (delivered,) = cases.entry_dates(case, "suspension.warning_delivered")
    await environment.pass_to(delivered + 14 * DAY, 23)
    assert cases.row(case).stage == "notice"
    await environment.pass_to(delivered + 15 * DAY)
    approval = await cases.wait_for_approval(case, 2)
    assert cases.account("FULL").suspended_on is None
    await cases.decide(approval, "anna")
    await cases.wait_for_entries(case, "suspension.suspended")
    assert cases.account("FULL").suspended_on == delivered + 15 * DAY
    await cases.deliver_letters(case, "letter.sent", 2)
    assert [letter.letter for letter in environment.sent_letters("FULL")] == ["suspension_warning", "suspended"]


async def test_an_invoice_paid_between_sign_off_and_the_billing_call_is_not_suspended(
    environment: CollectionEnvironment, cases: AccountCommands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Billing is told of the payment in the very moment between the sign-off and the order."""
    (invoice,), _ = await cases.open_overdue_invoices(account="INTIME", days=40)
    case = await cases.bring_to_notice("INTIME", invoice)
    await environment.pass_to(await environment.today() + 15 * DAY)
    approval = await cases.wait_for_approval(case, 2)
    ledger, now = environment.play.parts.billing, await environment.play.now()
    suspend = ledger.suspend_account

    def pays_first(*args: Any, **named: Any) -> Any:
        ledger.record_payment("P-INTIME", "INTIME", "EUR", 10_000, now.date(), invoice_id=invoice, at=now)
        return suspend(*args, **named)

    monkeypatch.setattr(ledger, "suspend_account", pays_first)
    await cases.decide(approval, "anna")
    await cases.wait_for_entries(case, "suspension.ended")
    assert cases.entry_facts(case, "suspension.ended")[0]["ending"] == "cured"
    assert cases.account("INTIME").suspended_on is None
    assert "suspension.suspended" not in cases.entry_kinds(case)


async def test_a_payment_one_second_after_the_suspension_reinstates_without_anyone_acting(
    environment: CollectionEnvironment, cases: AccountCommands
) -> None:
    (invoice,), _ = await cases.open_overdue_invoices(account="LATE", days=40)
    case = await cases.bring_to_suspended("LATE", invoice)
    await environment.pay(invoice, 10_000)
    await cases.wait_for_entries(case, "suspension.ended")
    assert cases.entry_facts(case, "suspension.ended")[0]["ending"] == "reinstated"
    assert cases.account("LATE").suspended_on is None
    actors = {entry.actor for entry in cases.entries(case) if entry.kind.startswith("suspension.reinstate")}
    assert actors == {"duecourse"}
    await environment.play.run_morning(await environment.today())
    assert [letter.letter for letter in environment.sent_letters("LATE")][-1] == "reinstated"


@pytest.mark.parametrize("when", ["asked", "warned", "notice"])
async def test_a_cure_at_any_moment_before_the_suspension_ends_the_case(
    environment: CollectionEnvironment, cases: AccountCommands, when: str
) -> None:
    account = f"CURE-{when}"
    (invoice,), _ = await cases.open_overdue_invoices(account=account, days=40)
    case = await cases.request_suspension(account, invoice)
    approval = await cases.wait_for_approval(case)
    if when != "asked":
        await cases.decide(approval, "anna")
        await cases.wait_for_entries(case, "suspension.warning_requested")
    if when == "notice":
        await cases.deliver_letters(case, "suspension.warning_delivered")
    await environment.pay(invoice, 10_000)
    await cases.wait_for_entries(case, "suspension.ended")
    assert cases.entry_facts(case, "suspension.ended")[0]["ending"] == "cured"
    if when == "asked":
        await cases.wait_for_entries(approval, "approval.lapsed")
    await environment.play.run_morning(await environment.today() + DAY)
    assert [letter.letter for letter in environment.sent_letters(account)] == (["suspension_warning"] if when == "notice" else [])


async def test_a_key_account_needs_a_director_for_the_warning_and_for_the_suspension(
    environment: CollectionEnvironment, cases: AccountCommands
) -> None:
    (invoice,), _ = await cases.open_overdue_invoices(account="KEY", days=40)
    with environment.database.writing() as session:
        session.get_one(Account, "KEY").segment = "key"
    case = await cases.request_suspension("KEY", invoice)
    both = (("anna", Role.COLLECTIONS_MANAGER), ("dora", Role.FINANCE_DIRECTOR))
    await cases.approve_request(case, 1, *both)
    await cases.wait_for_entries(case, "suspension.warning_requested")
    await cases.deliver_letters(case, "suspension.warning_delivered")
    await environment.pass_to(await environment.today() + 15 * DAY)
    await cases.approve_request(case, 2, both[0])
    assert cases.row(case).stage == "sign_off"
    await cases.approve_request(case, 2, both[1])
    await cases.wait_for_entries(case, "suspension.suspended")


async def test_a_prepaid_service_is_spared(environment: CollectionEnvironment, cases: AccountCommands) -> None:
    (invoice,), _ = await cases.open_overdue_invoices(account="PREPAID", days=40)
    environment.play.parts.billing.set_prepaid("PREPAID", True, at=await environment.play.now())
    claims = cases.case_input_loader.load_claims("PREPAID", [invoice])
    await cases.join_suspension("PREPAID", claims[0])
    await cases.wait_for_entries("suspension:PREPAID", "suspension.ended")
    assert cases.entry_facts("suspension:PREPAID", "suspension.ended")[0]["ending"] == "spared"
    await environment.wait_until(lambda: cases.hold_ids(invoice) == [])


async def test_a_dispute_over_the_whole_balance_spares_the_account_and_its_end_lets_the_notice_go_on(
    environment: CollectionEnvironment, cases: AccountCommands
) -> None:
    (invoice,), _ = await cases.open_overdue_invoices(account="CONTESTED", days=40)
    case = await cases.bring_to_notice("CONTESTED", invoice)
    (delivered,) = cases.entry_dates(case, "suspension.warning_delivered")
    dispute = await cases.raise_dispute(invoice)
    await cases.wait_for_entries(case, "suspension.spared")
    await environment.pass_to(delivered + 7 * DAY)
    await cases.resolve(dispute, DisputeResolution.REJECTED)
    await cases.wait_for_entries(case, "suspension.resumed")
    await environment.pass_to(delivered + 20 * DAY)
    assert cases.row(case).stage == "notice"
    await environment.pass_to(delivered + 23 * DAY)
    await cases.wait_for_approval(case, 2)


async def test_the_notice_is_extended_with_a_reason(environment: CollectionEnvironment, cases: AccountCommands) -> None:
    (invoice,), _ = await cases.open_overdue_invoices(account="EXTEND", days=40)
    case = await cases.bring_to_notice("EXTEND", invoice)
    (delivered,) = cases.entry_dates(case, "suspension.warning_delivered")
    extension = ExtendNotice(act_id=next_act_id(), actor="mia", until=delivered + 24 * DAY, reason="new management")
    await cases.suspension_handle("EXTEND").execute_update(AccountSuspension.extend_notice, extension)
    await environment.pass_to(delivered + 24 * DAY)
    assert cases.row(case).stage == "notice"
    await environment.pass_to(delivered + 25 * DAY)
    await cases.wait_for_approval(case, 2)
    assert cases.entry_facts(case, "suspension.notice_extended")[0]["reason"] == "new management"


@pytest.mark.parametrize("verdict", [ApprovalVerdict.REJECT, ApprovalVerdict.RETURN])
async def test_a_warning_that_is_not_approved_leaves_the_invoice_to_its_timeline(
    environment: CollectionEnvironment, cases: AccountCommands, verdict: ApprovalVerdict
) -> None:
    account = f"NOT-{verdict}"
    (invoice,), _ = await cases.open_overdue_invoices(account=account, days=40)
    case = await cases.request_suspension(account, invoice)
    await cases.reject_request(case, verdict=verdict)
    if verdict is ApprovalVerdict.REJECT:
        await cases.wait_for_entries(case, "suspension.ended")
        await environment.wait_until(lambda: cases.hold_ids(invoice) == [])
        return
    await environment.wait_until(lambda: cases.row(case).waiting_for == "requester")
    assert cases.row(case).awaiting_role == "collector"
    await cases.suspension_handle(account).execute_update(
        AccountSuspension.ask_again, RequestApprovalAgain(act_id=next_act_id(), actor="max")
    )
    await cases.decide(await cases.wait_for_approval(case, 2), "anna")
    await cases.wait_for_entries(case, "suspension.warning_requested")


async def test_a_suspension_is_withdrawn_and_a_suspended_account_is_reinstated_by_hand(
    environment: CollectionEnvironment, cases: AccountCommands
) -> None:
    (invoice,), _ = await cases.open_overdue_invoices(account="WITHDRAWN", days=40)
    case = await cases.request_suspension("WITHDRAWN", invoice)
    await cases.suspension_handle("WITHDRAWN").execute_update(
        AccountSuspension.withdraw, WithdrawSuspension(act_id=next_act_id(), actor="mia", reason="talks")
    )
    assert await cases.wait_for_suspension_end("WITHDRAWN") == "withdrawn"
    case = await cases.bring_to_suspended("WITHDRAWN", invoice)
    await cases.suspension_handle("WITHDRAWN").execute_update(
        AccountSuspension.reinstate, ReinstateAccount(act_id=next_act_id(), actor="anna", reason="half was paid in cash")
    )
    await cases.wait_for_entries(case, "suspension.ended", 2)
    assert cases.account("WITHDRAWN").suspended_on is None
    assert [facts["ending"] for facts in cases.entry_facts(case, "suspension.ended")] == ["withdrawn", "reinstated"]


async def test_a_sign_off_signalled_to_the_invoice_reaches_the_approval_that_waits(
    environment: CollectionEnvironment, cases: AccountCommands
) -> None:
    (invoice,), _ = await cases.open_overdue_invoices(account="BYHAND", days=40)
    case = await cases.request_suspension("BYHAND", invoice)
    approval = await cases.wait_for_approval(case)
    await environment.wait_until(lambda: cases.hold_ids(invoice) == [case])
    decision = DecideApproval(act_id=next_act_id(), actor="anna", role=Role.COLLECTIONS_MANAGER, verdict=ApprovalVerdict.APPROVE)
    await environment.case(invoice).signal(InvoiceCollection.sign_off_suspension, decision)
    await cases.wait_for_entries(approval, "approval.granted")
    assert cases.entry_facts(approval, "approval.signed")[0]["channel"] == "temporal"
    await cases.wait_for_entries(case, "suspension.warning_requested")


async def test_an_invoice_that_asks_while_the_case_is_just_ending_gets_another(
    environment: CollectionEnvironment, cases: AccountCommands
) -> None:
    (first, second), _ = await cases.open_overdue_invoices("ENDING", 40, "100.00", "200.00")
    case = await cases.request_suspension("ENDING", first)
    await cases.wait_for_approval(case)
    withdrawal = WithdrawSuspension(act_id=next_act_id(), actor="mia", reason="talks")
    await asyncio.gather(
        cases.suspension_handle("ENDING").signal(AccountSuspension.withdrawn, withdrawal),
        cases.join_suspension("ENDING", *cases.case_input_loader.load_claims("ENDING", [second])),
    )
    await environment.wait_until(lambda: case in cases.hold_ids(second))
    await environment.wait_until(lambda: case not in cases.hold_ids(first))


async def test_those_for_whom_a_second_asker_acts_decide_nothing_either(environment: CollectionEnvironment, cases: AccountCommands) -> None:
    """Mia asks, then Cora, who acts for Greta: the request is Greta's too."""
    invoices, today = await cases.open_overdue_invoices("BOTH", 40, "100.00", "200.00")
    given = Delegation(
        delegation_id=next_act_id(), from_user="greta", to_user="cora", role=Role.COLLECTIONS_MANAGER, first_day=today, last_day=today + DAY
    )
    DelegationStore(environment.database).add(given, "greta")
    case = await cases.request_suspension("BOTH", invoices[0], by="cora")
    await cases.request_suspension("BOTH", invoices[1], by="mia")
    await environment.wait_until(lambda: set(cases.row(case).summary["askers"].split()) == {"mia", "cora"})
    approval = await cases.wait_for_approval(case, len(cases.entry_facts(case, "suspension.approval_asked")))
    await environment.wait_until(lambda: set(cases.row(approval).summary.get("invoices", "").split()) == set(invoices))
    for name in ("greta", "cora", "mia"):
        with pytest.raises(WorkflowUpdateFailedError):
            await cases.decide(approval, name)
    await cases.decide(approval, "anna")
    await cases.wait_for_entries(case, "suspension.warning_requested")
