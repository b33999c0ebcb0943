"""What a customer reads when a case of the account writes: each letter in each language, as its case asks for it."""

import re
from datetime import date

import pytest

from adapters.letters.creditor import Supplies
from adapters.letters.letter_templates import Letter, LetterLine, LetterTemplates, RenderedMessage
from domain.case.effects import SendLetter
from domain.case.letter_order import DEMAND_LETTERS
from domain.journal.entry import FactValue
from domain.payment_plan.plan_progress import cancel_plan
from domain.policy.dispute_rules import DisputeResolution
from domain.suspension.events import apply_reinstatement, update_receivable
from domain.suspension.state import SuspensionStage
from tests.adapters.letters.test_letter_templates import LANGUAGES, NARROW_NO_BREAK, Balance, in_one_line, letter
from tests.domain.builders import moment
from tests.domain.dispute.test_dispute_case import answer, approve
from tests.domain.dispute.test_dispute_case import dispute as a_dispute
from tests.domain.payment_plan.test_plan_case import agreed, owe, wake_until
from tests.domain.suspension.builders import SuspensionDriver, build_paid_receivable, build_receivable

BOOK = LetterTemplates()
IBAN = "DE89 3704 0044 0532 0130 00"

DISPUTE: dict[str, FactValue] = {
    "case": "dispute:inv-R-1:1",
    "invoice": "inv-R-1",
    "reason": "wrong_price",
    "amount": 50000,
    "currency": "EUR",
    "open_balance": 123456,
    "deadline": "2013-03-16",
    "credited": 0,
    "rest": 73456,
    "reference": "",
}
PLAN: dict[str, FactValue] = {
    "plan": "plan:0187-ERLKS:1",
    "revision": 1,
    "currency": "EUR",
    "total": 250000,
    "received": 0,
    "outstanding": 250000,
    "invoices": "inv-R-1 inv-R-2",
    "interest_percent": "6.5",
    "schedule": "2013-04-01:83766:433 2013-05-01:83332:300 2013-06-01:82902:167",
}
INSTALMENT: dict[str, FactValue] = {**PLAN, "instalment": 2, "due_on": "2013-05-01", "amount": 83332, "paid": 0, "to_pay": 83332}
SUSPENSION: dict[str, FactValue] = {"notice_days": 14, "warned_on": None}

DETAILS: dict[str, dict[str, FactValue]] = {
    "dispute_already_paid": DISPUTE | {"reference": "E2E-4711"},
    "dispute_corrected_invoice": DISPUTE | {"credited": 50000, "reference": "K-9"},
    "dispute_credit_note": DISPUTE | {"credited": 50000},
    "dispute_received": DISPUTE,
    "dispute_rejected": DISPUTE,
    "dispute_withdrawn": DISPUTE,
    "plan_broken": INSTALMENT,
    "plan_cancelled": PLAN,
    "plan_completed": PLAN,
    "plan_confirmation": PLAN,
    "plan_instalment_due": INSTALMENT,
    "plan_missed": INSTALMENT | {"until": "2013-05-06"},
    "plan_offer": PLAN | {"until": "2013-03-23", "earlier_offers": 0},
    "reinstated": SUSPENSION | {"warned_on": "2013-03-09"},
    "suspended": SUSPENSION | {"warned_on": "2013-03-09"},
    "suspension_warning": SUSPENSION,
}
ABOUT_PLANS = tuple(name for name in DETAILS if name.startswith("plan_"))
NEVER_ASK = {"dispute_already_paid", "dispute_received", "plan_completed", "plan_offer"}
ASK_WITHOUT_OPEN_INVOICES = {"plan_confirmation", *DEMAND_LETTERS}

BY_DEADLINE = {
    "de": "bis zum 23. März 2013",
    "en": "by 23 March 2013",
    "es": "a más tardar el 23 de marzo",
    "fr": "au plus tard le 23 mars",
}

EVERY_LETTER = [(language, template) for language in LANGUAGES for template in DETAILS]


def line(number: str = "R-1", *, days: int = 12) -> LetterLine:
    return LetterLine(
        invoice_id=f"inv-{number}",
        number=number,
        issue_date=date(2013, 1, 26),
        due_date=date(2013, 2, 25),
        days_past_due=days,
        original_minor=123456,
        open_minor=123456,
        step="case",
        currency="EUR",
    )


def rendered(language: str, template: str, *lines: LetterLine, nothing_open: bool = False, **details: FactValue) -> RenderedMessage:
    """One open invoice unless a test says otherwise."""
    shown = () if nothing_open else lines or (line(),)
    return BOOK.render(case_letter(language, template, **details).model_copy(update={"lines": shown}))


