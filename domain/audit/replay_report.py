"""The report of a replay: each case with its runs, and each entry that differs from its histories."""

from datetime import date
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, Field, computed_field


class EntryVerdict(StrEnum):
    """The result of comparing an entry of the database with the case's history.

    `timed_by_task`: but for its times the same as today's code makes it; the history's own hash proves that they are its times (a task that
    was cut short is replayed with its successor's time). `held_by_head`: its run could not be replayed, but the history's hash leads to it.
    `under_way`: the task that wrote it has not ended, so that the history cannot know it yet. `untold`: a history of the case is lost or
    damaged, and no other leads to the entry.
    """

    MATCHED = "matched"
    TIMED_BY_TASK = "timed_by_task"
    HELD_BY_HEAD = "held_by_head"
    UNDER_WAY = "under_way"
    UNTOLD = "untold"
    CHANGED = "changed"
    MISSING = "missing"
    ADDED = "added"


DIFFERENCE_VERDICTS = frozenset({EntryVerdict.CHANGED, EntryVerdict.MISSING, EntryVerdict.ADDED})


class FieldChange(BaseModel):
    """One field of an entry: as the database has it, and as the history makes it."""

    field: str
    database: str
    history: str


class EntryFinding(BaseModel):
    """An entry that differs. `hash` is the database's; of a missing entry the one that the history has, if it does."""

    case_id: str
    seq: int
    verdict: EntryVerdict
    kind: str
    hash: str = ""
    why: str = ""
    changes: list[FieldChange] = Field(default_factory=list)


class RunSource(StrEnum):
    """The place that a run's history was read from; LOST when none has it."""

    LIVE = "live"
    ARCHIVED = "archived"
    LOST = "lost"


class ReplayDivergence(BaseModel):
    """The point at which today's code diverges from a history: the history's event, by its number and type, that the code cannot have led
    to; `said` is the message of Temporal, or of the code."""

    workflow: str
    case_id: str
    event_id: int
    event: str
    said: str

    def __str__(self) -> str:
        return f"today's {self.workflow} parts from the history of {self.case_id} at event {self.event_id}, {self.event}: {self.said}"


class ReplayedRun(BaseModel):
    """One run of a case. Times are real. `why_not` is empty when it was replayed: otherwise the message of the code, or of the archive;
    `parting` is set when the code diverges from the history."""

    run_id: str
    workflow: str
    source: RunSource
    started_at: AwareDatetime | None = None
    closed_at: AwareDatetime | None = None
    continued_from: str | None = None
    events: int = 0
    replayed: bool = False
    why_not: str = ""
    parting: ReplayDivergence | None = None


class SealPosition(BaseModel):
    """The last daily seal that holds the case, and up to which of its entries."""

    day: date
    seq: int


class CaseReplay(BaseModel):
    """The replay of one case. `counts` has every entry once. `beside`: the number of entries that a repeated task wrote again under another
    hash; they have no effect."""

    case_id: str
    kind: str
    runs: list[ReplayedRun] = Field(default_factory=list)
    counts: dict[EntryVerdict, int] = Field(default_factory=dict)
    findings: list[EntryFinding] = Field(default_factory=list)
    beside: int = 0
    seal: SealPosition | None = None

    @property
    def is_replayed(self) -> bool:
        return bool(self.runs) and all(run.replayed for run in self.runs)

    @property
    def differences(self) -> list[EntryFinding]:
        return [finding for finding in self.findings if finding.verdict in DIFFERENCE_VERDICTS]


class ReplayReport(BaseModel):
    """Every case of an account, compared with its histories. `replayed_at` is real time."""

    account_id: str
    replayed_at: AwareDatetime
    cases: list[CaseReplay] = Field(default_factory=list)

    @property
    def differences(self) -> list[EntryFinding]:
        return [finding for case in self.cases for finding in case.differences]

    @property
    def unreplayed_runs(self) -> list[ReplayedRun]:
        return [run for case in self.cases for run in case.runs if not run.replayed]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def flawless(self) -> bool:
        """True when every run was replayed, and every entry is as its history makes it."""
        return not self.differences and not self.unreplayed_runs
