"""Doing an act to each of many rows: a request for each, by whoever began it; what became of each is noted with the work."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import date
from hashlib import blake2b
from typing import Any, NamedTuple

from fastapi import Request

from api.console.acts.api_call import ApiAnswer, send_to_api
from api.console.acts.refusal import list_faults
from api.console.acts.refused_parts import list_refused_parts
from api.console.acts.wording import Reader
from api.console.lists.acts_on_many.list_works import ListWork, ListWorks, PartlyDoneRow, RefusedRow
from api.console.lists.acts_on_many.many_acts import NOTE_ACTS, load_many_form
from domain.roles import Actor

MAX_AT_ONCE = 5
INVALID, FAILED = 422, 500


class RowRequests(NamedTuple):
    """What each row's request has in common. `actor`: who began it, in the role of that moment; it goes on when they sign out. `path_id`:
    by what name the path has a row. `form_key`: the form's own. `today`: the day on which it began. `own`: what the request of a row says
    beside that, `own_ids` what else its path has."""

    request: Request
    actor: Actor
    path_id: str
    act: str
    body: Mapping[str, Any]
    form_key: str
    today: date
    own: Mapping[str, Mapping[str, Any]] = {}
    own_ids: Mapping[str, Mapping[str, str]] = {}

    async def send(self, row_id: str) -> ApiAnswer:
        """Whatever goes wrong with one stops no other."""
        form, ids = load_many_form(self.act), {self.path_id: row_id, **self.own_ids.get(row_id, {})}
        try:
            return await send_to_api(
                self.request, form, ids, {**self.body, **self.own.get(row_id, {})}, self.derive_key(row_id), actor=self.actor
            )
        except Exception:
            return ApiAnswer(FAILED, {})

    def derive_key(self, row_id: str) -> str:
        """The same form sent again does nothing twice. Nor does the same note begun anew on the same day: no row would refuse it."""
        if self.act not in NOTE_ACTS:
            return f"{self.form_key}.{_digest(row_id)}"
        said = json.dumps(self.body, sort_keys=True)
        return f"{self.act}.{_digest(self.today.isoformat(), said, row_id)}"


async def work_through(works: ListWorks, work: ListWork, requests: RowRequests, left_out: Mapping[str, str], reader: Reader) -> None:
    """Do it to each row, to the first by itself: what is wrong with the form is wrong for all, and then it is done to none. `left_out`:
    rows to which it is not done, and why."""
    rows = [row_id for row_id in work.rows if row_id not in left_out]
    try:
        if rows:
            first = await requests.send(rows[0])
            if first.status == INVALID:
                work.faults = list_faults(first, reader)
                works.drop(work)
                return
            _note_answer(work, rows[0], first, reader)
        work.refused += [RefusedRow(row_id, work.rows[row_id], why) for row_id, why in left_out.items()]
        work.is_first_tried.set()
        await _send_others(work, requests, rows[1:], reader)
    finally:
        work.is_first_tried.set()
        work.is_running = False


async def _send_others(work: ListWork, requests: RowRequests, rows: Sequence[str], reader: Reader) -> None:
    gate = asyncio.Semaphore(MAX_AT_ONCE)

    async def send_one(row_id: str) -> None:
        async with gate:
            _note_answer(work, row_id, await requests.send(row_id), reader)

    await asyncio.gather(*(send_one(row_id) for row_id in rows))


def _note_answer(work: ListWork, row_id: str, answer: ApiAnswer, reader: Reader) -> None:
    name = work.rows[row_id]
    if answer.is_refusal:
        work.refused.append(RefusedRow(row_id, name, _say_why(answer, reader)))
        return
    work.queued += answer.is_queued
    if parts := list_refused_parts(answer, reader.phrases):
        work.partly.append(PartlyDoneRow(row_id, name, parts))
    else:
        work.done += 1


def _say_why(answer: ApiAnswer, reader: Reader) -> str:
    """Of an account none of whose invoices took it, why each did not."""
    if not answer.document:
        return reader.phrases.problem_advice["other"]
    return "; ".join(said for _, said in list_faults(answer, reader))


def _digest(*parts: str) -> str:
    return blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()
