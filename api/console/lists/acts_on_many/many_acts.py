"""What can be done to many rows of a list at once: each by the form and the request that do it to one."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import NamedTuple

from adapters.database.engine import Database
from adapters.read_model.lists.account_list import list_matching_account_ids
from adapters.read_model.lists.invoice_list import list_matching_invoice_ids
from api.console.acts.forms import ActForm, load_act_forms
from api.console.lists.account_list import ACCOUNT_LIST, build_account_filter
from api.console.lists.console_list import ConsoleList, Values
from api.console.lists.invoice_list import INVOICE_LIST, build_invoice_filter
from domain.roles import Role

INVOICES_FIELD, ALL_OPEN = "invoices", "open"
"""Of an account, all invoices that an act can be about: what a form for one account has ticked."""


class RowKind(NamedTuple):
    """The rows of one list. `path_id`: by what name the path of a request has a row. `acts`: the forms for it, in their order."""

    console_list: ConsoleList
    path_id: str
    of_accounts: bool
    acts: tuple[str, ...]
    list_ids: Callable[[Database, Values, date, int], list[str]]


ROW_KINDS: Mapping[str, RowKind] = {
    kind.console_list.name: kind
    for kind in (
        RowKind(
            ACCOUNT_LIST,
            "account_id",
            True,
            ("pause_account", "resume_account", "add_account_note"),
            lambda database, values, today, limit: list_matching_account_ids(database, build_account_filter(values), today, limit),
        ),
        RowKind(
            INVOICE_LIST,
            "invoice_id",
            False,
            ("pause_invoice", "resume_invoice", "add_note"),
            lambda database, values, today, limit: list_matching_invoice_ids(database, build_invoice_filter(values), today, limit),
        ),
    )
}


def list_possible_acts(list_name: str, role: Role) -> list[str]:
    """The acts on many rows of a list that a role may do; none of a list whose rows are only read."""
    kind = ROW_KINDS.get(list_name)
    return [name for name in kind.acts if load_act_forms()[name].is_for(role)] if kind else []


def load_many_form(act: str) -> ActForm:
    """The form without what is ticked of one account: of each, all is meant."""
    form = load_act_forms()[act]
    return form.model_copy(update={"fields": {name: field for name, field in form.fields.items() if name != INVOICES_FIELD}})


def means_all_invoices(act: str) -> bool:
    """Whether the request of the act names invoices."""
    return INVOICES_FIELD in load_act_forms()[act].fields
