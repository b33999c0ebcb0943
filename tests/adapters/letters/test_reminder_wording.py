"""What the letters of a timeline may claim: every letter of every language, in every position that an account can be in."""

import re
from datetime import date, timedelta
from typing import NamedTuple

import pytest

from adapters.letters.creditor import Consequence, Creditor, Supplies, UnitedStatesAccount
from adapters.letters.letter_templates import Letter, LetterLine, LetterTemplates, RenderedMessage
from adapters.letters.wording import create_letter_catalogue
from domain.correspondence.naming import NamedAs
from tests.adapters.letters.test_letter_templates import LANGUAGES, TEMPLATES, in_one_line, letter

BOOK = LetterTemplates()
WORDS = create_letter_catalogue(None).load_all()
TODAY = date(2026, 9, 23)
PAY_BY = date(2026, 9, 30)
LONGEST_SUBJECT = 60
"""Characters that a phone shows of a subject, about."""

BY_THE_DAY = {
    "de": "bis zum 30. September 2026",
    "en": "by 30 September 2026",
    "es": "a más tardar el 30 de septiembre de 2026",
    "fr": "au plus tard le 30 septembre 2026",
}
NO_DAY = re.compile(
    r"seven days|sieben Tage|sept jours|siete días|next few days|nächsten Tagen (?:veranl|zu zahl)|prochains jours de|próximos días e", re.I
)
UNRESOLVED = re.compile(r"\bNone\b|–|[{}]|%\}|Undefined|\d{4}-\d\d-\d\d|inv-")
SAYS_REMINDED = {
    "de": r"erinnert|trotz unserer Erinnerung",
    "en": r"we have reminded you|already written|earlier reminder",
    "es": r"Pese a nuestro recordatorio|les hemos escrito",
    "fr": r"Malgré notre rappel|adressé un rappel|objet d’un rappel",
}
PRESSES = {
    "de": r"Bitte überweisen|zahlen Sie|Zu zahlender",
    "en": r"Please (?:transfer|pay)|Total to pay",
    "es": r"transfieran|paguen|Total a pagar",
    "fr": r"virer|régler la|Total à régler",
}
WAS_REFERRED = re.compile(r"have (?:therefore )?referred|now overs|vorgelegt|hemos trasladado|avons (?:donc )?transmis|en manos de")


def line(number: str, days: int, *, open_minor: int = 10000, named_as: NamedAs = NamedAs.LISTED, is_new: bool = False) -> LetterLine:
    due = TODAY - timedelta(days=days)
    return LetterLine(
        invoice_id=f"inv-{number}",
        number=number,
        issue_date=due - timedelta(days=30),
        due_date=due,
        days_past_due=days,
        original_minor=open_minor,
        open_minor=open_minor,
        step="reminder",
        named_as=named_as,
        is_new=is_new,
    )


class Position(NamedTuple):
    """An account's position; `asked_for` in euros, of a letter about what is overdue."""

    lines: tuple[LetterLine, ...]
    asked_for: str
    credit_minor: int = 0


ONE, OTHER = line("2026-004711", 30), line("2026-004712", 21)
POSITIONS = {
    "one": Position((ONE,), "100"),
    "several": Position((ONE, OTHER), "200"),
    "newly due": Position((ONE, OTHER, line("NEW-1", 2, is_new=True)), "300"),
    "credit": Position((ONE, OTHER), "150", 5000),
    "newly due and credit": Position((ONE, line("NEW-1", 2, is_new=True)), "150", 5000),
    "disputed": Position((ONE, line("DISP-1", 40, named_as=NamedAs.DISPUTED)), "100"),
    "arranged": Position((ONE, line("ARR-1", 40, named_as=NamedAs.ARRANGED)), "100"),
    "upcoming": Position((ONE, line("UP-1", -3, named_as=NamedAs.UPCOMING)), "100"),
    "due today": Position((ONE, line("NOW-1", 0, named_as=NamedAs.UPCOMING)), "100"),
}
BEFORE_DUE = {
    "one": (line("2026-004711", -3),),
    "several": (line("2026-004711", -3), line("2026-004712", -1)),
    "several on one day": (line("2026-004711", -3), line("2026-004712", -3)),
    "one due today": (line("2026-004711", 0),),
    "several due today": (line("2026-004711", 0), line("2026-004712", 0)),
    "from today": (line("2026-004711", 0), line("2026-004712", -3)),
}
REMINDERS = tuple(template for template in TEMPLATES if template != "courtesy")
EVERY_REMINDER = [(language, template, position) for language in LANGUAGES for template in REMINDERS for position in POSITIONS]


