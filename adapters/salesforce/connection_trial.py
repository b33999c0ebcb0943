"""The test of a connection to Salesforce: what works, what is missing, and what to ask whoever runs the org for."""

from collections.abc import Iterator, Mapping

from adapters.billing.connection_steps import describe_right, describe_some, try_step
from adapters.billing.errors import ConnectionRefusedByBillingError
from adapters.billing.external_records import ConnectionStep
from adapters.salesforce.salesforce_api import FixedValue, MissingInSalesforceError, SalesforceApi, SalesforceSettings
from adapters.salesforce.salesforce_map import SET_BY_DUECOURSE, SalesforceMap
from adapters.salesforce.salesforce_notes import CASE, TASK, list_fixed_fields
from adapters.salesforce.salesforce_reader import SalesforceReader
from adapters.salesforce.salesforce_records import Record
from domain.refusal import Refusal

_NAMED, _NAMED_VALUES = 3, 10


def try_connection(
    api: SalesforceApi, reader: SalesforceReader, settings: SalesforceSettings, fields: SalesforceMap
) -> tuple[ConnectionStep, ...]:
    """Stops at a step without which none of the rest can work."""
    return tuple(_list_steps(api, reader, settings, fields))


def _list_steps(
    api: SalesforceApi, reader: SalesforceReader, settings: SalesforceSettings, fields: SalesforceMap
) -> Iterator[ConnectionStep]:
    ask_for = Refusal(
        "ask.salesforce_app",
        "an External Client App with the scope api, that may sign in for a user of its own, and the org's own address (My Domain)",
    )
    first = try_step("address and app", lambda: _find_org(api), ask_for)
    yield first
    if not first.works:
        return
    for name, kind, names in fields.list_objects():
        attempt = lambda kind=kind, names=names: _require_fields(api, kind, names)  # noqa: E731
        ask_for = Refusal(
            "ask.salesforce_fields", "read access to {kind} and these fields, or name others in the connection's map", kind=kind
        )
        yield try_step(f"read {name}s", attempt, ask_for)
    ask_for = Refusal("ask.salesforce_balance", "the right setting of `balance` in the connection")
    yield try_step("balance rule", lambda: _check_balance(reader), ask_for)
    task, case = list_fixed_fields(settings)
    for name, kind, fixed in (("letters and calls", TASK, task), ("disputes", CASE, case)):
        attempt = lambda kind=kind, fixed=fixed: _require_creatable(api, kind, fixed)  # noqa: E731
        ask_for = Refusal(
            "ask.salesforce_create",
            "the right to create {kind} records; or name other values in the connection's `{setting}`",
            kind=kind,
            setting=f"{kind.lower()}_fields",
        )
        yield try_step(f"write {name}", attempt, ask_for)
    if settings.hold_field is not None:
        hold, account = settings.hold_field, fields.account.object
        ask_for = Refusal(
            "ask.salesforce_hold", "a checkbox field {field} of {kind} that the app's user may edit", field=hold, kind=account
        )
        yield try_step("suspensions", lambda: _require_hold_field(api, account, hold), ask_for)


def _find_org(api: SalesforceApi) -> str:
    (org,) = api.query("SELECT Id, Name, IsSandbox FROM Organization LIMIT 1")
    return f"{org['Name']} ({org['Id']}{', a sandbox' if org['IsSandbox'] else ''})"


def _require_fields(api: SalesforceApi, kind: str, names: list[str]) -> str:
    """By their names; what is found through a reference, by a query."""
    described = {field["name"] for field in api.describe(kind)["fields"]}
    direct = [name for name in names if "." not in name]
    if missing := sorted(set(direct) - described):
        raise MissingInSalesforceError(_refuse_field(kind, ", ".join(missing)))
    rows = api.query(f"SELECT {', '.join(dict.fromkeys(('Id', *names)))} FROM {kind} LIMIT 1")
    return describe_some(rows)


