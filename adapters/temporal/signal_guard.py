"""The guard at a workflow's door: what was sent to it and is malformed is refused and journalled, and never fails a workflow task."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError, is_cancelled_exception
from temporalio.worker import (
    ExecuteWorkflowInput,
    HandleQueryInput,
    HandleSignalInput,
    HandleUpdateInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

from adapters.temporal.data_converter import UnreadableValue
from domain.case.account_case import AccountCase
from domain.case.command import COMMAND_REJECTED
from domain.case.countable import find_uncountable
from domain.case.state_copy import copy_state, has_changed, restore_state
from domain.clock import Clock

REFUSES_SIGNALS = "refuses-signals"
"""Patch: a signal that cannot be read, whose name the case does not know, or with which it cannot count, is journalled as refused. A run
that got such a one before there was this has nothing of it in its history, or goes on with what it took."""

LONGEST_NAME = 64
"""In characters: so much of an unknown signal's name goes into the journal."""


_CHRONICLE = frozenset(("journal", "seen"))
"""The fields of a case in which stands what came to it: nothing that a case computes depends on them."""


class _Session(Protocol):
    """What a case's workflow has as `session`."""

    case: AccountCase
    clock: Clock

    def take_up_lost_run(self) -> None:
        """Go on where a run was lost, before anything else is heard."""

    def record_refused_signal(self, name: str, reason: str) -> None:
        """Journal it."""


@dataclass(frozen=True)
class _Flaw:
    """Why a message is refused. `was_dropped`: without the guard, the SDK drops or keeps it unread. `was_taken`: the case took it."""

    reason: str
    was_dropped: bool = False
    was_taken: bool = False


class SignalGuard(Interceptor):
    """For every worker and every replay. A worker's data converter must be `WORKER_DATA_CONVERTER`."""

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:
        return _GuardingInterceptor


class _GuardingInterceptor(WorkflowInboundInterceptor):
    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:
        """Hear signals of unknown names, too: the SDK would keep them for ever."""
        if _find_session() is not None:
            workflow.set_dynamic_signal_handler(_hear_nothing)
        return await super().execute_workflow(input)

    async def handle_signal(self, input: HandleSignalInput) -> None:
        handler = workflow.get_signal_handler(input.signal)
        flaw = _find_flaw(input.signal, input.args) if handler else _Flaw("no signal of this name is known here", was_dropped=True)
        if flaw and (flaw.was_dropped or flaw.was_taken) and not workflow.patched(REFUSES_SIGNALS):
            if flaw.was_dropped:
                return
            flaw = None
        if flaw:
            _refuse(input.signal if handler else _shorten(input.signal), flaw.reason)
            return
        _take_up_lost_run()
        kept = _KeptState(_waits(input.signal, handler))
        try:
            await super().handle_signal(input)
            kept.check()
        except (workflow.NondeterminismError, workflow.ReadOnlyContextError):
            raise
        except Exception as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.error("a signal could not be applied", exc_info=True)
            kept.restore()
            _refuse(input.signal, f"it cannot be applied here: {type(error).__name__}")

    def handle_update_validator(self, input: HandleUpdateInput) -> None:
        _reject_flawed(input.update, input.args)
        super().handle_update_validator(input)

    async def handle_update_handler(self, input: HandleUpdateInput) -> Any:
        _reject_flawed(input.update, input.args)
        _take_up_lost_run()
        return await super().handle_update_handler(input)

    async def handle_query(self, input: HandleQueryInput) -> Any:
        flaw = _find_flaw(input.query, input.args)
        if flaw and not flaw.was_taken:
            raise ApplicationError(flaw.reason, type=COMMAND_REJECTED, non_retryable=True)
        return await super().handle_query(input)


class _KeptState:
    """The state of a case before a signal, for a signal that cannot be applied as a whole. A handler that waits is not undone: what other
    messages changed meanwhile would be lost."""

    def __init__(self, waits: bool) -> None:
        session = None if waits else _find_session()
        self._session = session
        if session:
            self._copy, self._clock, self._seq = copy_state(session.case), session.clock, session.case.journal.seq

    def check(self) -> None:
        """Raise what the case would raise when it looks at its new state next. Where there is nothing new but an entry, as after each note
        of a burst, it looks as it did."""
        session = self._session
        if session is None or session.case.journal.seq == self._seq:
            return
        if session.clock is not self._clock or has_changed(session.case, self._copy, beside=_CHRONICLE):
            session.clock.to_business(workflow.now())
            _ask_views(workflow.instance())

    def restore(self) -> None:
        if self._session:
            restore_state(self._session.case, self._copy)
            self._session.clock = self._clock


def _ask_views(instance: Any) -> None:
    for view in ("snapshot", "next_step"):
        if ask := getattr(instance, view, None):
            ask()


def _hear_nothing(name: str, values: Sequence[RawValue]) -> None:
    """Stands in for the handler of a name that nobody knows."""


def _find_session() -> _Session | None:
    session: _Session | None = getattr(workflow.instance(), "session", None)
    return session


def _take_up_lost_run() -> None:
    if session := _find_session():
        session.take_up_lost_run()


def _refuse(name: str, reason: str) -> None:
    workflow.logger.warning(f"the signal {name} was refused: {reason}")
    session = _find_session()
    if session is not None:
        session.record_refused_signal(name, reason)


def _shorten(name: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in name[:LONGEST_NAME])


def _reject_flawed(update: str, args: Sequence[Any]) -> None:
    """Raise ApplicationError for an update whose values are malformed."""
    flaw = _find_flaw(update, args)
    if flaw and (not flaw.was_taken or workflow.unsafe.is_read_only() or workflow.patched(REFUSES_SIGNALS)):
        raise ApplicationError(flaw.reason, type=COMMAND_REJECTED, non_retryable=True)


def _find_flaw(name: str, args: Sequence[Any]) -> _Flaw | None:
    """`name` is that of a handler: of the method, as everywhere in the project."""
    unreadable = next((arg for arg in args if isinstance(arg, UnreadableValue)), None)
    if unreadable:
        return _Flaw(unreadable.reason, was_dropped=True)
    method = getattr(type(workflow.instance()), name, None)
    if method is None:  # the SDK's own queries
        return None
    fewest, most = _count_parameters(method)
    if not fewest <= len(args) <= most:
        return _Flaw(f"values sent {len(args)}, wanted {fewest if fewest == most else f'{fewest} to {most}'}")
    for arg in args:
        reason = find_uncountable(arg) or (_find_clock_flaw(arg) if isinstance(arg, Clock) else None)
        if reason:
            return _Flaw(reason, was_taken=True)
    return None


def _find_clock_flaw(clock: Clock) -> str | None:
    """A clock that shows a time beyond all days now."""
    return None if clock.is_countable_at(workflow.now()) else "a clock that shows no day with which anybody counts"


def _waits(name: str, handler: Any) -> bool:
    """Return whether the handler of a signal may wait in the middle."""
    method = getattr(type(workflow.instance()), name, None)
    return inspect.iscoroutinefunction(handler) if method is None else _is_coroutine_function(method)


@lru_cache(maxsize=512)
def _is_coroutine_function(method: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(method)


@lru_cache(maxsize=512)
def _count_parameters(method: Callable[..., Any]) -> tuple[int, int]:
    """How many values a handler takes beside its workflow: at least, and at most."""
    _, *parameters = inspect.signature(method).parameters.values()
    return sum(each.default is each.empty for each in parameters), len(parameters)
