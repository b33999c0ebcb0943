"""What a page shows in words that are not the reader's: each kind of it, and why. Templates mark it by `data-verbatim`."""

import re

from markupsafe import Markup, escape

from api.presenters.refusals import FOREIGN_MARKS

UNKNOWN_SENTENCE, OF_SYSTEM = "unknown_sentence", "system"

VERBATIM_REASONS = {
    "command": "a command line for an administrator, where no page can do it: the first signing in",
    "error": "the error of a program, for whoever mends it; folded behind what it means, or quoted in it, which is in the reader's words",
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


_QUOTED = {why: re.compile(rf"{begin}(.*?){end}", re.DOTALL) for why, (begin, end) in FOREIGN_MARKS.items()}
_MARKS = frozenset(begin for begin, _ in FOREIGN_MARKS.values())


def quote_foreign(shown: object) -> object:
    """What a page shows, with quotes around another's words in the middle of a sentence."""
    if not isinstance(shown, str) or not any(mark in shown for mark in _MARKS):
        return shown
    text = str(escape(shown))
    for why, quoted in _QUOTED.items():
        text = quoted.sub(rf'<q lang="en" data-verbatim="{why}">\1</q>', text)
    return Markup(text)
