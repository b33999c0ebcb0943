"""What an erasure removes, what stays and why, and when an account's details may go."""

from datetime import date

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

DEFAULT_RETENTION_YEARS = 10
"""Unless a company sets its own: as long as books and their vouchers are kept (HGB § 257 (4), AO § 147 (3))."""


ERASED_CATEGORIES = {
    "contacts": "whom to write to is needed no longer: name, e-mail address and phone number go, with the whole row",
    "letters": "recipient, subject, text and the mail server's answer go; that it went, when, about which invoices, and its SHA-256 stay",
    "notes": "what people wrote about the customer goes; author, day and the journal's entry that names the note stay",
    "calls": "who was spoken to on the telephone goes; that the customer was called, when, by whom of ours and with what outcome stays",
    "tasks": "what people wrote when they closed a task goes; the task stays",
    "notices": "what waited to be told to somebody of ours goes; that it waited, for which role and since when, stays",
    "set_aside": "the error's own words, and what would be tried again, go; that something of the account's was set aside, and when, stays",
    "documents": "attached files and dossiers go, unless another account's case rests on the same file; their SHA-256 stays in the journal",
    "import_rows": "rejected rows that named the customer go; that a row was rejected stays",
    "billing_calls": "what a connected billing system sent when something of the customer's changed goes; that and when it did stays",
    "refused_notes": "why a connected billing system refused a note about the customer goes; the journal's entry stays",
    "name": "the account's name may be a person's, and gives way to the account's id",
}
"""What is erased, and what that means."""


RETAINED_CATEGORIES = {
    "invoices": "the books rest on them: amounts and days, under the account's id",
    "payments": "the books rest on them",
    "credit_notes": "the books rest on them",
    "write_offs": "the books rest on them",
    "journal": "evidence of what was done, by whom of ours, and when; it names the account by its id, and its hash chain allows no change",
    "policies": "the rules by which the account was collected; they name nobody",
    "views": "who of ours looked at the account: what shows that its details were looked after",
}
"""What is kept, and why."""


QUOTED_ADDRESSES_REMARK = (
    "entries of the journal that quote an e-mail address, as mail servers do when they refuse a letter: the chain allows no change"
)


OUT_OF_REACH_REMARKS = (
    "copies in backups, in exports that were made earlier, in the local inbox and in the customer's own mailbox are out of reach here",
    "reasons that people gave for a pause, a plan or a reinstatement stay in the journal: they must name no person",
    "what a customer wrote as a payment's reference stays with the payment and in the journal, as billing told it",
)
"""What the report must say for its reader not to be misled."""


class ErasureLine(BaseModel):
    """How many of what, and why. `what` is a key of GOES or STAYS."""

    model_config = ConfigDict(frozen=True)

    what: str
    count: int
    why: str


def compute_retention_end(last_record_on: date, years: int) -> date:
    """The last day on which the records must be kept: retention runs from the end of the year of the last one (HGB § 257 (5))."""
    return date(last_record_on.year + years, 12, 31)


class ErasureReport(BaseModel):
    """What was erased, or in a dry run would be, and what stays. `at` is business time.

    `blocked` says why nothing may go yet. `letters` has the SHA-256 of each erased letter's content by its Message-ID, `documents` that of
    each erased file: whoever verifies the database tells by them what was erased from what was tampered with.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    account_id: str
    asked_by: str
    at: AwareDatetime
    dry_run: bool
    retention_years: int
    last_record_on: date | None
    kept_until: date | None
    blocked: list[str] = Field(default_factory=list)
    erased: list[ErasureLine] = Field(default_factory=list)
    kept: list[ErasureLine] = Field(default_factory=list)
    remarks: list[str] = Field(default_factory=list)
    letters: dict[str, str] = Field(default_factory=dict)
    documents: list[str] = Field(default_factory=list)

    def count_erased(self, what: str) -> int:
        return sum(line.count for line in self.erased if line.what == what)


class ErasureResult(BaseModel):
    """What the workflow hears: numbers only. `blocked`: why nothing went, in words that name nobody."""

    report: str
    retention_years: int
    blocked: list[str] = Field(default_factory=list)
    counts: dict[str, int] = Field(default_factory=dict)

    @classmethod
    def from_report(cls, report: ErasureReport) -> "ErasureResult":
        counts = {line.what: line.count for line in report.erased}
        return cls(report=report.key, retention_years=report.retention_years, blocked=report.blocked, counts=counts)


def list_erasure_obstacles(
    open_invoices: int, open_cases: int, letters_under_way: int, retention_end: date | None, today: date
) -> list[str]:
    """Why nothing may go yet, in words; none when the account is at rest and its retention is over. `today` is the business date."""
    found = []
    if open_invoices:
        found.append(f"{open_invoices} of its invoices are open")
    if open_cases:
        found.append(f"{open_cases} of its cases are open")
    if letters_under_way:
        found.append(f"{letters_under_way} of its letters are under way")
    if retention_end is not None and today <= retention_end:
        found.append(f"its records must be kept until {retention_end.isoformat()}")
    return found
