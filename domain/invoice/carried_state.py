"""What an invoice's collection hands on to a run that takes it up again."""

from pydantic import AwareDatetime, Field

from domain.case.account_case import EarlierRun
from domain.invoice.dispute_record import DisputeRecord
from domain.timeline.holds import HeldPeriod
from domain.timeline.step_schedule import TakenStep


class CarriedState(EarlierRun):
    """What an invoice that is taken up again goes on with besides: the steps it took, the time it spent on hold, its disputes, and the
    cases of its account that hear of it; and which version of which policy it followed, None of a run from before that was kept."""

    taken: list[TakenStep] = Field(default_factory=list)
    past: list[HeldPeriod] = Field(default_factory=list)
    broken_promises: int = 0
    heard: list[str] = Field(default_factory=list)
    disputes: list[DisputeRecord] = Field(default_factory=list)
    followers: list[str] = Field(default_factory=list)
    closed_at: AwareDatetime | None = None
    policy: str | None = None
    policy_version: int | None = None
