"""States, kinds and names are spelled out in their enumerations alone, and the search for others really finds them."""

import ast
from enum import StrEnum
from functools import cache
from pathlib import Path

import pytest

from adapters.database.row_states import AllocationCause, ContactRequestState, ImportState, MessageState, RunEnding, TaskState
from adapters.shipped_files import PROJECT
from domain.approval.result import ApprovalResult, ApprovalStage
from domain.billing.billing_events import InvoiceStatus
from domain.case.case_view import TaskKind
from domain.case.handler_names import QueryName, SignalName, UpdateName
from domain.correspondence.letter_outcome import LetterResult
from domain.credit_review.review_case import CreditReviewStage
from domain.dispute.state import DisputeStage
from domain.erasure.erasure_case import ErasureStage
from domain.identifiers import CaseKind, WorkflowName
from domain.payment_plan.state import PlanStage
from domain.policy_adoption.adoption_case import AdoptionStage
from domain.projection.case_facts import PlanStatus, PromiseStatus, SignatureWord
from domain.projection.state_models import LetterFate
from domain.suspension.state import SuspensionEnding, SuspensionStage
from domain.write_off.write_off_case import WriteOffStage
from tests.literals import FoundLiteral, find_literals

ROW_STATES = (MessageState, ContactRequestState, TaskState, ImportState, RunEnding, AllocationCause, InvoiceStatus)
CASE_STATES = (
    *(
        AdoptionStage,
        ApprovalStage,
        ApprovalResult,
        CreditReviewStage,
        DisputeStage,
        ErasureStage,
        PlanStage,
        SuspensionStage,
        SuspensionEnding,
    ),
    *(WriteOffStage, LetterResult, LetterFate, PlanStatus, PromiseStatus, SignatureWord),
)
KINDS_AND_NAMES = (CaseKind, TaskKind, WorkflowName, SignalName, UpdateName, QueryName)
ENUMERATIONS: tuple[type[StrEnum], ...] = (*ROW_STATES, *CASE_STATES, *KINDS_AND_NAMES)
WORDS = {member.value for enumeration in ENUMERATIONS for member in enumeration}

HOMONYMS: dict[str, set[str]] = {
    "an operation of the API, as its document and the worklist name it": {
        *("adopt_policy", "add_note", "answer_escalation", "extend_notice", "give_verdict", "log_call", "make_promise", "raise_dispute"),
        *("resolve_dispute", "resend_letter", "send_warning_again", "skip_letter"),
    },
    "what a case waits for, or its next step": {
        *("approval", "booking", "dispute", "hand_over", "lapse", "sign_off", "warning_approval", "write_off"),
    },
    "a field, a fact of the journal, or a column of a file": {
        *("cancelled", "credited", "disputed", "ended", "escalated", "escalation", "invoice", "next_step", "paid", "received", "recovered"),
        *("dropped", "snapshot", "spared", "suspended", "told", "waiting_for", "written_off"),
    },
    "a heading or a phrase of a page": {"active", "asked", "decided", "notice_extended", "open", "signed", "suspension"},
    "a letter or a notice": {"dispute_raised", "escalation_answered", "reinstated"},
    "a reason": {"declined", "erased", "revised", "withdrawn"},
    "a problem that the API answers with": {"closed", "refused"},
    "why a letter went, or did not": {"call", "sent"},
    "a hold's id": {"pause"},
    "a kind of object in the exported event log": {"credit_review"},
    "the case of all seals, and a day that has none": {"seal"},
    "a command of the command line": {"adopt", "resume"},
    "a folder of files": {"rejected"},
    "what nobody knows": {"unknown"},
    "a header of HTTP": {"accept"},
}
"""Words that are something else, too, by what that is. Where only a state, a kind or a name can stand, they are looked for, too."""

PACKAGES = ("domain", "workflows", "activities", "adapters", "api", "cli")


