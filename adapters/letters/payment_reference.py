"""What a letter asks the payer to state and where else it lets them pay: as the system that has the invoices will know it again."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from adapters.letters.template_context import LetterLine

REFERENCE_LENGTH = 140
"""The characters that a SEPA credit transfer carries as its remittance information."""


def build_payment_reference(account_number: str, lines: Sequence[LetterLine]) -> str:
    """The reference that the billing system gave, for one invoice of its; otherwise the account's number and the invoices' numbers. Where a
    bank transfer could not carry them all, the account's number alone, or as many numbers as it can carry where the account has none."""
    numbers = list(dict.fromkeys(line.whole_number or line.number for line in lines))
    references = {line.reference for line in lines}
    if len(numbers) == 1 and len(references) == 1 and (reference := references.pop()) and len(reference) <= REFERENCE_LENGTH:
        return reference
    full = " / ".join(part for part in (account_number, ", ".join(numbers)) if part)
    if len(full) <= REFERENCE_LENGTH:
        return full
    while not account_number and len(numbers) > 1 and len(", ".join(numbers)) > REFERENCE_LENGTH:
        numbers.pop()
    return account_number or ", ".join(numbers)


def list_payment_links(lines: Sequence[LetterLine]) -> list[tuple[str, str]]:
    """(number, address) of the pages on which the billing system lets the customer pay, each invoice once."""
    links = {line.payment_link: line.whole_number or line.number for line in lines if is_page(line.payment_link)}
    return [(number, link) for link, number in links.items()]


def is_page(link: str) -> bool:
    """Where another system puts a customer who clicks must be an ordinary, encrypted page."""
    if not link.isprintable() or any(character.isspace() for character in link):
        return False
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname)
