"""What one round of the history archive did."""

from pydantic import AwareDatetime, BaseModel


class ArchiveSweepResult(BaseModel):
    """What a sweep did, and when in real time. `lag_seconds`: for how long the oldest run left to archive has ended, or 0."""

    at: AwareDatetime
    archived: int = 0
    left: int = 0
    lag_seconds: float = 0
    at_risk: int = 0
