"""Where the rows behind a figure are listed."""

from urllib.parse import urlencode

from adapters.read_model.accounts import AGE_LIMITS
from adapters.read_model.lists.account_list import NOBODY
from adapters.read_model.overview.waiting_figures import WaitingFigures

INVOICES_PAGE, ACCOUNTS_PAGE = "/invoices", "/accounts"
WAITING_PAGE, DISPUTES_PAGE = "/overview/waiting", "/overview/disputes"


def link_age(currency: str, age: int) -> str:
    """The open invoices of one age, as AGE_LIMITS has them."""
    bounds = {"overdue": str(AGE_LIMITS[age - 1] + 1)} if age else {}
    if age < len(AGE_LIMITS):
        bounds["until"] = str(AGE_LIMITS[age])
    return _link_invoices(currency=currency, **bounds)


def link_overdue(currency: str) -> str:
    return _link_invoices(currency=currency, overdue="1")


def link_open(currency: str) -> str:
    return _link_invoices(currency=currency)


def link_portfolio(collector: str | None, currency: str, is_overdue: bool = False) -> str:
    """The open invoices of one collector's customers; None: of nobody's."""
    return _link_invoices(currency=currency, collector=collector or NOBODY, **({"overdue": "1"} if is_overdue else {}))


def link_stage(stage: str, currency: str = "") -> str:
    return _link_invoices(stage=stage, **({"currency": currency} if currency else {}))


def link_accounts(collector: str | None) -> str:
    """One collector's customers; None: nobody's."""
    return f"{ACCOUNTS_PAGE}?{urlencode({'collector': collector or NOBODY})}"


def link_waiting(row: WaitingFigures) -> str:
    whose = {"person": row.person} if row.person else {"role": row.role or ""}
    return f"{WAITING_PAGE}?{urlencode({**whose, 'kind': row.kind, 'of': 'tasks' if row.is_task else 'cases'})}"


def link_disputes(department: str, age: int | None = None) -> str:
    return f"{DISPUTES_PAGE}?{urlencode({'department': department} | ({} if age is None else {'age': str(age)}))}"


def _link_invoices(**filters: str) -> str:
    return f"{INVOICES_PAGE}?{urlencode(filters)}"
