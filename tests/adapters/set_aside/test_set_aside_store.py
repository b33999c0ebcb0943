"""What failed is kept once, rests for longer each time, and is settled when it went."""

from datetime import UTC, datetime, timedelta

import pytest
from temporalio.service import RPCError, RPCStatusCode

from adapters.database.engine import Database
from adapters.set_aside.set_aside_store import Failure, NothingSetAsideError, SetAsideStore, count_waiting, list_resting_items
from adapters.set_aside.stages import BACKOFF, MAX_DETAIL_LENGTH, SetAsideReason, SetAsideStage, compute_rest, describe_failure

LETTER = SetAsideStage.LETTER


@pytest.fixture
def store(database: Database) -> SetAsideStore:
    return SetAsideStore(database)


def test_what_fails_again_is_kept_once_and_rests_for_longer(store: SetAsideStore, database: Database) -> None:
    store.set_aside(LETTER, "7", Failure(ValueError("first"), "A1", {"a": 1}))
    (first,) = store.list_waiting(LETTER).values()
    store.set_aside(LETTER, "7", RPCError("refused", RPCStatusCode.INVALID_ARGUMENT, b""))
    (again,) = store.list_waiting(LETTER).values()
    assert (first.attempts, again.attempts, again.id) == (1, 2, first.id)
    assert (first.reason, again.reason) == (SetAsideReason.FAILED, SetAsideReason.SERVER_REFUSED)
    assert again.first_failed_at == first.first_failed_at
    assert not first.is_resting(datetime.now(UTC)), "the stage's next run tries it"
    assert again.next_try_at - again.last_tried_at == timedelta(minutes=1)
    assert count_waiting(database) == {LETTER: 1}


def test_it_rests_at_least_as_long_as_its_stage_wants(store: SetAsideStore, database: Database) -> None:
    store.set_aside(LETTER, "7", ValueError("x"), at_least=timedelta(minutes=3))
    with database.reading() as session:
        assert list_resting_items(session, LETTER) == ["7"]
        assert list_resting_items(session, SetAsideStage.NOTICE) == []


def test_what_went_is_settled_alone_and_begins_anew_when_it_fails_later(store: SetAsideStore, database: Database) -> None:
    store.set_all_aside(LETTER, {"7": Failure(ValueError("x"), payload={"a": 1}), "8": ValueError("y")})
    store.set_aside(LETTER, "7", ValueError("x"))
    store.settle(LETTER, {"7"})
    assert list(store.list_waiting(LETTER)) == ["8"]
    store.set_aside(LETTER, "7", ValueError("z"))
    assert store.list_waiting(LETTER)["7"].attempts == 1


def test_a_person_has_it_tried_at_once_and_only_what_waits(store: SetAsideStore) -> None:
    store.set_aside(LETTER, "7", ValueError("x"), at_least=timedelta(hours=3))
    (item,) = store.list_waiting(LETTER).values()
    asked = store.ask_retry(item.id, "ada")
    assert (asked.retried_by, asked.is_resting(datetime.now(UTC))) == ("ada", False)
    store.settle(LETTER, {"7"})
    with pytest.raises(NothingSetAsideError):
        store.ask_retry(item.id, "ada")
    with pytest.raises(NothingSetAsideError):
        store.ask_retry(item.id + 1, "ada")


def test_the_pauses_grow_and_the_last_one_repeats() -> None:
    rests = [compute_rest(attempts) for attempts in range(1, 20)]
    assert rests == sorted(rests)
    assert rests[-1] == BACKOFF[-1]


def test_an_error_is_told_in_one_line_of_limited_length() -> None:
    assert describe_failure(ExceptionGroup("many", [ValueError("a\nb"), KeyError("c")])) == "ValueError: a b"
    assert len(describe_failure(ValueError("x" * 9_000))) == MAX_DETAIL_LENGTH
