"""How the accounts of a played year go: what people decide about each, and what its customer does."""

from dataclasses import dataclass
from hashlib import sha256

from domain.write_off.commands import WriteOffDecision


@dataclass(frozen=True)
class YearScenario:
    """How one account goes: what our people decide about it, and what its customer does.

    Each word holds for the first time that its moment comes; later ones are decided in favour of whoever asks. `notice`, `suspended`:
    what the customer or our people do meanwhile. `money`: when the customer pays all, if ever.
    """

    call: str = ""
    warning: str = "approve"
    notice: str = ""
    sign_off: str = "approve"
    suspended: str = ""
    write_off: WriteOffDecision = WriteOffDecision.WHOLE
    afterwards: str = ""
    prepaid: bool = False

    def includes_plan(self, plan: str) -> bool:
        return plan in (self.call, self.notice)

    @property
    def has_plan(self) -> bool:
        """One that is agreed without ado; what the customer makes of it is the course's."""
        return self.includes_plan("plan_kept") or self.includes_plan("plan_broken")


YEAR_SCENARIOS = (
    YearScenario(notice="pay"),
    YearScenario(warning="reject", suspended="pay"),
    YearScenario(warning="return", suspended="reinstate"),
    YearScenario(warning="unreachable", suspended="hand_over", write_off=WriteOffDecision.PART),
    YearScenario(notice="extend", write_off=WriteOffDecision.AGENCY),
    YearScenario(warning="withdraw", write_off=WriteOffDecision.LEGAL),
    YearScenario(sign_off="reject", write_off=WriteOffDecision.WHOLE, afterwards="pay"),
    YearScenario(sign_off="return", write_off=WriteOffDecision.BACK_TO_COLLECTIONS),
    YearScenario(notice="dispute", suspended="dispute"),
    YearScenario(notice="plan_kept"),
    YearScenario(notice="plan_broken"),
    YearScenario(notice="pay_the_warned"),
    YearScenario(call="insolvency"),
    YearScenario(prepaid=True),
    YearScenario(call="plan_kept"),
    YearScenario(call="plan_broken"),
    YearScenario(call="dispute"),
    YearScenario(call="dispute"),
    YearScenario(call="promise"),
    YearScenario(call="plan"),
    YearScenario(call="plan"),
    YearScenario(call="review"),
)
"""An account that pays as its file says has none of them."""

CALLS = ("dispute", "plan", "promise", "refuses", "review")
OFFERS = ("silent", "accept", "decline", "counter", "cancel")
VERDICTS = (("able", "willing", 90), ("able", "unwilling", 60), ("unable", "willing", 60), ("unable", "unwilling", 90))


def shuffle_key(name: str) -> str:
    """An order in which neighbours in the file are strangers."""
    return sha256(name.encode()).hexdigest()