def case_letter(language: str, template: str, **details: FactValue) -> Letter:
    return letter(
        language,
        template,
        case_id="case:1",
        details=DETAILS[template] | details,
        names={"inv-R-1": "R-1", "inv-R-2": "R-2"},
        pay_by=date(2013, 3, 23),
    )


def said_in(*args: object, **details: object) -> str:
    """In one line, with plain spaces only."""
    return in_one_line(rendered(*args, **details).text)  # type: ignore[arg-type]


def test_every_language_has_every_letter_of_a_case() -> None:
    assert BOOK.find_missing_templates(DETAILS) == []


@pytest.mark.parametrize(("language", "template"), EVERY_LETTER)
@pytest.mark.parametrize("named", ["nothing", "one", "several"])
def test_every_letter_reads_as_a_whole(language: str, template: str, named: str) -> None:
    if named == "nothing" and template in DEMAND_LETTERS:
        return  # it does not go then
    lines = (line("R-1"), line("R-2")) if named == "several" else ()
    result = rendered(language, template, *lines, nothing_open=named == "nothing")

    for part in (result.subject, result.text, result.html):
        assert not re.search(r"\bNone\b|–|\{\{|\}\}|\{%|Undefined|inv-|\d{4}-\d\d-\d\d|plan:0187|dispute:inv", part)
        assert not re.search(r"_price|\bwrong_", part)
    assert result.subject
    assert "\n\n\n" not in result.text
    assert max(map(len, result.text.splitlines())) <= 78
    assert '<p style="margin:0 0 14px;"></p>' not in result.html
    assert not re.search(r"[^\S\n]{2,}[a-z]{4}|[^.…\s] \.|\(\)| ,|,,|\.\.", in_prose(result.text))
    balance = Balance()
    balance.feed(result.html)
    assert balance.open == []


@pytest.mark.parametrize("country", [None, "US"])
@pytest.mark.parametrize(("language", "template"), EVERY_LETTER)
@pytest.mark.parametrize("supplies", Supplies)
@pytest.mark.parametrize("several", [False, True])
def test_a_phone_shows_the_whole_subject(language: str, template: str, several: bool, supplies: Supplies, country: str | None) -> None:
    days: dict[str, FactValue] = {"until": "2026-09-23", "due_on": "2026-09-23", "earlier_offers": int(several)}
    numbers = ("2026-004711", "2026-004712")[: 1 + several]
    wanted = letter(
        language,
        template,
        *map(line, numbers),
        country=country,
        case_id="case:1",
        details=DETAILS[template] | {name: day for name, day in days.items() if name in DETAILS[template]},
        names={"inv-R-1": "2026-004711"},
    )
    creditor = wanted.creditor.model_copy(update={"supplies": supplies})
    assert len(BOOK.render(wanted.model_copy(update={"creditor": creditor})).subject) < 60


@pytest.mark.parametrize(
    ("language", "goods", "services"),
    [
        ("de", "Lieferstopp angekündigt", "Leistungssperre angekündigt"),
        ("en", "Notice of suspension of deliveries", "Notice of suspension of services"),
        ("es", "Aviso de suspensión de entregas", "Aviso de suspensión de servicios"),
        ("fr", "Préavis de suspension des livraisons", "Préavis de suspension des prestations"),
    ],
)
def test_a_suspension_is_called_by_what_the_company_supplies(language: str, goods: str, services: str) -> None:
    warning = letter(language, "suspension_warning", line(), case_id="case:1", details=DETAILS["suspension_warning"])
    for supplies, name in ((Supplies.GOODS, goods), (Supplies.SERVICES, services)):
        creditor = warning.creditor.model_copy(update={"supplies": supplies})
        assert BOOK.render(warning.model_copy(update={"creditor": creditor})).subject.startswith(name)


def in_prose(text: str) -> str:
    """Without what is set in columns."""
    return "\n".join(each for each in text.splitlines() if not each.startswith("  ") and "  " not in each)


@pytest.mark.parametrize(("language", "template"), EVERY_LETTER)
@pytest.mark.parametrize("nothing_open", [False, True])
def test_only_a_letter_that_asks_for_money_says_where_to_pay(language: str, template: str, nothing_open: bool) -> None:
    result = rendered(language, template, nothing_open=nothing_open and template not in DEMAND_LETTERS)
    asks = template not in NEVER_ASK and (template in ASK_WITHOUT_OPEN_INVOICES or not nothing_open)
    assert (IBAN in result.text) is asks
    assert (IBAN in result.html) is asks


