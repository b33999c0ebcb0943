"""An account's conversation: letters, calls, notes, decisions and money in one list, the latest first, each told once however many invoices
it is about."""

from collections.abc import Hashable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from adapters.database.engine import Database
from adapters.read_model.correspondence import LetterRow, list_letters
from adapters.read_model.journal import JournalLine, list_account_history
from api.commands.letter_writing import COPY_NOTED, STATEMENT_NOTED
from api.presenters.phrases import Phrases
from api.routes.accounts import CONTACT_ADDED, CONTACT_CHANGED, CONTACT_REMOVED
from domain.journal.entry_kinds import EntryKind

PAGE_LENGTH = 40
MAX_LETTERS = 60

SHARES = {
    "letters": ("letter.",),
    "calls": ("call.", "promise."),
    "notes": ("note.",),
    "decisions": ("approval.", "dispute.", "escalation.", "hold.", "plan.", "suspension.", "write_off.", "credit_review.", "policy."),
    "money": ("payment.", "credit_note.", "credit.", "credit_request.", "invoice."),
}
"""The parts of the conversation, by what the kinds of their entries begin with."""

UNSPOKEN = frozenset(
    {
        EntryKind.CASE_OPENED,
        EntryKind.STEP_TAKEN,
        EntryKind.LETTER_REQUESTED,
        EntryKind.LETTER_LISTED,
        EntryKind.CLOCK_SET,
        EntryKind.SEAL_MADE,
    }
)
"""What the journal keeps, and nobody would say: the letter that follows says it."""

OWN_NOTES = {
    CONTACT_ADDED: "contact_added",
    CONTACT_CHANGED: "contact_changed",
    CONTACT_REMOVED: "contact_removed",
    STATEMENT_NOTED: "statement_written",
    COPY_NOTED: "copy_written",
}
"""Notes that begin with words of ours, and the phrase that says them."""


class Mention(NamedTuple):
    """An invoice that something is about."""

    id: str
    number: str


class Talk(NamedTuple):
    """One thing that was said or done; `at` is business time. `share`: the part of the conversation that it belongs to. Of a letter,
    `letter` says all; of anything else `sentence` does, and `text` what a person wrote, `notes` the text's ids."""

    at: datetime
    share: str
    sentence: str = ""
    actor: str = ""
    text: str = ""
    invoices: tuple[Mention, ...] = ()
    letter: LetterRow | None = None
    notes: tuple[str, ...] = ()


class Conversation(NamedTuple):
    """`older` is the cursor of what was said before."""

    talks: list[Talk]
    older: str | None


def load_conversation(database: Database, account_id: str, share: str, cursor: str | None, words: Phrases) -> Conversation:
    """`share`: one of SHARES, or empty for all of it."""
    kinds = _list_kinds(share)
    lines, older = list_account_history(database, account_id, None, PAGE_LENGTH, cursor, kinds)
    letters = [] if share not in ("", "letters") else _list_letters_between(database, account_id, lines, cursor, older)
    shown = {letter.message_id for letter in letters}
    talks = [_tell_line(line, words) for line in lines if line.facts.get("message_id") not in shown or _find_share(line.kind) != "letters"]
    talks += [Talk(letter.sent_at or letter.slot, "letters", letter=letter) for letter in letters]
    return Conversation(_join_alike(sorted(talks, key=lambda talk: talk.at, reverse=True)), older)


def tell_lines(lines: Sequence[JournalLine], words: Phrases) -> list[Talk]:
    """Tell entries, the latest first, each once however many invoices it is about."""
    return _join_alike([_tell_line(line, words) for line in lines])


def _list_kinds(share: str) -> list[EntryKind]:
    begins = SHARES.get(share)
    return [kind for kind in EntryKind if kind not in UNSPOKEN and (begins is None or kind.value.startswith(begins))]


def _find_share(kind: str) -> str:
    return next((share for share, begins in SHARES.items() if kind.startswith(begins)), "decisions")


def _list_letters_between(
    database: Database, account_id: str, lines: Sequence[JournalLine], cursor: str | None, older: str | None
) -> list[LetterRow]:
    """The letters of the time that the page's lines are of; on the first page, what has yet to go too."""
    letters, _ = list_letters(database, MAX_LETTERS, account=account_id)
    first = lines[-1].business_at if older and lines else None
    last = lines[0].business_at if cursor and lines else None
    if cursor and not lines:
        return []
    at = [(letter.sent_at or letter.slot, letter) for letter in letters]
    return [letter for moment, letter in at if (first is None or moment >= first) and (last is None or moment <= last)]


def _tell_line(line: JournalLine, words: Phrases) -> Talk:
    about = (Mention(line.invoice_id, line.invoice_number or line.invoice_id),) if line.invoice_id else ()
    sentence, text = words.render_entry(line.kind, _widen_promise(line), line.currency), line.text or ""
    opening, colon, rest = text.partition(": ")
    if line.kind == EntryKind.NOTE_ADDED and colon and opening in OWN_NOTES:
        sentence, text = words.talk[OWN_NOTES[opening]], rest
    notes = (str(line.facts["note"]),) if line.facts.get("note") else ()
    return Talk(line.business_at, _find_share(line.kind), sentence, line.actor, text, about, notes=notes)


def _widen_promise(line: JournalLine) -> dict[str, Any]:
    """What is to be told of an entry. A promise over several invoices is told as it was made, of the whole, and not part by part."""
    facts = line.told_facts
    if line.kind not in (EntryKind.PROMISE_MADE, EntryKind.PROMISE_BROKEN) or not facts.get("of"):
        return facts
    kept = {name: value for name, value in facts.items() if name != "of" or facts.get("received_of")}
    return {**kept, "amount": facts["of"]}


def _join_alike(talks: Sequence[Talk]) -> list[Talk]:
    """What was said of several invoices in the same words on the same day is one thing that was said, the latest first. Never across what
    else became of one of these invoices, which would seem to have been before it; and money came once for each time that it is told."""
    joined: list[Talk] = []
    places: dict[Hashable, int] = {}
    for talk in talks:
        said = (talk.at.date(), talk.share, talk.sentence, talk.actor, talk.text)
        place = places.get(said) if talk.invoices and not talk.letter and talk.share != "money" else None
        since = joined[place:] if place is not None else []
        if place is None or any(each in other.invoices for other in since for each in talk.invoices):
            places[said] = len(joined)
            joined.append(talk)
        else:
            known = joined[place]
            joined[place] = known._replace(invoices=known.invoices + talk.invoices, notes=known.notes + talk.notes)
    return joined
