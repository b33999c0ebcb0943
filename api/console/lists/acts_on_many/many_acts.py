"""What can be done to many rows of a list at once: each by the form and the request that do it to one."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from adapters.database.engine import Database
from adapters.i18n.wording import fill_placeholders
from adapters.read_model.lists.account_list import list_matching_account_ids
from adapters.read_model.lists.case_list import list_case_page
from adapters.read_model.lists.chosen_rows import ChosenRows, load_chosen_accounts, load_chosen_disputes, load_chosen_invoices
from adapters.read_model.lists.invoice_list import list_matching_invoice_ids
from adapters.read_model.lists.standing_pauses import load_standing_pauses
from api.console.acts.forms import ActForm, load_act_forms
from api.console.lists.account_list import ACCOUNT_LIST, build_account_filter
from api.console.lists.case_list import CASE_LIST, build_case_filter
from api.console.lists.console_list import ConsoleList, Values
from api.console.lists.invoice_list import INVOICE_LIST, build_invoice_filter
from api.context import ApiContext
from api.presenters.phrases import Phrases
from domain.clock import start_of_day
from domain.identifiers import CaseKind
from domain.roles import Role

INVOICES_FIELD, ALL_OPEN = "invoices", "open"
"""Of an account, all invoices that an act can be about: what a form for one account has ticked."""

INVOICE_PAUSE, INVOICE_NOTE, ACCOUNT_NOTE = "pause_invoice", "add_note", "add_account_note"
NOTE_ACTS = frozenset({INVOICE_NOTE, ACCOUNT_NOTE})
"""Acts that no row refuses because it has them already."""


class RowKind(NamedTuple):
    """The rows of one list. `path_id`: by what name the path of a request has a row. `acts`: the forms for it, in their order, offered
    where the list is narrowed to `only_where`. `list_ids`: of all that match, no more than are asked for; `load_rows`: of these ids."""

    console_list: ConsoleList
    path_id: str
    acts: tuple[str, ...]
    list_ids: Callable[[ApiContext, Values, int], list[str]]
    load_rows: Callable[[ApiContext, Sequence[str]], ChosenRows]
    only_where: Mapping[str, str] = {}

    def offers_acts(self, values: Values) -> bool:
        return all(values.get(name) == value for name, value in self.only_where.items())


def _list_accounts(context: ApiContext, values: Values, limit: int) -> list[str]:
    return list_matching_account_ids(context.database, build_account_filter(values), context.today, limit)


def _list_invoices(context: ApiContext, values: Values, limit: int) -> list[str]:
    return list_matching_invoice_ids(context.database, build_invoice_filter(values), context.today, limit)


def _list_disputes(context: ApiContext, values: Values, limit: int) -> list[str]:
    wanted = build_case_filter(values)
    rows, _ = list_case_page(context.database, wanted, CASE_LIST.default_sort, False, context.today, limit, None)
    return [row.key for row in rows]


ROW_KINDS: Mapping[str, RowKind] = {
    kind.console_list.name: kind
    for kind in (
        RowKind(
            ACCOUNT_LIST,
            "account_id",
            ("pause_account", "resume_account", ACCOUNT_NOTE),
            _list_accounts,
            lambda context, ids: load_chosen_accounts(context.database, ids, context.today),
        ),
        RowKind(
            INVOICE_LIST,
            "invoice_id",
            (INVOICE_PAUSE, "resume_invoice", INVOICE_NOTE),
            _list_invoices,
            lambda context, ids: load_chosen_invoices(context.database, ids, context.today),
        ),
        RowKind(
            CASE_LIST,
            "dispute_id",
            ("assign_dispute",),
            _list_disputes,
            lambda context, ids: load_chosen_disputes(context.database, ids),
            {"kind": CaseKind.DISPUTE},
        ),
    )
}


def list_possible_acts(list_name: str, role: Role, values: Values) -> list[str]:
    """The acts on many rows of a list that a role may do, as it is narrowed; none of a list whose rows are only read."""
    kind = ROW_KINDS.get(list_name)
    return [name for name in kind.acts if load_act_forms()[name].is_for(role)] if kind and kind.offers_acts(values) else []


def load_many_form(act: str) -> ActForm:
    """The form without what is ticked of one account: of each, all is meant."""
    form = load_act_forms()[act]
    return form.model_copy(update={"fields": {name: field for name, field in form.fields.items() if name != INVOICES_FIELD}})


def means_all_invoices(act: str) -> bool:
    """Whether the request of the act names invoices."""
    return INVOICES_FIELD in load_act_forms()[act].fields


def list_left_out(
    database: Database, act: str, rows: Sequence[str], body: Mapping[str, Any], today: date, phrases: Phrases
) -> dict[str, str]:
    """The invoices whose pause is as long as the one that is asked for, or longer, each with what is said of it: an act on many shortens no
    pause that stands. One that is asked for until a day that has passed, or is none, leaves none out, for it is refused."""
    if act != INVOICE_PAUSE:
        return {}
    try:
        until = date.fromisoformat(body["until"]) if body.get("until") else None
    except ValueError:
        return {}
    if until is not None and until <= today:
        return {}
    pauses = load_standing_pauses(database, rows)
    return {
        row_id: fill_placeholders(phrases.lists["pause_stands"], {"until": phrases.shared.format_day(end.date()) if end else ""})
        for row_id, end in pauses.items()
        if end is None or (until is not None and end >= start_of_day(until))
    }
