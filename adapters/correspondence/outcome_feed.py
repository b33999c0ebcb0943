"""The news of letters that have come to their end, for the invoices and other cases that asked for them."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlmodel import col

from adapters.correspondence.customer_zones import select_customer_zone
from adapters.database.engine import Database
from adapters.database.row_states import MessageState
from adapters.database.tables import Account, Case, ContactRequest, Invoice, Message
from adapters.set_aside.set_aside_store import Failure, SetAsideStore, settle_items
from adapters.set_aside.stages import SetAsideStage
from domain.correspondence.letter_outcome import LetterOutcome, LetterResult
from domain.correspondence.naming import NamedAs

Built = TypeVar("Built")

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
        self._database, self._set_aside = database, SetAsideStore(database)

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

        def build(row: Any) -> tuple[int, str, LetterOutcome]:
            request, message_id, sha256, version, zone = row
            ended_at = _require_end_time(request)
            outcome = build_letter_outcome(
                request.step,
                request.attempt,
                request.state,
                ended_at,
                ZoneInfo(zone),
                message_id,
                request.reason,
                sha256,
                invoice_version=version,
            )
            return request.id or 0, request.invoice_id, outcome

        with self._database.reading() as session:
            rows = session.execute(statement).all()
        built, failed = _build_each(rows, lambda row: f"request:{row[0].id}", build)
        self._put_off(ContactRequest, {key: (row[0].id or 0, row[0].account_id, error) for key, (row, error) in failed.items()})
        return built if built or not failed else self.list_invoice_outcomes(limit)

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
                col(Message.account_id),
                select_customer_zone().label("zone"),
            )
            .join(Account, col(Account.id) == col(Message.account_id))
            .where(col(Message.told).is_(False), col(Message.state).in_(_CASE_LETTER_FATES))
            .order_by(col(Message.id))
            .limit(limit)
        )

        def build(row: Any) -> CaseLetterOutcome:
            outcome = build_letter_outcome(
                row.letter,
                row.number,
                _CASE_LETTER_FATES[row.state],
                row.ended_at,
                ZoneInfo(row.zone),
                row.message_id,
                row.reason,
                row.sha256,
            )
            return CaseLetterOutcome(row.id, row.state, row.ended_at, row.case_id, outcome)

        with self._database.reading() as session:
            rows = session.execute(statement).all()
        built, failed = _build_each(rows, lambda row: f"letter:{row.id}", build)
        self._put_off(Message, {key: (row.id, row.account_id, error) for key, (row, error) in failed.items()})
        return built if built or not failed else self.list_case_outcomes(limit)

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

    # --- what is set aside

    def set_outcomes_aside(self, failed: Sequence[tuple[str, LetterOutcome, Exception]]) -> None:
        """Keep the outcomes that cases could not be told, by case."""
        failures = {
            f"{case_id}:{outcome.step}:{outcome.attempt}": Failure(
                error, self._find_account(case_id), {"case_id": case_id, "outcome": outcome.model_dump(mode="json")}
            )
            for case_id, outcome, error in failed
        }
        self._set_aside.set_all_aside(SetAsideStage.LETTER_OUTCOME, failures)

    def list_outcomes_set_aside(self) -> list[tuple[str, str, LetterOutcome]]:
        """Return those that are to be told now: their id, the case and the outcome. One that could not even be read is listed with the
        others again."""
        now, found = datetime.now(UTC), list[tuple[str, str, LetterOutcome]]()
        for item_id, item in self._set_aside.list_waiting(SetAsideStage.LETTER_OUTCOME).items():
            payload = item.payload or {}
            if item.is_resting(now):
                continue
            if "outcome" in payload:
                found.append((item_id, payload["case_id"], LetterOutcome.model_validate(payload["outcome"])))
            else:
                self._take_up(item_id)
        return found

    def settle_outcome(self, item_id: str) -> None:
        self._set_aside.settle(SetAsideStage.LETTER_OUTCOME, {item_id})

    def _put_off(self, table: type[ContactRequest | Message], failed: Mapping[str, tuple[int, str, Exception]]) -> None:
        """Set rows aside of which no outcome can be made, each by its id, with its number and account."""
        if not failed:
            return
        failures = {key: Failure(error, account_id) for key, (_, account_id, error) in failed.items()}
        self._set_aside.set_all_aside(SetAsideStage.LETTER_OUTCOME, failures)
        with self._database.writing() as session:
            numbers = [number for number, _, _ in failed.values()]
            session.execute(update(table).where(col(table.id).in_(numbers)).values(told=True))

    def _take_up(self, item_id: str) -> None:
        """List a row once more of which no outcome could be made."""
        kind, _, number = item_id.partition(":")
        table = ContactRequest if kind == "request" else Message
        with self._database.writing() as session:
            session.execute(update(table).where(col(table.id) == int(number)).values(told=False))
            settle_items(session, SetAsideStage.LETTER_OUTCOME, {item_id})

    def _find_account(self, case_id: str) -> str:
        with self._database.reading() as session:
            return session.scalar(select(col(Case.account_id)).where(col(Case.case_id) == case_id)) or ""


def _build_each(
    rows: Sequence[Any], key_of: Callable[[Any], str], build: Callable[[Any], Built]
) -> tuple[list[Built], dict[str, tuple[Any, Exception]]]:
    """Build what each row says; return those that could be built, and the others with why not, by key."""
    built, failed = list[Built](), dict[str, tuple[Any, Exception]]()
    for row in rows:
        try:
            built.append(build(row))
        except Exception as error:
            failed[key_of(row)] = row, error
    return built, failed


def _require_end_time(request: ContactRequest) -> datetime:
    if request.ended_at is None:
        raise ValueError(f"the letter of step {request.step} for invoice {request.invoice_id} ended at no time")
    return request.ended_at
