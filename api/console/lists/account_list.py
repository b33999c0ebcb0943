"""The console's list of accounts: who owes what in each currency, and who looks after them."""

from collections.abc import Iterable, Mapping, Sequence

from adapters.i18n.formatting import name_country
from adapters.read_model.accounts import AccountRow, BalanceRow
from adapters.read_model.lists.account_list import (
    AccountListFilter,
    find_sort_currency,
    list_account_page,
    load_account_choices,
    load_account_totals,
)
from adapters.read_model.lists.list_totals import ListTotals
from api.console.lists.console_list import (
    Cell,
    Choice,
    Column,
    ConsoleList,
    FilterField,
    ListNotice,
    PageRequest,
    Values,
    build_amount,
    label_ages,
    label_people,
    read_number,
)
from api.context import ApiContext
from api.presenters.phrases import Phrases

ACCOUNTS_PAGE, REASSIGNMENT_PAGE = "/accounts", "/lists/accounts/reassignment"
REASSIGNMENT = "reassign_accounts"
"""The form by which all that match are given to another collector."""

_OWING, _SETTLED, _SUSPENDED, _TO_SUSPEND = "owing", "settled", "suspended", "to_suspend"


def build_account_filter(values: Values) -> AccountListFilter:
    state = values.get("state")
    return AccountListFilter(
        q=values.get("q"),
        collector=values.get("collector"),
        currency=values.get("currency"),
        country=values.get("country"),
        segment=values.get("segment"),
        min_days_past_due=read_number(values, "overdue"),
        owes={_OWING: True, _SETTLED: False}.get(state or ""),
        is_suspended=True if state == _SUSPENDED else None,
        is_suspending=True if state == _TO_SUSPEND else None,
    )


def _load_page(context: ApiContext, request: PageRequest) -> tuple[Sequence[AccountRow], str | None]:
    wanted = build_account_filter(request.values)
    return list_account_page(context.database, wanted, request.sort, request.is_descending, context.today, request.limit, request.cursor)


def _load_totals(context: ApiContext, values: Values) -> ListTotals:
    return load_account_totals(context.database, build_account_filter(values), context.today)


def _list_choices(context: ApiContext, words: Phrases) -> Mapping[str, Sequence[Choice]]:
    known, own = load_account_choices(context.database), words.list_filters
    return {
        "collector": label_people(known.collectors, words),
        "overdue": label_ages(words),
        "state": [(state, own[state]) for state in (_OWING, _SETTLED, _TO_SUSPEND, _SUSPENDED)],
        "currency": [(currency, currency) for currency in known.currencies],
        "country": sorted(((code, name_country(code, words.shared.locale)) for code in known.countries), key=lambda choice: choice[1]),
        "segment": [(segment, segment) for segment in known.segments],
    }


def _export_rows(context: ApiContext, row: AccountRow, words: Phrases) -> Iterable[Mapping[str, Cell]]:
    """A line for each currency, and one for an account that never owed anything."""
    for balance in row.balances or [BalanceRow(currency="")]:
        yield {
            "id": row.shown_number,
            "account": row.name,
            "collector": row.collector or "",
            "country": row.country,
            "language": row.language,
            "segment": row.segment,
            "currency": balance.currency,
            "overdue": build_amount(balance.overdue, balance.currency),
            "open": build_amount(balance.open_balance, balance.currency),
            "unapplied": build_amount(balance.unapplied, balance.currency),
            "invoices": balance.open_invoices,
            "oldest": balance.oldest_due,
            "state": row.suspended_on,
        }


ACCOUNT_LIST = ConsoleList(
    name="accounts",
    page=ACCOUNTS_PAGE,
    columns={
        "account": Column("account", sort="name", is_fixed=True),
        "collector": Column("collector"),
        "overdue": Column("overdue", sort="overdue", is_number=True),
        "open": Column("open", sort="open", is_number=True),
        "oldest": Column("oldest", sort="oldest", is_number=True),
        "invoices": Column("invoices", is_number=True, is_shown=False),
        "unapplied": Column("unapplied", is_number=True, is_shown=False),
        "country": Column("country", is_shown=False),
        "language": Column("language", is_shown=False),
        "segment": Column("segment", is_shown=False),
        "state": Column("state"),
    },
    filters={
        "q": FilterField("q", "search"),
        "collector": FilterField("collector", "name"),
        "overdue": FilterField("overdue"),
        "state": FilterField("state"),
        "currency": FilterField("currency"),
        "country": FilterField("country"),
        "segment": FilterField("segment"),
    },
    default_sort="name",
    notice=ListNotice("open", "overdue"),
    export_columns={"id": "number", "currency": "currency"},
    load_page=_load_page,
    load_totals=_load_totals,
    list_choices=_list_choices,
    export_rows=_export_rows,
    acts={REASSIGNMENT: REASSIGNMENT_PAGE},
    find_sort_currency=lambda context, values, sort: find_sort_currency(context.database, build_account_filter(values), sort),
)
