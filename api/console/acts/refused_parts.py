"""What did not take an act that others took, and why: of several invoices, or of several files."""

from typing import NamedTuple

from api.console.acts.api_call import ApiAnswer
from api.presenters.phrases import Phrases
from api.presenters.refusals import tell_sentence


class RefusedPart(NamedTuple):
    """An invoice that did not take an act which others took, or a file that was left out, and why, in the reader's language. `invoice_id`
    is empty for a file."""

    invoice_id: str
    name: str
    why: str


def list_refused_parts(answer: ApiAnswer, phrases: Phrases) -> list[RefusedPart]:
    """Of an act on several invoices, those that did not take it; of several files, those that were left out."""
    invoices = [
        RefusedPart(part["invoice_id"], part.get("invoice_number") or part["invoice_id"], tell_sentence(part["reason"], phrases))
        for part in answer.parts
        if part["recorded"] == "refused"
    ]
    return invoices + [RefusedPart("", file["name"], tell_sentence(file["why"], phrases)) for file in answer.refused_files]
