"""E-mail addresses as mail servers take them: the domain in ASCII, the part before it as it is."""

import re
from functools import lru_cache

import idna

from domain.accepted_texts import MAX_EMAIL_LENGTH
from domain.refusal import Refusal

MAX_LOCAL_BYTES = 64
_ASCII_LOCAL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_FORBIDDEN = re.compile(r"[\s\x00-\x20\x7f<>()\[\],;:\\\"@]")


class MailAddressError(ValueError):
    """No address that a letter could be sent to; `refusal`, which is its message, says why, without the address."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


@lru_cache(maxsize=4096)
def normalise_address(address: str) -> str:
    """The address with its domain in ASCII by IDNA 2008 and UTS 46, non-transitional: `ß` stays what it is, in `xn--strae-oqa.example`.

    Letters beyond ASCII before the @ stay: a server must offer SMTPUTF8 for them. Raises MailAddressError.
    """
    local, at, domain = address.rpartition("@")
    if not at or not local or _FORBIDDEN.search(local) or local.startswith(".") or local.endswith(".") or ".." in local:
        raise MailAddressError(refuse_address())
    if not (_ASCII_LOCAL.fullmatch(local) or (not local.isascii() and local.isprintable())):
        raise MailAddressError(refuse_address())
    normalised = f"{local}@{_normalise_domain(domain)}"
    if len(local.encode()) > MAX_LOCAL_BYTES or len(normalised.encode()) > MAX_EMAIL_LENGTH:
        raise MailAddressError(
            Refusal(
                "cell.long_email",
                "is too long; at most {before} characters before the @ and {most} in all are taken",
                before=MAX_LOCAL_BYTES,
                most=MAX_EMAIL_LENGTH,
            )
        )
    return normalised


def refuse_address() -> Refusal:
    return Refusal("cell.no_email", "is not an e-mail address; write for example name@example.com")


def _refuse_domain(domain: str) -> Refusal:
    return Refusal("cell.no_domain", "has a domain that cannot be ({domain}); write for example name@example.com", domain=repr(domain))


def _normalise_domain(domain: str) -> str:
    if domain.isascii():
        labels = domain.split(".")
        if len(domain) <= 253 and all(_LABEL.fullmatch(label) for label in labels):
            return domain
        raise MailAddressError(_refuse_domain(domain))
    try:
        return idna.encode(domain, uts46=True, transitional=False, std3_rules=True).decode("ascii")
    except idna.IDNAError as error:
        raise MailAddressError(_refuse_domain(domain)) from error


def needs_smtputf8(address: str) -> bool:
    """Return true when only a server that offers SMTPUTF8 (RFC 6531) takes the address."""
    return not address.isascii()
