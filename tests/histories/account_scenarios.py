"""Lives of an account's cases, as `tests.histories.record` plays them: plans, suspensions, write-offs, credit reviews.

Each gives the cases whose histories are kept. Invoices are of EUR 100 unless said otherwise.
"""

from collections.abc import Awaitable, Callable
from datetime import date
from unittest.mock import patch

from sqlalchemy import update
from sqlmodel import col

from adapters.database.tables import Contact
from adapters.identity.delegation_store import DelegationStore
from adapters.identity.users_and_tokens import IdentityStore
from adapters.mail.smtp_client import DeliveryOutcome
from domain import identifiers as ids
from domain.approval.commands import ApprovalVerdict, DecideApproval
from domain.approval.delegation import Delegation
from domain.credit_review.commands import CloseCreditReview, ReferralReason
from domain.dispute.commands import ResolveDispute
from domain.invoice.commands import AddNote, AnswerEscalation, EscalateInvoice
from domain.policy.dispute_rules import DisputeResolution
from domain.roles import Role
from domain.suspension.commands import ExtendNotice, ResendWarning
from domain.write_off.commands import WriteOffDecision
from tests.workflows.account_commands import AccountCommands
from tests.workflows.collection_environment import DAY, CollectionEnvironment, InvoiceSpec, fix_delivery
from tests.workflows.dispute_commands import next_act_id
from workflows.account_suspension import AccountSuspension
from workflows.approval import Approval
from workflows.credit_review import CreditReview
from workflows.invoice_collection import InvoiceCollection


async def _owing(environment: CollectionEnvironment, account: str, *totals: str) -> tuple[list[str], date]:
    """Reminded on Tuesday. It is Wednesday; the Monday is given."""
    monday = await environment.pass_to_monday()
    await environment.pass_to(monday + DAY)
    invoices = await environment.open_invoices(*[InvoiceSpec(monday, account=account, total=total) for total in totals])
    await environment.play.run_morning(monday + DAY)
    await environment.pass_to(monday + 2 * DAY)
    return invoices, monday


async def plan_kept_with_interest(environment: CollectionEnvironment) -> list[str]:
    """A counter-offer takes the place of what was approved; its instalments are charged interest, and paid."""
    cases = AccountCommands(environment)
    (invoice,), monday = await _owing(environment, "KEPT", "5000.00")
    plan = await cases.bring_to_offered("KEPT", invoice, first_on=monday + 16 * DAY, equal=4)
    await cases.revise_plan(plan, first_on=monday + 9 * DAY, interest_percent="12", by="max")
    await cases.approve_request(plan, 2)
    await cases.wait_for_entries(plan, "plan.offered", 2)
    await environment.play.run_morning(monday + 2 * DAY)
    await cases.accept_plan(plan, 2)
    for day, amount in ((9, 250_000 + 1_151), (16, 250_000 + 575)):
        await environment.play.run_mornings(monday + (day - 6) * DAY, monday + day * DAY)
        await cases.pay_account("KEPT", amount)
    await cases.wait_for_entries(plan, "plan.completed")
    return [plan, ids.invoice_case_id(invoice)]


async def plan_broken(environment: CollectionEnvironment) -> list[str]:
    """Half an instalment comes; when the grace is over both invoices are hastened."""
    cases = AccountCommands(environment)
    (one, other), monday = await _owing(environment, "BROKEN", "60.00", "40.00")
    plan = await cases.bring_to_agreed("BROKEN", one, other, first_on=monday + 3 * DAY)
    await environment.pay(one, 3_000)
    await environment.play.run_mornings(monday + 3 * DAY, monday + 9 * DAY)
    await cases.wait_for_entries(plan, "plan.broken")
    await environment.wait_for_entries(one, "timeline.hastened")
    await environment.play.run_mornings(monday + 10 * DAY, monday + 12 * DAY)
    return [plan, ids.invoice_case_id(one)]


async def cured_in_its_notice(environment: CollectionEnvironment) -> list[str]:
    """Two invoices ask, one by itself; a dispute over the other stops nothing; its notice is extended, and both are paid in it."""
    cases = AccountCommands(environment)
    (one, other), _ = await cases.open_overdue_invoices("CURED", 46, "100.00", "200.00")
    case = await cases.request_suspension("CURED", one)
    await cases.join_suspension("CURED", *cases.case_input_loader.load_claims("CURED", [other]))
    await cases.wait_for_entries(case, "suspension.asked", 2)
    await cases.approve_request(case)
    await cases.wait_for_entries(case, "suspension.warning_requested")
    await cases.deliver_letters(case, "suspension.warning_delivered")
    (delivered,) = cases.entry_dates(case, "suspension.warning_delivered")
    extension = ExtendNotice(act_id=next_act_id(), actor="mia", until=delivered + 20 * DAY, reason="new management")
    await cases.suspension_handle("CURED").execute_update(AccountSuspension.extend_notice, extension)
    dispute = await cases.raise_dispute(one)
    await environment.pass_to(delivered + 5 * DAY)
    await cases.resolve(dispute, DisputeResolution.REJECTED)
    await environment.pay(one, 10_000)
    await environment.pass_to(delivered + 12 * DAY)
    await environment.pay(other, 20_000)
    await cases.wait_for_entries(case, "suspension.ended")
    return [case, ids.invoice_case_id(one)]


