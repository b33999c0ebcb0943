"""What lists know of the adoption of a policy."""

from pydantic import BaseModel, ConfigDict

from domain.case.summary_fields import PackedWords


class AdoptionSummary(BaseModel):
    """Which version, who asked, and how many invoices: of `total`, `told` were told, `ended` had ended, `left` follow an older version.

    `draft_sha256` names the stored text of a version that is to be put in force; empty where the version was in force before. `adopts`:
    whether the open invoices are to go on by it. `why`: what stood against putting it in force.
    """

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
    draft_sha256: str = ""
    adopts: bool = True
    why: str = ""
