"""Accounts in every situation in which somebody has something to decide, and what each of their people decides.

Mia collects; anna and otto manage, and mia may too; ben is of sales operations, ana judges credit, wim writes off.
"""

import asyncio
from typing import Any

from domain import identifiers as ids
from domain.roles import Role
from tests.faults.decisions import Bill, Bureau, Fate, Wanted, bills, money, terms

COLLECTOR, MANAGER = Role.COLLECTOR, Role.COLLECTIONS_MANAGER
MIA, ANNA, OTTO, BEN = ("mia", COLLECTOR), ("anna", MANAGER), ("otto", MANAGER), ("ben", Role.SALES_OPS)
ANA, WIM, AUDITOR = ("ana", Role.CREDIT_ANALYST), ("wim", Role.WRITE_OFF_ANALYST), ("ada", Role.AUDITOR)
MIA_AS_MANAGER, WIM_AS_MANAGER = ("mia", MANAGER), ("wim", MANAGER)

APPROVE, WHY = {"decision": "approve"}, "this is why"
REJECT, RETURN = {"decision": "reject", "comment": WHY}, {"decision": "return", "comment": WHY}
CREDIT = {"resolution": "credit_note", "amount": money("25.00"), "comment": WHY}
CONTEST = {**money("40.00"), "reason": "wrong_price"}

Who = tuple[str, Role]


def approval_path(case_id: str, number: int = 1) -> str:
    return f"approvals/{ids.approval_case(case_id, number)}/decision"


def wants(who: Who, path: str, body: dict[str, Any] | None = None) -> Wanted:
    return Wanted(*who, path, body or {})


def refused(who: Who, path: str, body: dict[str, Any] | None = None) -> Wanted:
    return Wanted(*who, path, body or {}, Fate.REFUSED)


def turned_away(status: int, who: Who, path: str, body: dict[str, Any] | None = None) -> Wanted:
    return Wanted(*who, path, body or {}, Fate.TURNED_AWAY, status)