async def suspended_and_reinstated(environment: CollectionEnvironment) -> list[str]:
    """The warning is refused, and sent again to another address; after notice and sign-off the account is suspended; then it pays."""
    cases = AccountCommands(environment)
    (invoice,), _ = await cases.open_overdue_invoices("REINSTATED", 40)
    case = await cases.request_suspension("REINSTATED", invoice)
    await cases.approve_request(case)
    await cases.wait_for_entries(case, "suspension.warning_requested")
    with patch.object(environment.play.parts.mailer, "send", fix_delivery(DeliveryOutcome.REFUSED, 550, "no such user")):
        await cases.deliver_letters(case, "suspension.warning_undelivered")
    await environment.pass_to(await environment.today() + DAY)
    with environment.database.writing() as session:
        session.execute(update(Contact).where(col(Contact.account_id) == "REINSTATED").values(undeliverable_since=None))
    again = ResendWarning(act_id=next_act_id(), actor="mia")
    await cases.suspension_handle("REINSTATED").execute_update(AccountSuspension.send_warning_again, again)
    await cases.deliver_letters(case, "suspension.warning_delivered")
    await environment.pass_to(await environment.today() + 15 * DAY)
    await cases.approve_request(case, 2)
    await cases.wait_for_entries(case, "suspension.suspended")
    await environment.play.run_morning(await environment.today())
    await environment.pass_to(await environment.today() + 3 * DAY)
    await environment.pay(invoice, 10_000)
    await cases.wait_for_entries(case, "suspension.ended")
    return [case, ids.approval_case_id(case, 2), ids.invoice_case_id(invoice)]


async def written_off_in_part(environment: CollectionEnvironment) -> list[str]:
    """The team's first word is sent back; a part is written off, the rest collected; what comes in beyond it was written off."""
    cases = AccountCommands(environment)
    (invoice,), _ = await cases.open_overdue_invoices("PART", 60)
    case = await cases.bring_to_handed_over("PART", invoice)
    await cases.propose_write_off("PART", WriteOffDecision.WHOLE)
    await cases.reject_request(case, verdict=ApprovalVerdict.RETURN)
    await environment.wait_until(lambda: cases.row(case).stage == "deciding")
    await cases.propose_write_off("PART", WriteOffDecision.PART, {invoice: 4_000})
    await cases.approve_request(case, 2)
    await cases.wait_for_entries(case, "write_off.booked")
    await environment.play.sync()
    await environment.wait_until(lambda: cases.hold_ids(invoice) == [])
    await environment.pass_to(await environment.today() + 5 * DAY)
    await environment.pay(invoice, 8_500)
    await cases.wait_for_entries(case, "write_off.recovered")
    return [case, ids.suspension_case_id("PART"), ids.invoice_case_id(invoice)]


async def given_to_an_agency(environment: CollectionEnvironment) -> list[str]:
    """Which is paid, in the end."""
    cases = AccountCommands(environment)
    (invoice,), _ = await cases.open_overdue_invoices("AGENCY", 60)
    case = await cases.bring_to_handed_over("AGENCY", invoice)
    await cases.propose_write_off("AGENCY", WriteOffDecision.AGENCY)
    await cases.approve_request(case)
    await cases.wait_for_entries(case, "dossier.made", 2)
    await environment.pass_to(await environment.today() + 20 * DAY)
    await environment.pay(invoice, 10_000)
    await cases.wait_for_entries(case, "write_off.ended")
    return [case, ids.suspension_case_id("AGENCY")]


async def insolvency_lifted(environment: CollectionEnvironment) -> list[str]:
    """It stops the invoice, and a suspension that was asked; a month later the notice turns out to be wrong."""
    cases = AccountCommands(environment)
    (invoice,), monday = await cases.open_overdue_invoices("LIFTED", 40)
    suspension = await cases.request_suspension("LIFTED", invoice)
    await cases.wait_for_approval(suspension)
    review = await cases.refer_account("LIFTED", ReferralReason.INSOLVENCY_NOTICE)
    await cases.wait_for_entries(review, "dossier.made")
    await cases.wait_for_entries(suspension, "suspension.spared")
    await environment.wait_until(lambda: review in cases.hold_ids(invoice))
    await environment.pass_to(monday + 30 * DAY)
    verdict = {"limit": 50_000, "currency": "EUR", "next_review_on": monday + 60 * DAY}
    await cases.give_verdict("LIFTED", "able", "willing", **verdict)
    await environment.wait_until(lambda: review not in cases.hold_ids(invoice))
    await environment.pass_to(monday + 60 * DAY)
    await cases.wait_for_entries(review, "credit_review.due")
    await cases.review_handle("LIFTED").execute_update(CreditReview.close, CloseCreditReview(act_id=next_act_id(), actor="ana"))
    await cases.wait_for_entries(review, "credit_review.ended")
    return [review, suspension, ids.invoice_case_id(invoice)]