def written(language: str, template: str, lines: tuple[LetterLine, ...], **changes: object) -> Letter:
    return letter(language, template, *lines, letter_date=TODAY, pay_by=PAY_BY, **changes)


def reminder(language: str, template: str, position: str, **changes: object) -> RenderedMessage:
    lines, _, credit = POSITIONS[position]
    return BOOK.render(written(language, template, lines, credit_minor=credit, **changes))


def courtesy(language: str, position: str, **changes: object) -> RenderedMessage:
    return BOOK.render(written(language, "courtesy", BEFORE_DUE[position], **changes))


def check_as_a_whole(rendered: RenderedMessage) -> None:
    for part in (rendered.subject, rendered.text, re.sub(r"<style>.*?</style>", "", rendered.html, flags=re.S)):
        assert not UNRESOLVED.search(part)
        assert not NO_DAY.search(in_one_line(part))
    assert len(rendered.subject) < LONGEST_SUBJECT
    assert max(map(len, rendered.text.splitlines())) <= 78
    assert "\n\n\n" not in rendered.text
    assert '<p style="margin:0 0 14px;"></p>' not in rendered.html


@pytest.mark.parametrize(("language", "template", "position"), EVERY_REMINDER)
def test_a_reminder_asks_for_what_is_overdue_by_a_day_and_adds_up(language: str, template: str, position: str) -> None:
    rendered = reminder(language, template, position)
    text, words = in_one_line(rendered.text), WORDS[language]
    check_as_a_whole(rendered)

    assert BY_THE_DAY[language] in text
    asked_for = POSITIONS[position].asked_for + ("." if language == "en" else ",") + "00"
    to_pay = re.search(rf"{re.escape(words.total)} ?:? *(\S+)", text)
    assert to_pay
    assert asked_for in to_pay[1]
    please_pay = re.split(r"\{total\}", words.please_pay)[0].strip()
    assert asked_for in text.partition(in_one_line(please_pay))[2][:20]
    assert not WAS_REFERRED.search(text)


@pytest.mark.parametrize(("language", "template", "position"), EVERY_REMINDER)
def test_only_what_was_asked_for_before_is_said_to_have_been(language: str, template: str, position: str) -> None:
    rendered, words = reminder(language, template, position), WORDS[language]
    opening, _, rest = rendered.text.partition("\n" + words.columns.number)
    reminded = sum(each.is_demanded and each.overdue and not each.is_new for each in POSITIONS[position].lines)

    assert "NEW-1" not in opening
    assert ("2026-004711" if reminded == 1 else f" {reminded} ") in in_one_line(opening)
    if "newly" in position:
        before, heading, after = rest.partition(words.newly_due)
        assert heading
        assert words.reminded in rendered.text
        assert "NEW-1" in after
        assert "NEW-1" not in before
    else:
        assert words.newly_due not in rendered.text


@pytest.mark.parametrize(
    ("language", "reminder_subject", "firm_subject"),
    [
        ("de", "Zahlungserinnerung: 3 offene Rechnungen", "Mahnung: 3 Rechnungen überfällig"),
        ("en", "Payment reminder: 3 open invoices", "Payment overdue: 3 invoices"),
        ("es", "Recordatorio de pago: 3 facturas pendientes", "Requerimiento de pago: 3 facturas vencidas"),
        ("fr", "Rappel\u00a0: 3 factures en attente de règlement", "Relance\u00a0: 3 factures échues et impayées"),
    ],
)
def test_a_subject_that_claims_nothing_of_the_past_counts_all_that_is_asked_for(
    language: str, reminder_subject: str, firm_subject: str
) -> None:
    assert reminder(language, "reminder", "newly due").subject == reminder_subject
    assert reminder(language, "firm_reminder", "newly due").subject == firm_subject
    assert "2" in reminder(language, "second_reminder", "newly due").subject


