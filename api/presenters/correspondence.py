"""Turns letters and tasks into their bodies."""

from typing import Any

from adapters.preview.letter_preview import LettersAhead, PreviewedLetter
from adapters.read_model.correspondence import LetterRow, TaskRow
from api.schemas.amounts import Amount
from api.schemas.correspondence import (
    CalledInvoiceOut,
    LetterLineOut,
    LetterOut,
    LetterWithText,
    PreviewedLetterOut,
    PreviewOut,
    TaskOut,
)

_PRESENTED = {"lines", "currency", "asked_for", "credit"}
"""What a body shows in another form than its row."""


def present_letter(row: LetterRow) -> LetterOut:
    return LetterOut(**row.model_dump(exclude={"text", *_PRESENTED}), **_present_parts(row))


def present_letter_with_text(row: LetterRow) -> LetterWithText:
    return LetterWithText(**row.model_dump(exclude=_PRESENTED), **_present_parts(row))


def _present_parts(row: LetterRow) -> dict[str, Any]:
    return {
        "asked_for": None if row.asked_for is None else Amount.from_minor(row.asked_for, row.currency),
        "credit": Amount.from_minor(row.credit, row.currency) if row.credit else None,
        "lines": _present_letter_lines(row),
    }


def _present_letter_lines(row: LetterRow) -> list[LetterLineOut]:
    return [
        LetterLineOut(**line.model_dump(exclude={"open_balance"}), open_balance=Amount.from_minor(line.open_balance, line.currency))
        for line in row.lines
    ]


def present_task(row: TaskRow) -> TaskOut:
    return TaskOut(
        **row.model_dump(exclude={"message_id", "invoices"}),
        letter_id=row.message_id,
        invoices=[CalledInvoiceOut.from_row(invoice) for invoice in row.invoices],
    )


def present_preview(ahead: LettersAhead, with_text: bool) -> PreviewOut:
    """`with_text`: each letter whole."""
    return PreviewOut(
        until=ahead.until,
        accounts=ahead.accounts,
        has_more=ahead.has_more,
        letters=[_present_previewed_letter(each, with_text) for each in ahead.letters],
        hindered=[present_task(row) for row in ahead.hindered],
    )


def _present_previewed_letter(each: PreviewedLetter, with_text: bool) -> PreviewedLetterOut:
    row, brake = each.letter, each.brake
    shown = {"account_id", "account_name", "recipient", "language", "letter", "subject", "message_id", "case_id"}
    return PreviewedLetterOut(
        **row.model_dump(include=shown),
        on=each.on,
        at=each.at,
        asked_for=None if row.asked_for is None else Amount.from_minor(row.asked_for, row.currency),
        lines=_present_letter_lines(row),
        held_for_release=brake is not None and brake.awaits_release,
        stopped=brake is not None and not brake.awaits_release and not brake.unread_system,
        billing_unread=brake is not None and bool(brake.unread_system),
        text=each.mail.text if with_text else None,
    )
