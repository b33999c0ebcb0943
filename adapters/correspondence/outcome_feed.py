"""The news of letters that have come to their end, for the invoices and other cases that asked for them."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlmodel import col

from adapters.correspondence.customer_zones import select_customer_zone
from adapters.database.engine import Database
from adapters.database.row_states import MessageState
from adapters.database.tables import Account, ContactRequest, Invoice, Message
from domain.correspondence.letter_outcome import LetterOutcome, LetterResult
from domain.correspondence.naming import NamedAs

ENDED_STATES = tuple(result.value for result in LetterResult)
"""The states of a request whose letter has come to its end."""

_ADDRESS = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")


def build_letter_outcome(
    step: str,
    attempt: int,
    state: str,
    ended_at: datetime,
    zone: ZoneInfo,
    message_id: str | None,
    reason: str,
    sha256: str | None,
    named_as: NamedAs = NamedAs.DUE,
    invoice_version: int | None = None,
) -> LetterOutcome:
    """`ended_at` is business time; the customer's date follows from its zone. Mail servers quote the recipient's address in their refusal:
    it stays with the letter, and does not get into journals, from which nothing can be deleted. `sha256` is told of a letter that went,
    `invoice_version` (billing's, now) of one that was dropped."""
    result = LetterResult(state)
    return LetterOutcome(
        step=step,
        attempt=attempt,
        fate=result,
        at=ended_at,
        on=ended_at.astimezone(zone).date(),
        message_id=message_id,
        reason=_ADDRESS.sub("…", reason),
        sha256=(sha256 or None) if result is LetterResult.SENT else None,
        named_as=named_as if result is LetterResult.SENT else NamedAs.DUE,
        invoice_version=invoice_version if result is LetterResult.DROPPED else None,
    )


_CASE_LETTER_FATES = {**{result.value: result.value for result in LetterResult}, MessageState.VOID.value: LetterResult.DROPPED.value}
"""The states in which a case's letter has come to its end, and what the case calls them."""


class CaseLetterOutcome(NamedTuple):
    """What a case has to be told of its letter, which was in this state, since that moment, when it was looked at."""

    message: int
    state: str
    ended_at: datetime
    case_id: str
    outcome: LetterOutcome


class OutcomeFeed:
    """What has to be told at once. To invoices: letters refused, unknown or dropped, and any that an invoice waits for; to the other cases:
    every end of their letters."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list_invoice_outcomes(self, limit: int) -> list[tuple[int, str, LetterOutcome]]:
        """Request, invoice and news, oldest first."""
        statement = (
            select(ContactRequest, col(Message.message_id), col(Message.sha256), col(Invoice.version), select_customer_zone())
            .join(Account, col(Account.id) == col(ContactRequest.account_id))
            .join(Invoice, col(Invoice.id) == col(ContactRequest.invoice_id))
            .outerjoin(Message, col(Message.id) == col(ContactRequest.message_id))
            .where(col(ContactRequest.told).is_(False), col(ContactRequest.asked), col(ContactRequest.state).in_(ENDED_STATES))
            .order_by(col(ContactRequest.id))
            .limit(limit)
        )
        with self._database.reading() as session:
            return [
                (
                    request.id or 0,
                    request.invoice_id,
                    build_letter_outcome(
                        request.step,
                        request.attempt,
                        request.state,
                        _require_end_time(request),
                        ZoneInfo(zone),
                        message_id,
                        request.reason,
                        sha256,
                        invoice_version=version,
                    ),
                )
                for request, message_id, sha256, version, zone in session.execute(statement)
            ]

    def mark_invoices_notified(self, requests: Sequence[int]) -> None:
        with self._database.writing() as session:
            session.execute(update(ContactRequest).where(col(ContactRequest.id).in_(requests)).values(told=True))

    def list_case_outcomes(self, limit: int) -> list[CaseLetterOutcome]:
        """Oldest first."""
        statement = (
            select(
                col(Message.id),
                col(Message.state),
                col(Message.ended_at),
                col(Message.case_id),
                col(Message.letter),
                col(Message.number),
                col(Message.message_id),
                col(Message.reason),
                col(Message.sha256),
                select_customer_zone().label("zone"),
            )
            .join(Account, col(Account.id) == col(Message.account_id))
            .where(col(Message.told).is_(False), col(Message.state).in_(_CASE_LETTER_FATES))
            .order_by(col(Message.id))
            .limit(limit)
        )
        with self._database.reading() as session:
            return [
                CaseLetterOutcome(
                    row.id,
                    row.state,
                    row.ended_at,
                    row.case_id,
                    build_letter_outcome(
                        row.letter,
                        row.number,
                        _CASE_LETTER_FATES[row.state],
                        row.ended_at,
                        ZoneInfo(row.zone),
                        row.message_id,
                        row.reason,
                        row.sha256,
                    ),
                )
                for row in session.execute(statement)
            ]

    def mark_cases_notified(self, outcomes: Sequence[CaseLetterOutcome]) -> None:
        """A letter that has come to another end meanwhile has that one still to tell."""
        with self._database.writing() as session:
            for outcome in outcomes:
                as_told = (
                    col(Message.id) == outcome.message,
                    col(Message.state) == outcome.state,
                    col(Message.ended_at) == outcome.ended_at,
                )
                session.execute(update(Message).where(*as_told).values(told=True))


def _require_end_time(request: ContactRequest) -> datetime:
    if request.ended_at is None:
        raise ValueError(f"the letter of step {request.step} for invoice {request.invoice_id} ended at no time")
    return request.ended_at
