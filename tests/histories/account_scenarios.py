"""Lives of an account's cases, as `tests.histories.record` plays them: plans, suspensions, write-offs, credit reviews.

Each gives the cases whose histories are kept. Invoices are of EUR 100 unless said otherwise.
"""

from collections.abc import Awaitable, Callable
from datetime import date
from unittest.mock import patch

from sqlalchemy import update
from sqlmodel import col

from adapters.database.tables import Contact
from adapters.mail.smtp_client import Outcome
from domain import identifiers as ids
from domain.approval.commands import Decision, Verdict
from domain.approval.delegation import Delegation
from domain.credit_review.commands import CloseReview, Reason
from domain.dispute.commands import ResolveDispute
from domain.invoice.commands import AddNote, AnswerEscalation, Escalate
from domain.policy.dispute_rules import Resolution
from domain.roles import Role
from domain.suspension.commands import ExtendNotice, SendWarningAgain
from domain.write_off.commands import WriteOffDecision
from tests.workflows.account_commands import AccountCases
from tests.workflows.dispute_commands import act_id
from tests.workflows.stage import DAY, Bill, Stage, always
from workflows.account_suspension import AccountSuspension
from workflows.approval import Approval
from workflows.credit_review import CreditReview
from workflows.invoice_collection import InvoiceCollection


async def _owing(stage: Stage, account: str, *totals: str) -> tuple[list[str], date]:
    """Reminded on Tuesday. It is Wednesday; the Monday is given."""
    monday = await stage.monday()
    await stage.pass_to(monday + DAY)
    invoices = await stage.open(*[Bill(monday, account=account, total=total) for total in totals])
    await stage.play.morning(monday + DAY)
    await stage.pass_to(monday + 2 * DAY)
    return invoices, monday


async def plan_kept_with_interest(stage: Stage) -> list[str]:
    """A counter-offer takes the place of what was approved; its instalments are charged interest, and paid."""
    cases = AccountCases(stage)
    (invoice,), monday = await _owing(stage, "KEPT", "5000.00")
    plan = await cases.offered("KEPT", invoice, first_on=monday + 16 * DAY, equal=4)
    await cases.revise(plan, first_on=monday + 9 * DAY, interest_percent="12", by="max")
    await cases.approved(plan, 2)
    await cases.heard(plan, "plan.offered", 2)
    await stage.play.morning(monday + 2 * DAY)
    await cases.accept(plan, 2)
    for day, amount in ((9, 250_000 + 1_151), (16, 250_000 + 575)):
        await stage.play.days(monday + (day - 6) * DAY, monday + day * DAY)
        await cases.pay_account("KEPT", amount)
    await cases.heard(plan, "plan.completed")
    return [plan, ids.invoice_case(invoice)]


async def plan_broken(stage: Stage) -> list[str]:
    """Half an instalment comes; when the grace is over both invoices are hastened."""
    cases = AccountCases(stage)
    (one, other), monday = await _owing(stage, "BROKEN", "60.00", "40.00")
    plan = await cases.agreed("BROKEN", one, other, first_on=monday + 3 * DAY)
    await stage.pay(one, 3_000)
    await stage.play.days(monday + 3 * DAY, monday + 9 * DAY)
    await cases.heard(plan, "plan.broken")
    await stage.hears(one, "timeline.hastened")
    await stage.play.days(monday + 10 * DAY, monday + 12 * DAY)
    return [plan, ids.invoice_case(one)]


async def cured_in_its_notice(stage: Stage) -> list[str]:
    """Two invoices ask, one by itself; a dispute over the other stops nothing; its notice is extended, and both are paid in it."""
    cases = AccountCases(stage)
    (one, other), _ = await cases.due_long_ago("CURED", 46, "100.00", "200.00")
    case = await cases.ask_suspension("CURED", one)
    await cases.invoice_asks("CURED", *cases.beginnings.claims("CURED", [other]))
    await cases.heard(case, "suspension.asked", 2)
    await cases.approved(case)
    await cases.heard(case, "suspension.warning_requested")
    await cases.deliver(case, "suspension.warning_delivered")
    (delivered,) = cases.on(case, "suspension.warning_delivered")
    extension = ExtendNotice(act_id=act_id(), actor="mia", until=delivered + 20 * DAY, reason="new management")
    await cases.of_suspension("CURED").execute_update(AccountSuspension.extend_notice, extension)
    dispute = await cases.dispute(one)
    await stage.pass_to(delivered + 5 * DAY)
    await cases.resolve(dispute, Resolution.REJECTED)
    await stage.pay(one, 10_000)
    await stage.pass_to(delivered + 12 * DAY)
    await stage.pay(other, 20_000)
    await cases.heard(case, "suspension.ended")
    return [case, ids.invoice_case(one)]


