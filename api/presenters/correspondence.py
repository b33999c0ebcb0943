"""Turns letters and tasks into their bodies."""

from typing import Any

from adapters.read_model.correspondence import LetterRow, TaskRow
from api.schemas.amounts import Amount
from api.schemas.correspondence import CalledInvoiceOut, LetterLineOut, LetterOut, LetterWithText, TaskOut

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
