"""Says for the company what its file chooses: where to pay, what follows a final demand, and under which law."""

from babel import Locale
from babel.lists import format_list

from adapters.i18n.languages import LANGUAGES
from adapters.i18n.wording import fill_placeholders
from adapters.letters.creditor import NO_LAW, Creditor
from adapters.letters.wording import OTHER_LAW, LetterWording, PaymentWords


def list_imprint(creditor: Creditor, locale: str) -> list[str]:
    """List the lines of the company's address; its country, where it is known, in the reader's language."""
    if creditor.country is None:
        return list(creditor.address)
    names = {Locale.parse(language).territories.get(creditor.country) for language in LANGUAGES}
    lines = [line for line in creditor.address if line not in names]
    country = Locale.parse(locale).territories.get(creditor.country)
    return [*lines, country] if country else lines


def list_payment_details(
    creditor: Creditor, words: PaymentWords, currency: str, country: str | None, reference: str
) -> list[tuple[str, str]]:
    """List what a transfer needs, label by label: the account in the United States for dollars from there, else the IBAN."""
    account = creditor.us_account
    if account is not None and ((currency, country) == ("USD", "US") or not creditor.iban):
        details = [
            (words.account_number, account.account_number),
            (words.routing_number, account.routing_number),
            (words.bank, account.bank),
        ]
    else:
        details = [(words.iban, creditor.printed_iban), (words.bic, creditor.bic), (words.bank, creditor.bank)]
    labelled = [(words.holder, creditor.name), *details, (words.reference, reference)]
    return [(label, value) for label, value in labelled if value]


def describe_late_payment(law: str, words: LetterWording) -> str:
    """Describe the interest and the costs that the law gives to who is paid late; "" where the company does not speak of them."""
    return "" if law == NO_LAW else words.late_payment.get(law, words.late_payment[OTHER_LAW])


def describe_consequences(creditor: Creditor, words: LetterWording, locale: str) -> str:
    """Join what the company may do when a final demand is not met, to complete "we reserve the right"."""
    supplies = words.supplies[creditor.supplies].what
    parts = [fill_placeholders(words.consequences[each], {"supplies": supplies}) for each in creditor.after_final_demand]
    return format_list(parts, style="or", locale=locale) if parts else ""
