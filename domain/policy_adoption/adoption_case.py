"""The state of the adoption of a policy, and the rules by which it changes."""

from enum import StrEnum

from pydantic import Field

from domain.approval.result import ApprovalOutcome, ApprovalResult
from domain.case.account_case import AccountCase
from domain.case.effects import RequestApproval
from domain.clock import Moment
from domain.journal.entry import FactValue
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import SYSTEM
from domain.money import NO_CURRENCY
from domain.policy.adoption import PolicyMove
from domain.policy.approval_type import ApprovalType
from domain.policy.collection_policy import PolicySnapshot
from domain.policy_adoption.commands import RequestPolicyAdoption
from domain.policy_adoption.progress import AdoptionBatch, AdoptionBatchResult, ForceOrder, ForceResult

NO_ACCOUNT = ""
"""The account id of the case: a policy is that of many accounts."""

APPROVAL_SEQUENCE = "approval"
ROUNDS_WITHOUT_PROGRESS = 12
"""After so many looks at the invoices that are left, none of which has moved on meanwhile, the adoption ends without them."""

ROUNDS_UNTIL_REPEATED = 3
"""After so many looks without progress those that are left are told again."""


class AdoptionStage(StrEnum):
    NOT_ASKED = "not_asked"
    APPROVAL = "approval"
    PUTTING_IN_FORCE = "putting_in_force"
    MOVING = "moving"
    ADOPTED = "adopted"
    INCOMPLETE = "incomplete"
    OVERTAKEN = "overtaken"
    REJECTED = "rejected"
    RETURNED = "returned"
    LAPSED = "lapsed"
    IN_FORCE = "in_force"
    UNUSABLE = "unusable"


_UNDER_WAY = (AdoptionStage.NOT_ASKED, AdoptionStage.APPROVAL, AdoptionStage.PUTTING_IN_FORCE, AdoptionStage.MOVING)
_STAGE_OF_REFUSAL = {
    ApprovalResult.REJECTED: AdoptionStage.REJECTED,
    ApprovalResult.RETURNED: AdoptionStage.RETURNED,
    ApprovalResult.LAPSED: AdoptionStage.LAPSED,
}


