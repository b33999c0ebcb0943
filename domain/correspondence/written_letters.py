"""Letters that a person writes to a customer: they are no reminders, take no step, and count in no rhythm."""

STATEMENT_LETTER, COPY_LETTER = "statement", "letter_copy"
WRITTEN_LETTERS = frozenset({STATEMENT_LETTER, COPY_LETTER})
"""Their templates. No case asked for them, and none is told what became of them."""
