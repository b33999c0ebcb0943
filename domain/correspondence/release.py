"""Held for release: the accounts of a portfolio's first import get no letter before a manager releases them."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class ReleaseSelection(BaseModel):
    """Which of the accounts that are held are released: `everything`, or those that meet each condition that is given.

    `policy` is that of an invoice under collection, `segment`, `collector` and `country` (ISO 3166-1 alpha-2) are the account's own.
    """

    model_config = ConfigDict(frozen=True)

    everything: bool = False
    accounts: list[str] = Field(default_factory=list)
    policy: str | None = None
    segment: str | None = None
    collector: str | None = None
    country: str | None = None

    @property
    def conditions(self) -> list[str]:
        """The names of the conditions that are given."""
        return [name for name in ("accounts", "policy", "segment", "collector", "country") if getattr(self, name)]

    @model_validator(mode="after")
    def _check_selection(self) -> Self:
        if self.everything == bool(self.conditions):
            raise ValueError("release everything, or name accounts, a policy, a segment, a collector or a country")
        return self
