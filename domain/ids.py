"""Workflow ids, task queues and keys, built nowhere else."""

from datetime import date

TASK_QUEUE = "collections"
CORRESPONDENCE = "correspondence"
BILLING_SYNC = "billing_sync"


def invoice_case(invoice_id: str) -> str:
    """The workflow id, and the journal's case id, of one invoice's collection."""
    return f"invoice:{invoice_id}"


def invoice_of(case_id: str) -> str:
    """The invoice whose collection a workflow id names."""
    return case_id.removeprefix("invoice:")


def letter_key(account_id: str, language: str, currency: str, slot_day: date) -> str:
    """What makes a letter the same letter: one per account, language, currency and day. Its Message-ID derives from it."""
    return f"letter:{account_id}:{language}:{currency}:{slot_day.isoformat()}"
