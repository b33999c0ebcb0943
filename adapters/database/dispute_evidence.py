"""The files that disputes have as evidence, as the cases' rows name them."""

import re

from pydantic import ValidationError
from sqlalchemy import ColumnElement, Text, and_, cast
from sqlmodel import col

from adapters.database.tables import Case
from domain.case_summary import parse_case_summary
from domain.dispute.summary import DisputeSummary
from domain.identifiers import CaseKind

_DIGEST_PATTERN = re.compile(r"\b[0-9a-f]{64}\b")


def has_evidence(digest: str) -> ColumnElement[bool]:
    """Select the disputes that have the file of this SHA-256 as evidence."""
    return and_(col(Case.kind) == CaseKind.DISPUTE, cast(col(Case.summary), Text).contains(digest, autoescape=True))


def list_evidence(kind: str, stored_summary: object) -> tuple[str, ...]:
    """The SHA-256 of each file. Where somebody made the summary something else, whatever in it may be one: that must end no check."""
    try:
        summary = parse_case_summary(kind, stored_summary)
    except ValidationError:
        return tuple(_DIGEST_PATTERN.findall(str(stored_summary)))
    return summary.evidence if isinstance(summary, DisputeSummary) else ()
