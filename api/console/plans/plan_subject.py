"""What the plan builder is about: the invoices of an account, or the plan of which other terms are put forward."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from adapters.preview.plan_ahead import PlanAhead
from adapters.read_model.accounts import AccountDetail
from adapters.read_model.cases import CaseRow
from adapters.read_model.invoices import InvoiceRow
from api.console.open_cases import build_case_url
from api.console.plans.computed_plan import compute_plan, compute_revision
from api.console.plans.plan_form import PlanForm
from api.context import ApiContext
from api.schemas.plans import PlanPreviewIn, TermsIn
from domain.payment_plan.summary import PaymentPlanSummary


class PlanSubject(NamedTuple):
    """`invoices`: the account's in `currency` that are open; of a plan those that it covers. `currencies`: in which something is owed."""

    account: AccountDetail
    invoices: Sequence[InvoiceRow]
    currency: str
    currencies: Sequence[str]
    plan: CaseRow | None = None

    @property
    def act(self) -> str:
        """The form by which it is sent."""
        return "revise_plan" if self.plan else "propose_plan"

    @property
    def ids(self) -> Mapping[str, str]:
        return {"plan_id": self.plan.case_id} if self.plan else {"account_id": self.account.id}

    @property
    def back(self) -> str:
        """The page from which the builder is opened."""
        return build_case_url(self.plan.case_id, self.plan.kind) if self.plan else f"/accounts/{quote(self.account.id, safe='')}"

    @property
    def page(self) -> str:
        return f"{self.back}/terms" if self.plan else f"{self.back}/plan"

    def compute_debt(self, form: PlanForm) -> int:
        """What the instalments are to come to, in minor units."""
        if self.plan:
            return self.plan.summary_of(PaymentPlanSummary).debt
        return sum(row.open_balance for row in self.invoices if row.id in form.invoices)

    def build_body(self, form: PlanForm, locale: str) -> dict[str, Any]:
        """The body of the API's request. Raises UnreadableField."""
        said = {"asked_by": form.asked_by or "us", "comment": form.comment.strip()}
        terms = {"terms": form.build_terms(self.currency, locale)}
        if self.plan:
            return terms | said | {"why": form.why.strip()}
        return terms | said | {"invoices": list(form.invoices), "currency": self.currency}

    def look_ahead(self, context: ApiContext, body: Mapping[str, Any], user: str) -> PlanAhead:
        """Raises pydantic.ValidationError, PolicyError, Problem 409."""
        if self.plan:
            return compute_revision(context, self.account, self.plan, TermsIn.model_validate(body["terms"]), user)
        preview = PlanPreviewIn.model_validate({name: body[name] for name in PlanPreviewIn.model_fields})
        return compute_plan(context, self.account, preview, user)
