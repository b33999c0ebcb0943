"""What is kept of calls costs little, however many are kept."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import event

from adapters.billing.external_key import SystemKey
from adapters.billing.external_records import WebhookHint
from adapters.connections.webhooks.webhook_store import WebhookStore
from adapters.database.engine import Database


def test_calls_about_something_else_are_counted_only_when_one_comes_and_by_an_index(ours: Database) -> None:
    key, store, statements = SystemKey("house", "1"), WebhookStore(ours), list[str]()

    def note(*executed: Any) -> None:
        statements.append(executed[2])

    def list_counting() -> list[str]:
        return [each for each in statements if "count(" in each and "external_id IS NULL" in each]

    event.listen(ours.engine, "before_cursor_execute", note)
    store.take(key, [WebhookHint("E1", "R1")], b"{}", datetime.now(UTC))
    assert list_counting() == []
    store.take(key, [WebhookHint("E2", None)], b"{}", datetime.now(UTC))
    event.remove(ours.engine, "before_cursor_execute", note)
    (counting,) = list_counting()
    with ours.engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {counting}", ("house", "1")).all()
    assert "ix_webhook_calls_foreign" in str(plan)
