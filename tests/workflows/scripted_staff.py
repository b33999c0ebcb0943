"""A scripted staff, and the customers that it deals with: each morning it acts on what the read model says waits for somebody.

Nothing is left to chance: each account has a course, what is chosen among several ways goes by turns, in the order of the cases' ids.
An act that a case refuses is kept in `refused`: its case moved on between the look at the list and the act.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Iterator
from datetime import date
from itertools import cycle
from typing import Any

from sqlalchemy import select, update
from sqlmodel import col
from temporalio.client import WorkflowUpdateFailedError
from temporalio.service import RPCError

from adapters.cases.call_tasks import close_account_call
from adapters.database.tables import CallRequest, Case, Contact, Invoice, Task
from domain import identifiers as ids
from domain.approval.commands import ApprovalVerdict
from domain.billing.receivables import Receivable
from domain.credit_review.commands import CloseCreditReview, ReferralReason
from domain.invoice.commands import CallOutcome, LogCall, MakePromise
from domain.policy.dispute_rules import DisputeReason, DisputeResolution
from domain.roles import Role
from domain.suspension.commands import (
    ExtendNotice,
    HandOverSuspendedAccount,
    ReinstateAccount,
    RequestApprovalAgain,
    ResendWarning,
    WithdrawSuspension,
)
from domain.write_off.commands import WriteOffDecision
from tests.workflows.account_commands import AccountCommands
from tests.workflows.collection_environment import DAY, CollectionEnvironment
from tests.workflows.dispute_commands import next_act_id
from tests.workflows.year_customers import Customers
from tests.workflows.year_scenarios import CALLS, OFFERS, VERDICTS, YearScenario, shuffle_key
from workflows.account_suspension import AccountSuspension
from workflows.credit_review import CreditReview
from workflows.invoice_collection import InvoiceCollection

StaffAction = Coroutine[Any, Any, Any]

PEOPLE = {
    Role.COLLECTIONS_MANAGER: ("anna", "max", "nora"),
    Role.FINANCE_DIRECTOR: ("dora", "dirk", "dina"),
    Role.CREDIT_ANALYST: ("ana", "ari"),
}


class ScriptedStaff:
    def __init__(self, environment: CollectionEnvironment, courses: dict[str, YearScenario]) -> None:
        self.environment, self.play, self.cases = environment, environment.play, AccountCommands(environment)
        self.courses, self.customers = courses, Customers(environment, self.cases.case_input_loader)
        self.done: Counter[str] = Counter()
        self.refused: list[str] = []
        self.today = date.min
        self._once: set[str] = set()
        self._turns: dict[str, Iterator[Any]] = {}
        self._gate = asyncio.Semaphore(20)

    # --- a day's work

    async def work(self, today: date) -> int:
        """Act once on each case that waits, those of one account one after the other. How many acts were tried."""
        self.today = today
        doings = await asyncio.to_thread(self._list)
        await asyncio.gather(*(self._in_turn(account, mine) for account, mine in sorted(doings.items())))
        return sum(map(len, doings.values()))

    async def _in_turn(self, account: str, doings: list[tuple[str, StaffAction]]) -> None:
        async with self._gate:
            for name, doing in doings:
                try:
                    await doing
                    self.done[name] += 1
                except (WorkflowUpdateFailedError, RPCError) as error:
                    self.refused.append(f"{self.today} {account} {name}: {error.__cause__ or error}")

    def _list(self) -> dict[str, list[tuple[str, StaffAction]]]:
        """What to do, by account: the name of the act, and the act."""
        found: dict[str, list[tuple[str, StaffAction]]] = defaultdict(list)
        with self.environment.database.reading() as session:
            rows = session.scalars(select(Case).where(col(Case.outcome).is_(None)).order_by(col(Case.case_id))).all()
            calls = session.execute(
                select(col(Task.account_id), col(CallRequest.invoice_id))
                .join(CallRequest, col(CallRequest.task_id) == col(Task.id))
                .where(col(CallRequest.state) == "open", col(CallRequest.due_on) <= self.today)
                .order_by(col(CallRequest.invoice_id))
            ).all()
            session.expunge_all()
        for account, invoice in calls:
            found[account] += self._named(self._call(account, invoice))
        acts: dict[str, Callable[[Case], tuple[str, StaffAction] | None]] = {
            "approval": self._approval,
            "dispute": self._dispute,
            "payment_plan": self._plan,
            "suspension": self._suspension,
            "write_off": self._write_off,
            "credit_review": self._review,
            "invoice": self._invoice,
        }
        for row in rows:
            found[row.account_id] += self._named(acts[row.kind](row))
        return {account: doings for account, doings in found.items() if doings}

    @staticmethod
    def _named(doing: tuple[str, StaffAction] | None) -> list[tuple[str, StaffAction]]:
        return [doing] if doing else []

    # --- choosing

    def course(self, account: str) -> YearScenario:
        return self.courses.get(account, YearScenario())

    def first(self, *moment: str) -> bool:
        """True the first time that this is asked."""
        key = " ".join(moment)
        fresh = key not in self._once
        self._once.add(key)
        return fresh

    def turn(self, what: str, ways: tuple[Any, ...]) -> Any:
        """Each way in its turn."""
        return next(self._turns.setdefault(what, cycle(ways)))

    def lies_over(self, case_id: str, one_in: int) -> bool:
        """Nobody looks at some cases until they are escalated."""
        return int(shuffle_key(case_id), 16) % one_in == 0

    # --- what waits for somebody

    def _approval(self, row: Case) -> tuple[str, StaffAction] | None:
        answer = row.summary
        if self.lies_over(row.case_id, 6) and not answer["escalated"]:
            return None
        if self.course(row.account_id).warning == "withdraw" and f"{row.account_id} withdraw" not in self._once:
            return None
        role = Role(str(row.awaiting_role))
        taken = {*str(answer["signed_by"]).split(), answer["requester"]}
        person = next(one for one in PEOPLE[role] if one not in taken)
        verdict = self._verdict(row)
        note = None if verdict is ApprovalVerdict.APPROVE else f"note:{row.case_id}"
        return f"{answer['matter']}:{verdict.value}", self.cases.decide(row.case_id, person, role, verdict, note)

    def _verdict(self, row: Case) -> ApprovalVerdict:
        matter, course = str(row.summary["matter"]), self.course(row.account_id)
        if matter in ("suspension_warning", "suspension"):
            word = course.warning if matter == "suspension_warning" else course.sign_off
            if word in ("reject", "return") and self.first(row.account_id, matter):
                return ApprovalVerdict(word)
            return ApprovalVerdict.APPROVE
        if row.summary["tier"] != 1 or (course.has_plan and matter == "payment_plan"):
            return ApprovalVerdict.APPROVE
        return ApprovalVerdict(self.turn(matter, ("approve", "approve", "return", "approve", "reject")))

    def _dispute(self, row: Case) -> tuple[str, StaffAction] | None:
        if row.awaiting_role is None or (self.lies_over(row.case_id, 3) and not row.summary["escalated"]):
            return None
        contested, invoice = int(str(row.summary["contested"])), row.invoice_id or ""
        if self.first("customer", row.case_id):
            pays = {"nothing": 0, "half": contested // 2, "all": contested}[self.turn("customer", ("nothing", "half", "nothing", "all"))]
            if pays:
                return "dispute:pay", self.customers.pay_invoice(invoice, pays)
        way = self.turn(
            "dispute",
            (
                DisputeResolution.REJECTED,
                DisputeResolution.CREDIT_NOTE,
                DisputeResolution.CORRECTED_INVOICE,
                DisputeResolution.ALREADY_PAID,
                DisputeResolution.WITHDRAWN,
            ),
        )
        amount = None
        if way is DisputeResolution.CREDIT_NOTE:
            amount = max(contested // 2, 1)
        if way is DisputeResolution.CORRECTED_INVOICE:
            amount = self._total(invoice) - contested // 2
        doing = self.cases.resolve(row.case_id, way, amount, Role.COLLECTIONS_MANAGER, f"R-{invoice}")
        return f"dispute:{way.value}", doing

    def _plan(self, row: Case) -> tuple[str, StaffAction] | None:
        revision, account = int(str(row.summary["revision"])), row.account_id
        if row.stage == "proposed":
            return "plan:revise", self.cases.revise_plan(row.case_id, first_on=self.today + 10 * DAY)
        if row.stage == "offered":
            if self.course(account).has_plan:
                return "plan:accept", self.cases.accept_plan(row.case_id, revision)
            answer = self._answer(row, revision)
            match answer:
                case "accept":
                    return "plan:accept", self.cases.accept_plan(row.case_id, revision)
                case "decline":
                    return "plan:decline", self.cases.decline_plan(row.case_id, revision)
                case "counter":
                    return "plan:counter", self.cases.revise_plan(row.case_id, first_on=self.today + 20 * DAY, equal=3)
                case "cancel":
                    return "plan:cancel", self.cases.cancel_plan(row.case_id)
            return None
        if row.stage == "active" and row.next_on and not self.course(account).includes_plan("plan_broken"):
            return self._instalment(row)
        return None

    def _answer(self, row: Case, revision: int) -> str:
        """What the customer says to an offer. Our own counter-offer is accepted; who is silent stays so."""
        if self.first("offer", row.case_id):
            return str(self.turn("offer", OFFERS))
        return "accept" if revision > 1 else "silent"

    def _instalment(self, row: Case) -> tuple[str, StaffAction] | None:
        """The customer pays what has fallen due: on its day, or some days late."""
        if row.account_id not in self.courses:
            return None
        late = 3 * DAY if self.lies_over(row.case_id, 2) else 0 * DAY
        days = [one.split(":") for one in str(row.summary["agreed_schedule"]).split()]
        due = sum(int(amount) for day, amount, _ in days if date.fromisoformat(day) <= self.today - late)
        owed = due - int(str(row.summary["received"]))
        if owed <= 0 or not self.first("instalment", row.case_id, str(due)):
            return None
        return "plan:pay", self.customers.pay(row.account_id, owed)

    def _suspension(self, row: Case) -> tuple[str, StaffAction] | None:
        account, course, case = row.account_id, self.course(row.account_id), self.cases.suspension_handle(row.account_id)
        if row.waiting_for == "requester":
            return "suspension:ask_again", case.execute_update(
                AccountSuspension.ask_again, RequestApprovalAgain(act_id=next_act_id(), actor="mia")
            )
        if row.waiting_for == "address":
            return "suspension:send_again", self._send_again(account)
        if row.stage == "warning_approval" and course.warning == "withdraw" and self.first(account, "withdraw"):
            command = WithdrawSuspension(act_id=next_act_id(), actor="anna", reason="they called")
            return "suspension:withdraw", case.execute_update(AccountSuspension.withdraw, command)
        if row.stage == "warning_approval" and course.warning == "unreachable" and self.first(account, "unreachable"):
            self.customers.unreachable.add(account)
        if row.stage == "notice":
            return self._during_notice(row, course)
        if row.stage == "suspended" and row.next_on and self._on(row, "suspended_on") + 10 * DAY <= self.today:
            return self._while_suspended(row, course)
        return None

    def _during_notice(self, row: Case, course: YearScenario) -> tuple[str, StaffAction] | None:
        account, claims, warned = row.account_id, self._open(row, "invoices"), self._open(row, "warned")
        if course.notice == "pay_the_warned" and len(claims) == len(warned):
            others = {one.invoice_id for one in self.customers.list_owed_receivables(account)} - {one.invoice_id for one in claims}
            if others:
                return "suspension:ask_for_another", self.cases.request_suspension(account, min(others))
            if self.first(account, "wait for another"):
                return "suspension:extend", self._extend(row, 30)
            return None
        if not course.notice or not self.first(account, course.notice):
            return None
        match course.notice:
            case "pay":
                return "pay:in_notice", self.customers.pay(
                    account, sum(one.open_balance for one in self.customers.list_owed_receivables(account))
                )
            case "pay_the_warned":
                return "pay:the_warned", self.customers.pay_each(warned)
            case "extend":
                return "suspension:extend", self._extend(row, 12)
            case "dispute":
                return "dispute:all", self._dispute_all(claims)
            case _:
                return f"plan:{course.notice}", self._propose(account)
        return None

    def _while_suspended(self, row: Case, course: YearScenario) -> tuple[str, StaffAction] | None:
        account, case = row.account_id, self.cases.suspension_handle(row.account_id)
        if not course.suspended or not self.first(account, "suspended", course.suspended):
            return None
        match course.suspended:
            case "pay":
                return "pay:when_suspended", self.customers.pay(
                    account, sum(one.open_balance for one in self.customers.list_owed_receivables(account))
                )
            case "reinstate":
                command = ReinstateAccount(act_id=next_act_id(), actor="anna", reason="goodwill")
                return "suspension:reinstate", case.execute_update(AccountSuspension.reinstate, command)
            case "dispute":
                return "dispute:all", self._dispute_all(self._open(row, "invoices"))
        now = HandOverSuspendedAccount(act_id=next_act_id(), actor="mia")
        return "suspension:hand_over", case.execute_update(AccountSuspension.hand_over, now)

    def _write_off(self, row: Case) -> tuple[str, StaffAction] | None:
        account, course = row.account_id, self.course(row.account_id)
        if row.stage == "decided":
            booked = sum(int(str(amount)) for name, amount in row.summary.items() if name.startswith("booked_"))
            if course.afterwards == "pay" and booked and self.first(account, "afterwards"):
                owed = sum(one.open_balance for one in self.customers.list_owed_receivables(account))
                return "pay:afterwards", self.customers.pay(account, owed + booked)
            return None
        if row.awaiting_role is None:
            return None
        decided = "write_off.decided" in self.cases.entry_kinds(row.case_id)
        decision = WriteOffDecision.WHOLE if decided else course.write_off
        amounts = {one.invoice_id: max(one.open_balance // 2, 1) for one in self._open(row, "invoices")}
        part = amounts if decision is WriteOffDecision.PART else {}
        return f"write_off:{decision.value}", self.cases.propose_write_off(account, decision, part or None)

    def _review(self, row: Case) -> tuple[str, StaffAction] | None:
        account = row.account_id
        if row.awaiting_role is None:
            if row.summary["stopped"] and row.next_on and row.next_on <= self.today + 30 * DAY:
                close = CloseCreditReview(act_id=next_act_id(), actor="ana")
                return "review:close", self.cases.review_handle(account).execute_update(CreditReview.close, close)
            return None
        if row.summary["stopped"]:
            doing = self.cases.give_verdict(account, "unable", "willing", insolvent=True, next_review_on=self.today + 60 * DAY)
            return "review:insolvent", doing
        ability, willingness, days = self.turn("verdict", VERDICTS)
        doing = self.cases.give_verdict(account, ability, willingness, next_review_on=self.today + days * DAY)
        return f"review:{ability}_{willingness}", doing

    def _invoice(self, row: Case) -> tuple[str, StaffAction] | None:
        """Its timeline has ended: a manager has it suspended or, if that was done, handed over."""
        if row.awaiting_role is None:
            return None
        return "timeline:ended", self._go_further(row)

    async def _go_further(self, row: Case) -> None:
        suspension = self._case(ids.suspension_case_id(row.account_id))
        if suspension and suspension.stage == "suspended":
            command = HandOverSuspendedAccount(act_id=next_act_id(), actor="anna")
            await self.cases.suspension_handle(row.account_id).execute_update(AccountSuspension.hand_over, command)
        elif not self.course(row.account_id).prepaid:
            await self.cases.request_suspension(row.account_id, str(row.invoice_id), by="mia")

    # --- calls

    def _call(self, account: str, invoice: str) -> tuple[str, StaffAction] | None:
        what = self.course(account).call or ("" if account in self.courses else self.turn("call", CALLS))
        return f"call:{what or 'no_answer'}", self._make_call(account, invoice, what)

    async def _make_call(self, account: str, invoice: str, what: str) -> None:
        outcome = {"": CallOutcome.NO_ANSWER, "refuses": CallOutcome.REFUSES_TO_PAY}.get(what, CallOutcome.REACHED)
        await self.environment.case(invoice).execute_update(
            InvoiceCollection.log_call, LogCall(act_id=next_act_id(), actor="mia", outcome=outcome)
        )
        close_account_call(self.environment.database, account, [invoice], outcome, "mia")
        open_balance = self.play.parts.billing.get_invoice_facts(invoice).open_balance
        match what:
            case "dispute":
                await self._dispute_one(invoice, open_balance)
            case "plan_kept" | "plan_broken" if self.first("plan", account):
                await self._propose(account)
            case "plan":
                await self._propose(account, invoice)
            case "promise":
                await self._promise(invoice, open_balance)
            case "review" | "insolvency" if self.first("refer", account):
                await self.cases.refer_account(
                    account, ReferralReason.INSOLVENCY_NOTICE if what == "insolvency" else ReferralReason.COLLECTOR
                )

    async def _promise(self, invoice: str, amount: int) -> None:
        """Kept at once, or in part, or broken."""
        command = MakePromise(act_id=next_act_id(), actor="mia", amount=amount, by=self.today + 7 * DAY)
        await self.environment.case(invoice).execute_update(InvoiceCollection.make_promise, command)
        paid = {"kept": amount, "half": amount // 2, "broken": 0}[self.turn("promise", ("kept", "half", "broken"))]
        await self.customers.pay_invoice(invoice, paid)

    async def _dispute_one(self, invoice: str, amount: int) -> None:
        reason = tuple(DisputeReason)[int(shuffle_key(invoice), 16) % len(DisputeReason)]
        await self.cases.raise_dispute(invoice, amount, reason, Role.COLLECTIONS_MANAGER)

    async def _dispute_all(self, claims: list[Receivable]) -> None:
        for claim in claims:
            await self._dispute_one(claim.invoice_id, claim.open_balance)

    # --- plans and money

    async def _propose(self, account: str, *named: str) -> None:
        """Over the invoices that are named, or all that is owed."""
        taken = self.cases.case_input_loader.list_invoices_in_plans(account)
        owed = [one.invoice_id for one in self.customers.list_owed_receivables(account) if one.invoice_id not in taken]
        invoices = [name for name in owed if name in (named or owed)]
        if invoices:
            percent = "6" if self.lies_over(account, 2) else "0"
            await self.cases.propose_plan(account, *invoices, first_on=self.today + 10 * DAY, equal=3, interest_percent=percent)

    # --- letters

    async def _send_again(self, account: str) -> None:
        self.customers.unreachable.discard(account)
        with self.environment.database.writing() as session:
            session.execute(update(Contact).where(col(Contact.account_id) == account).values(undeliverable_since=None))
        again = ResendWarning(act_id=next_act_id(), actor="mia")
        await self.cases.suspension_handle(account).execute_update(AccountSuspension.send_warning_again, again)

    # --- reading

    def _extend(self, row: Case, days: int) -> StaffAction:
        command = ExtendNotice(
            act_id=next_act_id(), actor="anna", until=self._on(row, "notice_ends") + days * DAY, reason="they promised to pay"
        )
        return self.cases.suspension_handle(row.account_id).execute_update(AccountSuspension.extend_notice, command)

    def _on(self, row: Case, day: str) -> date:
        return date.fromisoformat(str(row.summary[day]))

    def _open(self, row: Case, which: str) -> list[Receivable]:
        claims = self.cases.case_input_loader.load_claims(row.account_id, str(row.summary[which]).split())
        return [claim for claim in claims if not claim.settled and claim.open_balance > 0]

    def _total(self, invoice: str) -> int:
        with self.environment.database.reading() as session:
            return session.get_one(Invoice, invoice).total

    def _case(self, case_id: str) -> Case | None:
        """If it is open."""
        with self.environment.database.reading() as session:
            row = session.get(Case, case_id)
            if row is not None:
                session.expunge(row)
        return row if row is not None and row.outcome is None else None
