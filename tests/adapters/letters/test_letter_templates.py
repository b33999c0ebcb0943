"""What a customer reads: in each language, of each tone, for one invoice and for several."""

from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest

from adapters.letters.letter_templates import Collector, Creditor, Letter, LetterLine, LetterTemplates, UnknownLetterTemplateError

LANGUAGES = ("de", "en", "es", "fr")
TEMPLATES = ("courtesy", "final_demand", "firm_reminder", "reminder", "second_reminder")
BOOK = LetterTemplates()
NO_BREAK, NARROW_NO_BREAK = "\u00a0", "\u202f"


def line(number: str = "R-1", *, days: int = 12, open_minor: int = 123456, original_minor: int | None = None) -> LetterLine:
    return LetterLine(
        invoice_id=f"inv-{number}",
        number=number,
        issue_date=date(2013, 1, 26),
        due_date=date(2013, 2, 25),
        days_past_due=days,
        original_minor=original_minor or open_minor,
        open_minor=open_minor,
        step="first_reminder",
    )


def letter(language: str = "en", template: str = "reminder", *lines: LetterLine, **changes: object) -> Letter:
    usual: dict[str, object] = {
        "language": language,
        "template": template,
        "currency": "EUR",
        "letter_date": date(2013, 3, 9),
        "pay_by": date(2013, 3, 16),
        "greeting_name": "Anna Weber",
        "customer": "Nordlicht GmbH",
        "account_id": "0187-ERLKS",
        "lines": lines or (line(),),
        "collector": Collector(name="Jonas Keller", email="keller@creditor.example", phone="+49 40 1234567"),
        "creditor": Creditor(
            name="Muster AG",
            address=("Hafenstraße 1", "20457 Hamburg"),
            iban="DE89370400440532013000",
            bic="COBADEFFXXX",
            bank="Commerzbank",
        ),
    }
    return Letter.model_validate(usual | changes)


def text_of(*args: object, **changes: object) -> str:
    return BOOK.render(letter(*args, **changes)).text  # type: ignore[arg-type]


def in_one_line(text: str) -> str:
    return " ".join(text.split())


