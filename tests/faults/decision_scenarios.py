"""Accounts in every situation in which somebody has something to decide, and what each of their people decides.

Mia collects; anna and otto manage, and mia may too; ben is of sales operations, ana judges credit, wim writes off.
"""

import asyncio
from typing import Any

from domain import identifiers as ids
from domain.roles import Role
from tests.faults.decisions import (
    DecisionEnvironment,
    DecisionInvoice,
    ExpectedOutcome,
    RequestedDecision,
    build_invoices,
    money_body,
    terms_body,
)

COLLECTOR, MANAGER = Role.COLLECTOR, Role.COLLECTIONS_MANAGER
MIA, ANNA, OTTO, BEN = ("mia", COLLECTOR), ("anna", MANAGER), ("otto", MANAGER), ("ben", Role.SALES_OPS)
ANA, WIM, AUDITOR = ("ana", Role.CREDIT_ANALYST), ("wim", Role.WRITE_OFF_ANALYST), ("ada", Role.AUDITOR)
MIA_AS_MANAGER, WIM_AS_MANAGER = ("mia", MANAGER), ("wim", MANAGER)

APPROVE, WHY = {"decision": "approve"}, "this is why"
REJECT, RETURN = {"decision": "reject", "comment": WHY}, {"decision": "return", "comment": WHY}
CREDIT = {"resolution": "credit_note", "amount": money_body("25.00"), "comment": WHY}
CONTEST = {**money_body("40.00"), "reason": "wrong_price"}

Person = tuple[str, Role]


def approval_path(case_id: str, number: int = 1) -> str:
    return f"approvals/{ids.approval_case_id(case_id, number)}/decision"


def expect_done(who: Person, path: str, body: dict[str, Any] | None = None) -> RequestedDecision:
    return RequestedDecision(*who, path, body or {})


def expect_refused(who: Person, path: str, body: dict[str, Any] | None = None) -> RequestedDecision:
    return RequestedDecision(*who, path, body or {}, ExpectedOutcome.REFUSED)


def expect_turned_away(status: int, who: Person, path: str, body: dict[str, Any] | None = None) -> RequestedDecision:
    return RequestedDecision(*who, path, body or {}, ExpectedOutcome.TURNED_AWAY, status)


