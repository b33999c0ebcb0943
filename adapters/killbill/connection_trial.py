"""The test of a connection to Kill Bill: what works, what is missing, and what to ask whoever runs it for. Nothing is written."""

from collections.abc import Callable, Iterator

from adapters.billing.connection_steps import describe_first, describe_right, describe_some, refuse_path, try_step
from adapters.billing.errors import BillingAwayError, BillingError, ConnectionRefusedByBillingError
from adapters.billing.external_records import ConnectionStep
from adapters.billing.http_api import NotFoundThereError
from adapters.killbill.killbill_api import KillBillApi
from adapters.killbill.killbill_reader import PAGINATION, KillBillReader
from domain.refusal import Refusal

_USER = Refusal("ask.killbill_user", "a user, and the key and secret of the tenant")
_READER = Refusal("ask.killbill_reader", "a user who may read invoices")
_WIDER_READER = Refusal("ask.killbill_wider_reader", "a user who may read invoices, payments, tags and custom fields")
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
    yield (first := _try("address and key", lambda: _look(api, "accounts/pagination"), _USER))
    if not first.works:
        return
    yield _try("read invoices", lambda: _look(api, PAGINATION), _READER)
    yield _try("read one invoice", lambda: _look_at_one(reader), _WIDER_READER)
    allowed = _list_permissions(api)
    for name, permission in _NEEDED if allowed is not None else ():
        found = bool({permission, "*", "*:*", f"{permission.partition(':')[0]}:*"} & set(allowed or ()))
        lacking = Refusal("trial.killbill_lacks", "the user has not {permission}", permission=permission)
        ask_for = Refusal("ask.killbill_permission", "the permission {permission}", permission=permission)
        yield ConnectionStep(name, found, describe_right() if found else lacking, ask_for)


def _try(name: str, attempt: Callable[[], str], ask_for: Refusal) -> ConnectionStep:
    try:
        return try_step(name, attempt, ask_for)
    except NotFoundThereError as error:
        return ConnectionStep(name, False, refuse_path(error), Refusal("ask.killbill_address", "the server's address, without /1.0/kb"))


def _look(api: KillBillApi, path: str) -> str:
    return describe_some(api.list_page(path, 0, 1).records)


def _look_at_one(reader: KillBillReader) -> str:
    page = reader.read_changes(None, 1)
    if page.unread:
        raise ConnectionRefusedByBillingError(f"{page.unread[0].external_id}: {page.unread[0].reason}")
    if not page.invoices:
        return Refusal("trial.not_chased", "the first one is not to be chased")
    return describe_first(page.invoices[0].number)


def _list_permissions(api: KillBillApi) -> list[str] | None:
    """None where the server does not tell them."""
    try:
        found = api.read("security/permissions")
    except (BillingError, ConnectionRefusedByBillingError, BillingAwayError, NotFoundThereError):
        return None
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) and found else None
