"""The test of a connection to Kill Bill: what works, what is missing, and what to ask whoever runs it for. Nothing is written."""

from collections.abc import Callable, Iterator

from adapters.billing.connection_steps import try_step
from adapters.billing.errors import BillingAwayError, BillingError, ConnectionRefusedByBillingError
from adapters.billing.external_records import ConnectionStep
from adapters.killbill.killbill_api import KillBillApi
from adapters.killbill.killbill_reader import PAGINATION, KillBillReader
from adapters.plain_http.http_api import NotFoundThereError

_NEEDED = (
    ("write credit notes", "invoice:item_adjust"),
    ("write write-offs", "tag:add"),
    ("suspensions", "entitlement:pause_resume"),
    ("write notes", "custom_field:add"),
)


def try_connection(api: KillBillApi, reader: KillBillReader) -> tuple[ConnectionStep, ...]:
    """Stops at a step without which none of the rest can work."""
    return tuple(_list_steps(api, reader))


def _list_steps(api: KillBillApi, reader: KillBillReader) -> Iterator[ConnectionStep]:
    yield (first := _try("address and key", lambda: _look(api, "accounts/pagination"), "a user, and the key and secret of the tenant"))
    if not first.works:
        return
    yield _try("read invoices", lambda: _look(api, PAGINATION), "a user who may read invoices")
    yield _try("read one invoice", lambda: _look_at_one(reader), "a user who may read invoices, payments, tags and custom fields")
    allowed = _list_permissions(api)
    for name, permission in _NEEDED if allowed is not None else ():
        found = bool({permission, "*", "*:*", f"{permission.partition(':')[0]}:*"} & set(allowed or ()))
        yield ConnectionStep(name, found, "allowed" if found else f"the user has not {permission}", f"the permission {permission}")


def _try(name: str, attempt: Callable[[], str], ask_for: str) -> ConnectionStep:
    try:
        return try_step(name, attempt, ask_for)
    except NotFoundThereError as error:
        return ConnectionStep(name, False, f"there is nothing at {error}", "the server's address, without /1.0/kb")


def _look(api: KillBillApi, path: str) -> str:
    return "there are some" if api.list_page(path, 0, 1).records else "there are none yet"


def _look_at_one(reader: KillBillReader) -> str:
    page = reader.read_changes(None, 1)
    if page.unread:
        raise ConnectionRefusedByBillingError(f"{page.unread[0].external_id}: {page.unread[0].reason}")
    return f"number {page.invoices[0].number}" if page.invoices else "the first one is not to be chased"


def _list_permissions(api: KillBillApi) -> list[str] | None:
    """None where the server does not tell them."""
    try:
        found = api.read("security/permissions")
    except (BillingError, ConnectionRefusedByBillingError, BillingAwayError, NotFoundThereError):
        return None
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) and found else None
