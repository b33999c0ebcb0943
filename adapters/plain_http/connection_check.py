"""The test of a connection to an API: what works, what is missing, and what to ask for or to write otherwise in the description."""

from collections.abc import Callable, Iterator

from adapters.billing.connection_steps import try_step
from adapters.billing.errors import ConnectionRefusedByBillingError
from adapters.billing.external_records import ConnectionStep
from adapters.plain_http.api_description import ApiDescription
from adapters.plain_http.http_api import NotFoundThereError
from adapters.plain_http.plain_reader import PlainReader

SHOWN_ROWS = 5


def check_connection(reader: PlainReader, description: ApiDescription) -> tuple[ConnectionStep, ...]:
    """Nothing is written. Stops at a step without which none of the rest can work."""
    return tuple(_list_steps(reader, description))


def _list_steps(reader: PlainReader, description: ApiDescription) -> Iterator[ConnectionStep]:
    yield (first := _try("address and key", lambda: _look_at_list(reader), "its address, and a key that may read"))
    if not first.works:
        return
    yield (read := _try("read invoices", lambda: _look_at_rows(reader), "what these fields are called; write it in the description"))
    if read.works:
        yield _try("read one invoice", lambda: _look_at_one(reader), "the path of one invoice, 'one' in the description")
        yield _try(
            "read customers", lambda: _look_at_account(reader), "the path and the fields of a customer, 'accounts' in the description"
        )
    if description.credits is not None:
        yield _try("read unapplied credit", lambda: _look_at_credits(reader), "leave to read it")
    able = [name for name in type(description.bookings).model_fields if getattr(description.bookings, name) is not None]
    if able:
        ask_for = f"leave to write for the key: {', '.join(name.replace('_', ' ') for name in able)}"
        yield ConnectionStep("bookings", True, "described; each is tried only when the first is booked", ask_for, is_tried=False)
    else:
        yield ConnectionStep("bookings", True, "none is described: a person books it there")


def _try(name: str, attempt: Callable[[], str], ask_for: str) -> ConnectionStep:
    try:
        return try_step(name, attempt, ask_for)
    except NotFoundThereError as error:
        return ConnectionStep(name, False, f"there is nothing at {error}", ask_for)


def _look_at_list(reader: PlainReader) -> str:
    page = reader.read_changes(None, SHOWN_ROWS)
    return f"{len(page.invoices) + len(page.gone) + len(page.unread)} on the first page"


def _look_at_credits(reader: PlainReader) -> str:
    return f"{len(reader.list_credits(None, SHOWN_ROWS).credits)} on the first page"


def _look_at_rows(reader: PlainReader) -> str:
    page = reader.read_changes(None, SHOWN_ROWS)
    if page.unread:
        faults = "; ".join(f"{each.external_id}: {each.reason}" for each in page.unread[:SHOWN_ROWS])
        raise ConnectionRefusedByBillingError(f"{len(page.unread)} of the first page cannot be read: {faults}")
    if not page.invoices:
        return "there are no invoices to be chased on the first page"
    first = page.invoices[0]
    return f"number {first.number}: {first.open_balance} of {first.total} minor units in {first.currency}, due {first.due_date.isoformat()}"


def _look_at_one(reader: PlainReader) -> str:
    page = reader.read_changes(None, SHOWN_ROWS)
    if not page.invoices:
        return "there is none yet"
    return f"number {reader.read_invoice(page.invoices[0].external_id).number}"


def _look_at_account(reader: PlainReader) -> str:
    page = reader.read_changes(None, SHOWN_ROWS)
    if not page.invoices:
        return "there is none yet"
    account = reader.read_account(page.invoices[0].account_id)
    return f"{account.name}, {account.emails[0] if account.emails else 'no address for letters'}"
