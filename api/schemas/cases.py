"""The fields that every case of an account is shown with."""

from datetime import date

from pydantic import BaseModel


class CaseOut(BaseModel):
    """One case of an account. `awaiting_role` is set while people of that role are to act; `outcome` is null while it is open."""

    id: str
    account_id: str
    account_name: str
    invoice_ids: list[str]
    stage: str
    waiting_for: str
    awaiting_role: str | None
    next_step: str | None
    next_on: date | None
    outcome: str | None
