"""What the workflow of an adoption asks for batch by batch, and is answered."""

from pydantic import BaseModel, ConfigDict, Field

from domain.policy.adoption import PolicyMove
from domain.policy.collection_policy import PolicySnapshot

BATCH_SIZE = 200
SAMPLE_SIZE = 20
"""So many of the invoices that did not take the policy are named."""


class AdoptionBatch(BaseModel):
    """Tell the next invoices, in the order of their ids, after the one named; from the first on where none is named."""

    model_config = ConfigDict(frozen=True)

    move: PolicyMove
    after: str | None = None
    size: int = BATCH_SIZE


class AdoptionBatchResult(BaseModel):
    """`last` is the last invoice of the batch, None when there was none left to tell. `told` took the message, `ended` had no case any
    more. `left`: how many open invoices still follow an older version, `sample` some of them. `overtaken_by`: a later version in force."""

    last: str | None = None
    told: int = 0
    ended: int = 0
    left: int = 0
    sample: list[str] = Field(default_factory=list)
    overtaken_by: int | None = None


class ForceOrder(BaseModel):
    """The version to put in force, and the one that was in force when it was asked for."""

    model_config = ConfigDict(frozen=True)

    policy: PolicySnapshot
    replaces: int | None = None


class ForceResult(BaseModel):
    """What became of a version that was to be put in force: it is, or `overtaken_by` has the version that had come before, or `faults` say
    in words why it cannot be."""

    overtaken_by: int | None = None
    faults: list[str] = Field(default_factory=list)
