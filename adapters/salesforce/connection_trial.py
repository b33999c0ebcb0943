"""The test of a connection to Salesforce: what works, what is missing, and what to ask whoever runs the org for."""

from collections.abc import Iterator

from adapters.billing.connection_steps import try_step
from adapters.billing.errors import ConnectionRefusedByBillingError
from adapters.billing.external_records import ConnectionStep
from adapters.salesforce.invoice_records import read_currency
from adapters.salesforce.salesforce_api import MissingInSalesforceError, SalesforceApi, SalesforceSettings
from adapters.salesforce.salesforce_map import SalesforceMap
from adapters.salesforce.salesforce_notes import CASE, TASK
from adapters.salesforce.salesforce_reader import SalesforceReader
from adapters.salesforce.salesforce_records import dig, to_minor

_SAMPLE = 50
_NAMED = 3


def try_connection(
    api: SalesforceApi, reader: SalesforceReader, settings: SalesforceSettings, fields: SalesforceMap
) -> tuple[ConnectionStep, ...]:
    """Stops at a step without which none of the rest can work."""
    return tuple(_list_steps(api, reader, settings, fields))


def _list_steps(
    api: SalesforceApi, reader: SalesforceReader, settings: SalesforceSettings, fields: SalesforceMap
) -> Iterator[ConnectionStep]:
    ask_for = "an External Client App with the scope api, that may sign in for a user of its own, and the org's own address (My Domain)"
    first = try_step("address and app", lambda: _find_org(api), ask_for)
    yield first
    if not first.works:
        return
    for name, kind, names in fields.list_objects():
        attempt = lambda kind=kind, names=names: _require_fields(api, kind, names)  # noqa: E731
        yield try_step(f"read {name}s", attempt, f"read access to {kind} and these fields, or name others in the connection's map")
    yield try_step("balance rule", lambda: _check_balance(reader, settings, fields), "the right setting of `balance` in the connection")
    for name, kind in (("letters and calls", TASK), ("disputes", CASE)):
        yield try_step(f"write {name}", lambda kind=kind: _require_creatable(api, kind), f"the right to create {kind} records")  # type: ignore[misc]
    if settings.hold_field is not None:
        hold, account = settings.hold_field, fields.account.object
        ask_for = f"a checkbox field {hold} of {account} that the app's user may edit"
        yield try_step("suspensions", lambda: _require_hold_field(api, account, hold), ask_for)


def _find_org(api: SalesforceApi) -> str:
    (org,) = api.query("SELECT Id, Name, IsSandbox FROM Organization LIMIT 1")
    return f"{org['Name']} ({org['Id']}{', a sandbox' if org['IsSandbox'] else ''})"


def _require_fields(api: SalesforceApi, kind: str, names: list[str]) -> str:
    """By their names; what is found through a reference, by a query."""
    described = {field["name"] for field in api.describe(kind)["fields"]}
    direct = [name for name in names if "." not in name]
    if missing := sorted(set(direct) - described):
        raise MissingInSalesforceError(f"{kind} has no field {', '.join(missing)}, or the app's user does not see it")
    rows = api.query(f"SELECT {', '.join(dict.fromkeys(('Id', *names)))} FROM {kind} LIMIT 1")
    return "there are some" if rows else "there are none yet"


def _check_balance(reader: SalesforceReader, settings: SalesforceSettings, fields: SalesforceMap) -> str:
    """Whether the balance that Salesforce keeps is the total less what is applied: its own pages say both. Checked where something is
    applied, for elsewhere both rules say the same."""
    records, computed = reader.sample_invoices(_SAMPLE)
    if not records:
        return (
            "nothing is applied to an invoice yet, so that it cannot be told whether its balance counts that; test again when something is"
        )
    differing = []
    for record, invoice in zip(records, computed, strict=True):
        currency = read_currency(record, fields.invoice.currency, settings.currency)
        if to_minor(dig(record, fields.invoice.balance), currency) != invoice.open_balance:
            differing.append(invoice.number)
    if not differing:
        return f"of {len(records)} invoices to which something is applied, the balance of each counts it"
    named = ", ".join(differing[:_NAMED])
    seen = f"of {len(records)} invoices to which something is applied, the balance of {len(differing)} is otherwise: {named}"
    if settings.trusts_balance:
        raise ConnectionRefusedByBillingError(f"{seen}; set `balance: applications`, if what is applied is right, and look at these")
    return f"{seen}; it is computed here"


def _require_creatable(api: SalesforceApi, kind: str) -> str:
    if not api.describe(kind)["createable"]:
        raise ConnectionRefusedByBillingError(f"the app's user may not create a {kind}")
    return "allowed"


def _require_hold_field(api: SalesforceApi, account: str, hold: str) -> str:
    found = next((field for field in api.describe(account)["fields"] if field["name"] == hold), None)
    if found is None:
        raise MissingInSalesforceError(f"{account} has no field {hold}, or the app's user does not see it")
    if found["type"] != "boolean" or not found["updateable"]:
        raise ConnectionRefusedByBillingError(f"the field {hold} of {account} is no checkbox, or the app's user may not edit it")
    return f"by the field {hold}"
