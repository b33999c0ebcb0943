"""The findings of a check of everything stored."""

from datetime import date

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, computed_field


class VerificationFinding(BaseModel):
    """A row that does not agree with the journal.

    `key` names the row: `CASE/NUMBER/HASH` of an entry, `CASE/NUMBER` of one that is missing, a case's id, a seal's day, a letter's
    Message-ID, a document's SHA-256, `NAME/VERSION` of a policy, `CASE/RUN` of an archived history, an invoice's or a payment's id.
    `what` is the fault in words; `entry` the journal entry, named in the same way, that proves it, None where there is none.
    """

    model_config = ConfigDict(frozen=True)

    table: str
    key: str
    what: str
    entry: str | None = None


class VerificationReport(BaseModel):
    """The result of a verification.

    `orphans` are lawful entries beside the chains: a workflow task that was repeated wrote them. `unsettled` counts the heads that were
    sealed just before such a repetition replaced them. `unguarded` are the tables whose trigger against changes is missing. `looked_at`
    counts the rows that were compared with the journal, by table; `out_of_reach` names what could not be checked, with the reason.
    `days` counts the business days on which a case wrote an entry; `last_seal` is the business day of the last seal, made at
    `last_seal_at` (real time, UTC); both are None where there is none.
    """

    cases: int = 0
    entries: int = 0
    orphans: int = 0
    unsettled: int = 0
    seals: int = 0
    days: int = 0
    last_seal: date | None = None
    last_seal_at: AwareDatetime | None = None
    looked_at: dict[str, int] = Field(default_factory=dict)
    out_of_reach: list[str] = Field(default_factory=list)
    unguarded: list[str] = Field(default_factory=list)
    faults: list[VerificationFinding] = Field(default_factory=list)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def sound(self) -> bool:
        """True when nothing differs."""
        return not self.faults