class Situation:
    """Accounts in every situation in which somebody has something to decide."""

    def __init__(self, desk: Bureau) -> None:
        self.desk = desk
        self.credits, self.contested = bills("CREDIT", 8), bills("CONTESTED", 10)
        self.planned, self.offered, self.unplanned = bills("PLAN", 10), bills("OFFER", 13), bills("BARE", 3)
        self.reviewed, self.unreviewed = bills("REVIEW", 5), bills("SOLID", 3)
        self.plain, self.asked, self.paused = bills("PLAIN", 16), bills("ASKED", 3), bills("PAUSED", 1)
        self.to_warn, self.to_sign_off = bills("WARN", 4, due_in=-10), bills("SIGN", 7, due_in=-10)
        self.suspended, self.late = bills("OFF", 3, due_in=-10), bills("LATE", 3, due_in=-10)
        self.given_up, self.proposed = bills("GONE", 3, due_in=-10), bills("LOST", 3, due_in=-10)
        self.escalations: list[str] = []

    @property
    def all(self) -> list[Bill]:
        groups = (
            self.credits, self.contested, self.planned, self.offered, self.unplanned, self.reviewed, self.unreviewed, self.plain,
            self.asked, self.paused, self.to_warn, self.to_sign_off, self.suspended, self.late, self.given_up, self.proposed,
        )  # fmt: skip
        return [bill for group in groups for bill in group]

    async def bring_about(self) -> None:
        await self.desk.open(self.all)
        await asyncio.gather(
            self._disputes(), self._plans(), self._reviews_and_escalations(), self._suspensions(),
        )  # fmt: skip

    async def _disputes(self) -> None:
        desk, contested = self.desk, [*self.credits, *self.contested]
        await desk.do(*[(MIA, f"invoices/{bill.number}/disputes", CONTEST) for bill in contested])
        await desk.reached("dispute.raised", [dispute_of(bill) for bill in contested])
        await desk.do(*[(BEN, f"disputes/{dispute_of(bill)}/resolution", CREDIT) for bill in self.credits])
        await desk.reached("approval.asked", [ids.approval_case(dispute_of(bill), 1) for bill in self.credits])

    async def _plans(self) -> None:
        desk, all_of_them = self.desk, [*self.planned, *self.offered]
        await desk.do(*[(MIA, f"accounts/{bill.account}/plans", plan_over(desk, bill)) for bill in all_of_them])
        await desk.reached("approval.asked", [ids.approval_case(plan_of(bill), 1) for bill in all_of_them])
        await desk.do(*[(ANNA, approval_path(plan_of(bill)), APPROVE) for bill in self.offered])
        await desk.reached("plan.offered", [plan_of(bill) for bill in self.offered])

    async def _reviews_and_escalations(self) -> None:
        desk = self.desk
        await desk.do(*[(MIA, f"accounts/{bill.account}/credit-reviews", {"comment": WHY}) for bill in self.reviewed])
        await desk.do(*[(MIA, f"invoices/{bill.number}/pause", {"reason": WHY}) for bill in self.paused])
        asks = [(MIA, f"invoices/{bill.number}/escalations", {"role": "sales", "comment": WHY}) for bill in self.asked]
        self.escalations = [answer["act_id"] for answer in await desk.do(*asks)]
        await desk.reached("credit_review.referred", [review_of(bill) for bill in self.reviewed])
        await desk.reached("escalation.raised", [ids.invoice_case(bill.number) for bill in self.asked])

    async def _suspensions(self) -> None:
        desk, to_suspend = self.desk, [*self.suspended, *self.given_up, *self.proposed]
        all_of_them, warned = [*self.to_warn, *self.to_sign_off, *to_suspend], [*self.to_sign_off, *to_suspend]
        await desk.do(*[(MIA, f"accounts/{bill.account}/suspension", {}) for bill in all_of_them])
        await desk.reached("approval.asked", [ids.approval_case(suspension_of(bill), 1) for bill in all_of_them])
        await desk.do(*[(ANNA, approval_path(suspension_of(bill)), APPROVE) for bill in warned])
        await desk.reached("approval.asked", [ids.approval_case(suspension_of(bill), 2) for bill in warned])
        await desk.do(*[(ANNA, approval_path(suspension_of(bill), 2), APPROVE) for bill in to_suspend])
        await desk.reached("suspension.suspended", [suspension_of(bill) for bill in to_suspend])
        handed_over = [*self.given_up, *self.proposed]
        await desk.do(*[(ANNA, f"accounts/{bill.account}/suspension/hand-over", {}) for bill in handed_over])
        await desk.reached("write_off.handed_over", [write_off_of(bill) for bill in handed_over])
        await desk.do(*[(WIM, f"accounts/{bill.account}/write-off/decision", {"decision": "whole"}) for bill in self.proposed])
        await desk.reached("approval.asked", [ids.approval_case(write_off_of(bill), 1) for bill in self.proposed])

    # --- what is decided while nobody works

    def decisions(self) -> list[Wanted]:
        return [
            *self._approvals(), *self._of_plans(), *self._of_disputes(), *self._of_credit(), *self._of_invoices(), *self._of_suspensions(),
            *self._of_write_offs(),
        ]  # fmt: skip

    def _approvals(self) -> list[Wanted]:
        credits, plans = [dispute_of(bill) for bill in self.credits], [plan_of(bill) for bill in self.planned]
        warnings, lost = [suspension_of(bill) for bill in self.to_warn], [write_off_of(bill) for bill in self.proposed]
        sign_offs = [suspension_of(bill) for bill in self.to_sign_off[:3]]
        return [
            *[wants(ANNA, approval_path(case), APPROVE) for case in credits[:5]],
            wants(OTTO, approval_path(credits[5]), REJECT), wants(OTTO, approval_path(credits[6]), RETURN),
            refused(BEN, approval_path(credits[7]), APPROVE), refused(ANNA, approval_path(credits[7]), {"decision": "reject"}),
            turned_away(403, MIA, approval_path(credits[7]), APPROVE),
            *[wants(OTTO, approval_path(case), APPROVE) for case in plans[:7]],
            wants(ANNA, approval_path(plans[7]), REJECT), wants(ANNA, approval_path(plans[8]), RETURN),
            refused(MIA_AS_MANAGER, approval_path(plans[9]), APPROVE), turned_away(403, MIA, approval_path(plans[9]), APPROVE),
            turned_away(404, ANNA, approval_path("plan:nobody:1"), APPROVE),
            *[wants(ANNA, approval_path(case), APPROVE) for case in warnings[:2]], wants(OTTO, approval_path(warnings[2]), REJECT),
            refused(MIA_AS_MANAGER, approval_path(warnings[3]), APPROVE),
            *[wants(OTTO, approval_path(case, 2), APPROVE) for case in sign_offs],
            *[wants(ANNA, approval_path(case), APPROVE) for case in lost[:2]], refused(WIM_AS_MANAGER, approval_path(lost[2]), APPROVE),
        ]  # fmt: skip

    def _of_plans(self) -> list[Wanted]:
        desk, offers = self.desk, [f"plans/{plan_of(bill)}" for bill in self.offered]
        other_terms = {"terms": terms(desk.today(40), 3), "asked_by": "customer", "why": WHY}
        first = self.unplanned[0]
        return [
            *[wants(MIA, f"{plan}/acceptance", {"revision": 1}) for plan in offers[:4]],
            *[wants(MIA, f"{plan}/refusal", {"revision": 1, "comment": WHY}) for plan in offers[4:6]],
            *[wants(ANNA, f"{plan}/cancellation", {"why": WHY}) for plan in offers[6:9]],
            *[wants(MIA, f"{plan}/revision", other_terms) for plan in offers[9:12]],
            refused(MIA, f"{offers[12]}/acceptance", {"revision": 7}),
            turned_away(403, AUDITOR, f"{offers[12]}/acceptance", {"revision": 1}),
            turned_away(422, MIA, f"{offers[12]}/revision", {"terms": {}, "why": WHY}),
            *[wants(MIA, f"accounts/{bill.account}/plans", plan_over(desk, bill)) for bill in self.unplanned],
            turned_away(409, MIA, f"accounts/{first.account}/plans", plan_over(desk, first) | {"invoices": [self.plain[0].number]}),
        ]  # fmt: skip

    def _of_disputes(self) -> list[Wanted]:
        cases = [f"disputes/{dispute_of(bill)}" for bill in self.contested]
        return [
            *[wants(BEN, f"{case}/resolution", {"resolution": "rejected", "comment": WHY}) for case in cases[:3]],
            *[wants(MIA, f"{case}/resolution", {"resolution": "withdrawn"}) for case in cases[3:5]],
            wants(BEN, f"{cases[5]}/resolution", {"resolution": "already_paid", "reference": "bank 4711"}),
            *[wants(BEN, f"{case}/assignment", {"assignee": "ben"}) for case in cases[6:8]],
            wants(ANNA, f"{cases[8]}/assignment", {"department": "billing_ops"}),
            refused(("bo", Role.BILLING_OPS), f"{cases[9]}/assignment", {"assignee": "bo"}),
            turned_away(403, AUDITOR, f"{cases[9]}/resolution", {"resolution": "rejected"}),
        ]  # fmt: skip

    def _of_credit(self) -> list[Wanted]:
        cases, later = [f"credit-reviews/{review_of(bill)}" for bill in self.reviewed], self.desk.today(90)
        firm = {"ability": "able", "willingness": "unwilling", "next_review_on": later}
        return [
            wants(ANA, f"{cases[0]}/verdict", {"ability": "able", "willingness": "willing"}), wants(ANA, f"{cases[1]}/verdict", firm),
            wants(ANA, f"{cases[2]}/verdict", {"ability": "unable", "willingness": "willing", "next_review_on": later, "insolvent": True}),
            wants(ANA, f"{cases[3]}/closing"), refused(ANA, f"{cases[4]}/verdict", {"ability": "unable", "willingness": "unwilling"}),
            turned_away(403, MIA, f"{cases[4]}/verdict", firm),
            *[wants(MIA, f"accounts/{bill.account}/credit-reviews", {"comment": WHY}) for bill in self.unreviewed],
        ]  # fmt: skip

    def _of_invoices(self) -> list[Wanted]:
        plain, asked = [f"invoices/{bill.number}" for bill in self.plain], [f"invoices/{bill.number}" for bill in self.asked]
        promise = {**money("100.00"), "by": self.desk.today(15)}
        answers = [{"escalation": act, "comment": WHY} for act in self.escalations]
        return [
            *[wants(MIA, f"{invoice}/promises", promise) for invoice in plain[:4]],
            *[wants(MIA, f"{invoice}/pause", {"reason": WHY}) for invoice in plain[4:7]],
            *[wants(MIA, f"{invoice}/calls", {"outcome": "reached", "note": WHY}) for invoice in plain[7:10]],
            *[wants(MIA, f"{invoice}/escalations", {"role": "sales", "comment": WHY}) for invoice in plain[10:13]],
            *[wants(MIA, f"{invoice}/notes", {"text": WHY}) for invoice in plain[13:14]],
            wants(MIA, f"{plain[14]}/disputes", CONTEST),
            *[wants(("sal", Role.SALES), f"{case}/escalations/answer", said) for case, said in zip(asked, answers, strict=True)],
            wants(MIA, f"invoices/{self.paused[0].number}/resume"),
            refused(MIA, f"{plain[15]}/promises", promise | money("100.01")), refused(MIA, f"{plain[15]}/resume"),
            turned_away(422, MIA, f"{plain[15]}/promises", promise | {"currency": "USD"}),
            turned_away(403, AUDITOR, f"{plain[15]}/pause", {"reason": WHY}),
        ]  # fmt: skip

    def _of_suspensions(self) -> list[Wanted]:
        signing, off = [f"accounts/{bill.account}/suspension" for bill in self.to_sign_off], self.suspended
        until = {"until": self.desk.today(12), "reason": WHY}
        return [
            *[wants(MIA, f"{case}/extension", until) for case in signing[3:5]], wants(MIA, f"{signing[5]}/withdrawal", {"reason": WHY}),
            refused(MIA, f"{signing[6]}/extension", until | {"until": self.desk.today(300)}),
            *[wants(ANNA, f"accounts/{bill.account}/suspension/reinstatement", {"reason": WHY}) for bill in off[:2]],
            wants(ANNA, f"accounts/{off[2].account}/suspension/hand-over"),
            turned_away(403, MIA, f"accounts/{off[2].account}/suspension/reinstatement", {"reason": WHY}),
            *[wants(MIA, f"accounts/{bill.account}/suspension") for bill in self.late],
            turned_away(409, MIA, f"accounts/{self.plain[0].account}/suspension"),
        ]  # fmt: skip

    def _of_write_offs(self) -> list[Wanted]:
        whole, part, back = self.given_up
        path = "accounts/{}/write-off/decision"
        amounts = [{"invoice": part.number, **money("60.00")}]
        return [
            wants(WIM, path.format(whole.account), {"decision": "whole"}),
            wants(WIM, path.format(part.account), {"decision": "part", "amounts": amounts}),
            wants(WIM, path.format(back.account), {"decision": "back_to_collections"}),
            turned_away(403, MIA, path.format(whole.account), {"decision": "whole"}),
        ]  # fmt: skip


def dispute_of(bill: Bill) -> str:
    return ids.dispute_case(bill.number, 1)


def plan_of(bill: Bill) -> str:
    return ids.plan_case(bill.account, 1)


def review_of(bill: Bill) -> str:
    return ids.credit_review_case(bill.account)


def suspension_of(bill: Bill) -> str:
    return ids.suspension_case(bill.account)


def write_off_of(bill: Bill) -> str:
    return ids.write_off_case(bill.account)


def plan_over(desk: Bureau, bill: Bill) -> dict[str, Any]:
    return {"invoices": [bill.number], "currency": "EUR", "terms": terms(desk.today(40))}
