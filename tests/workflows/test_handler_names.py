"""The names under which workflows and their handlers are called are those that they have on the server, and no others."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import pytest
from temporalio import workflow

import workflows
from adapters.temporal.client import CASE_WORKFLOWS
from adapters.temporal.handler_names import SIGNAL_NAMES, UPDATE_NAMES
from domain.approval.result import ApprovalOutcome
from domain.case.case_view import CaseView, NextStep
from domain.case.command import Command
from domain.case.handler_names import QueryName, SignalName, UpdateName
from domain.clock import Clock
from domain.correspondence.letter_outcome import LetterOutcome
from domain.identifiers import WorkflowName


def definitions() -> Iterator[workflow._Definition]:
    for module in pkgutil.iter_modules(workflows.__path__, "workflows."):
        for found in vars(importlib.import_module(module.name)).values():
            if inspect.isclass(found) and found.__module__ == module.name and (known := workflow._Definition.from_class(found)):
                yield known


def answering(update: str, signal: str) -> list[workflow._Definition]:
    return [known for known in definitions() if update in known.updates and signal in known.signals]


def test_every_named_workflow_exists_and_every_workflow_is_named() -> None:
    assert {known.name for known in definitions()} == {name.value for name in WorkflowName}


def test_every_named_signal_is_handled_and_every_handler_is_named() -> None:
    assert {name for known in definitions() for name in known.signals} == {name.value for name in SignalName}


def test_every_named_update_is_handled_and_every_handler_is_named() -> None:
    assert {name for known in definitions() for name in known.updates} == {name.value for name in UpdateName}


def test_every_named_query_is_answered_and_every_answer_is_named() -> None:
    assert {name for known in definitions() for name in known.queries} == {name.value for name in QueryName}


def test_every_case_hears_the_clock_and_shows_itself() -> None:
    cases = [known for known in definitions() if known.name in CASE_WORKFLOWS]
    assert len(cases) == len(CASE_WORKFLOWS)
    assert all(SignalName.CLOCK_SET in known.signals and QueryName.SNAPSHOT in known.queries for known in cases)


SHARED = {
    SignalName.CLOCK_SET: Clock,
    SignalName.COLLECTOR_IS: str,
    SignalName.LETTER_NEWS: LetterOutcome,
    SignalName.APPROVAL_CAME: ApprovalOutcome,
}
"""Signals that several cases handle, each declared on its workflow, and what they carry."""

ANSWERED = {QueryName.SNAPSHOT: CaseView, QueryName.WAITING_FOR: str, QueryName.NEXT_STEP: NextStep}


def test_what_several_cases_handle_is_the_same_for_all_of_them() -> None:
    for known in definitions():
        if known.name in CASE_WORKFLOWS:
            heard = {name: known.signals[name].arg_types for name in SHARED if name in known.signals}
            answers = {name: known.queries[name].ret_type for name in ANSWERED if name in known.queries}
            assert heard == {name: [SHARED[name]] for name in heard}
            assert answers == {name: ANSWERED[name] for name in answers}


@pytest.mark.parametrize("command", UPDATE_NAMES, ids=lambda command: command.__name__)
def test_a_commands_update_and_its_signal_are_handled_by_one_workflow_which_takes_that_command(command: type[Command]) -> None:
    heard = answering(UPDATE_NAMES[command], SIGNAL_NAMES[command])
    takes = [
        known
        for known in heard
        if (known.updates[UPDATE_NAMES[command]].arg_types, known.signals[SIGNAL_NAMES[command]].arg_types) == ([command], [command])
    ]
    assert takes