class AdoptionCase(AccountCase):
    """The adoption of one version of a policy, and before that, where it was never in force, putting it in force. Serialisable whole.

    `total`: how many invoices were to move when it was asked for; `told` and `ended`: how many were told, and had ended by then; `left`:
    how many still follow an older version, `sample` some of them. `after`: the last one that was told; `is_round_over`: all were.
    `puts_in_force`, `replaces` and `adopts` as in the request; `granted_by`: who agreed; `faults`: what stood against putting it in force.
    """

    stage: AdoptionStage = AdoptionStage.NOT_ASKED
    target: PolicySnapshot | None = None
    requester: str = ""
    total: int = 0
    told: int = 0
    ended: int = 0
    left: int = 0
    sample: list[str] = Field(default_factory=list)
    after: str | None = None
    is_round_over: bool = False
    puts_in_force: bool = False
    replaces: int | None = None
    adopts: bool = True
    granted_by: str | None = None
    faults: list[str] = Field(default_factory=list)
    rounds_without_progress: int = 0

    @property
    def is_asked(self) -> bool:
        return self.stage is not AdoptionStage.NOT_ASKED

    @property
    def is_ended(self) -> bool:
        return self.stage not in _UNDER_WAY

    @property
    def draft_sha256(self) -> str:
        """Of the text that is to be put in force; empty where there is none."""
        return self.target.sha256 if self.target and self.puts_in_force else ""

    @property
    def waiting_for(self) -> str:
        """What moves it next."""
        return {AdoptionStage.APPROVAL: "approval", AdoptionStage.MOVING: "invoices"}.get(self.stage, "nothing")

    def request_adoption(self, command: RequestPolicyAdoption, at: Moment) -> int:
        """Ask those who must agree to a change of policy; the number of the entry."""
        policy = command.policy
        self.stage, self.target, self.requester = AdoptionStage.APPROVAL, policy, command.actor
        self.puts_in_force, self.replaces, self.adopts = command.puts_in_force, command.replaces, command.adopts
        self.total = self.left = command.invoices if command.adopts else 0
        seq = self._write_request(command, at)
        self.add_effect(
            RequestApproval(
                number=self.next_number(APPROVAL_SEQUENCE),
                matter=ApprovalType.POLICY_CHANGE,
                amount=0,
                currency=NO_CURRENCY,
                requester=command.actor,
                reason=_describe_request(command),
                details={"policy": policy.name, "policy_version": policy.version, "invoices_affected": self.total}
                | ({"draft_sha256": policy.sha256} if command.puts_in_force else {}),
            )
        )
        return seq

    def _write_request(self, command: RequestPolicyAdoption, at: Moment) -> int:
        """A text that was never in force is named as a draft: it may be refused, and then no case ever follows it."""
        policy = command.policy
        about: dict[str, FactValue] = {"act": command.act_id, "policy": policy.name, "policy_version": policy.version}
        if not command.puts_in_force:
            about |= {"policy_sha256": policy.sha256, "invoices": command.invoices}
            return self.write_entry(EntryKind.ADOPTION_ASKED, at, command.actor, **about)
        about |= {"draft_sha256": policy.sha256} | ({"invoices": command.invoices} if command.adopts else {})
        return self.write_entry(EntryKind.POLICY_SUBMITTED, at, command.actor, **about)

    def apply_approval_outcome(self, outcome: ApprovalOutcome, at: Moment) -> None:
        """Begin to move the invoices, or end; the answer to an earlier approval is passed over."""
        if self.stage is not AdoptionStage.APPROVAL or outcome.number != self.last_number(APPROVAL_SEQUENCE):
            return
        if outcome.result is not ApprovalResult.APPROVED:
            self._end(_STAGE_OF_REFUSAL[outcome.result], at, by=outcome.by)
            return
        self.granted_by = outcome.by
        if self.puts_in_force:
            self.stage = AdoptionStage.PUTTING_IN_FORCE
        else:
            self._begin_to_move(at)

    def apply_force_result(self, result: ForceResult, at: Moment) -> None:
        """Go on once the version is in force, by moving the open invoices or by ending; end, too, where it could not be."""
        if self.stage is not AdoptionStage.PUTTING_IN_FORCE or self.target is None:
            return
        if result.overtaken_by is not None:
            self._end(AdoptionStage.OVERTAKEN, at, by=self.granted_by, overtaken_by=result.overtaken_by)
            return
        if result.faults:
            self.faults = result.faults
            self._end(AdoptionStage.UNUSABLE, at, by=self.granted_by)
            return
        about = {**self._describe_target(), "policy_sha256": self.target.sha256, "requester": self.requester, "granted_by": self.granted_by}
        self.write_entry(EntryKind.POLICY_PUT_IN_FORCE, at, SYSTEM, **about)
        if self.adopts:
            self._begin_to_move(at)
        else:
            self._end(AdoptionStage.IN_FORCE, at, by=self.granted_by)

    def _begin_to_move(self, at: Moment) -> None:
        self.stage = AdoptionStage.MOVING
        self.write_entry(EntryKind.ADOPTION_BEGUN, at, SYSTEM, **self._describe_target(), granted_by=self.granted_by)

    def require_target(self) -> PolicySnapshot:
        """The version that it is about. Raises ValueError before one was asked for."""
        if self.target is None:
            raise ValueError(f"{self.journal.case_id} moves invoices to no policy")
        return self.target

    def build_force_order(self) -> ForceOrder:
        return ForceOrder(policy=self.require_target(), replaces=self.replaces)

    def build_next_batch(self) -> AdoptionBatch:
        """The invoices to be told next; none while all were told and are waited for."""
        move = PolicyMove(policy=self.require_target(), adoption=self.journal.case_id)
        return AdoptionBatch(move=move, size=0) if self.is_round_over else AdoptionBatch(move=move, after=self.after)

    def apply_batch(self, result: AdoptionBatchResult, at: Moment) -> None:
        """Take in how far it has come: told batch by batch, then waited for until each has gone on by the policy."""
        if result.overtaken_by is not None:
            self._end(AdoptionStage.OVERTAKEN, at, overtaken_by=result.overtaken_by)
            return
        has_progress = result.left < self.left
        self.left, self.sample = result.left, result.sample
        if not self.is_round_over:
            self._count_told(result, at)
            return
        self.rounds_without_progress = 0 if has_progress else self.rounds_without_progress + 1
        if not self.left:
            self._end(AdoptionStage.ADOPTED, at)
        elif self.rounds_without_progress >= ROUNDS_WITHOUT_PROGRESS:
            self._end(AdoptionStage.INCOMPLETE, at, sample=" ".join(self.sample))
        elif self.rounds_without_progress == ROUNDS_UNTIL_REPEATED:
            self.after, self.is_round_over = None, False

    def _count_told(self, result: AdoptionBatchResult, at: Moment) -> None:
        self.after, self.is_round_over = result.last, result.last is None
        is_first_round = not self.rounds_without_progress
        if result.last is not None and is_first_round:
            self.told, self.ended = self.told + result.told, self.ended + result.ended
            self.write_entry(EntryKind.ADOPTION_MOVED, at, told=self.told, ended=self.ended, left=self.left, last=result.last)

    def _end(self, stage: AdoptionStage, at: Moment, by: str | None = None, sample: str = "", overtaken_by: int | None = None) -> None:
        self.stage = stage
        self.write_entry(
            EntryKind.ADOPTION_ENDED,
            at,
            SYSTEM,
            **self._describe_target(),
            ending=stage.value,
            told=self.told,
            ended=self.ended,
            left=self.left,
            decided_by=by,
            sample=sample,
            overtaken_by=overtaken_by,
            **({"why": " ".join(self.faults)} if self.faults else {}),
        )

    def _describe_target(self) -> dict[str, FactValue]:
        return {"policy": self.target.name, "policy_version": self.target.version} if self.target else {}


def _describe_request(command: RequestPolicyAdoption) -> str:
    """In words for whoever decides through the API; the console says it in the reader's language."""
    policy = command.policy
    moved = f"{command.invoices} open invoices of the policy {policy.name} would go on by version {policy.version}"
    if not command.puts_in_force:
        return moved
    opening = f"version {policy.version} of the policy {policy.name} would be put in force"
    return f"{opening}; {moved}" if command.adopts else f"{opening} for new invoices"
