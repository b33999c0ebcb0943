"""Acts on the cases of an account, as tests send them: what the API does, by the workflows' own names."""

from datetime import date
from typing import Any

from temporalio.client import WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy

from adapters.cases.case_inputs import CaseBeginnings
from adapters.database.tables import Account
from domain import identifiers as ids
from domain.approval.commands import Verdict
from domain.billing.receivables import Claim
from domain.case.command import Receipt
from domain.credit_review.commands import GiveVerdict, Reason, ReferAccount
from domain.payment_plan.commands import AcceptPlan, CancelPlan, DeclinePlan, ProposePlan, RevisePlan, Side
from domain.payment_plan.instalments import Rhythm, Terms
from domain.roles import Role
from domain.suspension.commands import AskSuspension
from domain.write_off.commands import ProposeWriteOff, WriteOffDecision
from tests.workflows.dispute_commands import Cases, act_id
from tests.workflows.stage import DAY, Bill, Stage
from workflows.account_suspension import AccountSuspension
from workflows.credit_referrals import Referrals
from workflows.credit_review import CreditReview
from workflows.payment_plan import PaymentPlan
from workflows.write_off import WriteOff

RACES = 20
"""A case that ends in the moment in which another tells it something writes its last entries anew: so many a test may leave aside."""


class AccountCases(Cases):
    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        stage.orphans = RACES

    @property
    def beginnings(self) -> CaseBeginnings:
        parts = self.stage.play.parts
        return CaseBeginnings(parts.database, parts.policies, parts.clock)

    async def due_long_ago(self, account: str, days: int, *totals: str) -> tuple[list[str], date]:
        """Invoices of one account, of EUR 100 unless said otherwise, that are so many days past due and were never reminded: their first
        reminder is due today, a Monday, but nobody sends letters yet."""
        monday = await self.stage.monday()
        return await self.stage.open(*[Bill(monday - days * DAY, account=account, total=total) for total in totals or ("100.00",)]), monday

    def account(self, account: str) -> Account:
        with self.stage.database.reading() as session:
            row = session.get_one(Account, account)
            session.expunge(row)
            return row

    async def tells(self, invoice: str, kinds: list[str]) -> None:
        """Until the invoice's own history tells these of its account's cases, in this order, and no others."""
        of_the_account = ("suspension.", "write_off.", "timeline.", "plan.", "credit_review.")
        await self.stage.until(lambda: [kind for kind in self.stage.kinds(invoice) if kind.startswith(of_the_account)] == kinds)

    # --- suspension

    def of_suspension(self, account: str) -> WorkflowHandle[AccountSuspension, Any]:
        return self.client.get_workflow_handle_for(AccountSuspension.run, ids.suspension_case(account))

    async def ask_suspension(self, account: str, *invoices: str, by: str = "mia") -> str:
        """A collector asks; the id of the case, once it has begun."""
        case_id = ids.suspension_case(account)
        before, claims = self.kinds(case_id).count("suspension.asked"), self.beginnings.claims(account, invoices)
        await self.client.start_workflow(
            AccountSuspension.run, self.beginnings.suspension(account), id=case_id, task_queue=ids.TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING, start_signal="asked",
            start_signal_args=[AskSuspension(act_id=act_id(), actor=by, claims=claims)],
        )  # fmt: skip
        await self.heard(case_id, "suspension.asked", before + 1)
        return case_id

    async def over(self, account: str) -> str:
        """How the account's suspension ended, once it has."""
        with self.stage.play.environment.auto_time_skipping_disabled():
            return str(await self.of_suspension(account).result())

    async def invoice_asks(self, account: str, claim: Claim) -> None:
        """As an invoice's timeline does."""
        await self.client.start_workflow(
            AccountSuspension.run, self.beginnings.suspension(account), id=ids.suspension_case(account), task_queue=ids.TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING, start_signal="invoice_asks", start_signal_args=[claim],
        )  # fmt: skip

    async def warned(self, account: str, *invoices: str) -> str:
        """A suspension whose warning was approved by anna and delivered; the case. An earlier one may have ended before it."""
        before = self.kinds(ids.suspension_case(account)).count("suspension.approval_asked")
        case_id = await self.ask_suspension(account, *invoices)
        await self.decide(await self.asked(case_id, before + 1), "anna")
        await self.heard(case_id, "suspension.warning_requested")
        await self.deliver(case_id, "suspension.warning_delivered")
        return case_id

    async def suspended(self, account: str, *invoices: str) -> str:
        """An account that was suspended with the word of anna and bob; the case."""
        case_id = await self.warned(account, *invoices)
        asked = self.kinds(case_id).count("suspension.approval_asked")
        await self.stage.pass_to(self.on(case_id, "suspension.warning_delivered")[-1] + 15 * DAY)
        await self.decide(await self.asked(case_id, asked + 1), "anna")
        await self.heard(case_id, "suspension.suspended")
        return case_id

    async def deliver(self, case_id: str, kind: str, times: int = 1) -> None:
        """Send the day's letters, until the case has heard of it."""
        today = await self.stage.today()
        await self.stage.play.morning(today)
        await self.heard(case_id, kind, times)

    # --- a payment plan

    def of_plan(self, case_id: str) -> WorkflowHandle[PaymentPlan, Any]:
        return self.client.get_workflow_handle_for(PaymentPlan.run, case_id)

    async def propose(self, account: str, *invoices: str, first_on: date, equal: int = 2, by: str = "mia", **terms: Any) -> str:
        """Weekly instalments; the id of the plan's case, once it has begun."""
        content = {"first_on": first_on, "equal": equal, "rhythm": Rhythm.WEEKLY} | terms
        act = ProposePlan(act_id=act_id(), actor=by, invoice_ids=list(invoices), currency="EUR", terms=Terms.model_validate(content))
        opening = self.beginnings.plan(account, act)
        case_id = ids.plan_case(account, opening.number)
        await self.client.start_workflow(PaymentPlan.run, opening, id=case_id, task_queue=ids.TASK_QUEUE)
        await self.heard(case_id, "plan.proposed")
        return case_id

    async def accept(self, case_id: str, revision: int = 1, by: str = "mia") -> Receipt:
        return await self.of_plan(case_id).execute_update(PaymentPlan.accept, AcceptPlan(act_id=act_id(), actor=by, revision=revision))

    async def revise(self, case_id: str, first_on: date, equal: int = 2, by: str = "mia", **terms: Any) -> Receipt:
        """A counter-offer of the customer's."""
        content = {"first_on": first_on, "equal": equal, "rhythm": Rhythm.WEEKLY} | terms
        act = RevisePlan(act_id=act_id(), actor=by, terms=Terms.model_validate(content), asked_by=Side.CUSTOMER, why="cash comes later")
        return await self.of_plan(case_id).execute_update(PaymentPlan.revise, act)

    async def decline(self, case_id: str, revision: int = 1, by: str = "mia") -> Receipt:
        return await self.of_plan(case_id).execute_update(PaymentPlan.decline, DeclinePlan(act_id=act_id(), actor=by, revision=revision))

    async def cancel(self, case_id: str, by: str = "mia") -> Receipt:
        return await self.of_plan(case_id).execute_update(PaymentPlan.cancel, CancelPlan(act_id=act_id(), actor=by, why="other terms"))

    async def offered(self, account: str, *invoices: str, first_on: date, equal: int = 2, **terms: Any) -> str:
        """A plan that was approved by anna and is on offer to the customer."""
        case_id = await self.propose(account, *invoices, first_on=first_on, equal=equal, **terms)
        await self.decide(await self.asked(case_id), "anna")
        await self.heard(case_id, "plan.offered")
        return case_id

    async def agreed(self, account: str, *invoices: str, first_on: date, equal: int = 2, **terms: Any) -> str:
        """A plan that was approved by anna and accepted by the customer."""
        case_id = await self.offered(account, *invoices, first_on=first_on, equal=equal, **terms)
        await self.accept(case_id)
        return case_id

    async def pay_account(self, account: str, amount: int, currency: str = "EUR") -> str:
        """A payment that names no invoice; its id. Billing has reported it."""
        payment, now = f"P-{act_id()}", await self.stage.play.now()
        self.stage.play.parts.ledger.record_payment(payment, account, currency, amount, now.date(), at=now)
        await self.stage.play.sync()
        return payment

    # --- a credit review

    def of_review(self, account: str) -> WorkflowHandle[CreditReview, Any]:
        return self.client.get_workflow_handle_for(CreditReview.run, ids.credit_review_case(account))

    async def refer(self, account: str, reason: Reason = Reason.COLLECTOR, by: str = "mia") -> str:
        case_id = ids.credit_review_case(account)
        before = self.kinds(case_id).count("credit_review.referred")
        await self.client.start_workflow(
            CreditReview.run, self.beginnings.credit_review(account), id=case_id, task_queue=ids.TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING, start_signal="referred",
            start_signal_args=[ReferAccount(act_id=act_id(), actor=by, reason=reason)],
        )  # fmt: skip
        await self.heard(case_id, "credit_review.referred", before + 1)
        return case_id

    async def verdict(self, account: str, ability: str, willingness: str, **more: Any) -> Receipt:
        content = {"act_id": act_id(), "actor": "ana", "ability": ability, "willingness": willingness} | more
        return await self.of_review(account).execute_update(CreditReview.give_verdict, GiveVerdict.model_validate(content))

    async def refer_by_rule(self) -> int:
        """What the schedule does once a day: how many accounts were referred."""
        with self.stage.play.environment.auto_time_skipping_disabled():
            return await self.client.execute_workflow(Referrals.run, id=f"referrals-{act_id()}", task_queue=ids.TASK_QUEUE)

    # --- a write-off

    def of_write_off(self, account: str) -> WorkflowHandle[WriteOff, Any]:
        return self.client.get_workflow_handle_for(WriteOff.run, ids.write_off_case(account))

    async def write_off(self, account: str, decision: WriteOffDecision, amounts: dict[str, int] | None = None, by: str = "wim") -> Receipt:
        act = ProposeWriteOff(act_id=act_id(), actor=by, decision=decision, amounts=amounts or {})
        return await self.of_write_off(account).execute_update(WriteOff.propose, act)

    async def handed_over(self, account: str, *invoices: str) -> str:
        """A suspended account that went to the write-off team; the id of their case."""
        suspension = await self.suspended(account, *invoices)
        hand_over_on = self.on(suspension, "suspension.suspended")[-1] + 30 * DAY
        await self.stage.pass_to(hand_over_on)
        case_id = ids.write_off_case(account)
        await self.heard(case_id, "dossier.made")
        return case_id

    async def approved(self, case_id: str, number: int = 1, *people: tuple[str, Role]) -> None:
        """Signed by each, or by anna as manager alone."""
        approval = await self.asked(case_id, number)
        for person, role in people or (("anna", Role.COLLECTIONS_MANAGER),):
            await self.decide(approval, person, role)

    async def rejected(self, case_id: str, number: int = 1, verdict: Verdict = Verdict.REJECT) -> None:
        await self.decide(await self.asked(case_id, number), "anna", verdict=verdict, note="note:1")
