"""The objects of an object-centric log, and what they are to each other."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, col

from adapters.audit.export.event_log_mapping import (
    ACCOUNT,
    ALWAYS,
    INVOICE,
    LETTER,
    TOLD,
    Related,
    account_object,
    changes,
    letter_object,
    related,
    stamp,
)
from adapters.database.tables import Account, Invoice, Message, MessageLine
from adapters.journal.scoped_chains import CaseChain
from domain.audit.scope import AuditScope, OneAccount
from domain.identifiers import invoice_case

ALWAYS_HAD = {
    ACCOUNT: {"country": "string", "segment": "string", "language": "string", "prepaid": "boolean"},
    INVOICE: {"number": "string", "issue_date": "time", "due_date": "time", "currency": "string", "total": "integer"},
    LETTER: {"template": "string", "language": "string", "currency": "string", "state": "string"},
}
AT_ONCE = 500

Object = dict[str, Any]


def object_types() -> list[dict[str, Any]]:
    """Every type, whether or not the log has an object of it."""
    types = {type: {**ALWAYS_HAD.get(type, {}), **TOLD.get(type, {})} for type in (ACCOUNT, *TOLD, LETTER)}
    return [{"name": type, "attributes": _declared(attributes)} for type, attributes in types.items()]


def _declared(attributes: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "type": type} for name, type in attributes.items()]


def case_object(type: str, case: CaseChain) -> Object:
    """What a case has become, with the objects that its entries name. An invoice's own attributes are added by `invoices`."""
    own = {case.case_id, account_object(case.account_id)}
    named = dict.fromkeys(one for entry in case.chain for one in related(entry) if one.object_id not in own)
    links = [Related(account_object(case.account_id), ACCOUNT), *named]
    return _object(case.case_id, type, changes(type, case.chain), links)


def accounts(session: Session, ids: Iterable[str]) -> Iterator[Object]:
    for some in batches(sorted(ids)):
        rows = session.execute(select(Account).where(col(Account.id).in_(some)).order_by(col(Account.id))).scalars()
        for row in rows:
            had = {"country": row.country, "segment": row.segment, "language": row.language, "prepaid": row.prepaid}
            yield _object(account_object(row.id), ACCOUNT, _always(had), [])


def invoices(session: Session, ids: Iterable[str]) -> Iterator[Object]:
    """As billing has them; what their cases tell is not in it."""
    for some in batches(sorted(ids)):
        for row in session.execute(select(Invoice).where(col(Invoice.id).in_(some)).order_by(col(Invoice.id))).scalars():
            had = {
                "number": row.number, "issue_date": f"{row.issue_date}T00:00:00.000000Z", "due_date": f"{row.due_date}T00:00:00.000000Z",
                "currency": row.currency, "total": row.total,
            }  # fmt: skip
            yield _object(invoice_case(row.id), INVOICE, _always(had), [Related(account_object(row.account_id), ACCOUNT)])


def invoices_of(session: Session, account_id: str) -> set[str]:
    return set(session.execute(select(col(Invoice.id)).where(col(Invoice.account_id) == account_id)).scalars())


def letters(session: Session, scope: AuditScope) -> Iterator[Object]:
    when = func.coalesce(col(Message.sent_at), col(Message.slot))
    mine = (
        col(Message.account_id) == scope.account_id
        if isinstance(scope, OneAccount)
        else (when >= scope.begins) & (when < scope.ends)
    )  # fmt: skip
    row, ids = Message, session.execute(select(col(Message.id)).where(mine).order_by(col(Message.id))).scalars().all()
    about: tuple[Any, ...] = (
        row.id, row.message_id, row.account_id, row.letter, row.language, row.currency, row.state, row.sent_at, row.ended_at, row.slot,
        row.case_id, row.invoice_ids,
    )  # fmt: skip
    for some in batches([id for id in ids if id is not None]):
        lines: dict[int, list[str]] = {}
        for line in session.execute(
            select(MessageLine).where(col(MessageLine.message_id).in_(some)).order_by(col(MessageLine.id))
        ).scalars():
            lines.setdefault(line.message_id, []).append(line.invoice_id)
        for letter in session.execute(select(*about).where(col(row.id).in_(some)).order_by(col(row.id))):
            ended: datetime = letter.sent_at or letter.ended_at or letter.slot
            had = {"template": letter.letter or "unwritten", "language": letter.language, "currency": letter.currency}
            links = [Related(account_object(letter.account_id), "addressee")]
            links += [Related(invoice_case(id), "about") for id in [*lines.get(letter.id, []), *(letter.invoice_ids or [])]]
            links += [Related(letter.case_id, "asked for by")] if letter.case_id else []
            state = {"name": "state", "time": stamp(ended), "value": letter.state}
            yield _object(letter_object(letter.message_id), LETTER, [*_always(had), state], links)


def _object(id: str, type: str, attributes: list[dict[str, Any]], links: Iterable[Related]) -> Object:
    return {
        "id": id, "type": type, "attributes": attributes,
        "relationships": [{"objectId": link.object_id, "qualifier": link.qualifier} for link in dict.fromkeys(links)],
    }  # fmt: skip


def _always(had: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": name, "time": ALWAYS, "value": value} for name, value in had.items() if value is not None]


def batches(ids: Iterable[Any]) -> Iterator[list[Any]]:
    left = iter(ids)
    while batch := list(islice(left, AT_ONCE)):
        yield batch
