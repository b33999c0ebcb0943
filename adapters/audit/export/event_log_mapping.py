"""What process miners see of a journal entry: to which objects it belongs, and what it says of them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from domain.identifiers import approval_case_id, find_case_kind, invoice_case_id

ACCOUNT, INVOICE, LETTER = "account", "invoice", "letter"
CASE_TYPES = (INVOICE, "dispute", "plan", "approval", "suspension", "write_off", "credit_review")
"""Also what the ids of such cases begin with; an invoice and the case of its collection are one object."""

FIXED_ATTRIBUTE_TIME = "1970-01-01T00:00:00.000000Z"
"""When an object has what it always had, as OCEL 2.0 has it."""

CHANGING_ATTRIBUTES: dict[str, dict[str, str]] = {
    INVOICE: {"open_balance": "integer", "policy": "string", "policy_version": "integer", "outcome": "string"},
    "dispute": {"amount": "integer", "reason": "string", "department": "string", "resolution": "string"},
    "plan": {"debt": "integer", "received": "integer", "revision": "integer"},
    "approval": {"matter": "string", "amount": "integer", "currency": "string", "tier": "integer"},
    "suspension": {"matter": "string", "notice_ends": "string", "ending": "string"},
    "write_off": {"decision": "string", "ending": "string"},
    "credit_review": {"reason": "string", "ability": "string", "willingness": "string"},
}
"""The facts of a case's own entries that tell of its object, and change with time. Amounts in minor units."""


class ObjectRelation(NamedTuple):
    object_id: str
    qualifier: str


def account_object_id(account_id: str) -> str:
    return f"{ACCOUNT}:{account_id}"


def letter_object_id(message_id: str) -> str:
    return f"{LETTER}:{message_id}"


def case_object_type(case_id: str) -> str | None:
    """Of the object that a case is; None for cases that no process miner looks for, such as the seals'."""
    kind = find_case_kind(case_id)
    return kind.id_prefix if kind and kind.id_prefix in CASE_TYPES else None


def list_relations(entry: dict[str, Any]) -> list[ObjectRelation]:
    """The objects that an entry belongs to, each once, with what it is to the entry in the first place: readers of logs keep one word."""
    found: dict[str, ObjectRelation] = {}
    for relation in (
        ObjectRelation(entry["case_id"], "case"),
        ObjectRelation(account_object_id(entry["account_id"]), ACCOUNT),
        *_iterate_named_objects(entry),
    ):
        found.setdefault(relation.object_id, relation)
    return list(found.values())


def _iterate_named_objects(entry: dict[str, Any]) -> Iterator[ObjectRelation]:
    facts = entry["facts"]
    if entry["invoice_id"]:
        yield ObjectRelation(invoice_case_id(entry["invoice_id"]), INVOICE)
    for name in ("invoice", "invoices"):
        if isinstance(facts.get(name), str):
            yield from (ObjectRelation(invoice_case_id(invoice), INVOICE) for invoice in facts[name].split())
    if facts.get("message_id"):
        yield ObjectRelation(letter_object_id(str(facts["message_id"])), LETTER)
    if isinstance(facts.get("approval"), int):
        yield ObjectRelation(approval_case_id(entry["case_id"], facts["approval"]), "approval")
    for name in ("subject", "case"):
        if isinstance(facts.get(name), str):
            yield ObjectRelation(facts[name], name)


def list_attribute_changes(type: str, chain: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The attributes of a case's object: a value for each time at which it became another."""
    known: dict[str, Any] = {}
    found: list[dict[str, Any]] = []
    for entry in chain:
        for name in CHANGING_ATTRIBUTES[type].keys() & entry["facts"].keys():
            value = entry["facts"][name]
            if value is not None and value != known.get(name) and ocel_type(value) == CHANGING_ATTRIBUTES[type][name]:
                known[name] = value
                found.append({"name": name, "time": format_timestamp(entry["business_at"]), "value": value})
    return sorted(found, key=lambda change: (change["time"], change["name"]))


def ocel_type(value: Any) -> str:
    """As OCEL 2.0 calls it."""
    return "boolean" if isinstance(value, bool) else "integer" if isinstance(value, int) else "string"


def format_timestamp(moment: datetime) -> str:
    """ISO 8601 in UTC, always of the same length."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
