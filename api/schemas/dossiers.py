"""Dossiers as the API takes and gives them."""

from datetime import date, datetime

from pydantic import BaseModel, Field

from adapters.dossier.dossier_store import StoredDossier
from api.schemas.request_body import Day, RequestBody, example_config
from domain.dossier import DossierPurpose


class DossierIn(RequestBody):
    """What it is for, and as of which business date; today when left out."""

    model_config = example_config(purpose="proof_of_claim", as_of="2013-03-01")

    purpose: DossierPurpose
    as_of: Day | None = Field(default=None, description="the account is described as it stood at this day's end")


class DossierOut(BaseModel):
    """Its two documents are read by GET /v1/documents/{sha256}."""

    purpose: DossierPurpose
    as_of: date
    made_at: datetime = Field(description="business time, as of which the account is described")
    asked_by: str = Field(description="a user, or the case that made it")
    json_sha256: str
    pdf_sha256: str
    pages: int

    @classmethod
    def from_stored_dossier(cls, dossier: StoredDossier) -> "DossierOut":
        fields = dossier._asdict()
        del fields["key"]
        return cls(**fields)
