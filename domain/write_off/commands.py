"""What the write-off team decides."""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from domain.case.command import Command


class WriteOffDecision(StrEnum):
    WHOLE = "whole"
    PART = "part"
    AGENCY = "agency"
    LEGAL = "legal"
    BACK_TO_COLLECTIONS = "back_to_collections"


class ProposeWriteOff(Command):
    """The team's decision. `amounts`, for a part: of each invoice, in minor units; the rest goes back to collections.

    The reason is kept; it must name no person.
    """

    journal_name: ClassVar[str] = "ProposeWriteOff"

    decision: WriteOffDecision
    amounts: dict[str, int] = Field(default_factory=dict)
    reason: str = ""
