"""Where the rows behind a figure are listed."""

from datetime import date
from urllib.parse import urlencode

from adapters.read_model.accounts import AGE_LIMITS
from adapters.read_model.lists.account_list import NOBODY
from adapters.read_model.overview.waiting_figures import WaitingFigures
from api.schemas.targets.collection_targets import write_month
from domain.identifiers import CaseKind
from domain.roles import Role

INVOICES_PAGE, ACCOUNTS_PAGE = "/invoices", "/accounts"
CASES_PAGE, COLLECTED_PAGE = "/cases", "/collected"


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
    """A collector's tasks that are nobody's are those of accounts that nobody has."""
    is_nobodys = row.is_task and row.role == Role.COLLECTOR
    whose = {"person": row.person or NOBODY} if row.person or is_nobodys else {"role": row.role or ""}
    return f"{CASES_PAGE}?{urlencode({'kind': row.kind, **whose})}"


def link_disputes(department: str, age: int | None = None) -> str:
    """The open disputes of a department, all or those of one age."""
    narrowed = {} if age is None else {"age": str(age)}
    return f"{CASES_PAGE}?{urlencode({'kind': CaseKind.DISPUTE.value, 'department': department, **narrowed})}"


def link_collected(month: date, currency: str, collector: str = "") -> str:
    """The payments of a month (its first day) that count as collected; of all customers, or of one collector's."""
    whose = {"collector": collector} if collector else {}
    return f"{COLLECTED_PAGE}?{urlencode({'month': write_month(month), 'currency': currency, **whose})}"


def _link_invoices(**filters: str) -> str:
    return f"{INVOICES_PAGE}?{urlencode(filters)}"
