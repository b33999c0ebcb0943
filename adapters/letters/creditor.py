"""Who is owed, and who signs: the company and its collectors, as letters speak of them."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from stdnum import bic as iso_9362
from stdnum import iban as iso_13616
from stdnum.exceptions import ValidationError as NumberError
from stdnum.us import rtn as aba

from adapters.letters.text_layout import OneLine
from domain.money import Currency

NO_LAW = "none"
"""As `late_payment_law`: the letters say nothing of interest and the costs of recovery."""

CountryCode = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]


def _require_number(validate: Callable[[str], str], called: str) -> AfterValidator:
    """Refuse what is mistyped, in words; what is left out stays so."""

    def check(number: str) -> str:
        try:
            return validate(number) if number else number
        except NumberError as error:
            raise ValueError(f"{number!r} is no {called}: {str(error).rstrip('.').lower()}") from error

    return AfterValidator(check)


Iban = Annotated[OneLine, _require_number(iso_13616.validate, "IBAN")]
Bic = Annotated[OneLine, _require_number(iso_9362.validate, "BIC")]
RoutingNumber = Annotated[OneLine, _require_number(aba.validate, "routing number")]


class Supplies(StrEnum):
    """What the company supplies: a letter about a suspension speaks of it."""

    GOODS = "goods"
    SERVICES = "services"
    BOTH = "both"


class Consequence(StrEnum):
    """What the company may do when a final demand is not met."""

    SUSPENSION = "suspension"
    AGENCY = "agency"
    COURT = "court"


class _CreditorModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Collector(_CreditorModel):
    """The person whom the customer can answer."""

    name: OneLine
    email: OneLine
    phone: OneLine = ""


class BankAccount(_CreditorModel):
    """An account that is paid by transfer. The check digits of its IBAN (ISO 13616) and the form of its BIC (ISO 9362) are looked at."""

    iban: Iban
    bic: Bic = ""
    bank: OneLine = ""

    @property
    def printed_iban(self) -> str:
        """In groups of four, as ISO 13616 prints it."""
        return iso_13616.format(self.iban)


class UnitedStatesAccount(_CreditorModel):
    """An account that customers in the United States pay by ACH or wire; `routing_number` is the bank's ABA number."""

    account_number: OneLine
    routing_number: RoutingNumber
    bank: OneLine = ""


class LegalParticulars(_CreditorModel):
    """What the law of its country has a company state in its business letters; for a German GmbH, for example, § 35a GmbHG: the seat, the
    court and number of the register, all managing directors, and who presides over the supervisory board. What is left out is not
    printed; `further` is printed as it stands."""

    registered_office: OneLine = ""
    register_entry: OneLine = ""
    managing_directors: tuple[OneLine, ...] = ()
    supervisory_board_chair: OneLine = ""
    share_capital: OneLine = ""
    vat_id: OneLine = ""
    further: tuple[OneLine, ...] = ()


class Creditor(BankAccount):
    """The company that is owed: its imprint, the account it is paid on, and what its letters may say on its behalf.

    `accounts` take the place of its own account in letters about their currency. `country` (ISO 3166) is printed under the address, in the
    letter's language. `late_payment_law` is the country whose law on late payment a final demand cites: by default the company's own;
    NO_LAW for none.
    """

    name: OneLine
    address: tuple[OneLine, ...]
    country: CountryCode | None = None
    legal: LegalParticulars = LegalParticulars()
    accounts: dict[Currency, BankAccount] = Field(default_factory=dict)
    us_account: UnitedStatesAccount | None = None
    supplies: Supplies = Supplies.BOTH
    after_final_demand: tuple[Consequence, ...] = tuple(Consequence)
    late_payment_law: CountryCode | Annotated[str, Field(pattern=f"^{NO_LAW}$")] | None = None

    @property
    def law(self) -> str:
        """The country whose law on late payment the letters cite, NO_LAW, or "" where it is not known."""
        return self.late_payment_law or self.country or ""
