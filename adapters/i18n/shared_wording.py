"""The words that the console and the notices to staff share: what people are asked about, why customers contest, how such things end, and
what the roles are called."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from adapters.i18n.formatting import format_localised_count, format_localised_date, format_localised_money, format_localised_time
from adapters.i18n.wording import WordingCatalogue, fill_placeholders, translate_name
from adapters.shipped_files import PROJECT


class SharedWording(BaseModel):
    """One language's shared words, and the locale in which its amounts and days are written.

    `reductions`: by what an invoice is reduced by hand; `consequences` say what that does.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    locale: str
    matters: dict[str, str]
    reductions: dict[str, str]
    consequences: dict[str, str]
    dispute_reasons: dict[str, str]
    resolutions: dict[str, str]
    results: dict[str, str]
    lapses: dict[str, str]
    decision_reasons: dict[str, str]
    review_reasons: dict[str, str]
    plan_reasons: dict[str, str]
    roles: dict[str, str]

    def format_day(self, day: date) -> str:
        return format_localised_date(day, "medium", self.locale)

    def format_count(self, count: int) -> str:
        return format_localised_count(count, self.locale)

    def format_time(self, moment: datetime, time_zone: str) -> str:
        """The time of day in a time zone."""
        return format_localised_time(moment.astimezone(ZoneInfo(time_zone)), self.locale)

    def format_money(self, minor: int, currency: str) -> str:
        """`minor` in minor units of `currency`."""
        return format_localised_money(minor, currency, self.locale)

    def describe_matter(self, matter: str, reduction: str = "") -> str:
        """What people are asked about; `reduction`: by what an invoice is to be reduced, where that is asked for by hand."""
        return translate_name(self.reductions, reduction) if reduction else translate_name(self.matters, matter)

    def describe_cancellation(self, covered: int, currency: str) -> str:
        """`covered`: so much of the invoice's total is no longer open, in minor units of `currency`."""
        return fill_placeholders(self.consequences["cancellation"], {"covered": self.format_money(covered, currency) if covered else ""})

    def describe_credited_before(self, amount: int, currency: str) -> str:
        """`amount`, in minor units of `currency`: what whoever asks has had credited of the invoice without anybody's agreement."""
        return fill_placeholders(self.consequences["credited_before"], {"amount": self.format_money(amount, currency)})


SHARED_WORDING = WordingCatalogue(SharedWording, PROJECT / "adapters" / "i18n" / "words")
