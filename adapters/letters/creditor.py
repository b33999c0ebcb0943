"""Who is owed, and who signs: the company and its collectors, as letters speak of them."""

import re
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from adapters.letters.text_layout import OneLine

NO_LAW = "none"
"""As `late_payment_law`: the letters say nothing of interest and the costs of recovery."""

CountryCode = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]


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
    model_config = ConfigDict(frozen=True)


class Collector(_CreditorModel):
    """The person whom the customer can answer."""

    name: OneLine
    email: OneLine
    phone: OneLine = ""


class UnitedStatesAccount(_CreditorModel):
    """An account that customers in the United States pay by ACH or wire; `routing_number` is the bank's ABA number."""

    account_number: OneLine
    routing_number: Annotated[str, Field(pattern=r"^[0-9]{9}$")]
    bank: OneLine = ""


class Creditor(_CreditorModel):
    """The company that is owed: its imprint, the account it is paid on, and what its letters may say on its behalf.

    `country` (ISO 3166) is printed under the address, in the letter's language. `late_payment_law` is the country whose law on late payment
    a final demand cites: by default the company's own; NO_LAW for none.
    """

    name: OneLine
    address: tuple[OneLine, ...]
    country: CountryCode | None = None
    iban: OneLine
    bic: OneLine = ""
    bank: OneLine = ""
    us_account: UnitedStatesAccount | None = None
    supplies: Supplies = Supplies.BOTH
    after_final_demand: tuple[Consequence, ...] = tuple(Consequence)
    late_payment_law: CountryCode | Annotated[str, Field(pattern=f"^{NO_LAW}$")] | None = None

    @property
    def printed_iban(self) -> str:
        """In groups of four, as ISO 13616 prints it."""
        return " ".join(re.findall(".{1,4}", self.iban.replace(" ", "")))

    @property
    def law(self) -> str:
        """The country whose law on late payment the letters cite, NO_LAW, or "" where it is not known."""
        return self.late_payment_law or self.country or ""