async def escalation_answered(environment: CollectionEnvironment) -> list[str]:
    cases = AccountCommands(environment)
    (invoice,), _ = await cases.open_overdue_invoices("ESCALATED", 5)
    environment.play.parts.identity.add_user("sam", Role.SALES, email="sam@house.test")
    question = EscalateInvoice(act_id=next_act_id(), actor="mia", role=Role.SALES, note_id="note:why")
    await environment.case(invoice).execute_update(InvoiceCollection.escalate, question)
    await environment.wait_for_entries(invoice, "escalation.told")
    await environment.pass_to(await environment.today() + 2 * DAY)
    answer = AnswerEscalation(act_id=next_act_id(), actor="sam", role=Role.SALES, escalation=question.act_id, note_id="note:answer")
    await environment.case(invoice).execute_update(InvoiceCollection.answer_escalation, answer)
    await environment.case(invoice).signal(InvoiceCollection.note_added, AddNote(act_id=next_act_id(), actor="mia", note_id="note:2"))
    await environment.wait_for_entries(invoice, "note.added")
    return [ids.invoice_case_id(invoice)]


async def decided_through_the_invoice(environment: CollectionEnvironment) -> list[str]:
    """A dispute, a plan and a suspension of one invoice after each other: each is decided by a signal to the invoice, one of them twice."""
    cases = AccountCommands(environment)
    (invoice,), monday = await cases.open_overdue_invoices("THROUGH", 40)
    of_invoice = environment.case(invoice)
    dispute = await cases.raise_dispute(invoice)
    await environment.wait_until(lambda: cases.hold_ids(invoice) == [dispute])
    rejection = ResolveDispute(act_id=next_act_id(), actor="ben", role=Role.SALES_OPS, resolution=DisputeResolution.REJECTED)
    await of_invoice.signal(InvoiceCollection.resolve_dispute, rejection)
    await cases.wait_for_entries(dispute, "dispute.resolved")
    await environment.wait_until(lambda: cases.hold_ids(invoice) == [])
    plan = await cases.propose_plan("THROUGH", invoice, first_on=monday + 9 * DAY)
    await cases.wait_for_approval(plan)
    await environment.wait_until(lambda: cases.hold_ids(invoice) == [plan])
    refused = DecideApproval(
        act_id=next_act_id(), actor="anna", role=Role.COLLECTIONS_MANAGER, verdict=ApprovalVerdict.REJECT, note_id="note:1"
    )
    for _ in range(2):
        await of_invoice.signal(InvoiceCollection.decide_payment_plan, refused)
    await cases.wait_for_entries(plan, "plan.rejected")
    await environment.wait_until(lambda: cases.hold_ids(invoice) == [])
    suspension = await cases.request_suspension("THROUGH", invoice)
    approval = await cases.wait_for_approval(suspension)
    await environment.wait_until(lambda: cases.hold_ids(invoice) == [suspension])
    approved = DecideApproval(act_id=next_act_id(), actor="anna", role=Role.COLLECTIONS_MANAGER, verdict=ApprovalVerdict.APPROVE)
    await of_invoice.signal(InvoiceCollection.sign_off_suspension, approved)
    await cases.wait_for_entries(suspension, "suspension.warning_requested")
    return [ids.invoice_case_id(invoice), dispute, plan, suspension, approval]


async def two_tiers(environment: CollectionEnvironment) -> list[str]:
    """Nobody signs in time; then otto does in anna's place, and a director."""
    cases = AccountCommands(environment)
    (invoice,), monday = await _owing(environment, "TIERS", "30000.00")
    dispute = await cases.raise_dispute(invoice, 2_000_000)
    await cases.resolve(dispute, DisputeResolution.CREDIT_NOTE, 2_000_000)
    approval = await cases.wait_for_approval(dispute)
    await environment.pass_to(monday + 6 * DAY)
    await cases.wait_for_entries(approval, "approval.escalated")
    manager = Role.COLLECTIONS_MANAGER
    place = Delegation(
        delegation_id="absence", from_user="anna", to_user="otto", role=manager, first_day=monday, last_day=monday + 30 * DAY
    )
    IdentityStore(environment.database).add_user("anna", manager)
    DelegationStore(environment.database).add(place, "anna")
    command = DecideApproval(act_id=next_act_id(), actor="otto", role=manager, verdict=ApprovalVerdict.APPROVE, delegation=place)
    await cases.approval_handle(approval).execute_update(Approval.decide, command)
    await environment.wait_until(lambda: cases.row(approval).awaiting_role == "finance_director")
    await environment.pass_to(monday + 9 * DAY)
    await cases.decide(approval, "dora", Role.FINANCE_DIRECTOR)
    await cases.wait_for_entries(dispute, "dispute.resolved")
    return [approval, dispute]


ACCOUNTS: tuple[Callable[[CollectionEnvironment], Awaitable[list[str]]], ...] = (
    plan_kept_with_interest,
    plan_broken,
    cured_in_its_notice,
    suspended_and_reinstated,
    written_off_in_part,
    given_to_an_agency,
    insolvency_lifted,
    escalation_answered,
    decided_through_the_invoice,
    two_tiers,
)
