"""Letters that cases ask for, for tests: a suspension of account A1 that warns about invoices."""

from collections.abc import Callable
from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col

from adapters.correspondence.case_letter_store import CaseLetterStore
from adapters.correspondence.outcome_feed import OutcomeFeed
from adapters.database.tables import Case, Message
from adapters.mail.smtp_client import DeliveryOutcome, DeliveryResult
from domain.case.effects import SendLetter
from domain.case.letter_order import LetterOrder
from domain.correspondence.letter_outcome import LetterOutcome, LetterResult
from tests.adapters.correspondence.correspondence_setup import HOUR, NOON, POLICY, TODAY, CorrespondenceSetup

SUSPENSION = "suspension:A1"
REFUSED = DeliveryResult(DeliveryOutcome.REFUSED, 554, "No")
UNKNOWN = DeliveryResult(DeliveryOutcome.UNKNOWN, None, "The line was cut")
AT_ONCE = (timedelta(0),)
"""A deferred letter may go again in the same moment."""


def build_warning_order(*invoices: str, number: int = 1, **changes: Any) -> LetterOrder:
    """The order of a suspension warning."""
    return build_order(
        "suspension_warning", *invoices, key=f"{SUSPENSION}:warning:{number}", number=number, details={"notice_days": 14}, **changes
    )


def build_order(template: str, *invoices: str, case_id: str = SUSPENSION, hours_matter: bool = True, **changes: Any) -> LetterOrder:
    letter = SendLetter(template=template, invoice_ids=list(invoices), **({"on": TODAY, "key": template} | changes))
    return LetterOrder(case_id=case_id, account_id="A1", letter=letter, contact=POLICY.contact, hours_matter=hours_matter)


def open_letter_store(correspondence: CorrespondenceSetup) -> CaseLetterStore:
    return CaseLetterStore(correspondence.database, correspondence.letter_loader())


def order_letter(correspondence: CorrespondenceSetup, wanted: LetterOrder, at: datetime = NOON - 2 * HOUR) -> int:
    """The number of the letter."""
    open_letter_store(correspondence).request_letter(wanted, at)
    return correspondence.letters()[-1].id or 0


def withdraw_letter(correspondence: CorrespondenceSetup, number: int = 1) -> None:
    open_letter_store(correspondence).withdraw_letter(SUSPENSION, f"{SUSPENSION}:warning:{number}", NOON)


def update_letter(correspondence: CorrespondenceSetup, letter: int, **values: Any) -> None:
    with correspondence.database.writing() as session:
        session.execute(update(Message).where(col(Message.id) == letter).values(**values))


def write_case_row(correspondence: CorrespondenceSetup, outcome: str | None) -> None:
    """The suspension's row in the read model."""
    with correspondence.database.writing() as session:
        session.merge(
            Case(
                case_id=SUSPENSION,
                run_id="r",
                kind="suspension",
                account_id="A1",
                stage="warning",
                waiting_for="letter",
                seq=1,
                head="",
                updated_at=NOON,
                outcome=outcome,
            )
        )


def take_outcomes(correspondence: CorrespondenceSetup) -> list[tuple[str, LetterOutcome]]:
    """What cases have to hear, and hear now."""
    postbox = OutcomeFeed(correspondence.database)
    batch = postbox.list_case_outcomes(100)
    postbox.mark_cases_notified(batch)
    assert postbox.list_case_outcomes(100) == []
    return [(one.case_id, one.outcome) for one in batch]


def take_fates(correspondence: CorrespondenceSetup) -> list[tuple[LetterResult, str]]:
    return [(news.fate, news.reason) for _, news in take_outcomes(correspondence)]


def letter_text(content: bytes) -> str:
    body = message_from_bytes(content, policy=default).get_body(preferencelist=("plain",))
    assert body is not None
    return str(body.get_content())


def run_during_compose(outbox: Any, monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]) -> None:
    """Something happens between the look at a letter's invoices and the mark, the first time."""
    reading = outbox._loader
    compose, composed = reading.compose, list[bool]()

    def composing(*arguments: object) -> bytes:
        content: bytes = compose(*arguments)
        if not composed:
            composed.append(True)
            happens()
        return content

    monkeypatch.setattr(reading, "compose", composing)
