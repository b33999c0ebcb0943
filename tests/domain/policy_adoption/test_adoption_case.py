"""The adoption of a policy: asked for once at a time, moved in bounded batches, resumed anywhere, ended when it can be told how."""

import pytest

from domain.approval.result import ApprovalOutcome, ApprovalResult
from domain.case.effects import RequestApproval
from domain.journal.journal import Journal
from domain.policy.collection_policy import PolicySnapshot
from domain.policy_adoption.adoption_case import ROUNDS_UNTIL_REPEATED, ROUNDS_WITHOUT_PROGRESS, AdoptionCase, AdoptionStage
from domain.policy_adoption.command_rules import RULES
from domain.policy_adoption.commands import RequestPolicyAdoption
from domain.policy_adoption.progress import BATCH_SIZE, AdoptionBatch, AdoptionBatchResult, ForceResult
from tests.domain.builders import build_policy, moment

SECOND = PolicySnapshot.from_policy(build_policy(version=2))


def request(invoices: int = 3, act_id: str = "a", actor: str = "mira") -> RequestPolicyAdoption:
    return RequestPolicyAdoption(act_id=act_id, actor=actor, policy=SECOND, invoices=invoices)


def build_case(invoices: int = 3) -> AdoptionCase:
    """One that was asked for."""
    case = AdoptionCase(journal=Journal(case_id="adoption:standard", account_id=""))
    RULES.apply_command(case, request(invoices), moment())
    return case


def build_moving(invoices: int = 3) -> AdoptionCase:
    case = build_case(invoices)
    case.apply_approval_outcome(ApprovalOutcome(number=1, result=ApprovalResult.APPROVED, by="dora"), moment())
    return case


def kinds(case: AdoptionCase) -> list[str]:
    return [entry.kind.value for entry in case.journal.pending]


class InvoicesToMove:
    """Invoices that go on by the policy when they are told, but for the `stubborn` ones; those that have `ended` cannot be told."""

    def __init__(self, size: int, stubborn: set[str] | None = None, ended: set[str] | None = None) -> None:
        self.older = [f"I{number:06}" for number in range(size)]
        self.stubborn, self.ended, self.largest = stubborn or set[str](), ended or set[str](), 0
        self.told: list[str] = []

    def answer(self, batch: AdoptionBatch) -> AdoptionBatchResult:
        chosen = [invoice for invoice in self.older if batch.after is None or invoice > batch.after][: batch.size]
        self.largest = max(self.largest, len(chosen))
        told = [invoice for invoice in chosen if invoice not in self.ended]
        self.told += told
        self.older = [invoice for invoice in self.older if invoice not in chosen or invoice in self.stubborn]
        last = chosen[-1] if chosen else None
        return AdoptionBatchResult(last=last, told=len(told), ended=len(chosen) - len(told), left=len(self.older), sample=self.older[:3])


def play(case: AdoptionCase, population: InvoicesToMove) -> AdoptionCase:
    """Until it has ended; after every batch the state is written out and read again, as when a worker dies."""
    for _ in range(1_000):
        if case.is_ended:
            return case
        case.apply_batch(population.answer(case.build_next_batch()), moment())
        case = AdoptionCase.model_validate_json(case.model_dump_json())
    raise AssertionError("it never ends")


def test_a_request_asks_for_the_matrix_approval_of_a_policy_change() -> None:
    case = build_case()
    (effect,) = case.take_effects()
    assert isinstance(effect, RequestApproval)
    assert (effect.matter, effect.amount, effect.requester, effect.number) == ("policy_change", 0, "mira", 1)
    assert (case.stage, kinds(case)) == (AdoptionStage.APPROVAL, ["policy_adoption.asked"])


def test_a_second_request_is_refused_while_the_first_is_under_way_and_a_repeated_one_is_not() -> None:
    case = build_case()
    reason = RULES.rejection_reason(case, request(act_id="b"), moment().business.date())
    assert reason == "the adoption of standard version 2 is under way, asked for by mira; wait until it has ended"
    assert RULES.rejection_reason(case, request(act_id="a"), moment().business.date()) is None
    RULES.apply_command(case, request(act_id="b"), moment())
    assert kinds(case)[-1] == "act.refused"


def test_nothing_to_move_is_refused() -> None:
    case = AdoptionCase(journal=Journal(case_id="adoption:standard", account_id=""))
    assert "there is nothing to move" in str(RULES.rejection_reason(case, request(0), moment().business.date()))


@pytest.mark.parametrize(
    ("result", "stage"),
    [
        (ApprovalResult.REJECTED, AdoptionStage.REJECTED),
        (ApprovalResult.RETURNED, AdoptionStage.RETURNED),
        (ApprovalResult.LAPSED, AdoptionStage.LAPSED),
    ],
)
def test_without_agreement_it_ends(result: ApprovalResult, stage: AdoptionStage) -> None:
    case = build_case()
    case.apply_approval_outcome(ApprovalOutcome(number=1, result=result, by="dora"), moment())
    assert (case.stage, case.is_ended, kinds(case)[-1]) == (stage, True, "policy_adoption.ended")


def test_the_answer_to_an_earlier_approval_is_passed_over() -> None:
    case = build_case()
    case.apply_approval_outcome(ApprovalOutcome(number=7, result=ApprovalResult.APPROVED), moment())
    assert case.stage is AdoptionStage.APPROVAL


