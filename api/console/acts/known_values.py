"""What a form shows at first: what is so now, where it replaces that, and the day on which a dispute is to be looked at again."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from adapters.read_model.accounts import find_account
from adapters.read_model.invoices import InvoiceFilter, InvoiceRow, find_invoice, list_invoices
from api.commands.live_invoice import PolicyReader, build_policy_reader
from api.console.acts.forms import load_act_forms
from api.context import ApiContext
from api.schemas.targets.collection_targets import write_month
from domain.billing.billing_events import InvoiceStatus

CALL_DISPUTE_DAY = "disputes.0.look_again_on"
TARGET_FORM = "set_collection_target"
RAISE_DISPUTE_FORM, DISPUTE_DAY = "raise_dispute", "look_again_on"


def find_known_values(context: ApiContext, name: str, ids: Mapping[str, str]) -> dict[str, Sequence[str]]:
    """Return the values by field; none for a form that begins empty. Raises UnknownUserError."""
    if name == "change_user":
        return {field: [value or ""] for field, value in context.users.find_details(ids["user_name"])._asdict().items()}
    if name == "change_service":
        account = find_account(context.database, ids["account_id"], context.today, invoices=0)
        return {"prepaid": ["yes"]} if account and account.prepaid else {}
    if name == TARGET_FORM:
        return {"month": [write_month(context.today)]}
    if CALL_DISPUTE_DAY in load_act_forms()[name].fields:
        return list_call_values(context, _find_first_open(context, ids["account_id"]), build_policy_reader(context))
    if name == RAISE_DISPUTE_FORM:
        invoice = find_invoice(context.database, ids["invoice_id"])
        return _offer_day(DISPUTE_DAY, _find_dispute_day(context, invoice, build_policy_reader(context)))
    return {}


def list_call_values(context: ApiContext, first_open: InvoiceRow | None, find_policy: PolicyReader) -> dict[str, Sequence[str]]:
    """What the form of a call shows at first: a day for a dispute, as the policy of the account's first open invoice says."""
    return _offer_day(CALL_DISPUTE_DAY, _find_dispute_day(context, first_open, find_policy))


def _offer_day(field: str, day: date | None) -> dict[str, Sequence[str]]:
    return {field: [day.isoformat()]} if day else {}


def _find_first_open(context: ApiContext, account_id: str) -> InvoiceRow | None:
    owed = InvoiceFilter(account=account_id, status=InvoiceStatus.OPEN)
    rows, _ = list_invoices(context.database, owed, context.today, 1, None)
    return rows[0] if rows else None


def _find_dispute_day(context: ApiContext, invoice: InvoiceRow | None, find_policy: PolicyReader) -> date | None:
    """The day by which each department has its answer, as the invoice's policy says; none without a policy."""
    policy = find_policy(invoice.case) if invoice else None
    return context.today + timedelta(days=max(policy.dispute.days.values())) if policy else None