async def suspended_and_reinstated(stage: Stage) -> list[str]:
    """The warning is refused, and sent again to another address; after notice and sign-off the account is suspended; then it pays."""
    cases = AccountCases(stage)
    (invoice,), _ = await cases.due_long_ago("REINSTATED", 40)
    case = await cases.ask_suspension("REINSTATED", invoice)
    await cases.approved(case)
    await cases.heard(case, "suspension.warning_requested")
    with patch.object(stage.play.parts.mailer, "send", always(Outcome.REFUSED, 550, "no such user")):
        await cases.deliver(case, "suspension.warning_undelivered")
    await stage.pass_to(await stage.today() + DAY)
    with stage.database.writing() as session:
        session.execute(update(Contact).where(col(Contact.account_id) == "REINSTATED").values(undeliverable_since=None))
    again = SendWarningAgain(act_id=act_id(), actor="mia")
    await cases.of_suspension("REINSTATED").execute_update(AccountSuspension.send_warning_again, again)
    await cases.deliver(case, "suspension.warning_delivered")
    await stage.pass_to(await stage.today() + 15 * DAY)
    await cases.approved(case, 2)
    await cases.heard(case, "suspension.suspended")
    await stage.play.morning(await stage.today())
    await stage.pass_to(await stage.today() + 3 * DAY)
    await stage.pay(invoice, 10_000)
    await cases.heard(case, "suspension.ended")
    return [case, ids.approval_case(case, 2), ids.invoice_case(invoice)]


async def written_off_in_part(stage: Stage) -> list[str]:
    """The team's first word is sent back; a part is written off, the rest collected; what comes in beyond it was written off."""
    cases = AccountCases(stage)
    (invoice,), _ = await cases.due_long_ago("PART", 60)
    case = await cases.handed_over("PART", invoice)
    await cases.write_off("PART", WriteOffDecision.WHOLE)
    await cases.rejected(case, verdict=Verdict.RETURN)
    await stage.until(lambda: cases.row(case).stage == "deciding")
    await cases.write_off("PART", WriteOffDecision.PART, {invoice: 4_000})
    await cases.approved(case, 2)
    await cases.heard(case, "write_off.booked")
    await stage.play.sync()
    await stage.until(lambda: cases.holds(invoice) == [])
    await stage.pass_to(await stage.today() + 5 * DAY)
    await stage.pay(invoice, 8_500)
    await cases.heard(case, "write_off.recovered")
    return [case, ids.suspension_case("PART"), ids.invoice_case(invoice)]


async def given_to_an_agency(stage: Stage) -> list[str]:
    """Which is paid, in the end."""
    cases = AccountCases(stage)
    (invoice,), _ = await cases.due_long_ago("AGENCY", 60)
    case = await cases.handed_over("AGENCY", invoice)
    await cases.write_off("AGENCY", WriteOffDecision.AGENCY)
    await cases.approved(case)
    await cases.heard(case, "dossier.made", 2)
    await stage.pass_to(await stage.today() + 20 * DAY)
    await stage.pay(invoice, 10_000)
    await cases.heard(case, "write_off.ended")
    return [case, ids.suspension_case("AGENCY")]


async def insolvency_lifted(stage: Stage) -> list[str]:
    """It stops the invoice, and a suspension that was asked; a month later the notice turns out to be wrong."""
    cases = AccountCases(stage)
    (invoice,), monday = await cases.due_long_ago("LIFTED", 40)
    suspension = await cases.ask_suspension("LIFTED", invoice)
    await cases.asked(suspension)
    review = await cases.refer("LIFTED", Reason.INSOLVENCY_NOTICE)
    await cases.heard(review, "dossier.made")
    await cases.heard(suspension, "suspension.spared")
    await stage.until(lambda: review in cases.holds(invoice))
    await stage.pass_to(monday + 30 * DAY)
    verdict = {"limit": 50_000, "currency": "EUR", "next_review_on": monday + 60 * DAY}
    await cases.verdict("LIFTED", "able", "willing", **verdict)
    await stage.until(lambda: review not in cases.holds(invoice))
    await stage.pass_to(monday + 60 * DAY)
    await cases.heard(review, "credit_review.due")
    await cases.of_review("LIFTED").execute_update(CreditReview.close, CloseReview(act_id=act_id(), actor="ana"))
    await cases.heard(review, "credit_review.ended")
    return [review, suspension, ids.invoice_case(invoice)]


