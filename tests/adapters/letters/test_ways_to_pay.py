"""How a letter lets the customer pay: by a reference that the system which has the invoice knows again, and on its own page."""

import pytest

from adapters.letters.letter_templates import LetterLine
from adapters.letters.payment_reference import REFERENCE_LENGTH, build_payment_reference, list_payment_links
from tests.adapters.letters.test_letter_templates import BOOK, letter, line, text_of

LINK = "https://pay.example/i/1"
PAY_ONLINE = {
    "en": "You can also pay online:",
    "de": "Sie können auch online bezahlen:",
    "fr": "Vous pouvez également régler en ligne :",
    "es": "También pueden pagar en línea:",
}


def mirrored(number: str, **says: str) -> LetterLine:
    return line(number).model_copy(update={"whole_number": number, **says})


def test_the_reference_that_the_billing_system_gave_is_what_the_payer_states() -> None:
    assert build_payment_reference("C-17", [mirrored("2026-17", reference="RF42 2026 17")]) == "RF42 2026 17"


def test_parts_of_one_invoice_are_paid_by_its_reference_or_its_whole_number() -> None:
    parts = [mirrored(f"2026-17 ({place}/2)", whole_number="2026-17", reference="RF42") for place in (1, 2)]
    assert build_payment_reference("C-17", parts) == "RF42"
    assert build_payment_reference("C-17", [part.model_copy(update={"reference": ""}) for part in parts]) == "C-17 / 2026-17"
    assert build_payment_reference("", [parts[0].model_copy(update={"reference": ""})]) == "2026-17"


def test_several_invoices_are_paid_by_their_numbers() -> None:
    lines = [mirrored("2026-17", reference="RF42"), mirrored("2026-18", reference="RF43")]
    assert build_payment_reference("C-17", lines) == "C-17 / 2026-17, 2026-18"
    assert build_payment_reference("", lines) == "2026-17, 2026-18"


def test_no_reference_is_longer_than_a_transfer_carries() -> None:
    lines = [mirrored(f"INVOICE-2026-{number:04}") for number in range(20)]
    assert build_payment_reference("C-17", lines) == "C-17"
    listed = build_payment_reference("", lines)
    assert (listed.startswith("INVOICE-2026-0000, "), len(listed) <= REFERENCE_LENGTH) == (True, True)


@pytest.mark.parametrize("language", PAY_ONLINE)
def test_a_reminder_names_the_page_on_which_it_can_be_paid(language: str) -> None:
    rendered = BOOK.render(letter(language, "reminder", mirrored("2026-17", payment_link=LINK)))
    assert f"{PAY_ONLINE[language]}\n{LINK}\n" in rendered.text
    assert f'<a href="{LINK}"' in rendered.html
    assert PAY_ONLINE[language] not in text_of(language, "reminder", mirrored("2026-17"))


def test_each_of_several_invoices_has_its_page() -> None:
    lines = (mirrored("R-1", payment_link=LINK), mirrored("R-2", payment_link="https://pay.example/i/2"), mirrored("R-3"))
    assert f"{PAY_ONLINE['en']}\nR-1: {LINK}\nR-2: https://pay.example/i/2\n" in text_of("en", "reminder", *lines)


@pytest.mark.parametrize("link", ["javascript:alert(1)", "http://pay.example/i/1", "https:///x", "https://a b.example/", "https://[", ""])
def test_what_is_no_encrypted_page_is_not_put_before_a_customer(link: str) -> None:
    assert list_payment_links([mirrored("R-1", payment_link=link)]) == []


@pytest.mark.parametrize("language", PAY_ONLINE)
@pytest.mark.parametrize("template", ["reminder", "statement"])
def test_a_letter_to_a_customer_whose_system_prints_no_number_names_none(language: str, template: str) -> None:
    case = {"case_id": "written:1"} if template == "statement" else {}
    rendered = BOOK.render(letter(language, template, mirrored("2026-17"), account_id="", **case))
    assert "  " not in rendered.subject
    assert "0187-ERLKS" in BOOK.render(letter(language, template, mirrored("2026-17"), **case)).text
    for label in ("Customer account", "Kundennummer", "Compte client", "N.º de cliente"):
        assert label not in rendered.text + rendered.html
