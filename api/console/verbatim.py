"""What a page shows in words that are not the reader's: each kind of it, and why. Templates mark it by `data-verbatim`."""

from markupsafe import Markup

UNKNOWN_SENTENCE, OF_SYSTEM = "unknown_sentence", "system"

VERBATIM_REASONS = {
    "command": "a command line for an administrator, where no page can do it: the first signing in",
    "error": "the error of a program, for whoever mends it; folded behind what it means, which is in the reader's words",
    "finding": "in which row a check of what is stored found something, and folded behind it what exactly, as its report has it",
    "letter": "a letter or a mail, in the language of whom it is for",
    OF_SYSTEM: "what a mail server or a billing system answered",
    UNKNOWN_SENTENCE: "a line about what people wrote, or of an older version, for which there is no sentence in the reader's language",
    "written": "what people write in a language of its own: a policy, a mapping, the rules of a portfolio",
}
"""Anything else on a page is in the reader's language."""


def mark_verbatim(why: str, text: object) -> Markup:
    """Raises KeyError for what is no reason."""
    assert VERBATIM_REASONS[why]
    return Markup('<span lang="en" data-verbatim="{}">{}</span>').format(why, text)