def _check_balance(reader: SalesforceReader) -> str:
    """Whether the balance that Salesforce keeps is the total less what is applied: its own pages say both. Checked where something is
    applied, for elsewhere both rules say the same."""
    check = reader.check_balances()
    if not check.checked:
        return Refusal(
            "trial.salesforce_nothing_applied",
            "nothing is applied to an invoice yet, so that it cannot be told whether its balance counts that; test again when something is",
        )
    if not check.differing:
        return Refusal(
            "trial.salesforce_counts",
            "of {count} invoices to which something is applied, the balance of each counts it",
            count=check.checked,
        )
    facts = {"count": check.checked, "other": len(check.differing), "invoices": ", ".join(check.differing[:_NAMED])}
    if check.is_trusted:
        raise ConnectionRefusedByBillingError(
            Refusal(
                "trial.salesforce_differs",
                "of {count} invoices to which something is applied, the balance of {other} is otherwise: {invoices}; "
                "set `balance: applications`, if what is applied is right, and look at these",
                **facts,
            )
        )
    return Refusal(
        "trial.salesforce_computed",
        "of {count} invoices to which something is applied, the balance of {other} is otherwise: {invoices}; it is computed here",
        **facts,
    )


def _require_creatable(api: SalesforceApi, kind: str, fixed: Mapping[str, FixedValue]) -> str:
    """With the values that every record is given: a picklist that takes no others refuses one that it does not have."""
    described = api.describe(kind)
    if not described["createable"]:
        raise ConnectionRefusedByBillingError(
            Refusal("trial.salesforce_may_not_create", "the app's user may not create a {kind}", kind=kind)
        )
    fields = {field["name"]: field for field in described["fields"]}
    if missing := sorted(fixed.keys() - fields.keys()):
        raise MissingInSalesforceError(_refuse_field(kind, ", ".join(missing)))
    unlisted = {name: str(value) for name, value in fixed.items() if not _takes(fields[name], value)}
    if strict := sorted(name for name in unlisted if fields[name].get("restrictedPicklist")):
        named = ", ".join(f"{name} has no value {unlisted[name]!r} ({_name_values(fields[name])})" for name in strict)
        raise ConnectionRefusedByBillingError(f"{kind}: {named}")
    if wanted := sorted(name for name, field in fields.items() if _must_be_given(field) and name not in {*fixed, *SET_BY_DUECOURSE}):
        raise ConnectionRefusedByBillingError(
            Refusal("trial.salesforce_needs", "a {kind} cannot be made without {fields}", kind=kind, fields=", ".join(wanted))
        )
    if not unlisted:
        return describe_right()
    facts = {"field": ", ".join(sorted(unlisted)), "value": ", ".join(repr(unlisted[name]) for name in sorted(unlisted))}
    return Refusal("trial.salesforce_unlisted", "allowed; {field} does not list {value}, and takes it", **facts)


def _takes(field: Record, value: FixedValue) -> bool:
    """Whether a picklist has the value; any other field does."""
    values = [each["value"] for each in field.get("picklistValues") or () if each.get("active", True)]
    return field.get("type") != "picklist" or value in values


def _name_values(field: Record) -> str:
    return "it has " + ", ".join(str(each["value"]) for each in (field.get("picklistValues") or ())[:_NAMED_VALUES])


def _must_be_given(field: Record) -> bool:
    """Whether no record is made without it: neither may it be empty, nor has it a default."""
    return bool(
        field.get("createable")
        and not field.get("nillable", True)
        and not field.get("defaultedOnCreate", True)
        and field["type"] != "boolean"
    )


def _require_hold_field(api: SalesforceApi, account: str, hold: str) -> str:
    found = next((field for field in api.describe(account)["fields"] if field["name"] == hold), None)
    if found is None:
        raise MissingInSalesforceError(_refuse_field(account, hold))
    if found["type"] != "boolean" or not found["updateable"]:
        raise ConnectionRefusedByBillingError(
            Refusal(
                "trial.salesforce_no_checkbox",
                "the field {field} of {kind} is no checkbox, or the app's user may not edit it",
                field=hold,
                kind=account,
            )
        )
    return Refusal("trial.by_field", "by the field {field}", field=hold)


def _refuse_field(kind: str, field: str) -> Refusal:
    return Refusal("trial.salesforce_no_field", "{kind} has no field {field}, or the app's user does not see it", kind=kind, field=field)
