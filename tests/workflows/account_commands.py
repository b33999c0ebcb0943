"""Acts on the cases of an account, as tests send them: what the API does, by the workflows' own names."""

from datetime import date
from typing import Any

from temporalio.client import WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy

from adapters.cases.case_inputs import CaseInputLoader
from adapters.database.tables import Account
from domain import identifiers as ids
from domain.approval.commands import ApprovalVerdict
from domain.billing.receivables import Receivable
from domain.case.command import CommandReceipt
from domain.credit_review.commands import GiveCreditVerdict, ReferAccount, ReferralReason
from domain.payment_plan.commands import AcceptPlan, CancelPlan, DeclinePlan, ProposePlan, RevisePlan, Side
from domain.payment_plan.instalments import InstalmentFrequency, InstalmentTerms
from domain.roles import Role
from domain.suspension.commands import RequestSuspension
from domain.write_off.commands import ProposeWriteOff, WriteOffDecision
from tests.workflows.collection_environment import DAY, CollectionEnvironment, InvoiceSpec
from tests.workflows.dispute_commands import DisputeCommands, next_act_id
from workflows.account_suspension import AccountSuspension
from workflows.credit_referrals import Referrals
from workflows.credit_review import CreditReview
from workflows.payment_plan import PaymentPlan
from workflows.write_off import WriteOff

RACES = 20
"""A case that ends in the moment in which another tells it something writes its last entries anew: so many a test may leave aside."""


