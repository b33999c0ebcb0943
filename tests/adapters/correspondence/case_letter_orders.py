"""Letters that cases ask for, for tests: a suspension of account A1 that warns about invoices."""

from collections.abc import Callable
from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col

from adapters.correspondence.case_letter_store import CaseLetterBook
from adapters.correspondence.outcome_feed import Postbox
from adapters.database.tables import Case, Message
from adapters.mail.smtp_client import Delivery, Outcome
from domain.case.effects import SendLetter
from domain.case.letter_order import LetterOrder
from domain.correspondence.letter_outcome import LetterFate, LetterNews
from tests.adapters.correspondence.office import HOUR, NOON, POLICY, TODAY, Office

SUSPENSION = "suspension:A1"
REFUSED = Delivery(Outcome.REFUSED, 554, "No")
UNKNOWN = Delivery(Outcome.UNKNOWN, None, "The line was cut")
AT_ONCE = (timedelta(0),)
"""A deferred letter may go again in the same moment."""


def warning(*invoices: str, number: int = 1, **changes: Any) -> LetterOrder:
    """The order of a suspension warning."""
    return order(
        "suspension_warning", *invoices, key=f"{SUSPENSION}:warning:{number}", number=number, details={"notice_days": 14}, **changes
    )


def order(template: str, *invoices: str, case_id: str = SUSPENSION, hours_matter: bool = True, **changes: Any) -> LetterOrder:
    letter = SendLetter(template=template, invoice_ids=list(invoices), **({"on": TODAY, "key": template} | changes))
    return LetterOrder(case_id=case_id, account_id="A1", letter=letter, contact=POLICY.contact, hours_matter=hours_matter)


def book(office: Office) -> CaseLetterBook:
    return CaseLetterBook(office.database, office.reading())


def asked(office: Office, wanted: LetterOrder, at: datetime = NOON - 2 * HOUR) -> int:
    """The number of the letter."""
    book(office).ask(wanted, at)
    return office.letters()[-1].id or 0


def withdrawn(office: Office, number: int = 1) -> None:
    book(office).withdraw(SUSPENSION, f"{SUSPENSION}:warning:{number}", NOON)


def put(office: Office, letter: int, **values: Any) -> None:
    with office.database.writing() as session:
        session.execute(update(Message).where(col(Message.id) == letter).values(**values))


def case_stands(office: Office, outcome: str | None) -> None:
    """The suspension's row in the read model."""
    with office.database.writing() as session:
        session.merge(
            Case(
                case_id=SUSPENSION, run_id="r", kind="suspension", account_id="A1", stage="warning", waiting_for="letter", seq=1, head="",
                updated_at=NOON, outcome=outcome,
            )
        )  # fmt: skip


def told(office: Office) -> list[tuple[str, LetterNews]]:
    """What cases have to hear, and hear now."""
    postbox = Postbox(office.database)
    batch = postbox.untold_to_cases(100)
    postbox.told_to_cases(batch)
    assert postbox.untold_to_cases(100) == []
    return [(one.case_id, one.news) for one in batch]


def fates(office: Office) -> list[tuple[LetterFate, str]]:
    return [(news.fate, news.reason) for _, news in told(office)]


def text(content: bytes) -> str:
    body = message_from_bytes(content, policy=default).get_body(preferencelist=("plain",))
    assert body is not None
    return str(body.get_content())


def meanwhile(desk: Any, monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]) -> None:
    """Something happens between the look at a letter's invoices and the mark, the first time."""
    reading = desk._reading
    compose, composed = reading.compose, list[bool]()

    def composing(*arguments: object) -> bytes:
        content: bytes = compose(*arguments)
        if not composed:
            composed.append(True)
            happens()
        return content

    monkeypatch.setattr(reading, "compose", composing)
