"""What lists know of the adoption of a policy."""

from pydantic import BaseModel, ConfigDict

from domain.case.summary_fields import PackedWords


class AdoptionSummary(BaseModel):
    """Which version, who asked, and how many invoices: of `total`, `told` were told, `ended` had ended, `left` follow an older version."""

    model_config = ConfigDict(frozen=True)

    policy: str = ""
    policy_version: int = 0
    requester: str = ""
    approvals: int = 0
    total: int = 0
    told: int = 0
    ended: int = 0
    left: int = 0
    sample: PackedWords = ()