@pytest.mark.parametrize(
    ("language", "assumed"), [("de", "ist Ihnen entgangen"), ("en", "escaped your attention"), ("es", "descuido"), ("fr", "simple oubli")]
)
def test_nobody_is_said_to_have_overlooked_what_an_earlier_letter_asked_for(language: str, assumed: str) -> None:
    first = BOOK.render(written(language, "reminder", (line("NEW-1", 3, is_new=True),)))
    assert assumed in in_one_line(first.text)
    for position in ("one", "several", "newly due"):
        assert assumed not in in_one_line(reminder(language, "reminder", position).text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_part_of_one_invoice_has_a_heading_that_fits_one(language: str) -> None:
    words = WORDS[language]
    for heading in (words.reminded, words.newly_due, words.disputed, words.arranged, words.due_today, words.upcoming):
        assert not re.search(r"[Ii]nvoices|Rechnungen|[Ff]actur[ae]s|(?:ées|ues|idas|adas|vencen)\b", heading)
        assert len(heading) <= 78


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", ["courtesy", "reminder"])
def test_the_first_letters_claim_no_earlier_one(language: str, template: str) -> None:
    rendered = reminder(language, template, "several") if template == "reminder" else courtesy(language, "several")
    assert not re.search(SAYS_REMINDED[language], in_one_line(rendered.text))


@pytest.mark.parametrize(("language", "template"), [(each, name) for each in LANGUAGES for name in REMINDERS[:2]])
@pytest.mark.parametrize(
    ("position", "heading", "number"),
    [
        ("disputed", "disputed", "DISP-1"),
        ("arranged", "arranged", "ARR-1"),
        ("upcoming", "upcoming", "UP-1"),
        ("due today", "due_today", "NOW-1"),
    ],
)
def test_what_is_not_asked_for_stands_under_a_heading_of_its_own(
    language: str, template: str, position: str, heading: str, number: str
) -> None:
    rendered = reminder(language, template, position)
    for part in (rendered.text, rendered.html):
        before, said, after = part.partition(getattr(WORDS[language], heading))
        assert said
        assert number in after
        assert number not in before
        assert sum(getattr(WORDS[language], each) in part for each in ("disputed", "arranged", "upcoming", "due_today")) == 1


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("position", BEFORE_DUE)
def test_a_courtesy_note_only_informs(language: str, position: str) -> None:
    rendered = courtesy(language, position)
    check_as_a_whole(rendered)
    assert not re.search(PRESSES[language], in_one_line(rendered.text))
    assert WORDS[language].columns.days not in in_one_line(rendered.text)


@pytest.mark.parametrize(("language", "today"), [("de", "heute fällig"), ("en", "due today"), ("es", "vence"), ("fr", "aujourd’hui")])
@pytest.mark.parametrize("position", ["one due today", "several due today"])
def test_what_is_due_today_is_said_to_be(language: str, today: str, position: str) -> None:
    rendered = courtesy(language, position)
    assert {"es": "hoy"}.get(language, today) in rendered.subject
    assert today in in_one_line(rendered.text)
    assert "2026" not in rendered.subject.replace("2026-004711", "")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_courtesy_note_takes_credit_off_and_calls_nothing_overdue(language: str) -> None:
    text = in_one_line(courtesy(language, "several", credit_minor=5000).text)
    assert re.search(r"150[.,]00", text)
    assert re.search(r"-50[.,]00|-€50.00", text)
    assert WORDS[language].total_overdue not in text
    assert WORDS[language].total_left in text
    assert not re.search(PRESSES[language], text)


@pytest.mark.parametrize(("language", "today"), [("de", "die erste heute"), ("en", "today"), ("es", "hoy"), ("fr", "aujourd’hui")])
def test_a_subject_says_that_the_first_of_several_is_due_today(language: str, today: str) -> None:
    assert courtesy(language, "from today").subject.endswith(today)


def test_amounts_that_are_summed_up_stand_flush_right() -> None:
    sums = [each for each in reminder("en", "reminder", "credit").text.splitlines() if each.startswith("  ") and "€" in each]
    assert [each.split("€")[1] for each in sums] == ["200.00", "50.00", "150.00"]
    assert len(set(map(len, sums))) == 1


# --- what the company chooses


def creditor(**changes: object) -> Creditor:
    usual = {
        "name": "Muster AG",
        "address": ("Hafenstraße 1",),
        "iban": "DE89370400440532013000",
        "bic": "COBADEFFXXX",
        "bank": "Commerzbank",
    }
    return Creditor.model_validate(usual | changes)


def final_demand(language: str, **changes: object) -> str:
    return in_one_line(reminder(language, "final_demand", "one", creditor=creditor(**changes)).text)


def test_a_letter_names_the_account_of_its_currency() -> None:
    pounds = {"iban": "GB33BUKB20201555555555", "bic": "BUKBGB22", "bank": "Barclays"}
    ours = creditor(accounts={"GBP": pounds})

    in_pounds = in_one_line(reminder("en", "reminder", "one", creditor=ours, currency="GBP").text)
    in_euros = in_one_line(reminder("en", "reminder", "one", creditor=ours).text)

    assert "GB33 BUKB 2020 1555 5555 55" in in_pounds
    assert "BUKBGB22" in in_pounds
    assert "Barclays" in in_pounds
    assert "DE89" not in in_pounds
    assert "DE89 3704 0044 0532 0130 00" in in_euros


@pytest.mark.parametrize(
    ("language", "office", "directors"),
    [
        ("de", "Sitz: Hamburg", "Geschäftsführung: Erika Muster, Max Beispiel"),
        ("en", "Registered office: Hamburg", "Managing directors: Erika Muster, Max Beispiel"),
        ("fr", "Siège social : Hamburg", "Direction : Erika Muster, Max Beispiel"),
        ("es", "Domicilio social: Hamburg", "Administradores: Erika Muster, Max Beispiel"),
    ],
)
def test_a_letter_states_the_legal_particulars_that_the_company_gives(language: str, office: str, directors: str) -> None:
    legal = {
        "registered_office": "Hamburg",
        "register_entry": "Amtsgericht Hamburg, HRB 1",
        "managing_directors": ["Erika Muster", "Max Beispiel"],
        "further": ["WEEE-Reg.-Nr. DE 1"],
    }
    letter = reminder(language, "reminder", "one", creditor=creditor(legal=legal))

    for body in (letter.text.replace("\xa0", " "), letter.html.replace("\xa0", " ")):
        for stated in (office, directors, "Amtsgericht Hamburg, HRB 1", "WEEE-Reg.-Nr. DE 1"):
            assert stated in body
    assert letter.text.index("Hafenstraße 1") < letter.text.index("HRB 1")


@pytest.mark.parametrize(
    ("language", "country", "cited"),
    [
        ("de", "DE", "§ 288 BGB"),
        ("de", "AT", "§ 458 UGB"),
        ("fr", "FR", "L441-10"),
        ("en", "GB", "Late Payment of Commercial Debts (Interest) Act 1998"),
        ("es", "ES", "Ley 3/2004"),
        ("fr", "DE", "§ 288 BGB"),
        ("en", "US", "as far as the law or our contract"),
        ("en", None, "as far as the law or our contract"),
    ],
)
def test_a_final_demand_cites_the_law_under_which_the_company_sells(language: str, country: str | None, cited: str) -> None:
    assert cited in final_demand(language, country=country)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_company_chooses_another_law_or_none(language: str) -> None:
    assert "L441-10" in final_demand(language, country="DE", late_payment_law="FR")
    assert not re.search(r"288|40 [Ee]uro", final_demand(language, country="DE", late_payment_law="none"))


def test_a_french_formal_notice_cites_the_civil_code_where_french_law_applies() -> None:
    assert "article 1344 du Code civil" in final_demand("fr", country="FR")
    assert "1344" not in final_demand("fr", country="DE")


@pytest.mark.parametrize(
    ("language", "all_three"),
    [
        ("de", "unsere Lieferungen auszusetzen, ein Inkassounternehmen zu beauftragen oder die Forderung gerichtlich geltend zu machen."),
        ("en", "to suspend our deliveries, to instruct a debt collection agency or to bring the claim before the courts."),
        ("es", "a suspender nuestras entregas, a encargar el cobro a una empresa especializada o a reclamar el importe por vía judicial."),
        (
            "fr",
            "de suspendre nos livraisons, de confier le recouvrement de notre créance à une société spécialisée ou de saisir le tribunal",
        ),
    ],
)
def test_a_final_demand_says_what_the_company_may_do(language: str, all_three: str) -> None:
    assert all_three in final_demand(language, supplies=Supplies.GOODS)
    assert all_three.split()[-1] not in final_demand(language, after_final_demand=[Consequence.SUSPENSION])
    assert WORDS[language].supplies[Supplies.BOTH].what not in final_demand(language, after_final_demand=[])


@pytest.mark.parametrize(("language", "printed"), [("de", "Deutschland"), ("en", "Germany"), ("es", "Alemania"), ("fr", "Allemagne")])
def test_the_companys_country_is_printed_in_the_letters_language(language: str, printed: str) -> None:
    rendered = reminder(language, "reminder", "one", creditor=creditor(country="DE", address=("Hafenstraße 1", "Germany")))
    assert rendered.text.endswith(f"Hafenstraße 1\n{printed}\n")
    assert f"<br>{printed}</td>" in rendered.html
    assert rendered.html.count(printed) == 1


def test_dollars_from_the_united_states_are_paid_on_the_account_there() -> None:
    ours = creditor(us_account=UnitedStatesAccount(account_number="000123456789", routing_number="021000021", bank="First Bank"))
    there = reminder("en", "reminder", "one", creditor=ours, country="US", currency="USD").text
    assert "000123456789" in there
    assert "021000021" in there
    assert "IBAN" not in there
    assert "IBAN" in reminder("en", "reminder", "one", creditor=ours, country="GB", currency="USD").text
    assert "IBAN" in reminder("en", "reminder", "one", country="US", currency="USD").text


def test_letters_to_the_united_states_are_in_their_english() -> None:
    details = {"currency": "USD", "schedule": "2026-10-08:5000:0", "instalment": 1, "due_on": "2026-10-08", "amount": 5000, "to_pay": 5000}
    plan = {"case_id": "plan:1", "details": details | {"paid": 0, "until": "2026-10-08"}, "greeting_name": ""}
    rendered = BOOK.render(written("en", "plan_missed", (ONE,), country="US", **plan))
    assert rendered.subject == "Installment 1 is overdue: please pay by October 8, 2026"
    assert "To whom it may concern:" in rendered.text
    assert not re.search(r"instalment", rendered.text + rendered.html, re.I)
    assert "Aug 24, 2026" in reminder("en", "reminder", "one", country="US").text
    assert "24 Aug 2026" in reminder("en", "reminder", "one", country="GB").text


@pytest.mark.parametrize("language", LANGUAGES)
def test_on_a_phone_each_amount_stands_in_its_row_after_its_heading(language: str) -> None:
    html = reminder(language, "reminder", "several").html
    assert "@media only screen and (max-width" in html
    assert html.count(f'<span class="label" style="display:none;mso-hide:all;">{WORDS[language].columns.open}</span>') == 2
    assert ".payment td { display: block" in html


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_number_of_an_invoice_is_not_broken_over_two_lines(language: str) -> None:
    html = reminder(language, "reminder", "one").html
    assert html.count('<span style="white-space:nowrap">2026-004711') == 2
    long = BOOK.render(written(language, "reminder", (line("2026-" + "9" * 40, 30),))).html
    assert 'nowrap">2026' not in long
    risky = BOOK.render(written(language, "reminder", (line("<b>-1", 30), line("A&-1", 30)))).html
    assert "<b>" not in risky
    assert "&lt;b&gt;-1" in risky


@pytest.mark.parametrize(("language", "template"), [(language, template) for language in LANGUAGES for template in REMINDERS])
@pytest.mark.parametrize("count", [1, 2])
def test_no_letter_says_that_it_reminded_of_what_no_letter_that_arrived_had_asked_for(language: str, template: str, count: int) -> None:
    """As when the letters before were refused, or people did without: whatever the tone, it is the first that the customer reads."""
    lines = tuple(line(f"NEW-{number}", 30 - number, named_as=NamedAs.DUE, is_new=True) for number in range(count))
    rendered = BOOK.render(written(language, template, lines))
    check_as_a_whole(rendered)
    assert not re.search(SAYS_REMINDED[language], in_one_line(rendered.text), re.I)
    assert not re.search(r"second reminder|zweite|deuxième|segundo", rendered.subject, re.I)
    assert all(f"NEW-{number}" in rendered.text for number in range(count))
    assert not WAS_REFERRED.search(rendered.text)
