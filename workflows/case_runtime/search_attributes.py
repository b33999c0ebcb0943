"""What a case shows of itself in lists that are made with Temporal's own tools: its account and collector, its stage, who is awaited."""

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

with workflow.unsafe.imports_passed_through():
    from domain import identifiers as ids
    from domain.case.case_view import CaseView

ACCOUNT, COLLECTOR, STAGE, AWAITING = map(SearchAttributeKey.for_keyword, ids.SEARCH_ATTRIBUTES)


class SearchAttributeUpdater:
    """Tells the server only what has changed since it was last told."""

    def __init__(self) -> None:
        self._current: dict[SearchAttributeKey[str], str | None] = {}

    def update_attributes(self, view: CaseView) -> None:
        shown: dict[SearchAttributeKey[str], str | None] = {AWAITING: view.awaiting_role, STAGE: view.stage}
        changed = {key: value for key, value in shown.items() if self._current.get(key) != value}
        if changed:
            workflow.upsert_search_attributes([key.value_set(value) if value else key.value_unset() for key, value in changed.items()])
            self._current = shown


def build_account_attributes(account_id: str) -> TypedSearchAttributes:
    """By which a case that this one starts is found: its account, and the collector who has it."""
    pairs = [SearchAttributePair(ACCOUNT, account_id)]
    collector = workflow.info().typed_search_attributes.get(COLLECTOR)
    return TypedSearchAttributes([*pairs, SearchAttributePair(COLLECTOR, collector)] if collector else pairs)


def set_collector_attribute(name: str) -> None:
    """Whom the account was given to."""
    workflow.upsert_search_attributes([COLLECTOR.value_set(name)])