class DecisionScenario:
    """Accounts in every situation in which somebody has something to decide."""

    def __init__(self, environment: DecisionEnvironment) -> None:
        self.environment = environment
        self.credits, self.contested = build_invoices("CREDIT", 8), build_invoices("CONTESTED", 10)
        self.planned, self.offered, self.unplanned = build_invoices("PLAN", 10), build_invoices("OFFER", 13), build_invoices("BARE", 3)
        self.reviewed, self.unreviewed = build_invoices("REVIEW", 5), build_invoices("SOLID", 3)
        self.plain, self.asked, self.paused = build_invoices("PLAIN", 16), build_invoices("ASKED", 3), build_invoices("PAUSED", 1)
        self.to_warn, self.to_sign_off = build_invoices("WARN", 4, due_in=-10), build_invoices("SIGN", 7, due_in=-10)
        self.suspended, self.late = build_invoices("OFF", 3, due_in=-10), build_invoices("LATE", 3, due_in=-10)
        self.given_up, self.proposed = build_invoices("GONE", 3, due_in=-10), build_invoices("LOST", 3, due_in=-10)
        self.escalations: list[str] = []

    @property
    def all(self) -> list[DecisionInvoice]:
        groups = (
            self.credits,
            self.contested,
            self.planned,
            self.offered,
            self.unplanned,
            self.reviewed,
            self.unreviewed,
            self.plain,
            self.asked,
            self.paused,
            self.to_warn,
            self.to_sign_off,
            self.suspended,
            self.late,
            self.given_up,
            self.proposed,
        )
        return [bill for group in groups for bill in group]

    async def set_up(self) -> None:
        await self.environment.open_invoices(self.all)
        await asyncio.gather(
            self._disputes(),
            self._plans(),
            self._reviews_and_escalations(),
            self._suspensions(),
        )

    async def _disputes(self) -> None:
        environment, contested = self.environment, [*self.credits, *self.contested]
        await environment.post_all(*[(MIA, f"invoices/{bill.number}/disputes", CONTEST) for bill in contested])
        await environment.wait_for_entries("dispute.raised", [find_dispute_id(bill) for bill in contested])
        await environment.post_all(*[(BEN, f"disputes/{find_dispute_id(bill)}/resolution", CREDIT) for bill in self.credits])
        await environment.wait_for_entries("approval.asked", [ids.approval_case_id(find_dispute_id(bill), 1) for bill in self.credits])

    async def _plans(self) -> None:
        environment, all_of_them = self.environment, [*self.planned, *self.offered]
        await environment.post_all(*[(MIA, f"accounts/{bill.account}/plans", plan_request_body(environment, bill)) for bill in all_of_them])
        await environment.wait_for_entries("approval.asked", [ids.approval_case_id(find_plan_id(bill), 1) for bill in all_of_them])
        await environment.post_all(*[(ANNA, approval_path(find_plan_id(bill)), APPROVE) for bill in self.offered])
        await environment.wait_for_entries("plan.offered", [find_plan_id(bill) for bill in self.offered])

    async def _reviews_and_escalations(self) -> None:
        environment = self.environment
        await environment.post_all(*[(MIA, f"accounts/{bill.account}/credit-reviews", {"comment": WHY}) for bill in self.reviewed])
        await environment.post_all(*[(MIA, f"invoices/{bill.number}/pause", {"reason": WHY}) for bill in self.paused])
        asks = [(MIA, f"invoices/{bill.number}/escalations", {"role": "sales", "comment": WHY}) for bill in self.asked]
        self.escalations = [answer["act_id"] for answer in await environment.post_all(*asks)]
        await environment.wait_for_entries("credit_review.referred", [find_review_id(bill) for bill in self.reviewed])
        await environment.wait_for_entries("escalation.raised", [ids.invoice_case_id(bill.number) for bill in self.asked])

    async def _suspensions(self) -> None:
        environment, to_suspend = self.environment, [*self.suspended, *self.given_up, *self.proposed]
        all_of_them, warned = [*self.to_warn, *self.to_sign_off, *to_suspend], [*self.to_sign_off, *to_suspend]
        await environment.post_all(*[(MIA, f"accounts/{bill.account}/suspension", {}) for bill in all_of_them])
        await environment.wait_for_entries("approval.asked", [ids.approval_case_id(find_suspension_id(bill), 1) for bill in all_of_them])
        await environment.post_all(*[(ANNA, approval_path(find_suspension_id(bill)), APPROVE) for bill in warned])
        await environment.wait_for_entries("approval.asked", [ids.approval_case_id(find_suspension_id(bill), 2) for bill in warned])
        await environment.post_all(*[(ANNA, approval_path(find_suspension_id(bill), 2), APPROVE) for bill in to_suspend])
        await environment.wait_for_entries("suspension.suspended", [find_suspension_id(bill) for bill in to_suspend])
        handed_over = [*self.given_up, *self.proposed]
        await environment.post_all(*[(ANNA, f"accounts/{bill.account}/suspension/hand-over", {}) for bill in handed_over])
        await environment.wait_for_entries("write_off.handed_over", [find_write_off_id(bill) for bill in handed_over])
        await environment.post_all(*[(WIM, f"accounts/{bill.account}/write-off/decision", {"decision": "whole"}) for bill in self.proposed])
        await environment.wait_for_entries("approval.asked", [ids.approval_case_id(find_write_off_id(bill), 1) for bill in self.proposed])

    # --- what is decided while nobody works

    def decisions(self) -> list[RequestedDecision]:
        return [
            *self._approvals(),
            *self._of_plans(),
            *self._of_disputes(),
            *self._of_credit(),
            *self._of_invoices(),
            *self._of_suspensions(),
            *self._of_write_offs(),
        ]

    def _approvals(self) -> list[RequestedDecision]:
        credits, plans = [find_dispute_id(bill) for bill in self.credits], [find_plan_id(bill) for bill in self.planned]
        warnings, lost = [find_suspension_id(bill) for bill in self.to_warn], [find_write_off_id(bill) for bill in self.proposed]
        sign_offs = [find_suspension_id(bill) for bill in self.to_sign_off[:3]]
        return [
            *[expect_done(ANNA, approval_path(case), APPROVE) for case in credits[:5]],
            expect_done(OTTO, approval_path(credits[5]), REJECT),
            expect_done(OTTO, approval_path(credits[6]), RETURN),
            expect_refused(BEN, approval_path(credits[7]), APPROVE),
            expect_refused(ANNA, approval_path(credits[7]), {"decision": "reject"}),
            expect_turned_away(403, MIA, approval_path(credits[7]), APPROVE),
            *[expect_done(OTTO, approval_path(case), APPROVE) for case in plans[:7]],
            expect_done(ANNA, approval_path(plans[7]), REJECT),
            expect_done(ANNA, approval_path(plans[8]), RETURN),
            expect_refused(MIA_AS_MANAGER, approval_path(plans[9]), APPROVE),
            expect_turned_away(403, MIA, approval_path(plans[9]), APPROVE),
            expect_turned_away(404, ANNA, approval_path("plan:nobody:1"), APPROVE),
            *[expect_done(ANNA, approval_path(case), APPROVE) for case in warnings[:2]],
            expect_done(OTTO, approval_path(warnings[2]), REJECT),
            expect_refused(MIA_AS_MANAGER, approval_path(warnings[3]), APPROVE),
            *[expect_done(OTTO, approval_path(case, 2), APPROVE) for case in sign_offs],
            *[expect_done(ANNA, approval_path(case), APPROVE) for case in lost[:2]],
            expect_refused(WIM_AS_MANAGER, approval_path(lost[2]), APPROVE),
        ]

    def _of_plans(self) -> list[RequestedDecision]:
        environment, offers = self.environment, [f"plans/{find_plan_id(bill)}" for bill in self.offered]
        other_terms = {"terms": terms_body(environment.today(40), 3), "asked_by": "customer", "why": WHY}
        first = self.unplanned[0]
        return [
            *[expect_done(MIA, f"{plan}/acceptance", {"revision": 1}) for plan in offers[:4]],
            *[expect_done(MIA, f"{plan}/refusal", {"revision": 1, "comment": WHY}) for plan in offers[4:6]],
            *[expect_done(ANNA, f"{plan}/cancellation", {"why": WHY}) for plan in offers[6:9]],
            *[expect_done(MIA, f"{plan}/revision", other_terms) for plan in offers[9:12]],
            expect_refused(MIA, f"{offers[12]}/acceptance", {"revision": 7}),
            expect_turned_away(403, AUDITOR, f"{offers[12]}/acceptance", {"revision": 1}),
            expect_turned_away(422, MIA, f"{offers[12]}/revision", {"terms": {}, "why": WHY}),
            *[expect_done(MIA, f"accounts/{bill.account}/plans", plan_request_body(environment, bill)) for bill in self.unplanned],
            expect_turned_away(
                409, MIA, f"accounts/{first.account}/plans", plan_request_body(environment, first) | {"invoices": [self.plain[0].number]}
            ),
        ]

    def _of_disputes(self) -> list[RequestedDecision]:
        cases = [f"disputes/{find_dispute_id(bill)}" for bill in self.contested]
        return [
            *[expect_done(BEN, f"{case}/resolution", {"resolution": "rejected", "comment": WHY}) for case in cases[:3]],
            *[expect_done(MIA, f"{case}/resolution", {"resolution": "withdrawn"}) for case in cases[3:5]],
            expect_done(BEN, f"{cases[5]}/resolution", {"resolution": "already_paid", "reference": "bank 4711"}),
            *[expect_done(BEN, f"{case}/assignment", {"assignee": "ben"}) for case in cases[6:8]],
            expect_done(ANNA, f"{cases[8]}/assignment", {"department": "billing_ops"}),
            expect_refused(("bo", Role.BILLING_OPS), f"{cases[9]}/assignment", {"assignee": "bo"}),
            expect_turned_away(403, AUDITOR, f"{cases[9]}/resolution", {"resolution": "rejected"}),
        ]

    def _of_credit(self) -> list[RequestedDecision]:
        cases, later = [f"credit-reviews/{find_review_id(bill)}" for bill in self.reviewed], self.environment.today(90)
        firm = {"ability": "able", "willingness": "unwilling", "next_review_on": later}
        return [
            expect_done(ANA, f"{cases[0]}/verdict", {"ability": "able", "willingness": "willing"}),
            expect_done(ANA, f"{cases[1]}/verdict", firm),
            expect_done(
                ANA, f"{cases[2]}/verdict", {"ability": "unable", "willingness": "willing", "next_review_on": later, "insolvent": True}
            ),
            expect_done(ANA, f"{cases[3]}/closing"),
            expect_refused(ANA, f"{cases[4]}/verdict", {"ability": "unable", "willingness": "unwilling"}),
            expect_turned_away(403, MIA, f"{cases[4]}/verdict", firm),
            *[expect_done(MIA, f"accounts/{bill.account}/credit-reviews", {"comment": WHY}) for bill in self.unreviewed],
        ]

    def _of_invoices(self) -> list[RequestedDecision]:
        plain, asked = [f"invoices/{bill.number}" for bill in self.plain], [f"invoices/{bill.number}" for bill in self.asked]
        promise = {**money_body("100.00"), "by": self.environment.today(15)}
        answers = [{"escalation": command, "comment": WHY} for command in self.escalations]
        return [
            *[expect_done(MIA, f"{invoice}/promises", promise) for invoice in plain[:4]],
            *[expect_done(MIA, f"{invoice}/pause", {"reason": WHY}) for invoice in plain[4:7]],
            *[expect_done(MIA, f"{invoice}/calls", {"outcome": "reached", "note": WHY}) for invoice in plain[7:10]],
            *[expect_done(MIA, f"{invoice}/escalations", {"role": "sales", "comment": WHY}) for invoice in plain[10:13]],
            *[expect_done(MIA, f"{invoice}/notes", {"text": WHY}) for invoice in plain[13:14]],
            expect_done(MIA, f"{plain[14]}/disputes", CONTEST),
            *[expect_done(("sal", Role.SALES), f"{case}/escalations/answer", said) for case, said in zip(asked, answers, strict=True)],
            expect_done(MIA, f"invoices/{self.paused[0].number}/resume"),
            expect_refused(MIA, f"{plain[15]}/promises", promise | money_body("100.01")),
            expect_refused(MIA, f"{plain[15]}/resume"),
            expect_turned_away(422, MIA, f"{plain[15]}/promises", promise | {"currency": "USD"}),
            expect_turned_away(403, AUDITOR, f"{plain[15]}/pause", {"reason": WHY}),
        ]

    def _of_suspensions(self) -> list[RequestedDecision]:
        signing, off = [f"accounts/{bill.account}/suspension" for bill in self.to_sign_off], self.suspended
        until = {"until": self.environment.today(12), "reason": WHY}
        return [
            *[expect_done(MIA, f"{case}/extension", until) for case in signing[3:5]],
            expect_done(MIA, f"{signing[5]}/withdrawal", {"reason": WHY}),
            expect_refused(MIA, f"{signing[6]}/extension", until | {"until": self.environment.today(300)}),
            *[expect_done(ANNA, f"accounts/{bill.account}/suspension/reinstatement", {"reason": WHY}) for bill in off[:2]],
            expect_done(ANNA, f"accounts/{off[2].account}/suspension/hand-over"),
            expect_turned_away(403, MIA, f"accounts/{off[2].account}/suspension/reinstatement", {"reason": WHY}),
            *[expect_done(MIA, f"accounts/{bill.account}/suspension") for bill in self.late],
            expect_turned_away(409, MIA, f"accounts/{self.plain[0].account}/suspension"),
        ]

    def _of_write_offs(self) -> list[RequestedDecision]:
        whole, part, back = self.given_up
        path = "accounts/{}/write-off/decision"
        amounts = [{"invoice": part.number, **money_body("60.00")}]
        return [
            expect_done(WIM, path.format(whole.account), {"decision": "whole"}),
            expect_done(WIM, path.format(part.account), {"decision": "part", "amounts": amounts}),
            expect_done(WIM, path.format(back.account), {"decision": "back_to_collections"}),
            expect_turned_away(403, MIA, path.format(whole.account), {"decision": "whole"}),
        ]


def find_dispute_id(bill: DecisionInvoice) -> str:
    return ids.dispute_case_id(bill.number, 1)


def find_plan_id(bill: DecisionInvoice) -> str:
    return ids.plan_case_id(bill.account, 1)


def find_review_id(bill: DecisionInvoice) -> str:
    return ids.credit_review_case_id(bill.account)


def find_suspension_id(bill: DecisionInvoice) -> str:
    return ids.suspension_case_id(bill.account)


def find_write_off_id(bill: DecisionInvoice) -> str:
    return ids.write_off_case_id(bill.account)


def plan_request_body(environment: DecisionEnvironment, bill: DecisionInvoice) -> dict[str, Any]:
    return {"invoices": [bill.number], "currency": "EUR", "terms": terms_body(environment.today(40))}
