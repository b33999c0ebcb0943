"""The test of a connection to an API: what works, what is missing, and what to ask for or to write otherwise in the description."""

from collections.abc import Callable, Iterator

from adapters.billing.connection_steps import describe_first, describe_some, refuse_path, try_step
from adapters.billing.errors import ConnectionRefusedByBillingError
from adapters.billing.external_records import ConnectionStep
from adapters.billing.http_api import NotFoundThereError
from adapters.plain_http.api_description import ApiDescription
from adapters.plain_http.plain_reader import PlainReader
from domain.money import Money
from domain.refusal import Refusal

SHOWN_ROWS = 5


def check_connection(reader: PlainReader, description: ApiDescription) -> tuple[ConnectionStep, ...]:
    """Nothing is written. Stops at a step without which none of the rest can work."""
    return tuple(_list_steps(reader, description))


def _list_steps(reader: PlainReader, description: ApiDescription) -> Iterator[ConnectionStep]:
    yield (first := _try("address and key", lambda: _look_at_list(reader), Refusal("ask.api_key", "its address, and a key that may read")))
    if not first.works:
        return
    yield (
        read := _try(
            "read invoices",
            lambda: _look_at_rows(reader),
            Refusal("ask.api_fields", "what these fields are called; write it in the description"),
        )
    )
    if read.works:
        yield _try(
            "read one invoice", lambda: _look_at_one(reader), Refusal("ask.api_one", "the path of one invoice, 'one' in the description")
        )
        yield _try(
            "read customers",
            lambda: _look_at_account(reader),
            Refusal("ask.api_accounts", "the path and the fields of a customer, 'accounts' in the description"),
        )
    if description.credits is not None:
        yield _try("read unapplied credit", lambda: _look_at_credits(reader), Refusal("ask.api_credits", "leave to read it"))
    able = [name for name in type(description.bookings).model_fields if getattr(description.bookings, name) is not None]
    if able:
        writes = ", ".join(name.replace("_", " ") for name in able)
        ask_for = Refusal("ask.api_bookings", "leave to write for the key: {bookings}", bookings=writes)
        found = Refusal("trial.api_bookings", "described; each is tried only when the first is booked")
        yield ConnectionStep("bookings", True, found, ask_for, is_tried=False)
    else:
        yield ConnectionStep("bookings", True, Refusal("trial.api_no_bookings", "none is described: a person books it there"))


def _try(name: str, attempt: Callable[[], str], ask_for: Refusal) -> ConnectionStep:
    try:
        return try_step(name, attempt, ask_for)
    except NotFoundThereError as error:
        return ConnectionStep(name, False, refuse_path(error), ask_for)


def _look_at_list(reader: PlainReader) -> str:
    page = reader.read_changes(None, SHOWN_ROWS)
    return _describe_first_page(len(page.invoices) + len(page.gone) + len(page.unread))


def _look_at_credits(reader: PlainReader) -> str:
    return _describe_first_page(len(reader.list_credits(None, SHOWN_ROWS).credits))


def _describe_first_page(count: int) -> Refusal:
    return Refusal("trial.first_page", "{count} on the first page", count=count)


def _look_at_rows(reader: PlainReader) -> str:
    page = reader.read_changes(None, SHOWN_ROWS)
    if page.unread:
        faults = "; ".join(f"{each.external_id}: {each.reason}" for each in page.unread[:SHOWN_ROWS])
        raise ConnectionRefusedByBillingError(
            Refusal("trial.unread", "{count} of the first page cannot be read: {faults}", count=len(page.unread), faults=faults)
        )
    if not page.invoices:
        return Refusal("trial.none_chased", "there are no invoices to be chased on the first page")
    first = page.invoices[0]
    return Refusal(
        "trial.first_invoice",
        "number {number}: {owed} of {asked} are open, due {on}",
        number=first.number,
        owed=f"{first.currency} {Money(minor=first.open_balance, currency=first.currency).major}",
        asked=f"{first.currency} {Money(minor=first.total, currency=first.currency).major}",
        on=first.due_date.isoformat(),
    )


def _look_at_one(reader: PlainReader) -> str:
    page = reader.read_changes(None, SHOWN_ROWS)
    if not page.invoices:
        return describe_some(None)
    return describe_first(reader.read_invoice(page.invoices[0].external_id).number)


def _look_at_account(reader: PlainReader) -> str:
    page = reader.read_changes(None, SHOWN_ROWS)
    if not page.invoices:
        return describe_some(None)
    account = reader.read_account(page.invoices[0].account_id)
    if not account.emails:
        return Refusal("trial.no_address", "{name}, no address for letters", name=account.name)
    return f"{account.name}, {account.emails[0]}"