async def escalation_answered(stage: Stage) -> list[str]:
    cases = AccountCases(stage)
    (invoice,), _ = await cases.due_long_ago("ESCALATED", 5)
    stage.play.parts.identity.add_user("sam", Role.SALES, email="sam@house.test")
    question = Escalate(act_id=act_id(), actor="mia", role=Role.SALES, note_id="note:why")
    await stage.case(invoice).execute_update(InvoiceCollection.escalate, question)
    await stage.hears(invoice, "escalation.told")
    await stage.pass_to(await stage.today() + 2 * DAY)
    answer = AnswerEscalation(act_id=act_id(), actor="sam", role=Role.SALES, escalation=question.act_id, note_id="note:answer")
    await stage.case(invoice).execute_update(InvoiceCollection.answer_escalation, answer)
    await stage.case(invoice).signal(InvoiceCollection.note_added, AddNote(act_id=act_id(), actor="mia", note_id="note:2"))
    await stage.hears(invoice, "note.added")
    return [ids.invoice_case(invoice)]


async def decided_through_the_invoice(stage: Stage) -> list[str]:
    """A dispute, a plan and a suspension of one invoice after each other: each is decided by a signal to the invoice, one of them twice."""
    cases = AccountCases(stage)
    (invoice,), monday = await cases.due_long_ago("THROUGH", 40)
    of_invoice = stage.case(invoice)
    dispute = await cases.dispute(invoice)
    await stage.until(lambda: cases.holds(invoice) == [dispute])
    rejection = ResolveDispute(act_id=act_id(), actor="ben", role=Role.SALES_OPS, resolution=Resolution.REJECTED)
    await of_invoice.signal(InvoiceCollection.resolve_dispute, rejection)
    await cases.heard(dispute, "dispute.resolved")
    await stage.until(lambda: cases.holds(invoice) == [])
    plan = await cases.propose("THROUGH", invoice, first_on=monday + 9 * DAY)
    await cases.asked(plan)
    await stage.until(lambda: cases.holds(invoice) == [plan])
    refused = Decision(act_id=act_id(), actor="anna", role=Role.COLLECTIONS_MANAGER, verdict=Verdict.REJECT, note_id="note:1")
    for _ in range(2):
        await of_invoice.signal(InvoiceCollection.decide_payment_plan, refused)
    await cases.heard(plan, "plan.rejected")
    await stage.until(lambda: cases.holds(invoice) == [])
    suspension = await cases.ask_suspension("THROUGH", invoice)
    approval = await cases.asked(suspension)
    await stage.until(lambda: cases.holds(invoice) == [suspension])
    approved = Decision(act_id=act_id(), actor="anna", role=Role.COLLECTIONS_MANAGER, verdict=Verdict.APPROVE)
    await of_invoice.signal(InvoiceCollection.sign_off_suspension, approved)
    await cases.heard(suspension, "suspension.warning_requested")
    return [ids.invoice_case(invoice), dispute, plan, suspension, approval]


async def two_tiers(stage: Stage) -> list[str]:
    """Nobody signs in time; then otto does in anna's place, and a director."""
    cases = AccountCases(stage)
    (invoice,), monday = await _owing(stage, "TIERS", "30000.00")
    dispute = await cases.dispute(invoice, 2_000_000)
    await cases.resolve(dispute, Resolution.CREDIT_NOTE, 2_000_000)
    approval = await cases.asked(dispute)
    await stage.pass_to(monday + 6 * DAY)
    await cases.heard(approval, "approval.escalated")
    manager = Role.COLLECTIONS_MANAGER
    place = Delegation(
        delegation_id="absence", from_user="anna", to_user="otto", role=manager, first_day=monday, last_day=monday + 30 * DAY
    )
    act = Decision(act_id=act_id(), actor="otto", role=manager, verdict=Verdict.APPROVE, delegation=place)
    await cases.of_approval(approval).execute_update(Approval.decide, act)
    await stage.until(lambda: cases.row(approval).awaiting_role == "finance_director")
    await stage.pass_to(monday + 9 * DAY)
    await cases.decide(approval, "dora", Role.FINANCE_DIRECTOR)
    await cases.heard(dispute, "dispute.resolved")
    return [approval, dispute]


ACCOUNTS: tuple[Callable[[Stage], Awaitable[list[str]]], ...] = (
    plan_kept_with_interest, plan_broken, cured_in_its_notice, suspended_and_reinstated, written_off_in_part, given_to_an_agency,
    insolvency_lifted, escalation_answered, decided_through_the_invoice, two_tiers,
)  # fmt: skip
