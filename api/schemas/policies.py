"""The policies in force, and what the last start refused."""

from datetime import date
from typing import Literal

from pydantic import AwareDatetime, BaseModel, Field

from api.schemas.request_body import RequestBody, Version, example_config

MAX_DRAFT_LENGTH = 100_000
"""Of a policy's text, in characters."""


class PolicyOut(BaseModel):
    """A policy that takes new invoices. `segments` is empty for the policy of all other accounts; `sha256` is that of its text."""

    policy: str
    version: int
    title: str
    segments: list[str]
    sha256: str


class RefusalOut(BaseModel):
    """Every start since `at` (real time, UTC) has refused the folder of policies. `faults`: file, line, what is wrong, what to do."""

    at: AwareDatetime
    faults: list[str]


class PoliciesOut(BaseModel):
    """`refused` is null while the folder's files are those in force; `matrix_version` before a matrix is loaded."""

    items: list[PolicyOut]
    matrix_version: int | None
    refused: RefusalOut | None


class PolicyDraftIn(RequestBody):
    """A later version of a policy in force, as its file would say it (YAML)."""

    model_config = example_config(text="policy: standard\nversion: 4\n…", applies_to="open_invoices", replaces=3)

    text: str = Field(min_length=1, max_length=MAX_DRAFT_LENGTH)
    applies_to: Literal["new_invoices", "open_invoices"] = Field(
        default="new_invoices", description="who follows it once it is in force: new invoices alone, or those that are open, too"
    )
    replaces: Version | None = Field(default=None, description="the version that it was compared with; refused when another is in force")


class StepChangeOut(BaseModel):
    """Open invoices for which the version in force changes the same. Days are business dates (UTC)."""

    version: int = Field(description="the version that they follow now")
    step_before: str | None
    step_after: str | None = Field(description="their next step after the adoption; null: none is left")
    change: str = Field(description="same, sooner, later, harsher, softer or other")
    invoices: int
    on_hold: int = Field(description="so many of them wait, and have no day")
    at_once: int = Field(description="for so many of them the next step would be due today")
    first_on: date | None
    last_on: date | None
    examples: list[str]


class AdoptionOut(BaseModel):
    """The adoption that is under way, or the last one. `told`, `ended` and `left` count invoices; `sample`: some that are left."""

    id: str
    policy_version: int
    stage: str
    requester: str
    approval: str | None = Field(description="the id of its approval")
    total: int
    told: int
    ended: int
    left: int
    sample: list[str]


class AdoptionPreviewOut(BaseModel):
    """What adopting the version in force would change, as of now."""

    policy: str
    version: int
    invoices: int = Field(description="open invoices on older versions")
    by_version: dict[int, int]
    changes: list[StepChangeOut]
    adoption: AdoptionOut | None
