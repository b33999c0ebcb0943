"""What the workflow of an adoption starts with."""

from domain.case.account_case import EarlierRun
from domain.case.workflow_input import CaseInput
from domain.policy_adoption.adoption_case import AdoptionCase


class PolicyAdoptionInput(CaseInput):
    """`policy` is the name of the policy. `earlier` is what the policy's last adoption left, `case` hands a long life on to a new run."""

    policy: str
    earlier: EarlierRun | None = None
    case: AdoptionCase | None = None
