"""What the audit's routes answer."""

from datetime import date, datetime

from pydantic import BaseModel, Field

from adapters.database.row_states import ClockChannel
from adapters.read_model.access_log import AccessLogLine, ClockChangeLine
from api.schemas.account_state import AccountStateOut
from api.schemas.journal import EntryOut
from domain.audit.seal import Seal
from domain.audit.verification_report import VerificationFinding
from domain.erasure.report import ErasureReport


class SealOut(BaseModel):
    """`hash` is the one that was mailed; `root` is that of the Merkle tree over where every case's chain stood."""

    day: date
    hash: str
    root: str
    cases: int
    entries: int
    previous: str

    @classmethod
    def from_seal(cls, seal: Seal) -> "SealOut":
        return cls(hash=seal.digest(), **seal.model_dump())


class SealCheckOut(BaseModel):
    seal: SealOut
    faults: list[VerificationFinding] = Field(description="empty when the seal is whole and the journal has all that it names")


class JournalStepOut(BaseModel):
    """An entry, and the account as it stood right after it."""

    entry: EntryOut
    standing: AccountStateOut


class ViewOut(BaseModel):
    """Who read what of an account within one hour, by which route or command, and how often."""

    user: str
    role: str
    account_id: str
    route: str
    count: int
    first_at: datetime = Field(description="real time")
    last_at: datetime = Field(description="real time")
    first_business_at: datetime = Field(description="business time")
    last_business_at: datetime = Field(description="business time")

    @classmethod
    def from_line(cls, line: AccessLogLine) -> "ViewOut":
        return cls(**line.model_dump(exclude={"id"}))


class ClockChangeOut(BaseModel):
    """Who asked for what of the played clock, and how it ran before."""

    made_by: str
    channel: ClockChannel
    paused: bool | None = Field(description="null: left as it was")
    day_seconds: float | None = Field(description="how long a business day was to last; null: left as it was")
    paused_before: bool
    day_seconds_before: float
    made_at: datetime = Field(description="business time")
    recorded_at: datetime = Field(description="real time")

    @classmethod
    def from_line(cls, line: ClockChangeLine) -> "ClockChangeOut":
        return cls(**line.model_dump(exclude={"id"}))


class ErasureOut(BaseModel):
    """What would be erased now, or what stands against it, and what was erased before."""

    now: ErasureReport
    before: list[ErasureReport] = Field(description="the latest first")
