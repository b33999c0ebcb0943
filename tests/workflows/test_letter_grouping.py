"""One letter per account, language and currency, with the tone of its highest step."""

import asyncio

from tests.workflows.collection_environment import DAY, CollectionEnvironment, InvoiceSpec


async def test_invoices_of_an_account_that_are_due_on_the_same_day_share_one_letter_with_the_highest_tone(
    environment: CollectionEnvironment,
) -> None:
    monday = await environment.pass_to_monday()
    (older,) = await environment.open_invoices(InvoiceSpec(monday - DAY, account="FIVE"))
    await environment.play.run_mornings(monday, monday + DAY)
    younger = await environment.open_invoices(*[InvoiceSpec(monday + 6 * DAY, account="FIVE")] * 4)
    await environment.play.run_mornings(monday + 2 * DAY, monday + 7 * DAY)
    reminder, both = environment.sent_letters("FIVE")
    assert [letter.on for letter in (reminder, both)] == [monday, monday + 7 * DAY]
    assert both.lines == {(older, "second_reminder"), *((invoice, "reminder") for invoice in younger)}
    assert both.letter == "second_reminder"
    assert all(invoice in both.text for invoice in (older, *younger))
    # their courtesy notes were asked for on Thursday; a customer who is overdue gets none alone, and no letter goes before they are due
    assert [environment.steps_with_dates(invoice)[0] for invoice in younger] == [("courtesy_note", monday + 3 * DAY)] * 4
    assert [environment.entry_facts(invoice, "letter.dropped")[0]["reason"] for invoice in younger] == ["lapsed"] * 4


async def test_two_currencies_make_two_letters(environment: CollectionEnvironment) -> None:
    monday = await environment.pass_to_monday()
    euro, pound = await environment.open_invoices(
        InvoiceSpec(monday - DAY, account="TWO"), InvoiceSpec(monday - DAY, account="TWO", currency="GBP")
    )
    await environment.play.run_morning(monday)
    letters = environment.sent_letters("TWO")
    assert {letter.lines for letter in letters} == {frozenset({(euro, "reminder")}), frozenset({(pound, "reminder")})}
    assert [("€" in letter.text, "£" in letter.text) for letter in letters if (euro, "reminder") in letter.lines] == [(True, False)]


async def test_each_customer_is_written_to_in_its_own_language(environment: CollectionEnvironment) -> None:
    monday = await environment.pass_to_monday()
    words = {"en": "payment", "de": "Rechnung", "fr": "facture", "es": "factura"}
    await environment.open_invoices(*[InvoiceSpec(monday - DAY, account=f"LANG-{language}", language=language) for language in words])
    await environment.play.run_morning(monday)
    texts = {language: environment.sent_letters(f"LANG-{language}")[0].text for language in words}
    assert len(set(texts.values())) == 4
    assert {language: word in texts[language] for language, word in words.items()} == dict.fromkeys(words, True)


async def test_four_hundred_invoices_of_one_customer_are_one_letter_with_four_hundred_lines(environment: CollectionEnvironment) -> None:
    monday = await environment.pass_to_monday()
    invoices = await environment.open_invoices(*[InvoiceSpec(monday - DAY, account="BIG")] * 400)
    await environment.play.run_morning(monday)
    (letter,) = environment.sent_letters("BIG")
    assert letter.lines == {(invoice, "reminder") for invoice in invoices}
    assert sum(invoice in letter.text for invoice in invoices) == 400


async def test_a_letter_run_that_is_started_twice_sends_each_letter_once(environment: CollectionEnvironment) -> None:
    monday = await environment.pass_to_monday()
    invoices = await environment.open_invoices(*[InvoiceSpec(monday - DAY) for _ in range(20)])
    await environment.pass_to(monday, hour=14)
    tallies = await asyncio.gather(*[environment.play.send_letters() for _ in range(3)])
    assert sum(tally.sent for tally in tallies) == 20
    assert all(len(environment.letters(invoice)) == 1 for invoice in invoices)


async def test_letters_to_one_account_keep_the_policys_distance(environment: CollectionEnvironment) -> None:
    """A second invoice falls due the day after the first one's letter: it waits for the day on which the next letter is allowed, and
    shares that letter."""
    monday = await environment.pass_to_monday()
    (first,) = await environment.open_invoices(InvoiceSpec(monday - DAY, account="GAP"))
    await environment.play.run_morning(monday)
    await environment.pass_to(monday + DAY)
    (second,) = await environment.open_invoices(InvoiceSpec(monday, account="GAP"))
    await environment.play.run_mornings(monday + DAY, monday + 13 * DAY)
    assert environment.steps_with_dates(second)[0] == ("reminder", monday + DAY)
    assert [(letter.on, letter.lines) for letter in environment.sent_letters("GAP")] == [
        (monday, frozenset({(first, "reminder")})),
        (monday + 7 * DAY, frozenset({(first, "second_reminder"), (second, "reminder")})),
    ]
