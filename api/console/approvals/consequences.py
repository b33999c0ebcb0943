"""What each decision on an approval causes, in sentences with amounts and days, in the reader's language."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import NamedTuple

from adapters.i18n.wording import fill_placeholders
from adapters.read_model.cases import CaseRow, find_case
from api.console.policies.asked_change import AskedChange
from api.context import ApiContext
from api.presenters.phrases import Phrases
from domain.approval.commands import ApprovalVerdict
from domain.approval.summary import ApprovalSummary
from domain.billing.reduction_kind import ReductionKind
from domain.identifiers import CaseKind
from domain.journal.journal import SYSTEM
from domain.payment_plan.summary import PaymentPlanSummary
from domain.policy.approval_type import ApprovalType
from domain.write_off.commands import WriteOffDecision
from domain.write_off.summary import WriteOffSummary

GIVEN_AWAY = frozenset({WriteOffDecision.AGENCY, WriteOffDecision.LEGAL})


class AskingCase(NamedTuple):
    """The case that asks; `change`: of a policy, where that is what is asked for."""

    case_id: str
    kind: CaseKind | None
    change: AskedChange | None


def describe_consequences(
    context: ApiContext, approval: CaseRow, summary: ApprovalSummary, asking: AskingCase, signed: int, words: Phrases
) -> Mapping[str, list[str]]:
    """By verdict. `signed`: how many have signed in the tier that is asked now."""
    if summary.matter is None or approval.outcome is not None:
        return {}
    teller = _ConsequenceTeller(context, approval, summary, asking, words)
    return {
        ApprovalVerdict.APPROVE: [
            *teller.tell_further_signatures(signed, context.today),
            *teller.tell_effect(),
            *teller.tell_answer("told"),
        ],
        ApprovalVerdict.RETURN: [teller.tell_sentence(f"return_{teller.asks_as}"), *teller.tell_answer("told_why")],
        ApprovalVerdict.REJECT: [teller.tell_sentence(f"reject_{teller.asks_as}"), *teller.tell_answer("told_why")],
    }


class _ConsequenceTeller:
    def __init__(self, context: ApiContext, approval: CaseRow, summary: ApprovalSummary, asking: AskingCase, words: Phrases) -> None:
        self.context, self.approval, self.summary, self.asking, self.words = context, approval, summary, asking, words

    @property
    def asks_as(self) -> str:
        """A credit note that a dispute asks for goes back to its department; one by hand ends."""
        if self.summary.matter is ApprovalType.CREDIT_NOTE and self.asking.kind is CaseKind.DISPUTE:
            return CaseKind.DISPUTE.value
        return self.summary.matter.value if self.summary.matter else ""

    def tell_sentence(self, sentence: str, **facts: str) -> str:
        known = {
            "account": self.approval.account_name or self.approval.account_id,
            "amounts": self._list_amounts(),
            "requester": self.words.approvals["somebody"] if self._asks_by_itself else self.summary.requester,
            **self._count_invoices(),
        }
        return fill_placeholders(self.words.approval_effects[sentence], {**known, **facts})

    @property
    def _asks_by_itself(self) -> bool:
        return self.summary.requester == SYSTEM

    def tell_answer(self, sentence: str) -> list[str]:
        """That whoever asked is told; nobody is where no person asked."""
        return [] if self._asks_by_itself else [self.tell_sentence(sentence)]

    def tell_further_signatures(self, signed: int, today: date) -> Iterator[str]:
        """Nothing happens before all have agreed whom the matrix names."""
        tiers, place = self.summary.signatories, self.summary.tier - 1
        if not tiers:
            return
        lacking = tiers[place].quorum - signed - 1
        if lacking > 0:
            yield self.tell_sentence("more_of_role", people=self._count(lacking), role=self._name_role(tiers[place].role.value))
        for following in tiers[place + 1 :]:
            until = self.words.shared.format_day(today + timedelta(days=following.deadline_days)) if following is tiers[place + 1] else ""
            yield self.tell_sentence("then_asked", role=self._name_role(following.role.value), day=until if lacking <= 0 else "")

    def tell_effect(self) -> Iterator[str]:
        match self.summary.matter:
            case ApprovalType.PAYMENT_PLAN:
                yield from self._tell_plan()
            case ApprovalType.CREDIT_NOTE:
                yield self._tell_reduction()
            case ApprovalType.WRITE_OFF:
                yield self._tell_write_off()
            case ApprovalType.POLICY_CHANGE:
                yield from self._tell_policy_change()
            case ApprovalType.SUSPENSION | ApprovalType.SUSPENSION_WARNING as matter:
                yield self.tell_sentence(matter.value)
                yield self.tell_sentence(f"{matter.value}_then")
            case ApprovalType.FEE_WAIVER as matter:
                yield self.tell_sentence(matter.value)

    def _tell_plan(self) -> Iterator[str]:
        plan = find_case(self.context.database, CaseKind.PAYMENT_PLAN, self.asking.case_id)
        terms = plan.summary_of(PaymentPlanSummary) if plan else None
        if terms is None or not terms.schedule:
            yield self.tell_sentence(ApprovalType.PAYMENT_PLAN.value)
            return
        money, day, first, last = self.words.shared.format_money, self.words.shared.format_day, terms.schedule[0], terms.schedule[-1]
        total = sum(instalment.amount for instalment in terms.schedule)
        yield self.tell_sentence(
            "payment_plan_terms",
            count=self._count(len(terms.schedule)),
            total=money(total, terms.currency),
            first=money(first.amount, terms.currency),
            first_on=day(first.due_on),
            last_on=day(last.due_on) if len(terms.schedule) > 1 else "",
        )
        yield self.tell_sentence("payment_plan_then")

    def _tell_reduction(self) -> str:
        invoice = next(iter(self.summary.facts.invoices), None) if self.summary.facts else None
        money = self.words.shared.format_money
        number = (invoice.number or invoice.invoice_id) if invoice else "".join(self.summary.invoices[:1])
        if self.summary.reduction == ReductionKind.CANCELLATION:
            covered = self.summary.covered_amount or 0
            return self.tell_sentence("cancellation", invoice=number, covered=money(covered, self.summary.currency) if covered > 0 else "")
        left = max(invoice.open_balance - invoice.amount, 0) if invoice else 0
        return self.tell_sentence("credit_note", invoice=number, left=money(left, invoice.currency) if invoice and left else "")

    def _tell_write_off(self) -> str:
        case = find_case(self.context.database, CaseKind.WRITE_OFF, self.asking.case_id)
        decision = case.summary_of(WriteOffSummary).decision if case else None
        return self.tell_sentence(f"write_off_{decision.value}" if decision in GIVEN_AWAY and decision else "write_off")

    def _tell_policy_change(self) -> Iterator[str]:
        change = self.asking.change
        if change is None:
            return
        facts = {"policy": change.policy, "version": self._count(change.version), "open": self._count(change.invoices)}
        if change.puts_in_force:
            yield self.tell_sentence("policy_in_force", **facts)
        if change.invoices:
            yield self.tell_sentence("policy_moves", **facts)

    def _list_amounts(self) -> str:
        return ", ".join(self.words.shared.format_money(money.minor, money.currency) for money in self.summary.stated_amounts)

    def _count_invoices(self) -> dict[str, str]:
        count = len(self.summary.facts.invoices if self.summary.facts else self.summary.invoices)
        return {"invoices": self._count(count)} if count else {}

    def _count(self, number: int) -> str:
        return self.words.shared.format_count(number)

    def _name_role(self, role: str) -> str:
        return self.words.translate("roles", role)
