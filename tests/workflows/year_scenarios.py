"""How the accounts of a played year go: what people decide about each, and what its customer does."""

from dataclasses import dataclass
from hashlib import sha256

from domain.write_off.commands import WriteOffDecision


@dataclass(frozen=True)
class Course:
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

    def has(self, plan: str) -> bool:
        return plan in (self.call, self.notice)

    @property
    def has_a_plan(self) -> bool:
        """One that is agreed without ado; what the customer makes of it is the course's."""
        return self.has("plan_kept") or self.has("plan_broken")


COURSES = (
    Course(notice="pay"),
    Course(warning="reject", suspended="pay"),
    Course(warning="return", suspended="reinstate"),
    Course(warning="unreachable", suspended="hand_over", write_off=WriteOffDecision.PART),
    Course(notice="extend", write_off=WriteOffDecision.AGENCY),
    Course(warning="withdraw", write_off=WriteOffDecision.LEGAL),
    Course(sign_off="reject", write_off=WriteOffDecision.WHOLE, afterwards="pay"),
    Course(sign_off="return", write_off=WriteOffDecision.BACK_TO_COLLECTIONS),
    Course(notice="dispute", suspended="dispute"),
    Course(notice="plan_kept"),
    Course(notice="plan_broken"),
    Course(notice="pay_the_warned"),
    Course(call="insolvency"),
    Course(prepaid=True),
    Course(call="plan_kept"),
    Course(call="plan_broken"),
    Course(call="dispute"),
    Course(call="dispute"),
    Course(call="promise"),
    Course(call="plan"),
    Course(call="plan"),
    Course(call="review"),
)
"""An account that pays as its file says has none of them."""

CALLS = ("dispute", "plan", "promise", "refuses", "review")
OFFERS = ("silent", "accept", "decline", "counter", "cancel")
VERDICTS = (("able", "willing", 90), ("able", "unwilling", 60), ("unable", "willing", 60), ("unable", "unwilling", 90))


def rank(name: str) -> str:
    """An order in which neighbours in the file are strangers."""
    return sha256(name.encode()).hexdigest()
