"""Workflow ids, task queues and keys, built nowhere else."""

from datetime import date
from enum import StrEnum
from typing import NamedTuple

from domain.digits import parse_digits

TASK_QUEUE = "collections"
CORRESPONDENCE_RUN_ID = "correspondence"
BILLING_SYNC_ID = "billing_sync"
CONNECTED_SYSTEMS_ID = "connected_systems"
COMPARED_SYSTEMS_ID = "compared_systems"
REFERRALS_ID = "referrals"
DAILY_SEAL_ID = "daily_seal"
SEAL_CASE_ID = "seal"
"""The case of all seals: each day's run of `DailySeal` follows its chain."""
HISTORY_ARCHIVE_ID = "history_archive"
APPROVAL_DIGEST_ID = "approval_digest"
STANDING_CHECK_ID = "standing_check"

SEARCH_ATTRIBUTES = ("DuecourseAccount", "DuecourseCollector", "DuecourseStage", "DuecourseAwaiting")
"""By which cases are listed with Temporal's own tools: keywords, registered with the server."""


class CaseKind(StrEnum):
    """What a case is about: the column `kind` of the table of cases. `seal` is the one case of all daily seals."""

    INVOICE = "invoice"
    DISPUTE = "dispute"
    PAYMENT_PLAN = "payment_plan"
    SUSPENSION = "suspension"
    CREDIT_REVIEW = "credit_review"
    WRITE_OFF = "write_off"
    ERASURE = "erasure"
    APPROVAL = "approval"
    SEAL = "seal"
    POLICY_ADOPTION = "policy_adoption"
    CREDIT_REQUEST = "credit_request"

    @property
    def id_prefix(self) -> str:
        """The word with which the ids of such cases begin."""
        return {CaseKind.PAYMENT_PLAN: "plan", CaseKind.POLICY_ADOPTION: "adoption"}.get(self, self.value)


_KIND_BY_ID_PREFIX = {kind.id_prefix: kind for kind in CaseKind}
_NUMBERED_KINDS = frozenset({CaseKind.DISPUTE, CaseKind.PAYMENT_PLAN, CaseKind.APPROVAL})


class CaseId(NamedTuple):
    """The parts of a case's id.

    `subject` is the id of the invoice (of an invoice's collection, a dispute or a credit request), of the case that asks (of an
    approval), else of the account, or the name of the policy that is adopted; the case of the seals has none. `number` counts disputes,
    plans and approvals of their subject from 1.
    """

    kind: CaseKind
    subject: str
    number: int | None = None


def parse_case_id(case_id: str) -> CaseId | None:
    """Take a case's id apart; None for what is no case's id. Ids of invoices and accounts may contain colons."""
    prefix, _, subject = case_id.partition(":")
    kind = _KIND_BY_ID_PREFIX.get(prefix)
    if kind is None:
        return None
    if kind in _NUMBERED_KINDS:
        numbered, _, number = subject.rpartition(":")
        if numbered and (count := parse_digits(number)) is not None:
            return CaseId(kind, numbered, count)
    return CaseId(kind, subject)


def find_case_kind(case_id: str) -> CaseKind | None:
    """Find the kind of a case by its id; None for what is no case's id."""
    parsed = parse_case_id(case_id)
    return parsed.kind if parsed else None


class WorkflowName(StrEnum):
    """What each workflow is called on the server: the name of its class."""

    INVOICE_COLLECTION = "InvoiceCollection"
    DISPUTE = "Dispute"
    APPROVAL = "Approval"
    PAYMENT_PLAN = "PaymentPlan"
    CREDIT_REVIEW = "CreditReview"
    ACCOUNT_SUSPENSION = "AccountSuspension"
    WRITE_OFF = "WriteOff"
    ERASING = "Erasing"
    POLICY_ADOPTION = "PolicyAdoption"
    CORRESPONDENCE_RUN = "CorrespondenceRun"
    BILLING_SYNC = "BillingSync"
    CONNECTED_SYSTEMS = "ConnectedSystems"
    COMPARED_SYSTEMS = "ComparedSystems"
    REFERRALS = "Referrals"
    DAILY_SEAL = "DailySeal"
    HISTORY_ARCHIVE = "HistoryArchive"
    APPROVAL_DIGEST = "ApprovalDigest"
    CREDIT_REQUEST = "CreditRequest"
    STANDING_CHECK = "StandingCheck"


def invoice_case_id(invoice_id: str) -> str:
    """The workflow id, and the journal's case id, of one invoice's collection."""
    return f"invoice:{invoice_id}"


def dispute_case_id(invoice_id: str, number: int) -> str:
    """Disputes of an invoice count from 1."""
    return f"dispute:{invoice_id}:{number}"


def plan_case_id(account_id: str, number: int) -> str:
    """Payment plans of an account count from 1."""
    return f"plan:{account_id}:{number}"


def suspension_case_id(account_id: str) -> str:
    """One at a time for an account; the next one follows its chain."""
    return f"suspension:{account_id}"


def credit_review_case_id(account_id: str) -> str:
    """One at a time for an account; the next one follows its chain."""
    return f"credit_review:{account_id}"


def write_off_case_id(account_id: str) -> str:
    """One at a time for an account; the next one follows its chain."""
    return f"write_off:{account_id}"


def erasure_case_id(account_id: str) -> str:
    """One at a time for an account; the next one follows its chain."""
    return f"erasure:{account_id}"


def policy_adoption_case_id(policy: str) -> str:
    """One at a time for a policy, by its name; the next one follows its chain."""
    return f"adoption:{policy}"


def credit_request_case_id(invoice_id: str) -> str:
    """One at a time for an invoice; the next one follows its chain."""
    return f"credit_request:{invoice_id}"


def approval_case_id(case_id: str, number: int) -> str:
    """Approvals that a case asks for count from 1."""
    return f"approval:{case_id}:{number}"


def letter_key(account_id: str, language: str, currency: str, slot_day: date) -> str:
    """What makes a letter the same letter: one per account, language, currency and day. Its Message-ID derives from it."""
    return f"letter:{account_id}:{language}:{currency}:{slot_day.isoformat()}"


def written_letter_id(act_id: str) -> str:
    """What stands in the place of a case at the letters that a person writes, all of one act."""
    return f"written_letter:{act_id}"


def digest_key(user: str, day: date) -> str:
    """What makes a digest the same digest: one per person and business date. Its Message-ID derives from it."""
    return f"digest:{user}:{day.isoformat()}"


def case_letter_key(case_id: str, key: str) -> str:
    """What makes a letter of a case the same letter; its Message-ID derives from it."""
    return f"case_letter:{case_id}:{key}"
