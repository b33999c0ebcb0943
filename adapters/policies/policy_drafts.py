"""The drafts of policies that were asked to be put in force: their texts, for those who decide."""

from pydantic import ValidationError

from adapters.database.engine import Database
from adapters.document_store import DocumentStore
from domain.policy.collection_policy import Policy


def find_draft(database: Database, sha256: str) -> Policy | None:
    """Find the draft with this SHA-256; None where it is not stored here, or is no policy."""
    found = DocumentStore(database).get(sha256)
    if found is None:
        return None
    try:
        return Policy.model_validate_json(found[1])
    except ValidationError:
        return None
