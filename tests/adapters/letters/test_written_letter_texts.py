"""What a customer reads when a person writes: a statement of account, or the copy of a letter that went."""

import pytest

from adapters.letters.letter_templates import RenderedMessage
from domain.journal.entry import FactValue
from tests.adapters.letters.test_case_letter_texts import BOOK, IBAN, line
from tests.adapters.letters.test_letter_templates import LANGUAGES, letter

COPY: dict[str, FactValue] = {
    "copied_on": "2013-03-01",
    "copied_subject": "R-1",
    "copied_to": "ap@customer.example",
    "copied_text": "Guten Tag,\n\nR-1 <offen>",
}


def rendered(language: str, template: str, details: dict[str, FactValue], credit: int = 0) -> RenderedMessage:
    lines = (line("R-1"), line("R-2", days=-3)) if template == "statement" else ()
    return BOOK.render(
        letter(language, template, case_id="written_letter:1", details=details).model_copy(update={"lines": lines, "credit_minor": credit})
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_statement_lists_what_is_open_says_that_it_is_no_reminder_and_asks_for_nothing(language: str) -> None:
    result = rendered(language, "statement", {"sentence": "A <b>word</b>.", "contested": 5000}, credit=1000)
    assert all(part in result.text for part in ("A <b>word</b>.", "R-1", "R-2", "–", "2"))
    assert "A &lt;b&gt;word&lt;/b&gt;." in result.html
    assert IBAN not in result.text
    assert "-3" not in result.text
    assert "50" in result.text.partition("R-2")[2]
    nothing = BOOK.render(
        letter(language, "statement", case_id="written_letter:1", details={"sentence": ""}).model_copy(update={"lines": ()})
    )
    assert "R-1" not in nothing.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_copy_quotes_the_letter_as_it_went(language: str) -> None:
    result = rendered(language, "letter_copy", {"sentence": "Bitte sehr.", **COPY})
    assert result.text.index("Bitte sehr.") < result.text.index("> Guten Tag,")
    assert "> R-1 <offen>" in result.text
    assert "R-1 &lt;offen&gt;" in result.html
    assert result.subject.endswith(": R-1")
    assert IBAN not in result.text
