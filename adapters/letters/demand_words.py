"""Says for the company what its file chooses: where to pay, what follows a final demand, and under which law."""

from babel import Locale
from babel.lists import format_list

from adapters.i18n.languages import LANGUAGES
from adapters.i18n.wording import fill_placeholders
from adapters.letters.creditor import NO_LAW, Creditor
from adapters.letters.wording import OTHER_LAW, LetterWording, ParticularsWords, PaymentWords


def list_imprint(creditor: Creditor, locale: str) -> list[str]:
    """List the lines of the company's address; its country, where it is known, in the reader's language."""
    if creditor.country is None:
        return list(creditor.address)
    names = {Locale.parse(language).territories.get(creditor.country) for language in LANGUAGES}
    lines = [line for line in creditor.address if line not in names]
    country = Locale.parse(locale).territories.get(creditor.country)
    return [*lines, country] if country else lines


def list_particulars(creditor: Creditor, words: ParticularsWords, colon: str) -> list[str]:
    """List what the law has the company state, a line each, as "Registered office: Musterstadt"."""
    legal = creditor.legal
    stated = [
        (words.registered_office, legal.registered_office),
        (words.register_entry, legal.register_entry),
        (words.managing_directors, ", ".join(legal.managing_directors)),
        (words.supervisory_board_chair, legal.supervisory_board_chair),
        (words.share_capital, legal.share_capital),
        (words.vat_id, legal.vat_id),
    ]
    return [*(f"{label}{colon} {text}" if label else text for label, text in stated if text), *legal.further]


def list_payment_details(
    creditor: Creditor, words: PaymentWords, currency: str, country: str | None, reference: str
) -> list[tuple[str, str]]:
    """List what a transfer needs, label by label: the account in the United States for dollars from there, else that of the currency."""
    us_account, account = creditor.us_account, creditor.accounts.get(currency, creditor)
    if us_account is not None and ((currency, country) == ("USD", "US") or not account.iban):
        details = [
            (words.account_number, us_account.account_number),
            (words.routing_number, us_account.routing_number),
            (words.bank, us_account.bank),
        ]
    else:
        details = [(words.iban, account.printed_iban), (words.bic, account.bic), (words.bank, account.bank)]
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
