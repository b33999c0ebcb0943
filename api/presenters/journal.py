"""Turns a journal line into its body, with its sentence."""

from adapters.read_model.journal import JournalLine
from api.presenters.phrases import Phrases
from api.schemas.journal import EntryOut


def present_entry(line: JournalLine, words: Phrases) -> EntryOut:
    sentence = words.render_entry(line.kind, line.told_facts, line.currency)
    return EntryOut(**line.model_dump(exclude={"account_id", "invoice_number", "currency", "named_invoice"}), sentence=sentence)
