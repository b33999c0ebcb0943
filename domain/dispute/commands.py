"""What people do about a dispute. Who did it, and in which role, is set by the API from who signed in."""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from domain.case.command import Command
from domain.policy.dispute_rules import DisputeReason, DisputeResolution
from domain.roles import Role


class DisputeSource(StrEnum):
    """How we came to know."""

    COLLECTOR = "collector"
    CALL = "call"
    FILE = "file"
    """An imported file, or the billing system, calls the invoice disputed; nobody here has spoken to the customer about it."""


class RaiseDispute(Command):
    """The customer contests `amount` (minor units of the invoice's currency). `evidence`: the SHA-256 of each stored file."""

    journal_name: ClassVar[str] = "RaiseDispute"

    role: Role
    reason: DisputeReason
    amount: int = Field(gt=0)
    source: DisputeSource = DisputeSource.COLLECTOR
    note_id: str | None = None
    evidence: list[str] = Field(default_factory=list)


class AssignDispute(Command):
    """To a person of the department that owns it, or to another department, whose time then starts anew."""

    journal_name: ClassVar[str] = "AssignDispute"

    role: Role
    department: Role | None = None
    assignee: str | None = None
    note_id: str | None = None


class AttachEvidence(Command):
    """Files that are stored already, by their SHA-256."""

    journal_name: ClassVar[str] = "AttachEvidence"

    evidence: list[str] = Field(min_length=1)


class ResolveDispute(Command):
    """The department's answer.

    `amount` (minor units) is what a credit note would credit, or the corrected invoice's new total; a correction without one is in
    billing already. `reference` is that of the payment that was found, or of the corrected invoice; it names no person.
    """

    journal_name: ClassVar[str] = "ResolveDispute"

    role: Role
    resolution: DisputeResolution
    amount: int | None = Field(default=None, ge=0)
    reference: str = ""
    note_id: str | None = None