@pytest.mark.parametrize(
    ("language", "amount", "day"),
    [
        ("de", "500,00 €", "16. März 2013"),
        ("en", "€500.00", "16 March 2013"),
        ("es", "500,00 €", "16 de marzo de 2013"),
        ("fr", "500,00 €", "16 mars 2013"),
    ],
)
def test_what_a_case_has_to_say_is_written_as_the_language_writes_it(language: str, amount: str, day: str) -> None:
    text = said_in(language, "dispute_received")
    assert amount in text
    assert day in text


@pytest.mark.parametrize(("language", "rest"), [("de", "734,56"), ("en", "734.56"), ("es", "734,56"), ("fr", "734,56")])
def test_the_undisputed_rest_is_named_where_there_is_one(language: str, rest: str) -> None:
    assert rest in said_in(language, "dispute_received")
    assert rest not in said_in(language, "dispute_received", rest=None)


@pytest.mark.parametrize("language", LANGUAGES)
def test_grounds_that_have_no_words_are_left_out(language: str) -> None:
    with_grounds, without = said_in(language, "dispute_received"), said_in(language, "dispute_received", reason="other")
    assert len(without) < len(with_grounds)
    assert "other" not in without


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_reference_is_named_where_there_is_one(language: str) -> None:
    assert "E2E-4711" in said_in(language, "dispute_already_paid")
    assert "()" not in said_in(language, "dispute_already_paid", reference="")


@pytest.mark.parametrize(
    ("language", "notice", "last_day"),
    [
        ("de", "14 Tagen", "bis zum 23. März 2013"),
        ("en", "14 days’ notice", "by 23 March 2013"),
        ("es", "14 días", "a más tardar el 23 de marzo de 2013"),
        ("fr", "14 jours", "au plus tard le 23 mars 2013"),
    ],
)
def test_the_warning_names_the_notice_its_last_day_and_its_invoices(language: str, notice: str, last_day: str) -> None:
    text = said_in(language, "suspension_warning", line("R-1"), line("R-2"))
    for words in (notice, last_day, "R-1", "R-2"):
        assert words in text


@pytest.mark.parametrize(
    ("language", "rate"),
    [("de", "6,5 % pro Jahr"), ("en", "6.5% a year"), ("es", "6,5 % anual"), ("fr", "6,5 % par an")],
)
@pytest.mark.parametrize("template", ["plan_offer", "plan_confirmation"])
def test_interest_is_stated_where_it_is_charged(language: str, rate: str, template: str) -> None:
    free = {"interest_percent": "0", "schedule": "2013-04-01:125000:0 2013-05-01:125000:0"}
    assert rate in said_in(language, template)
    assert "%" not in said_in(language, template, **free)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", ["plan_offer", "plan_confirmation"])
def test_a_plan_is_shown_with_all_its_instalments(language: str, template: str) -> None:
    result = rendered(language, template)
    for part in (result.text, result.html):
        assert len(re.findall(r"0?1[/. ](?:0[456]|Apr|May|Jun)[/. ]2013", part)) == 3
        assert "2.500,00" in part or "2,500.00" in part or f"2{NARROW_NO_BREAK}500,00" in part


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", ["plan_instalment_due", "plan_missed"])
def test_a_letter_about_an_instalment_asks_for_what_is_left_of_it_only(language: str, template: str) -> None:
    text = said_in(language, template, paid=80000, to_pay=3332)
    assert len(re.findall(r"(?<!\d)33[.,]32", text)) == 2
    assert re.search(r"800[.,]00", text)
    assert not re.search(r"1[., \u202f]?234[.,]56", text)
    assert not re.search(r"800[.,]00", said_in(language, template))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_revised_offer_says_that_it_is_one(language: str) -> None:
    first, revised = rendered(language, "plan_offer"), rendered(language, "plan_offer", revision=3, earlier_offers=1)
    assert first.subject != revised.subject
    assert first.text != revised.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_terms_that_came_back_inside_the_house_are_a_first_offer(language: str) -> None:
    assert rendered(language, "plan_offer", revision=3).text == rendered(language, "plan_offer").text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", ["dispute_credit_note", "dispute_corrected_invoice"])
def test_an_objection_that_was_accepted_in_part_says_what_was_and_that_the_rest_stands(language: str, template: str) -> None:
    in_full, in_part = said_in(language, template), said_in(language, template, credited=30000)
    assert re.search(r"300[.,]00", in_part)
    assert re.search(r"500[.,]00", in_part)
    assert len(in_part) > len(in_full) + 50


@pytest.mark.parametrize(("language", "today"), [("de", "heute"), ("en", "today"), ("es", "hoy"), ("fr", "aujourd’hui")])
def test_an_instalment_of_this_day_is_due_today(language: str, today: str) -> None:
    result = rendered(language, "plan_instalment_due", due_on="2013-03-09")
    assert today in result.subject
    assert today in result.text
    assert today not in said_in(language, "plan_instalment_due")