def test_ten_thousand_invoices_are_told_once_each_in_bounded_batches_whatever_dies_between() -> None:
    population = InvoicesToMove(10_000, ended={"I000007"})
    case = play(build_moving(10_000), population)
    assert (case.stage, case.told, case.ended, case.left) == (AdoptionStage.ADOPTED, 9_999, 1, 0)
    assert population.largest == BATCH_SIZE
    assert len(population.told) == len(set(population.told)) == 9_999
    assert kinds(case).count("policy_adoption.moved") == 10_000 // BATCH_SIZE


def test_those_that_do_not_move_are_told_again_and_then_named() -> None:
    population = InvoicesToMove(500, stubborn={"I000003", "I000450"})
    case = play(build_moving(500), population)
    assert (case.stage, case.left, case.sample) == (AdoptionStage.INCOMPLETE, 2, ["I000003", "I000450"])
    assert population.told.count("I000003") == 2
    assert population.told.count("I000004") == 1
    assert case.told == 500
    assert 0 < ROUNDS_UNTIL_REPEATED < ROUNDS_WITHOUT_PROGRESS


def test_a_later_version_in_force_ends_it() -> None:
    case = build_moving()
    case.apply_batch(AdoptionBatchResult(overtaken_by=3), moment())
    assert (case.stage, case.journal.pending[-1].facts["overtaken_by"]) == (AdoptionStage.OVERTAKEN, 3)


# --- a version that was never in force


def ask_to_force(adopts: bool = True, invoices: int = 3) -> AdoptionCase:
    """One that was agreed to, whose text is to be put in force."""
    case = AdoptionCase(journal=Journal(case_id="adoption:standard", account_id=""))
    command = request(invoices).model_copy(update={"puts_in_force": True, "replaces": 1, "adopts": adopts})
    RULES.apply_command(case, command, moment())
    case.apply_approval_outcome(ApprovalOutcome(number=1, result=ApprovalResult.APPROVED, by="dora"), moment())
    return AdoptionCase.model_validate_json(case.model_dump_json())


def test_a_new_version_is_put_in_force_before_any_invoice_is_told() -> None:
    case = ask_to_force()
    assert (case.stage, kinds(case)) == (AdoptionStage.PUTTING_IN_FORCE, ["policy.submitted"])
    assert (case.build_force_order().policy, case.build_force_order().replaces) == (SECOND, 1)
    case.apply_force_result(ForceResult(), moment())
    assert (case.stage, kinds(case)[1:]) == (AdoptionStage.MOVING, ["policy.put_in_force", "policy_adoption.begun"])
    facts = case.journal.pending[1].facts
    assert (facts["policy_sha256"], facts["requester"], facts["granted_by"]) == (SECOND.sha256, "mira", "dora")
    assert play(case, InvoicesToMove(3)).stage is AdoptionStage.ADOPTED


def test_the_open_invoices_stay_with_theirs_where_that_was_chosen() -> None:
    case = ask_to_force(adopts=False)
    case.apply_force_result(ForceResult(), moment())
    assert (case.stage, kinds(case)[1:]) == (AdoptionStage.IN_FORCE, ["policy.put_in_force", "policy_adoption.ended"])
    assert (case.total, case.journal.pending[0].facts.get("invoices")) == (0, None)
    case.apply_force_result(ForceResult(overtaken_by=9), moment())
    assert case.stage is AdoptionStage.IN_FORCE, "a result that comes twice is passed over"


@pytest.mark.parametrize(
    ("result", "stage", "fact"),
    [
        (ForceResult(overtaken_by=7), AdoptionStage.OVERTAKEN, ("overtaken_by", 7)),
        (ForceResult(faults=["a and standard both claim it"]), AdoptionStage.UNUSABLE, ("why", "a and standard both claim it")),
    ],
)
def test_what_can_no_longer_be_put_in_force_moves_nothing_and_says_why(
    result: ForceResult, stage: AdoptionStage, fact: tuple[str, object]
) -> None:
    case = ask_to_force()
    case.apply_force_result(result, moment())
    assert (case.stage, kinds(case)) == (stage, ["policy.submitted", "policy_adoption.ended"])
    assert case.journal.pending[-1].facts[fact[0]] == fact[1]


def test_a_draft_that_is_refused_is_named_as_a_draft_and_pins_nothing() -> None:
    case = AdoptionCase(journal=Journal(case_id="adoption:standard", account_id=""))
    command = request(0).model_copy(update={"puts_in_force": True, "adopts": False})
    assert RULES.rejection_reason(case, command, moment().business.date()) is None, "it needs no open invoice"
    RULES.apply_command(case, command, moment())
    (effect,) = case.take_effects()
    assert isinstance(effect, RequestApproval)
    assert effect.details["draft_sha256"] == SECOND.sha256
    assert "putting in force standard version 2 is under way" in str(
        RULES.rejection_reason(case, request(act_id="b"), moment().business.date())
    )
    case.apply_approval_outcome(ApprovalOutcome(number=1, result=ApprovalResult.REJECTED, by="dora"), moment())
    assert case.stage is AdoptionStage.REJECTED
    assert not any("policy_sha256" in entry.facts for entry in case.journal.pending)
