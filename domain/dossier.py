"""An account's dossier: all that those who take it over, or decide on it, must know, as the account stood at one moment.

Texts of notes are for colleagues, and may name people: they stand in the dossier of the write-off team alone. An agency, a court or an
administrator has no claim to them. What else is quoted is what we and the account's mail server said to each other, and what the rules
recorded.
"""

from datetime import date
from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, Field

from domain.journal.entry_hash import canonical_json
from domain.projection.case_facts import (
    ApprovalFacts,
    CallFacts,
    DisputeFacts,
    DossierPart,
    EscalationFacts,
    LetterFacts,
    PlanFacts,
    PromiseFacts,
    ReferralFacts,
    SuspensionFacts,
    VerdictFacts,
    WriteOffFacts,
)


class DossierPurpose(StrEnum):
    """For whom it is made. A proof of claim states what is owed on a date, the others tell the whole story."""

    WRITE_OFF = "write_off"
    AGENCY = "agency"
    LEGAL = "legal"
    PROOF_OF_CLAIM = "proof_of_claim"


class CreditorFacts(DossierPart):
    name: str
    address: list[str]
    iban: str
    bic: str
    bank: str


class CollectorContact(DossierPart):
    """Who can be asked: the account's collector, or the desk that signs for accounts without one."""

    name: str
    email: str
    phone: str


class DossierContact(DossierPart):
    role: str
    name: str
    email: str
    phone: str
    undeliverable_since: date | None


class AccountFacts(DossierPart):
    id: str
    name: str
    country: str
    language: str
    segment: str
    contacts: list[DossierContact]


class DossierBalance(DossierPart):
    """Of one currency. `unapplied` is credit that no invoice took; `written_off` and `recovered` count since the account's beginning."""

    currency: str
    open_invoices: int = 0
    original: int = 0
    open: int = 0
    overdue: int = 0
    disputed: int = 0
    unapplied: int = 0
    written_off: int = 0
    recovered: int = 0
    current: int = 0
    days_1_to_30: int = 0
    days_31_to_60: int = 0
    days_61_to_90: int = 0
    days_over_90: int = 0


class DossierInvoice(DossierPart):
    """An invoice that is open, or was written off. `disputed` is the part of the open balance that is contested."""

    id: str
    number: str
    issued: date
    due: date
    days_past_due: int
    currency: str
    original: int
    open: int
    disputed: int
    stage: str


class DossierNote(DossierPart):
    """What a person wrote about the account, one of its invoices (by id), or a case. One that was erased is left out."""

    on: date
    by: str
    invoice: str
    text: str


class SettledInvoiceTotals(DossierPart):
    """What was paid, credited or cancelled before: counted, not listed."""

    currency: str
    invoices: int
    original: int
    last_settled_on: date | None


class JournalFingerprint(DossierPart):
    """Which state of the journal the dossier was compiled from: SHA-256 over the lines `case hash`, the cases in order of their ids."""

    cases: int
    entries: int
    sha256: str


class Dossier(DossierPart):
    """All amounts are whole minor units (cents) of the currency beside them; all days are business dates. Lists go forward in time.

    Invoices are named by id; `numbers` gives the number printed on each that is named anywhere.
    """

    format: Literal["duecourse.dossier.1"] = "duecourse.dossier.1"
    amounts_in: Literal["minor units"] = "minor units"
    purpose: DossierPurpose
    as_of: date
    compiled_at: AwareDatetime
    creditor: CreditorFacts
    desk: CollectorContact
    account: AccountFacts
    balances: list[DossierBalance]
    invoices: list[DossierInvoice]
    settled: list[SettledInvoiceTotals]
    numbers: dict[str, str]
    letters: list[LetterFacts]
    calls: list[CallFacts]
    escalations: list[EscalationFacts]
    notes: list[DossierNote] = Field(default_factory=list)
    promises: list[PromiseFacts]
    disputes: list[DisputeFacts]
    plans: list[PlanFacts]
    referrals: list[ReferralFacts]
    verdicts: list[VerdictFacts]
    suspensions: list[SuspensionFacts]
    approvals: list[ApprovalFacts]
    write_off: WriteOffFacts
    journal: JournalFingerprint

    def to_json_bytes(self) -> bytes:
        """The one JSON form: keys sorted, no spaces, UTF-8."""
        return canonical_json(self.model_dump())


class GeneratedDossier(DossierPart):
    """Where it is: the SHA-256 of each of its two documents."""

    purpose: DossierPurpose
    json_sha256: str
    pdf_sha256: str
    pages: int
