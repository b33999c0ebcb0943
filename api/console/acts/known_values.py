"""What a form shows at first: what is so now, where it replaces that, and the day on which a dispute is to be looked at again."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from adapters.read_model.accounts import find_account
from adapters.read_model.invoices import InvoiceFilter, list_invoices
from api.commands.live_invoice import load_case_policy
from api.console.acts.forms import load_act_forms
from api.context import ApiContext
from domain.billing.billing_events import InvoiceStatus

DISPUTE_DAY = "disputes.0.look_again_on"


def find_known_values(context: ApiContext, name: str, ids: Mapping[str, str]) -> dict[str, Sequence[str]]:
    """Return the values by field; none for a form that begins empty. Raises UnknownUserError."""
    if name == "change_user":
        return {field: [value or ""] for field, value in context.users.find_details(ids["user_name"])._asdict().items()}
    if name == "change_service":
        account = find_account(context.database, ids["account_id"], context.today, invoices=0)
        return {"prepaid": ["yes"]} if account and account.prepaid else {}
    if DISPUTE_DAY in load_act_forms()[name].fields and (day := _find_dispute_day(context, ids["account_id"])):
        return {DISPUTE_DAY: [day.isoformat()]}
    return {}


def _find_dispute_day(context: ApiContext, account_id: str) -> date | None:
    """The day by which each department has its answer, as the policy of the account's first open invoice says; none without a policy."""
    owed = InvoiceFilter(account=account_id, status=InvoiceStatus.OPEN)
    rows, _ = list_invoices(context.database, owed, context.today, 1, None)
    policy = load_case_policy(context, rows[0].case) if rows else None
    return context.today + timedelta(days=max(policy.dispute.days.values())) if policy else None