class Balance(HTMLParser):
    """Fails on a tag that closes what was not open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_every_language_has_every_letter() -> None:
    assert BOOK.list_languages() == LANGUAGES
    assert BOOK.find_missing_templates(TEMPLATES) == []


def test_a_letter_that_a_language_lacks_is_named() -> None:
    assert BOOK.find_missing_templates(["reminder", "farewell"]) == [(language, "farewell") for language in LANGUAGES]
    with pytest.raises(UnknownLetterTemplateError, match=r"add it/reminder\.j2"):
        BOOK.render(letter("it"))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("several", [False, True])
def test_every_letter_says_what_is_owed_and_how_to_pay(language: str, template: str, several: bool) -> None:
    lines = (line("R-1"), line("R-2", open_minor=9900, original_minor=20000)) if several else (line("R-1"),)
    rendered = BOOK.render(letter(language, template, *lines))

    for said in ("R-1", "DE89 3704 0044 0532 0130 00", "COBADEFFXXX", "Jonas Keller", "+49 40 1234567", "Hafenstraße 1", "Nordlicht GmbH"):
        assert said in rendered.text
        assert said in rendered.html
    assert ("0187-ERLKS / R-1, R-2" if several else "0187-ERLKS / R-1") in rendered.text
    assert max(map(len, rendered.text.splitlines())) <= 78
    assert "\n\n\n" not in rendered.text
    assert "\n" not in rendered.subject
    assert ("R-1" in rendered.subject) is not several
    assert f'<html lang="{language}">' in rendered.html
    balance = Balance()
    balance.feed(rendered.html)
    assert balance.open == []


@pytest.mark.parametrize(
    ("language", "amount", "day", "greeting"),
    [
        ("de", f"1.234,56{NO_BREAK}€", "25. Februar 2013", "Guten Tag Anna Weber,"),
        ("en", "€1,234.56", "25 February 2013", "Dear Anna Weber,"),
        ("es", f"1.234,56{NO_BREAK}€", "25 de febrero de 2013", "A la atención de Anna Weber\n\nEstimados señores:"),
        ("fr", f"1{NARROW_NO_BREAK}234,56{NO_BREAK}€", "25 février 2013", f"À l’attention de{NO_BREAK}: Anna Weber\n\nMadame, Monsieur,"),
    ],
)
def test_money_and_dates_are_written_as_the_language_writes_them(language: str, amount: str, day: str, greeting: str) -> None:
    text = text_of(language)
    assert amount in text
    assert day in in_one_line(text)
    assert greeting in text


@pytest.mark.parametrize(
    ("language", "greeting"),
    [("de", "Sehr geehrte Damen und Herren,"), ("en", "Dear Sir or Madam,"), ("es", "Estimados señores:"), ("fr", "Madame, Monsieur,")],
)
def test_without_a_name_the_greeting_is_neutral(language: str, greeting: str) -> None:
    assert greeting in text_of(language, greeting_name="")


@pytest.mark.parametrize(
    ("language", "one", "several"),
    [
        ("de", "Zahlungserinnerung: Rechnung R-1", "Zahlungserinnerung: 2 offene Rechnungen"),
        ("en", "Payment reminder: invoice R-1", "Payment reminder: 2 open invoices"),
        ("es", "Recordatorio de pago: factura R-1", "Recordatorio de pago: 2 facturas pendientes"),
        ("fr", f"Rappel{NO_BREAK}: facture R-1 en attente de règlement", f"Rappel{NO_BREAK}: 2 factures en attente de règlement"),
    ],
)
def test_one_invoice_is_named_and_several_are_counted(language: str, one: str, several: str) -> None:
    assert BOOK.render(letter(language)).subject == one
    assert BOOK.render(letter(language, "reminder", line("R-1"), line("R-2"))).subject == several


@pytest.mark.parametrize(
    ("language", "words"), [("de", "1. September"), ("fr", "1er septembre"), ("es", "1 de septiembre"), ("en", "1 September")]
)
def test_a_letter_can_set_a_day_to_pay_by(language: str, words: str) -> None:
    assert words in in_one_line(text_of(language, "final_demand", pay_by=date(2013, 9, 1)))


@pytest.mark.parametrize(
    ("currency", "minor", "amount"), [("JPY", 12345, "12.345 ¥"), ("KWD", 1234567, "1.234,567 KWD"), ("GBP", 5, "0,05 £")]
)
def test_a_currency_keeps_its_own_number_of_decimals(currency: str, minor: int, amount: str) -> None:
    assert amount.replace(" ", NO_BREAK) in text_of("de", "reminder", line(open_minor=minor), currency=currency)


@pytest.mark.parametrize(
    ("country", "amount"), [("AT", f"€{NO_BREAK}1.234,56"), ("JP", f"1.234,56{NO_BREAK}€"), ("??", f"1.234,56{NO_BREAK}€")]
)
def test_the_customers_country_shapes_the_numbers_where_the_language_is_spoken(country: str, amount: str) -> None:
    assert amount.replace(" ", NO_BREAK) in text_of("de", country=country)


def test_a_courtesy_letter_counts_no_days() -> None:
    text = text_of("en", "courtesy", line(days=-5))
    assert "falls due on 25 February 2013" in in_one_line(text)
    assert "Days" not in text
    assert "-5" not in text


def test_the_days_past_due_are_shown_once_an_invoice_is_overdue() -> None:
    assert "overdue" in text_of("en", "reminder", line(days=12))


def test_the_original_amount_is_shown_only_where_it_differs() -> None:
    assert "Original" not in text_of("en", "reminder", line())
    assert "€2,000.00" in text_of("en", "reminder", line(original_minor=200000))


def test_an_invoice_that_is_not_due_yet_is_mentioned_but_not_demanded() -> None:
    rendered = BOOK.render(letter("en", "final_demand", line("R-1", open_minor=10000), line("R-9", days=-3, open_minor=70000)))
    assert rendered.subject == "Final demand: invoice R-1"
    assert "Total to pay" in rendered.text
    assert "€100.00 to the following account" in in_one_line(rendered.text)
    assert "Not yet due, for your information:" in rendered.text
    assert "€800.00" not in rendered.text
    assert "0187-ERLKS / R-1\n" in rendered.text


def test_a_payment_reference_that_no_transfer_can_carry_is_the_account_alone() -> None:
    many = tuple(line(f"2013-{number:06}") for number in range(30))
    assert letter("en", "reminder", *many).payment_reference == "0187-ERLKS"


def test_a_customers_name_cannot_become_markup_in_html_and_stays_itself_in_text() -> None:
    rendered = BOOK.render(letter(customer="<script>alert(1)</script> & Co", greeting_name="<b>Eve</b>"))
    assert "<script>" not in rendered.html
    assert "<b>" not in rendered.html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; Co" in rendered.html
    assert "<script>alert(1)</script> & Co" in rendered.text


def test_an_invoice_number_in_the_prose_is_escaped_once() -> None:
    assert "invoice A&amp;B of" in BOOK.render(letter("en", "reminder", line("A&B"))).html


def test_a_line_break_in_a_name_cannot_add_a_line_to_the_letter() -> None:
    assert "Nordlicht GmbH Pay to another account" in text_of(customer="Nordlicht GmbH\r\n\r\nPay to another account")


def test_a_company_replaces_a_template_and_single_words_and_adds_a_letter(tmp_path: Path) -> None:
    own = tmp_path / "en"
    own.mkdir()
    (own / "words.yaml").write_text("sign_off: Yours truly,\n", encoding="utf-8")
    reminder = "{% extends layout %}{% block subject %}Ahoy{% endblock %}{% block opening %}Pay, {{ letter.customer }}.{% endblock %}"
    (own / "reminder.j2").write_text(reminder, encoding="utf-8")
    (own / "farewell.j2").write_text(reminder, encoding="utf-8")
    catalogue = LetterTemplates(tmp_path)

    replaced = catalogue.render(letter())
    assert replaced.subject == "Ahoy"
    assert "Pay, Nordlicht GmbH." in replaced.text
    assert "Yours truly," in replaced.text
    assert catalogue.find_missing_templates(["reminder", "farewell"]) == [(language, "farewell") for language in ("de", "es", "fr")]
    assert "Second reminder" in catalogue.render(letter("en", "second_reminder")).subject


# --- letters of cases

FACTS = "{% extends layout %}{% block subject %}S{% endblock %}{% block opening %}"


def told(tmp_path: Path, opening: str, *lines: LetterLine, language: str = "en", **changes: object) -> str:
    """The text of a case's letter whose template says `opening`."""
    own = tmp_path / language
    own.mkdir()
    (own / "tale.j2").write_text(FACTS + opening + "{% endblock %}", encoding="utf-8")
    wanted = letter(language, "tale").model_copy(update={"lines": lines, "case_id": "plan:A1:1", **changes})
    return LetterTemplates(tmp_path).render(wanted).text