@cache
def literals() -> dict[Path, list[FoundLiteral]]:
    """Of every module but the migrations, which must not change when a word does."""
    paths = (path for package in PACKAGES for path in sorted((PROJECT / package).rglob("*.py")) if "migrations" not in path.parts)
    return {path.relative_to(PROJECT): list(find_literals(ast.parse(path.read_text(encoding="utf-8")))) for path in paths}


def spelled(words: set[str], typed_only: bool) -> list[str]:
    return [
        f"{path}:{found.line}: {found.value}"
        for path, all_found in literals().items()
        for found in all_found
        if found.value in words and (found.typed or not typed_only)
    ]


def found_in(source: str) -> list[tuple[str, bool]]:
    return [(found.value, found.typed) for found in find_literals(ast.parse(source))]


def test_no_state_kind_or_name_is_spelled_out_where_only_one_can_stand() -> None:
    assert spelled(WORDS, typed_only=True) == []


def test_a_word_that_is_nothing_else_is_spelled_out_nowhere() -> None:
    assert spelled(WORDS.difference(*HOMONYMS.values()), typed_only=False) == []


def test_every_homonym_is_a_word_of_an_enumeration_and_something_else_too() -> None:
    listed = [word for words in HOMONYMS.values() for word in words]
    assert len(listed) == len(set(listed))
    spelled_words = {found.value for all_found in literals().values() for found in all_found}
    assert set(listed) <= WORDS & spelled_words


@pytest.mark.parametrize(
    "planted",
    [
        'select(Task).where(col(Task.state) == "open")',
        'select(Task).where(col(Task.state).in_(("call", "open")))',
        'select(Task).where(col(Task.kind).not_in(["open"]))',
        'if letter.state not in ("open", "void"): pass',
        'open_now = row.status != "open" and row.version',
        'update(Task).values(state="open")',
        'update(Task).values({"state": "open"})',
        'CaseFilter(kind="open" if wanted else "void")',
        'letter.state, letter.sent_at = "open", now',
        'stage = given or "open"',
        'class Row:\n    state: str = "open"',
        'class Row:\n    state: str = Field(default="open", index=True)',
        'def list_tasks(limit, state="open"): pass',
        'def list_tasks(*, state="open"): pass',
        'match letter.state:\n    case "void" | "open": pass',
        'match case.stage, case.waiting_for:\n    case "open", _: pass',
        'await handle.signal("open", argument)',
        'await signal_case(case_id, "open", argument)',
        'await self._signal_case(case_id, "open" if known else "void", argument)',
        'await handle.query("open")',
        'await handle.execute_update("open", command)',
        'await client.start_workflow("open", opening, start_signal=None)',
        'await client.start_workflow(name, opening, start_signal="open")',
        'await workflow.start_child_workflow("open", opening)',
        'CaseStart("open", case_id, opening, account_id)',
        'place = CasePosition("open", department)',
        'require_case(context, "open", case_id, "look there")',
    ],
)
def test_a_planted_word_is_found_where_only_a_state_a_kind_or_a_name_can_stand(planted: str) -> None:
    assert ("open", True) in found_in(planted)


@pytest.mark.parametrize(
    "planted",
    ['return "open"', 'words = ("open", "void")', 'tasks.append(build_task("open", day))', 'by_state.get("open", 0)', 'x["a"] = "open"'],
)
def test_a_planted_word_is_found_anywhere_else_too(planted: str) -> None:
    assert ("open", False) in found_in(planted)


@pytest.mark.parametrize(
    "harmless",
    [
        '"""open"""',
        'class Stage(StrEnum):\n    """Where it stands."""\n    OPEN = "open"',
        'wording = {"open": 1}',
        'wording["open"]',
        'f"open{name}"',
        'effect: Literal["open"] = "open"',
        'def set_stage(stage: Literal["open", "void"]) -> None: pass',
    ],
)
def test_what_declares_a_word_or_is_prose_or_a_key_is_left_alone(harmless: str) -> None:
    assert "open" not in [value for value, _ in found_in(harmless)]