class AccountCommands(DisputeCommands):
    def __init__(self, environment: CollectionEnvironment) -> None:
        super().__init__(environment)
        environment.orphans = RACES

    @property
    def case_input_loader(self) -> CaseInputLoader:
        parts = self.environment.play.parts
        return CaseInputLoader(parts.database, parts.policies, parts.clock)

    async def open_overdue_invoices(self, account: str, days: int, *totals: str) -> tuple[list[str], date]:
        """Invoices of one account, of EUR 100 unless said otherwise, that are so many days past due and were never reminded: their first
        reminder is due today, a Monday, but nobody sends letters yet."""
        monday = await self.environment.pass_to_monday()
        return await self.environment.open_invoices(
            *[InvoiceSpec(monday - days * DAY, account=account, total=total) for total in totals or ("100.00",)]
        ), monday

    def account(self, account: str) -> Account:
        with self.environment.database.reading() as session:
            row = session.get_one(Account, account)
            session.expunge(row)
            return row

    def set_segment(self, account: str, segment: str) -> None:
        with self.environment.database.writing() as session:
            session.get_one(Account, account).segment = segment

    async def wait_for_account_entries(self, invoice: str, kinds: list[str]) -> None:
        """Until the invoice's own history tells these of its account's cases, in this order, and no others."""
        of_the_account = ("suspension.", "write_off.", "timeline.", "plan.", "credit_review.")
        await self.environment.wait_until(
            lambda: [kind for kind in self.environment.entry_kinds(invoice) if kind.startswith(of_the_account)] == kinds
        )

    # --- suspension

    def suspension_handle(self, account: str) -> WorkflowHandle[AccountSuspension, Any]:
        return self.client.get_workflow_handle_for(AccountSuspension.run, ids.suspension_case_id(account))

    async def request_suspension(self, account: str, *invoices: str, by: str = "mia") -> str:
        """A collector asks; the id of the case, once it has begun."""
        case_id = ids.suspension_case_id(account)
        before, claims = self.entry_kinds(case_id).count("suspension.asked"), self.case_input_loader.load_claims(account, invoices)
        await self.client.start_workflow(
            AccountSuspension.run,
            self.case_input_loader.load_suspension_input(account),
            id=case_id,
            task_queue=ids.TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal="asked",
            start_signal_args=[RequestSuspension(act_id=next_act_id(), actor=by, claims=claims)],
        )
        await self.wait_for_entries(case_id, "suspension.asked", before + 1)
        return case_id

    async def wait_for_suspension_end(self, account: str) -> str:
        """How the account's suspension ended, once it has."""
        with self.environment.play.environment.auto_time_skipping_disabled():
            return str(await self.suspension_handle(account).result())

    async def join_suspension(self, account: str, claim: Receivable) -> None:
        """As an invoice's timeline does."""
        await self.client.start_workflow(
            AccountSuspension.run,
            self.case_input_loader.load_suspension_input(account),
            id=ids.suspension_case_id(account),
            task_queue=ids.TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal="invoice_asks",
            start_signal_args=[claim],
        )

    async def bring_to_notice(self, account: str, *invoices: str) -> str:
        """A suspension whose warning was approved by anna and delivered; the case. An earlier one may have ended before it."""
        before = self.entry_kinds(ids.suspension_case_id(account)).count("suspension.approval_asked")
        case_id = await self.request_suspension(account, *invoices)
        await self.decide(await self.wait_for_approval(case_id, before + 1), "anna")
        await self.wait_for_entries(case_id, "suspension.warning_requested")
        await self.deliver_letters(case_id, "suspension.warning_delivered")
        return case_id

    async def bring_to_suspended(self, account: str, *invoices: str) -> str:
        """An account that was suspended with the word of anna and bob; the case."""
        case_id = await self.bring_to_notice(account, *invoices)
        asked = self.entry_kinds(case_id).count("suspension.approval_asked")
        await self.environment.pass_to(self.entry_dates(case_id, "suspension.warning_delivered")[-1] + 15 * DAY)
        await self.decide(await self.wait_for_approval(case_id, asked + 1), "anna")
        await self.wait_for_entries(case_id, "suspension.suspended")
        return case_id

    async def deliver_letters(self, case_id: str, kind: str, times: int = 1) -> None:
        """Send the day's letters, until the case has heard of it."""
        today = await self.environment.today()
        await self.environment.play.run_morning(today)
        await self.wait_for_entries(case_id, kind, times)

    # --- a payment plan

    def plan_handle(self, case_id: str) -> WorkflowHandle[PaymentPlan, Any]:
        return self.client.get_workflow_handle_for(PaymentPlan.run, case_id)

    async def propose_plan(self, account: str, *invoices: str, first_on: date, equal: int = 2, by: str = "mia", **terms: Any) -> str:
        """Weekly instalments; the id of the plan's case, once it has begun."""
        content = {"first_on": first_on, "equal": equal, "rhythm": InstalmentFrequency.WEEKLY} | terms
        command = ProposePlan(
            act_id=next_act_id(), actor=by, invoice_ids=list(invoices), currency="EUR", terms=InstalmentTerms.model_validate(content)
        )
        opening = self.case_input_loader.load_plan_input(account, command)
        case_id = ids.plan_case_id(account, opening.number)
        await self.client.start_workflow(PaymentPlan.run, opening, id=case_id, task_queue=ids.TASK_QUEUE)
        await self.wait_for_entries(case_id, "plan.proposed")
        return case_id

    async def accept_plan(self, case_id: str, revision: int = 1, by: str = "mia") -> CommandReceipt:
        return await self.plan_handle(case_id).execute_update(
            PaymentPlan.accept, AcceptPlan(act_id=next_act_id(), actor=by, revision=revision)
        )

    async def revise_plan(self, case_id: str, first_on: date, equal: int = 2, by: str = "mia", **terms: Any) -> CommandReceipt:
        """A counter-offer of the customer's."""
        content = {"first_on": first_on, "equal": equal, "rhythm": InstalmentFrequency.WEEKLY} | terms
        command = RevisePlan(
            act_id=next_act_id(), actor=by, terms=InstalmentTerms.model_validate(content), asked_by=Side.CUSTOMER, why="cash comes later"
        )
        return await self.plan_handle(case_id).execute_update(PaymentPlan.revise, command)

    async def decline_plan(self, case_id: str, revision: int = 1, by: str = "mia") -> CommandReceipt:
        return await self.plan_handle(case_id).execute_update(
            PaymentPlan.decline, DeclinePlan(act_id=next_act_id(), actor=by, revision=revision)
        )

    async def cancel_plan(self, case_id: str, by: str = "mia") -> CommandReceipt:
        return await self.plan_handle(case_id).execute_update(
            PaymentPlan.cancel, CancelPlan(act_id=next_act_id(), actor=by, why="other terms")
        )

    async def bring_to_offered(self, account: str, *invoices: str, first_on: date, equal: int = 2, **terms: Any) -> str:
        """A plan that was approved by anna and is on offer to the customer."""
        case_id = await self.propose_plan(account, *invoices, first_on=first_on, equal=equal, **terms)
        await self.decide(await self.wait_for_approval(case_id), "anna")
        await self.wait_for_entries(case_id, "plan.offered")
        return case_id

    async def bring_to_agreed(self, account: str, *invoices: str, first_on: date, equal: int = 2, **terms: Any) -> str:
        """A plan that was approved by anna and accepted by the customer."""
        case_id = await self.bring_to_offered(account, *invoices, first_on=first_on, equal=equal, **terms)
        await self.accept_plan(case_id)
        return case_id

    async def pay_account(self, account: str, amount: int, currency: str = "EUR") -> str:
        """A payment that names no invoice; its id. Billing has reported it."""
        payment, now = f"P-{next_act_id()}", await self.environment.play.now()
        self.environment.play.parts.billing.record_payment(payment, account, currency, amount, now.date(), at=now)
        await self.environment.play.sync()
        return payment

    # --- a credit review

    def review_handle(self, account: str) -> WorkflowHandle[CreditReview, Any]:
        return self.client.get_workflow_handle_for(CreditReview.run, ids.credit_review_case_id(account))

    async def refer_account(self, account: str, reason: ReferralReason = ReferralReason.COLLECTOR, by: str = "mia") -> str:
        case_id = ids.credit_review_case_id(account)
        before = self.entry_kinds(case_id).count("credit_review.referred")
        await self.client.start_workflow(
            CreditReview.run,
            self.case_input_loader.load_credit_review_input(account),
            id=case_id,
            task_queue=ids.TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal="referred",
            start_signal_args=[ReferAccount(act_id=next_act_id(), actor=by, reason=reason)],
        )
        await self.wait_for_entries(case_id, "credit_review.referred", before + 1)
        return case_id

    async def give_verdict(self, account: str, ability: str, willingness: str, **more: Any) -> CommandReceipt:
        content = {"act_id": next_act_id(), "actor": "ana", "ability": ability, "willingness": willingness} | more
        return await self.review_handle(account).execute_update(CreditReview.give_verdict, GiveCreditVerdict.model_validate(content))

    async def refer_by_rule(self) -> int:
        """What the schedule does once a day: how many accounts were referred."""
        with self.environment.play.environment.auto_time_skipping_disabled():
            return await self.client.execute_workflow(Referrals.run, id=f"referrals-{next_act_id()}", task_queue=ids.TASK_QUEUE)

    # --- a write-off

    def write_off_handle(self, account: str) -> WorkflowHandle[WriteOff, Any]:
        return self.client.get_workflow_handle_for(WriteOff.run, ids.write_off_case_id(account))

    async def propose_write_off(
        self, account: str, decision: WriteOffDecision, amounts: dict[str, int] | None = None, by: str = "wim"
    ) -> CommandReceipt:
        command = ProposeWriteOff(act_id=next_act_id(), actor=by, decision=decision, amounts=amounts or {})
        return await self.write_off_handle(account).execute_update(WriteOff.propose, command)

    async def bring_to_handed_over(self, account: str, *invoices: str) -> str:
        """A suspended account that went to the write-off team; the id of their case."""
        suspension = await self.bring_to_suspended(account, *invoices)
        hand_over_on = self.entry_dates(suspension, "suspension.suspended")[-1] + 30 * DAY
        await self.environment.pass_to(hand_over_on)
        case_id = ids.write_off_case_id(account)
        await self.wait_for_entries(case_id, "dossier.made")
        return case_id

    async def approve_request(self, case_id: str, number: int = 1, *people: tuple[str, Role]) -> None:
        """Signed by each, or by anna as manager alone."""
        approval = await self.wait_for_approval(case_id, number)
        for person, role in people or (("anna", Role.COLLECTIONS_MANAGER),):
            await self.decide(approval, person, role)

    async def reject_request(self, case_id: str, number: int = 1, verdict: ApprovalVerdict = ApprovalVerdict.REJECT) -> None:
        await self.decide(await self.wait_for_approval(case_id, number), "anna", verdict=verdict, note="note:1")
