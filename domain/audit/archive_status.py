"""The result of one sweep of the history archive."""

from pydantic import AwareDatetime, BaseModel


class ArchiveSweepResult(BaseModel):
    """The counts of a sweep at a moment of real time. `lag_seconds`: the time since the oldest run left to archive ended, or 0."""

    at: AwareDatetime
    archived: int = 0
    left: int = 0
    lag_seconds: float = 0
    at_risk: int = 0
