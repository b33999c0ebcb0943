"""The objects of an object-centric log, and what they are to each other."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, col

from adapters.audit.export.event_log_mapping import (
    ACCOUNT,
    CHANGING_ATTRIBUTES,
    FIXED_ATTRIBUTE_TIME,
    INVOICE,
    LETTER,
    ObjectRelation,
    account_object_id,
    format_timestamp,
    letter_object_id,
    list_attribute_changes,
    list_relations,
)
from adapters.database.tables import Account, Invoice, Message, MessageLine
from adapters.journal.scoped_chains import CaseChain
from domain.audit.scope import AccountScope, AuditScope
from domain.identifiers import invoice_case_id

FIXED_ATTRIBUTES = {
    ACCOUNT: {"country": "string", "segment": "string", "language": "string", "prepaid": "boolean"},
    INVOICE: {"number": "string", "issue_date": "time", "due_date": "time", "currency": "string", "total": "integer"},
    LETTER: {"template": "string", "language": "string", "currency": "string", "state": "string"},
}
BATCH_SIZE = 500

OcelObject = dict[str, Any]


def build_object_types() -> list[dict[str, Any]]:
    """Every type, whether or not the log has an object of it."""
    types = {
        type: {**FIXED_ATTRIBUTES.get(type, {}), **CHANGING_ATTRIBUTES.get(type, {})} for type in (ACCOUNT, *CHANGING_ATTRIBUTES, LETTER)
    }
    return [{"name": type, "attributes": _declare_attributes(attributes)} for type, attributes in types.items()]


def _declare_attributes(attributes: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "type": type} for name, type in attributes.items()]


def build_case_object(type: str, case: CaseChain) -> OcelObject:
    """What a case has become, with the objects that its entries name. An invoice's own attributes are added by `invoices`."""
    own = {case.case_id, account_object_id(case.account_id)}
    named = dict.fromkeys(relation for entry in case.chain for relation in list_relations(entry) if relation.object_id not in own)
    links = [ObjectRelation(account_object_id(case.account_id), ACCOUNT), *named]
    return _build_object(case.case_id, type, list_attribute_changes(type, case.chain), links)


def load_account_objects(session: Session, ids: Iterable[str]) -> Iterator[OcelObject]:
    for some in split_batches(sorted(ids)):
        rows = session.execute(select(Account).where(col(Account.id).in_(some)).order_by(col(Account.id))).scalars()
        for row in rows:
            had = {"country": row.country, "segment": row.segment, "language": row.language, "prepaid": row.prepaid}
            yield _build_object(account_object_id(row.id), ACCOUNT, _build_fixed_attributes(had), [])


def load_invoice_objects(session: Session, ids: Iterable[str]) -> Iterator[OcelObject]:
    """As billing has them; what their cases tell is not in it."""
    for some in split_batches(sorted(ids)):
        for row in session.execute(select(Invoice).where(col(Invoice.id).in_(some)).order_by(col(Invoice.id))).scalars():
            had = {
                "number": row.number,
                "issue_date": f"{row.issue_date}T00:00:00.000000Z",
                "due_date": f"{row.due_date}T00:00:00.000000Z",
                "currency": row.currency,
                "total": row.total,
            }
            yield _build_object(
                invoice_case_id(row.id), INVOICE, _build_fixed_attributes(had), [ObjectRelation(account_object_id(row.account_id), ACCOUNT)]
            )


def list_invoice_ids(session: Session, account_id: str) -> set[str]:
    return set(session.execute(select(col(Invoice.id)).where(col(Invoice.account_id) == account_id)).scalars())


def load_letter_objects(session: Session, scope: AuditScope) -> Iterator[OcelObject]:
    when = func.coalesce(col(Message.sent_at), col(Message.slot))
    mine = (
        col(Message.account_id) == scope.account_id
        if isinstance(scope, AccountScope)
        else (when >= scope.starts_at) & (when < scope.ends_before)
    )
    row, ids = Message, session.execute(select(col(Message.id)).where(mine).order_by(col(Message.id))).scalars().all()
    about: tuple[Any, ...] = (
        row.id,
        row.message_id,
        row.account_id,
        row.letter,
        row.language,
        row.currency,
        row.state,
        row.sent_at,
        row.ended_at,
        row.slot,
        row.case_id,
        row.invoice_ids,
    )
    for some in split_batches([letter_id for letter_id in ids if letter_id is not None]):
        lines: dict[int, list[str]] = {}
        for line in session.execute(
            select(MessageLine).where(col(MessageLine.message_id).in_(some)).order_by(col(MessageLine.id))
        ).scalars():
            lines.setdefault(line.message_id, []).append(line.invoice_id)
        for letter in session.execute(select(*about).where(col(row.id).in_(some)).order_by(col(row.id))):
            ended: datetime = letter.sent_at or letter.ended_at or letter.slot
            had = {"template": letter.letter or "unwritten", "language": letter.language, "currency": letter.currency}
            links = [ObjectRelation(account_object_id(letter.account_id), "addressee")]
            links += [
                ObjectRelation(invoice_case_id(invoice_id), "about")
                for invoice_id in [*lines.get(letter.id, []), *(letter.invoice_ids or [])]
            ]
            links += [ObjectRelation(letter.case_id, "asked for by")] if letter.case_id else []
            state = {"name": "state", "time": format_timestamp(ended), "value": letter.state}
            yield _build_object(letter_object_id(letter.message_id), LETTER, [*_build_fixed_attributes(had), state], links)


def _build_object(object_id: str, type: str, attributes: list[dict[str, Any]], links: Iterable[ObjectRelation]) -> OcelObject:
    return {
        "id": object_id,
        "type": type,
        "attributes": attributes,
        "relationships": [{"objectId": link.object_id, "qualifier": link.qualifier} for link in dict.fromkeys(links)],
    }


def _build_fixed_attributes(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": name, "time": FIXED_ATTRIBUTE_TIME, "value": value} for name, value in attributes.items() if value is not None]


def split_batches(ids: Iterable[Any]) -> Iterator[list[Any]]:
    left = iter(ids)
    while batch := list(islice(left, BATCH_SIZE)):
        yield batch
