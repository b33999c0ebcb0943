"""The console's list of invoices: what is open, where each stands, and what comes next."""

from collections.abc import Iterable, Mapping, Sequence

from adapters.read_model.invoices import InvoiceRow
from adapters.read_model.lists.account_list import load_account_choices
from adapters.read_model.lists.invoice_list import InvoiceListFilter, list_invoice_page, load_invoice_totals
from adapters.read_model.lists.list_totals import ListTotals
from adapters.read_model.portfolio_totals import load_stage_order
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
    label_age_limits,
    label_ages,
    label_people,
    label_yes_no,
    read_number,
    read_yes_no,
)
from api.context import ApiContext
from api.presenters.phrases import Phrases
from domain.billing.billing_events import InvoiceStatus


def build_invoice_filter(values: Values) -> InvoiceListFilter:
    """Of a stage or an age only what is open can be."""
    status = values.get("status")
    return InvoiceListFilter(
        q=values.get("q"),
        status=InvoiceStatus(status) if status else None,
        stage=values.get("stage"),
        account=values.get("account"),
        collector=values.get("collector"),
        currency=values.get("currency"),
        min_days_past_due=read_number(values, "overdue"),
        max_days_past_due=read_number(values, "until"),
        is_on_hold=read_yes_no(values, "hold"),
        is_disputed=read_yes_no(values, "disputed"),
    )


def _load_page(context: ApiContext, request: PageRequest) -> tuple[Sequence[InvoiceRow], str | None]:
    wanted = build_invoice_filter(request.values)
    return list_invoice_page(context.database, wanted, request.sort, request.is_descending, context.today, request.limit, request.cursor)


def _load_totals(context: ApiContext, values: Values) -> ListTotals:
    return load_invoice_totals(context.database, build_invoice_filter(values), context.today)


def _list_choices(context: ApiContext, words: Phrases) -> Mapping[str, Sequence[Choice]]:
    known = load_account_choices(context.database)
    return {
        "status": [(status.value, _label_status(status, words)) for status in InvoiceStatus],
        "stage": [(stage, words.stage_label(stage)) for stage in load_stage_order(context.database)],
        "overdue": label_ages(words),
        "until": label_age_limits(words),
        "collector": label_people(known.collectors, words),
        "currency": [(currency, currency) for currency in known.currencies],
        "hold": label_yes_no(words),
        "disputed": label_yes_no(words),
    }


def _label_status(status: InvoiceStatus, words: Phrases) -> str:
    return words.stage_label(status) if status.is_settled else words.list_filters["is_open"]


def _export_rows(context: ApiContext, row: InvoiceRow, words: Phrases) -> Iterable[Mapping[str, Cell]]:
    yield {
        "number": row.number,
        "id": row.id,
        "account": row.account_name,
        "account_id": row.account_number,
        "collector": row.collector or "",
        "issued": row.issue_date,
        "due": row.due_date,
        "past_due": max(row.days_past_due(context.today), 0),
        "currency": row.currency,
        "total": build_amount(row.total, row.currency),
        "open": build_amount(row.open_balance, row.currency),
        "stage": words.stage_label(row.stage),
        "next": words.step_label(row.case.next_step) if row.case and row.case.next_step else "",
    }


INVOICE_LIST = ConsoleList(
    name="invoices",
    page="/invoices",
    columns={
        "number": Column("invoice", sort="number", is_fixed=True),
        "account": Column("account"),
        "collector": Column("collector", is_shown=False),
        "issued": Column("issued", sort="issued", is_shown=False),
        "due": Column("due", sort="due"),
        "past_due": Column("past_due", is_number=True),
        "total": Column("total", is_number=True, is_shown=False),
        "open": Column("open", sort="open", is_number=True),
        "stage": Column("stage"),
        "next": Column("next"),
    },
    filters={
        "q": FilterField("q", "search"),
        "status": FilterField("status", default=InvoiceStatus.OPEN.value),
        "stage": FilterField("stage"),
        "overdue": FilterField("overdue"),
        "until": FilterField("until"),
        "collector": FilterField("collector", "name"),
        "currency": FilterField("currency"),
        "hold": FilterField("hold"),
        "disputed": FilterField("disputed"),
        "account": FilterField("account", "id"),
    },
    default_sort="due",
    notice=ListNotice("open", "overdue"),
    export_columns={"id": "id", "account_id": "account_number", "currency": "currency"},
    load_page=_load_page,
    load_totals=_load_totals,
    list_choices=_list_choices,
    export_rows=_export_rows,
)
