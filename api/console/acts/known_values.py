"""What a form that replaces something shows at first: what is so now."""

from collections.abc import Mapping, Sequence

from adapters.read_model.accounts import find_account
from api.context import ApiContext


def find_known_values(context: ApiContext, name: str, ids: Mapping[str, str]) -> dict[str, Sequence[str]]:
    """Return the values by field; none for a form that begins empty. Raises UnknownUserError."""
    if name == "change_user":
        return {field: [value or ""] for field, value in context.users.find_details(ids["user_name"])._asdict().items()}
    if name == "change_service":
        account = find_account(context.database, ids["account_id"], context.today, invoices=0)
        return {"prepaid": ["yes"]} if account and account.prepaid else {}
    return {}
