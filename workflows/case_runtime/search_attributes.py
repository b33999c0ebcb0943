"""The search attributes by which Temporal's own lists show a case: account, collector, stage, and who is awaited."""

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from domain import identifiers as ids
    from domain.case.case_view import CaseView
    from domain.invoice.collection_stage import CollectionStage

SUSPENDED_WITHOUT_HOLD = "suspended-without-hold"
"""Patch: an invoice of a suspended account is shown as suspended though nothing holds it."""

LONGEST_NAME_BYTES = 1_000
"""The server fails the task of a workflow that sets an attribute of more than 2,048 bytes."""

ACCOUNT, COLLECTOR, STAGE, AWAITING = map(SearchAttributeKey.for_keyword, ids.SEARCH_ATTRIBUTES)


class SearchAttributeUpdater:
    """Sends the server only what has changed.

    A run that was started with a coarse stage (docs/decisions/0020) goes on with coarse ones, which seldom change. One that was started
    without shows its stage at every change, as its history has it.
    """

    def __init__(self) -> None:
        started = workflow.info().typed_search_attributes
        self._shows_coarse_stage = started.get(STAGE) in set(CollectionStage)
        self._current: dict[SearchAttributeKey[str], str | None] = (
            {AWAITING: started.get(AWAITING), STAGE: started.get(STAGE)} if self._shows_coarse_stage else {}
        )

    def update_attributes(self, view: CaseView) -> None:
        shown_stage = self._choose_coarse_stage(view) if self._shows_coarse_stage else view.stage
        shown: dict[SearchAttributeKey[str], str | None] = {AWAITING: view.awaiting_role, STAGE: shown_stage}
        changed = {key: value for key, value in shown.items() if self._current.get(key) != value}
        if changed:
            workflow.upsert_search_attributes([key.value_set(value) if value else key.value_unset() for key, value in changed.items()])
            self._current = shown

    def _choose_coarse_stage(self, view: CaseView) -> str | None:
        """A run that has shown an invoice of a suspended account by its hold alone goes on so until it next differs."""
        if view.collection_stage == view.held_stage or workflow.patched(SUSPENDED_WITHOUT_HOLD):
            return view.collection_stage
        return view.held_stage


def build_account_attributes(account_id: str) -> TypedSearchAttributes:
    """Return by which a case that this one starts is found: its account, and the collector who has it."""
    pairs = [SearchAttributePair(ACCOUNT, account_id)]
    collector = workflow.info().typed_search_attributes.get(COLLECTOR)
    return TypedSearchAttributes([*pairs, SearchAttributePair(COLLECTOR, collector)] if collector else pairs)


def set_collector_attribute(name: str) -> None:
    """Show to whom the account was given. Raises ApplicationError for a name that the server would not take."""
    if len(name.encode()) > LONGEST_NAME_BYTES:
        raise ApplicationError("the collector's name is too long to be listed by", non_retryable=True)
    workflow.upsert_search_attributes([COLLECTOR.value_set(name)])
