"""The console's list of cases and tasks: what is in dispute, promised, planned or asked for, whom it waits for, and since when."""

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote

from adapters.read_model.lists.account_list import load_account_choices
from adapters.read_model.lists.case_list import (
    LISTED_KINDS,
    CaseListFilter,
    list_awaited_people,
    list_case_page,
    load_case_totals,
)
from adapters.read_model.lists.case_rows import PROMISE, ListedCase
from adapters.read_model.lists.list_totals import ListTotals
from adapters.read_model.overview.waiting_figures import DISPUTE_AGE_LIMITS
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
    label_people,
    label_yes_no,
    read_number,
    read_yes_no,
)
from api.console.open_cases import build_case_url
from api.context import ApiContext
from api.presenters.phrases import Phrases
from domain.case.case_view import TaskKind
from domain.identifiers import CaseKind
from domain.policy.dispute_rules import DISPUTE_DEPARTMENTS
from domain.roles import Role

CASES_PAGE = "/cases"
TASK_KINDS = tuple(kind.value for kind in TaskKind if kind is not TaskKind.HISTORY_AT_RISK)
"""Those that there are today."""

CASE_KINDS = tuple(kind.value for kind in (*LISTED_KINDS, CaseKind.INVOICE))
"""An invoice's, where a person decides how it goes on."""

_OPEN, _CLOSED = "open", "closed"


def build_case_filter(values: Values) -> CaseListFilter:
    return CaseListFilter(
        q=values.get("q"),
        kind=values.get("kind"),
        stage=values.get("stage"),
        role=values.get("role"),
        person=values.get("person"),
        is_open={_OPEN: True, _CLOSED: False}.get(values.get("status", "")),
        is_late=read_yes_no(values, "late"),
        collector=values.get("collector"),
        account=values.get("account"),
        department=values.get("department"),
        dispute_age=read_number(values, "age"),
    )


def _load_page(context: ApiContext, request: PageRequest) -> tuple[Sequence[ListedCase], str | None]:
    wanted = build_case_filter(request.values)
    return list_case_page(context.database, wanted, request.sort, request.is_descending, context.today, request.limit, request.cursor)


def _load_totals(context: ApiContext, values: Values) -> ListTotals:
    return load_case_totals(context.database, build_case_filter(values), context.today)


def _list_choices(context: ApiContext, words: Phrases) -> Mapping[str, Sequence[Choice]]:
    own, collectors = words.list_filters, load_account_choices(context.database).collectors
    people = dict.fromkeys((*list_awaited_people(context.database), *collectors))
    return {
        "kind": [(kind, label_kind(kind, words)) for kind in (*CASE_KINDS, PROMISE, *TASK_KINDS)],
        "stage": [
            (stage, f"{words.translate('case_kinds', kind)}: {label}")
            for stage, label in words.case_stages.items()
            for kind in [stage.partition(".")[0]]
            if kind in LISTED_KINDS
        ],
        "role": [(role.value, words.translate("roles", role.value)) for role in Role],
        "person": label_people(people, words),
        "status": [(_OPEN, own["is_open"]), (_CLOSED, own["is_closed"])],
        "late": label_yes_no(words),
        "collector": label_people(collectors, words),
        "department": [(role.value, words.translate("roles", role.value)) for role in sorted(DISPUTE_DEPARTMENTS)],
        "age": [(str(age), own[f"raised_{age}"]) for age in range(len(DISPUTE_AGE_LIMITS) + 1)],
    }


def label_kind(kind: str, words: Phrases) -> str:
    """What a kind of case, a promise or a kind of task is called."""
    if kind == PROMISE:
        return words.list_filters["promise"]
    return words.translate("case_kinds", kind) if kind in CASE_KINDS else words.translate("tasks", kind)


def label_stage(row: ListedCase, words: Phrases) -> str:
    if row.kind == PROMISE:
        return words.translate("promise_outcomes", "open")
    return words.translate("task_states", row.stage) if row.is_task else words.case_stage_label(row.kind, row.stage)


def link_row(row: ListedCase) -> str:
    """The page on which it is seen to."""
    if row.kind in LISTED_KINDS:
        return build_case_url(row.key, row.kind)
    return f"/invoices/{quote(row.invoice_id, safe='')}" if row.invoice_id else f"/accounts/{quote(row.account_id, safe='')}"


def _export_rows(context: ApiContext, row: ListedCase, words: Phrases) -> Iterable[Mapping[str, Cell]]:
    """A line for each currency, and one for what is over no money."""
    roles = [words.translate("roles", role) for role in row.roles]
    plain: dict[str, Cell] = {
        "kind": label_kind(row.kind, words),
        "id": row.key,
        "account": row.account_name,
        "account_id": row.account_number,
        "invoice": row.invoice_number or "",
        "stage": label_stage(row, words),
        "waits_for": ", ".join([*roles, *row.people]),
        "since": row.since,
        "due": row.due_on,
        "collector": row.collector or "",
        "opened_by": row.opened_by or "",
        "opened": row.opened_on,
    }
    for money in row.amounts or [None]:
        amount: dict[str, Cell] = {"currency": money.currency, "amount": build_amount(money.minor, money.currency)} if money else {}
        yield plain | amount


CASE_LIST = ConsoleList(
    name="cases",
    page=CASES_PAGE,
    columns={
        "kind": Column("kind", is_fixed=True),
        "account": Column("account", sort="account"),
        "invoice": Column("invoice", is_shown=False),
        "stage": Column("stage"),
        "waits_for": Column("waits_for"),
        "since": Column("since", sort="since"),
        "due": Column("until", sort="due"),
        "amount": Column("amount", sort="amount", is_number=True),
        "collector": Column("collector", is_shown=False),
        "opened_by": Column("opened_by"),
        "opened": Column("opened", is_shown=False),
    },
    filters={
        "q": FilterField("q", "search"),
        "kind": FilterField("kind"),
        "stage": FilterField("stage"),
        "role": FilterField("role"),
        "person": FilterField("person", "name"),
        "status": FilterField("status", default=_OPEN),
        "late": FilterField("late"),
        "collector": FilterField("collector", "name"),
        "department": FilterField("department"),
        "age": FilterField("raised"),
        "account": FilterField("account", "id"),
    },
    default_sort="since",
    notice=ListNotice("amount"),
    export_columns={"id": "id", "account_id": "account_number", "currency": "currency"},
    load_page=_load_page,
    load_totals=_load_totals,
    list_choices=_list_choices,
    export_rows=_export_rows,
    helpers={"row_url": link_row, "row_kind": label_kind, "row_stage": label_stage},
)
