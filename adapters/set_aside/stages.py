"""At which stage of the work something is set aside, for which reason, and how long it rests before it is tried again."""

from datetime import timedelta
from enum import StrEnum

from temporalio.service import RPCError

BACKOFF = (
    timedelta(0),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(minutes=30),
    timedelta(hours=1),
)
"""How long it rests, in real time, after it failed for the first time, the second, and so on; the last one repeats. After the first time it
is tried again by the stage's next run."""

MAX_DETAIL_LENGTH = 500


class SetAsideStage(StrEnum):
    """The stages, and what is set aside at each, by its id.

    BILLING_EVENT: what billing reports of an invoice. COLLECTOR, CLOCK: what a case is told of its collector or of a changed clock.
    LETTER: a letter, by its number; LETTER_SELECTION: the letters of an account; LETTER_OUTCOME: a letter's outcome for a case.
    NOTICE: a notice to staff, by its key; DIGEST: a person's digest; REFERRAL: an account. HISTORY: a run, as `case id:run id`;
    SEAL_MAIL: a day's seal. SCHEDULE: an activity of a scheduled workflow, as `workflow:activity`; CASE_WORK: one of a case's own.
    CASE: a case itself. BILLING_SYSTEM: the reading of a connected billing system, as `system:company`, or its
    comparison, as `system:company:comparison`; so of its `hints`, its `notes` and its `credits`, which are what customers
    have unapplied.
    """

    BILLING_EVENT = "billing_event"
    COLLECTOR = "collector"
    CLOCK = "clock"
    LETTER = "letter"
    LETTER_SELECTION = "letter_selection"
    LETTER_OUTCOME = "letter_outcome"
    NOTICE = "notice"
    DIGEST = "digest"
    REFERRAL = "referral"
    HISTORY = "history"
    SEAL_MAIL = "seal_mail"
    SCHEDULE = "schedule"
    CASE_WORK = "case_work"
    CASE = "case"
    BILLING_SYSTEM = "billing_system"


class SetAsideReason(StrEnum):
    """Why, as people read it; the row's detail says more."""

    TOO_LARGE = "too_large"
    SERVER_REFUSED = "server_refused"
    UNWRITABLE = "unwritable"
    STORE_REFUSED = "store_refused"
    NOT_TAKEN = "not_taken"
    BILLING_REFUSED = "billing_refused"
    FAILED = "failed"


def find_reason(error: BaseException) -> SetAsideReason:
    """Find the reason of a failure: the one that the error names as its `set_aside_reason`, or what follows from its kind."""
    named = getattr(error, "set_aside_reason", None)
    if isinstance(named, SetAsideReason):
        return named
    return SetAsideReason.SERVER_REFUSED if isinstance(error, RPCError) else SetAsideReason.FAILED


def describe_failure(error: BaseException) -> str:
    """Describe a failure in a line of at most MAX_DETAIL_LENGTH characters: of a group of errors the first one."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    text = " ".join(f"{type(error).__name__}: {error}".split()).replace("\0", "")
    return text if len(text) <= MAX_DETAIL_LENGTH else text[: MAX_DETAIL_LENGTH - 1] + "…"


def compute_rest(attempts: int) -> timedelta:
    """Return how long something rests that has failed so often, at least once."""
    return BACKOFF[min(attempts, len(BACKOFF)) - 1]
