"""Which objects of Salesforce have the invoices, and which of their fields say what: a preset that is shipped, and what a connection says
otherwise. Names are API names; one with a dot is found through a reference."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from adapters.config.settings import SettingsError

_PRESETS = Path(__file__).parent / "presets"
SalesforcePreset = Literal["revenue_cloud", "billing_package"]
"""The billing of Revenue Cloud, by standard objects; or the older managed package."""
FieldName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*$")]
ObjectName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
PicklistValue = Annotated[str, Field(pattern=r"^[^'\\]+$")]


SET_BY_DUECOURSE = frozenset({"Subject", "Description", "WhatId", "WhoId", "AccountId"})
"""Of tasks and cases, what each of them says for itself."""


class SalesforceMapError(SettingsError):
    """A map of objects and fields that cannot be used; says where and why."""


class _Mapped(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    object: ObjectName

    def list_fields(self) -> list[str]:
        """Each field that is read, once; what their values may be stands in tuples."""
        return list(dict.fromkeys(value for name, value in self if name != "object" and isinstance(value, str)))


class InvoiceNames(_Mapped):
    """`posted`: the values of `status` of what is owed or was; `cancelled`: of what was cancelled. `currency`: None, where the org has one
    currency alone, and no such field."""

    number: FieldName
    account: FieldName
    contact: FieldName | None
    issued_on: FieldName
    due_on: FieldName
    status: FieldName
    posted: tuple[PicklistValue, ...]
    cancelled: tuple[PicklistValue, ...]
    total: FieldName
    balance: FieldName
    currency: FieldName | None


class SourceNames(_Mapped):
    """A payment or a credit note. `left`: what no invoice has of it."""

    account: FieldName
    left: FieldName
    came_on: FieldName
    status: FieldName
    posted: tuple[PicklistValue, ...]
    number: FieldName
    currency: FieldName | None


class ApplicationNames(_Mapped):
    """That a payment or credit note (`source`) pays an invoice, or no longer does: two records, by the values of `type`."""

    invoice: FieldName
    source: FieldName
    amount: FieldName
    applied_on: FieldName
    type: FieldName
    applied: tuple[PicklistValue, ...]
    taken_back: tuple[PicklistValue, ...]


class AccountNames(_Mapped):
    """`country` is believed where it is a code of two letters; `number` is the customer's, where the documents print one."""

    name: FieldName
    country: FieldName | None
    number: FieldName | None = None


class SalesforceMap(BaseModel):
    """Where there is no object for credit notes or payments, both it and its applications are null."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    invoice: InvoiceNames
    payment: SourceNames | None
    credit_note: SourceNames | None
    payment_application: ApplicationNames | None
    credit_application: ApplicationNames | None
    account: AccountNames

    def list_objects(self) -> Iterator[tuple[str, str, list[str]]]:
        """(what it is called here, object, fields) of each that is read."""
        for name, fields in self:
            if fields is not None:
                yield name.replace("_", " "), fields.object, fields.list_fields()


def load_map(preset: SalesforcePreset, changed: Mapping[str, Any], *, has_one_currency: bool) -> SalesforceMap:
    """`changed` says some of the preset's names otherwise; null for an object that is not there. Raises SalesforceMapError."""
    values: dict[str, Any] = yaml.safe_load((_PRESETS / f"{preset}.yaml").read_text(encoding="utf-8"))
    for name, fields in changed.items():
        values[name] = {**(values.get(name) or {}), **fields} if isinstance(fields, Mapping) else fields
    if has_one_currency:
        for name in ("invoice", "payment", "credit_note"):
            if values.get(name):
                values[name]["currency"] = None
    try:
        return SalesforceMap.model_validate(values)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors())
        raise SalesforceMapError(f"the map of Salesforce's fields cannot be used: {faults}") from error