def test_only_the_letter_of_a_case_may_name_no_invoice() -> None:
    assert letter(lines=(), case_id="plan:A1:1").payment_reference == "0187-ERLKS"
    with pytest.raises(ValueError, match="a reminder needs an invoice"):
        letter(lines=())


def test_a_letter_that_names_no_invoice_has_no_table(tmp_path: Path) -> None:
    opening = "{{ tables | length }} {{ table is none }} {{ first is none }} {{ count }} [{{ total }}]"
    assert "0 True True 0 []" in told(tmp_path, opening)


def test_a_letter_of_a_case_names_what_is_not_due_yet_with_the_rest(tmp_path: Path) -> None:
    text = told(tmp_path, "{{ count }} for {{ total }}", line("R-1"), line("R-9", days=-3), currency="GBP")
    assert "2 for £2,469.12" in text
    assert "Not yet due" not in text


def test_a_letter_in_two_currencies_has_a_table_and_a_total_for_each(tmp_path: Path) -> None:
    pounds = line("R-2", open_minor=5000).model_copy(update={"currency": "GBP"})
    opening = "{{ total }}: {% for part in tables %}{{ part.total }};{% endfor %} {{ one }} {{ first.number }}"
    text = told(tmp_path, opening, line("R-1", open_minor=10000), pounds, line("R-3", open_minor=100))
    assert "€101.00 + £50.00: €101.00;£50.00; False R-1" in in_one_line(text)


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "£12.34 until 1 March 2013 at 4.5%"), ("de", f"12,34{NO_BREAK}£ until 1. März 2013 at 4,5%")],
)
def test_what_a_case_has_to_say_is_said_in_the_readers_language(tmp_path: Path, language: str, said: str) -> None:
    details = {"amount": 1234, "currency": "GBP", "until": "2013-03-01", "interest_percent": "4.50"}
    opening = "{{ said.amount }} until {{ said.until }} at {{ said.interest_percent }}%"
    assert said in told(tmp_path, opening, language=language, details=details)


def test_a_case_names_invoices_by_their_numbers_and_what_is_no_money_and_no_day_stays_itself(tmp_path: Path) -> None:
    details = {"invoice": "i1", "invoices": "i1 i2", "reason": "wrong_price", "notice_days": 14, "warned_on": None}
    opening = "{{ said.invoice }}; {{ said.invoices }}; {{ said.reason }}; {{ said.notice_days }}; {{ said.warned_on is none }}"
    assert "R-1; R-1, R-2; wrong_price; 14; True" in told(tmp_path, opening, details=details, names={"i1": "R-1", "i2": "R-2"})


@pytest.mark.parametrize(
    ("schedule", "headings", "rows"),
    [
        ("2013-03-01:5000:0 2013-04-01:5000:0", "Instalment Due Amount", ["1|1 Mar 2013|€50.00", "2|1 Apr 2013|€50.00"]),
        ("2013-03-01:5000:25", "Instalment Due Interest included Amount", ["1|1 Mar 2013|€0.25|€50.00"]),
    ],
)
def test_a_plan_lists_its_instalments_and_their_interest_where_any_is_charged(
    tmp_path: Path, schedule: str, headings: str, rows: list[str]
) -> None:
    opening = (
        "{{ schedule.columns | map(attribute='heading') | join(' ') }} "
        "{% for cells in schedule.cells %}<{{ cells | join('|') }}>{% endfor %} {{ schedule.total }}"
    )
    text = in_one_line(told(tmp_path, opening, details={"currency": "EUR", "schedule": schedule}))
    total = "€100.00" if len(rows) == 2 else "€50.00"
    assert f"{headings} {''.join(f'<{row}>' for row in rows)} {total}" in text


def test_a_letter_without_a_plan_has_no_schedule(tmp_path: Path) -> None:
    assert "True" in told(tmp_path, "{{ schedule is none }}")
