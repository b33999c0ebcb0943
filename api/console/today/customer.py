"""The customer whose turn it is: whom one calls and what time it is there, what is owed and how they pay, what comes next."""

from collections.abc import Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

from adapters.correspondence.business_days import get_business_day_check
from adapters.i18n.formatting import name_place
from adapters.read_model.accounts import AccountDetail, ContactRow, find_account
from adapters.read_model.correspondence import find_last_letter
from adapters.read_model.invoices import InvoiceFilter, InvoiceRow, list_invoices
from api.commands.live_invoice import PolicyReader, build_policy_reader
from api.console.account.standing import AccountStanding, CurrencyStanding, load_standing
from api.console.acts.subject import MAX_INVOICES, ActSubject, build_subject
from api.console.acts.wording import Reader
from api.context import ApiContext
from domain.billing.billing_events import InvoiceStatus
from domain.credit_review.solvency_score import SolvencyFactor

MAX_SHOWN = 20
"""So many overdue invoices stand on the page; the account's has them all."""


class LocalTime(NamedTuple):
    """What time it is at somebody's, as the reader writes it, where that is, and whether people are at work there today."""

    time: str
    place: str
    is_working_day: bool


class Callee(NamedTuple):
    """Whom one calls, and in which language."""

    contact: ContactRow
    language: str
    local: LocalTime


class ShownCustomer(NamedTuple):
    """`others`: its contacts but for whom one calls. `overdue`: the first of those invoices, of `overdue_count`; `subject` has all that are
    open. `days_late`: so many after the due date it pays on the average, None where that is not known. `find_policy`: by what its invoices
    are collected. `is_bounced`: the address that the last letter went to takes none any more."""

    account: AccountDetail
    callee: Callee | None
    local: LocalTime
    others: list[ContactRow]
    standing: AccountStanding
    subject: ActSubject
    overdue: list[InvoiceRow]
    overdue_count: int
    days_late: int | None
    find_policy: PolicyReader
    is_bounced: bool

    @property
    def owing(self) -> list[CurrencyStanding]:
        """The currencies in which something is overdue, or credit is left."""
        return [each for each in self.standing.currencies if each.balance.overdue or each.balance.unapplied]


def load_customer(context: ApiContext, account_id: str, reader: Reader) -> ShownCustomer | None:
    """Load it, its invoices once for all that is said of them; None for an account that there is not."""
    account = find_account(context.database, account_id, context.today, invoices=0) if account_id else None
    if account is None:
        return None
    owed = InvoiceFilter(account=account_id, status=InvoiceStatus.OPEN)
    open_rows, _ = list_invoices(context.database, owed, context.today, MAX_INVOICES, None)
    letter, find_policy = find_last_letter(context.database, account_id), build_policy_reader(context)
    read = account.model_copy(update={"invoices": open_rows})
    standing = load_standing(context, read, letter, reader.phrases, find_policy)
    overdue = [row for row in open_rows if row.days_past_due(context.today) > 0]
    callee = _choose_callee(account.contacts)
    return ShownCustomer(
        account=account,
        callee=_tell_callee(context, account, callee, reader) if callee else None,
        local=_tell_local_time(context, account.time_zone, account.country, reader),
        others=[contact for contact in account.contacts if contact is not callee],
        standing=standing,
        subject=build_subject(account, open_rows, context.today),
        overdue=overdue[:MAX_SHOWN],
        overdue_count=len(overdue),
        days_late=_find_days_late(standing),
        find_policy=find_policy,
        is_bounced=letter is not None and any(each.undeliverable_since and each.email == letter.recipient for each in account.contacts),
    )


def _choose_callee(contacts: Sequence[ContactRow]) -> ContactRow | None:
    """The first who has a telephone; without one, the first whom one can write to."""
    return next((each for each in contacts if each.phone), next(iter(contacts), None))


def _tell_callee(context: ApiContext, account: AccountDetail, contact: ContactRow, reader: Reader) -> Callee:
    local = _tell_local_time(context, contact.time_zone or account.time_zone, account.country, reader)
    return Callee(contact, contact.language or account.language, local)


def _tell_local_time(context: ApiContext, zone: str, country: str, reader: Reader) -> LocalTime:
    there = context.business_now.astimezone(ZoneInfo(zone))
    is_working_day = get_business_day_check(country)(there.date())
    return LocalTime(reader.format_local_time(context.business_now, zone), name_place(zone, reader.locale), is_working_day)


def _find_days_late(standing: AccountStanding) -> int | None:
    """As the solvency score knows it, of the invoices that were paid within two years."""
    for each in standing.solvency.factors:
        if each.factor is SolvencyFactor.AVERAGE_DAYS_LATE and each.value is not None:
            return round(each.value)
    return None
