"""Writes that arrive together share one transaction, and no other fate."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from adapters.database.group_commit import CROWD_PATIENCE, MAX_BATCH_SIZE, GroupCommit
from tests.patience import PATIENCE


class RecordingWriter:
    """Records its batches; the first one waits until the test lets it go, so that the others arrive meanwhile."""

    def __init__(self, rejects: str = "") -> None:
        self.batches: list[list[str]] = []
        self.rejects = rejects
        self.begun, self.go = threading.Event(), threading.Event()

    def write(self, items: Sequence[str]) -> list[str]:
        self.begun.set()
        assert self.go.wait(PATIENCE)
        self.batches.append(list(items))
        if self.rejects and self.rejects in items:
            raise ValueError(self.rejects)
        return [item.upper() for item in items]


async def write_together(writer: RecordingWriter, items: Sequence[str]) -> list[str | BaseException]:
    """Hand in the first item, and all others while it is being written."""
    commit: GroupCommit[str, str] = GroupCommit(writer.write)
    first = asyncio.create_task(commit(items[0]))
    await asyncio.to_thread(writer.begun.wait, PATIENCE)
    others = [asyncio.create_task(commit(item)) for item in items[1:]]
    await asyncio.sleep(0)
    writer.go.set()
    return await asyncio.gather(first, *others, return_exceptions=True)


async def test_what_arrives_while_a_batch_is_written_shares_the_next_one_in_order() -> None:
    writer = RecordingWriter()
    assert await write_together(writer, ["a", "b", "c", "d"]) == ["A", "B", "C", "D"]
    assert writer.batches == [["a"], ["b", "c", "d"]]


async def test_an_item_that_cannot_be_written_takes_no_other_with_it() -> None:
    writer = RecordingWriter(rejects="bad")
    first, before, bad, after = await write_together(writer, ["a", "b", "bad", "c"])
    assert (first, before, after) == ("A", "B", "C")
    assert isinstance(bad, ValueError)
    assert writer.batches[1:] == [["b", "bad", "c"], ["b"], ["bad"], ["c"]]


async def test_a_batch_has_an_upper_limit() -> None:
    writer = RecordingWriter()
    items = [str(number) for number in range(MAX_BATCH_SIZE + 51)]
    assert await write_together(writer, items) == items
    assert [len(batch) for batch in writer.batches] == [1, MAX_BATCH_SIZE, 50]


async def test_one_who_stops_waiting_does_not_disturb_the_others() -> None:
    writer = RecordingWriter()
    commit: GroupCommit[str, str] = GroupCommit(writer.write)
    first = asyncio.create_task(commit("a"))
    await asyncio.to_thread(writer.begun.wait, PATIENCE)
    leaves, stays = asyncio.create_task(commit("b")), asyncio.create_task(commit("c"))
    await asyncio.sleep(0)
    leaves.cancel()
    writer.go.set()
    assert (await first, await stays) == ("A", "C")
    with pytest.raises(asyncio.CancelledError):
        await leaves


async def test_after_a_rest_the_next_item_is_written_as_well() -> None:
    writer = RecordingWriter()
    writer.go.set()
    commit: GroupCommit[str, str] = GroupCommit(writer.write)
    assert [await commit("a"), await commit("b")] == ["A", "B"]
    assert writer.batches == [["a"], ["b"]]


async def test_after_a_crowd_the_next_items_gather_for_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def note_pause(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    writer = RecordingWriter()
    commit: GroupCommit[str, str] = GroupCommit(writer.write, gathering_seconds=0.25)
    first = asyncio.create_task(commit("first"))
    await asyncio.to_thread(writer.begun.wait, PATIENCE)
    crowd = [asyncio.create_task(commit(str(number))) for number in range(MAX_BATCH_SIZE + 1)]
    await sleep(0)
    monkeypatch.setattr("adapters.database.group_commit.asyncio.sleep", note_pause)
    writer.go.set()
    await asyncio.gather(first, *crowd)
    assert [len(batch) for batch in writer.batches] == [1, MAX_BATCH_SIZE, 1]
    assert pauses == [0.25, 0.25 * CROWD_PATIENCE]
