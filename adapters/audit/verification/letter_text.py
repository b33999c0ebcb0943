"""What a stored letter says of itself: to whom it went, under which subject, as an answer to what, when, and which amounts."""

import re
from binascii import a2b_qp
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.utils import parseaddr, parsedate_to_datetime
from functools import lru_cache
from typing import NamedTuple

from pydantic import ValidationError

from adapters.i18n.formatting import format_localised_money
from adapters.mail.message_builder import Mailbox

_FOLD = re.compile(r"\r\n(?=[ \t])")
_SPACES = re.compile(r"\s+")
_NUMBER = re.compile(r"[0-9]+(?:[.,'’\u00a0\u202f][0-9]+)*")
_NO_DIGIT = re.compile(r"[^0-9]")
_PLAIN_PART = b"Content-Type: text/plain"
_HEADER_END, _PART_END = b"\r\n\r\n", b"\r\n--=_"


class LetterText(NamedTuple):
    """A letter's headers, by their names in lower case, and its plain text."""

    headers: Mapping[str, str]
    text: str

    def find_difference(self, recipient: str, subject: str, message_id: str, in_reply_to: str | None) -> str | None:
        """Say which of these the letter contradicts; None where it states them all."""
        address = parseaddr(self.headers.get("to", ""))[1]
        if address.lower() != _normalise_address(recipient).lower():
            return f"went to {address or 'nobody'}, and its row names {recipient or 'nobody'}"
        if _decode(self.headers.get("subject", "")) != _SPACES.sub(" ", subject).strip():
            return "has another subject than its row"
        if self.headers.get("message-id", "") != message_id:
            return f"calls itself {self.headers.get('message-id') or 'nothing'}"
        if self.headers.get("in-reply-to", "") != (in_reply_to or ""):
            return "answers another letter than its row says"
        return None

    @property
    def date(self) -> datetime | None:
        """Its date, in business time; None where it has none that can be read."""
        try:
            return parsedate_to_datetime(self.headers.get("date", ""))
        except (TypeError, ValueError):
            return None

    def states_amount(self, amount: int, currency: str, number: str | None = None) -> bool:
        """Whether the letter has the amount (minor units), whatever separators its language uses; of an invoice whose `number` begins a
        line of it, in that line."""
        wanted = format_digits(amount, currency)
        lines = self.text.splitlines()
        beginning = [line[len(number) :] for line in lines if line.startswith(f"{number} ")] if number else []
        return any(wanted == _strip(found) for line in beginning or lines for found in _NUMBER.findall(line))


def parse_letter(content: bytes) -> LetterText:
    """Parse a letter as `build_message` writes it; headers and text are empty where the content is no such letter."""
    head, _, body = content.partition(_HEADER_END)
    unfolded = _FOLD.sub("", head.decode("utf-8", "replace"))
    pairs = (line.partition(":") for line in unfolded.split("\r\n"))
    plain = body.partition(_PLAIN_PART)[2].partition(_HEADER_END)[2].partition(_PART_END)[0]
    return LetterText({name.lower(): value.strip() for name, _, value in pairs}, a2b_qp(plain).decode("utf-8", "replace"))


@lru_cache(maxsize=4096)
def format_digits(amount: int, currency: str) -> str:
    """Return the digits with which a letter shows an amount (minor units), without separators and leading zeros."""
    return _strip(format_localised_money(abs(amount), currency, "en_US"))


def list_unstated_lines(letter: LetterText, lines: Sequence[tuple[int, str]], currency: str) -> list[str]:
    """List the numbers of the invoices that the letter does not name, or not with their amount (minor units); `lines` are amounts with
    numbers."""
    text = _SPACES.sub("", letter.text)
    return [number for amount, number in lines if _SPACES.sub("", number) not in text or not letter.states_amount(amount, currency, number)]


def _strip(text: str) -> str:
    return _NO_DIGIT.sub("", text).lstrip("0")


def _decode(header: str) -> str:
    try:
        return _SPACES.sub(" ", str(make_header(decode_header(header)))).strip()
    except (HeaderParseError, LookupError, UnicodeError, ValueError):
        return header


@lru_cache(maxsize=4096)
def _normalise_address(address: str) -> str:
    """Return the address as a letter's header has it; as it is where no letter could go to it."""
    try:
        return Mailbox(address=address).address
    except ValidationError:
        return address