@pytest.mark.parametrize("language", LANGUAGES)
def test_services_that_come_back_before_all_is_paid_leave_the_rest_open(language: str) -> None:
    assert "R-1" in said_in(language, "reinstated")
    assert "R-1" not in said_in(language, "reinstated", nothing_open=True)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_invoice_that_is_not_overdue_is_asked_for_by_its_due_date(language: str) -> None:
    assert "2013" in said_in(language, "dispute_rejected", line(days=-5)).partition("R-1")[2]
    deadline = BY_DEADLINE[language]
    assert deadline in said_in(language, "dispute_rejected")
    assert deadline not in said_in(language, "dispute_rejected", line(days=-5))


def asked_by_cases() -> dict[str, SendLetter]:
    """Each letter as the rules of its case ask for it."""
    disputes = [a_dispute() for _ in range(5)]
    for case, resolution in zip(disputes, ("rejected", "already_paid", "withdrawn", "credit_note", "corrected_invoice"), strict=True):
        amount = {"credit_note": 4_000, "corrected_invoice": 6_000}.get(resolution)
        case.apply_answer(answer(DisputeResolution(resolution), amount=amount, reference="E2E"), moment(1))
        if amount:
            approve(case)
            case.confirm_booking(case.booking_key, moment(2))
    broken, completed, cancelled = agreed(), agreed(), agreed()
    wake_until(broken, 40)
    owe(completed, "I1", 0, 3)
    owe(completed, "I2", 0, 3)
    cancel_plan(cancelled, "by mistake", moment(3))
    account = SuspensionDriver(build_receivable()).drive_to(SuspensionStage.SUSPENDED)
    update_receivable(account.case, build_paid_receivable(), moment(20))
    apply_reinstatement(account.case, moment(20))
    letters = [effect for case in (*disputes, broken, completed, cancelled) for effect in case.take_effects()]
    return {effect.template: effect for effect in [*letters, *account.list_effects(SendLetter)] if isinstance(effect, SendLetter)}


def test_the_cases_ask_for_these_letters_with_these_details() -> None:
    asked = asked_by_cases()
    assert {name: set(effect.details) for name, effect in asked.items()} == {name: set(details) for name, details in DETAILS.items()}
    assert all(effect.invoice_ids for effect in asked.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_letter_can_be_written_from_what_its_case_says(language: str) -> None:
    for template, effect in asked_by_cases().items():
        asked = letter(language, template, line(), case_id="case:1", details=effect.details, names={"I1": "R-1", "I2": "R-2"})
        assert BOOK.render(asked).subject


SAYS_REMINDED = r"although we have reminded|trotz unserer Erinnerung|Malgré notre rappel|Pese a nuestro recordatorio"
SAYS_SETTLED = r"is settled|ist erledigt|est réglée|está resuelto"
SAYS_NOTHING_IS_LEFT = r"is nothing (?:more )?for you to pay|nichts mehr zu (?:be)?zahlen|plus rien à régler|No tienen que pagar nada"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("was_reminded", [True, False])
def test_a_warning_says_that_we_reminded_only_where_a_letter_arrived(language: str, was_reminded: bool) -> None:
    """People may ask for a suspension of what no letter has asked for, or whose letters were refused."""
    told = in_one_line(BOOK.render(case_letter(language, "suspension_warning").model_copy(update={"reminded_before": was_reminded})).text)
    assert bool(re.search(SAYS_REMINDED, told, re.I)) is was_reminded


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("all_settled", [True, False])
def test_a_reinstatement_calls_the_matter_settled_only_where_nothing_is_owed(language: str, all_settled: bool) -> None:
    """A manager reinstates an account whose invoices are all in dispute: nothing is asked for, and nothing is settled."""
    told = in_one_line(BOOK.render(case_letter(language, "reinstated").model_copy(update={"lines": (), "all_settled": all_settled})).text)
    assert bool(re.search(SAYS_SETTLED, told, re.I)) is all_settled


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", ["dispute_credit_note", "dispute_corrected_invoice", "plan_cancelled"])
@pytest.mark.parametrize("all_settled", [True, False])
def test_nothing_is_said_to_be_left_to_pay_of_what_is_only_in_dispute(language: str, template: str, all_settled: bool) -> None:
    told = in_one_line(BOOK.render(case_letter(language, template).model_copy(update={"lines": (), "all_settled": all_settled})).text)
    assert bool(re.search(SAYS_NOTHING_IS_LEFT, told)) is all_settled
