"""What people send to a credit review, and the ability × willingness grid."""

from datetime import date
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from domain.case.command import Command
from domain.money import Currency


class AbilityToPay(StrEnum):
    ABLE = "able"
    UNABLE = "unable"


class WillingnessToPay(StrEnum):
    WILLING = "willing"
    UNWILLING = "unwilling"


class CollectionCourse(StrEnum):
    """How the account is collected from now on."""

    GENTLE = "gentle"
    FIRM = "firm"
    PLAN = "plan"
    HAND_OVER = "hand_over"
    STOP = "stop"


COURSE_GRID = {
    (AbilityToPay.ABLE, WillingnessToPay.WILLING): CollectionCourse.GENTLE,
    (AbilityToPay.ABLE, WillingnessToPay.UNWILLING): CollectionCourse.FIRM,
    (AbilityToPay.UNABLE, WillingnessToPay.WILLING): CollectionCourse.PLAN,
    (AbilityToPay.UNABLE, WillingnessToPay.UNWILLING): CollectionCourse.HAND_OVER,
}
"""Insolvency, which stops everything, stands outside it."""


class ReferralReason(StrEnum):
    """Why an account was referred."""

    COLLECTOR = "collector"
    BROKEN_PROMISES = "broken_promises"
    INSOLVENCY_NOTICE = "insolvency_notice"
    EXPOSURE_OVER_LIMIT = "exposure_over_limit"
    REVIEW_DATE = "review_date"


class ReferAccount(Command):
    """The account is to be reviewed. What made it necessary beyond the reason, is in the note."""

    journal_name: ClassVar[str] = "ReferAccount"

    reason: ReferralReason
    note_id: str | None = None


class GiveCreditVerdict(Command):
    """`limit` in minor units of `currency`; conditions are kept as a note's id, for they may name people.

    `segment` is the segment whose policy applies to the account from now on; None leaves it as it is.
    """

    journal_name: ClassVar[str] = "GiveVerdict"

    ability: AbilityToPay
    willingness: WillingnessToPay
    insolvent: bool = False
    limit: int | None = Field(default=None, ge=0)
    currency: Currency | None = None
    conditions_note: str | None = None
    segment: str | None = None
    next_review_on: date | None = None

    @property
    def course(self) -> CollectionCourse:
        return CollectionCourse.STOP if self.insolvent else COURSE_GRID[self.ability, self.willingness]


class CloseCreditReview(Command):
    """The account needs no watching any more, such as after an insolvency was lifted."""

    journal_name: ClassVar[str] = "CloseReview"
