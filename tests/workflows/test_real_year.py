"""The public accounts-receivable file, played for a year from June 2013 with a scripted staff: nothing is ever left where nothing moves it.

The letters are no oracle's here, for people decide; what must be so at the end is asked of the read model, the journals, the inbox and the
server. Three accounts pay as the file says. So that the later steps are reached, as many as there are `COURSES` do not: what the
file says they paid is withheld, and they do what their course says. The other accounts are left out, to be quick;
DUECOURSE_WHOLE_YEAR=1 plays them all.

The staff comes on Mondays and Thursdays, if anything is due, and letters go on these days. `loose_ends` says what may hold or
move an invoice.
"""

import asyncio
import csv
import os
from collections import Counter
from datetime import UTC, date, datetime, time
from functools import cache
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.tables import Account, Case, ContactRequest, JournalEntry, LedgerEvent, Message, MessageLine
from adapters.shipped_files import PROJECT
from domain import identifiers as ids
from domain.case.letter_order import DEMAND_LETTERS
from domain.journal.entry_kinds import EntryKind
from tests.patience import Looks
from tests.time_skipping_play import TimeSkippingPlay, start_play
from tests.workflows.account_commands import RACES
from tests.workflows.audited_play import DAYS, count_past_states, find_replay_flaws, list_accounts
from tests.workflows.chain_assertions import assert_whole_chain
from tests.workflows.collection_environment import DAY, CollectionEnvironment
from tests.workflows.scripted_staff import ScriptedStaff
from tests.workflows.year_end_checks import find_loose_ends
from tests.workflows.year_scenarios import YEAR_SCENARIOS, YearScenario, shuffle_key
from workflows.billing_sync import BillingSync

FILE = PROJECT.parent / "shared" / "data" / "accounts-receivable.csv"
MAPPING = "accounts-receivable"
START, END = date(2013, 6, 1), date(2014, 5, 31)
MORNINGS = (0, 3)
PAYING = 3
_syncs = count()
WHOLE = bool(os.environ.get("DUECOURSE_WHOLE_YEAR"))

pytestmark = pytest.mark.skipif(not FILE.exists(), reason=f"the public sample is not at {FILE}")


@cache
def _day(text: str) -> date:
    return datetime.strptime(text, "%m/%d/%Y").date()


class Year:
    """The file's rows of the accounts that are played, and what becomes of each account."""

    def __init__(self, folder: Path) -> None:
        with FILE.open(newline="", encoding="utf-8") as sheet:
            rows = [row for row in csv.DictReader(sheet) if _day(row["SettledDate"]) > START]
        undisputed = Counter(row["customerID"] for row in rows if row["Disputed"] == "No")
        accounts = sorted(undisputed, key=shuffle_key)
        busy = [account for account in accounts if 3 <= undisputed[account] <= 6][: len(YEAR_SCENARIOS) * (2 if WHOLE else 1)]
        self.courses: dict[str, YearScenario] = {account: YEAR_SCENARIOS[place % len(YEAR_SCENARIOS)] for place, account in enumerate(busy)}
        others = [account for account in accounts if account not in self.courses]
        played = {*busy, *(others if WHOLE else others[:PAYING])}
        self.rows = [row | {"SettledDate": ""} if row["customerID"] in busy else row for row in rows if row["customerID"] in played]
        self._folder = folder

    def issued(self, first: date, last: date) -> list[dict[str, str]]:
        return [row for row in self.rows if first <= _day(row["InvoiceDate"]) <= last]

    def news(self, first: date, last: date) -> list[dict[str, str]]:
        """What was issued, and what was settled by those that pay as the file says."""
        settled = [row for row in self.rows if row["SettledDate"] and first <= _day(row["SettledDate"]) <= last]
        return [*settled, *(row for row in self.issued(first, last) if row not in settled)]

    def sheet(self, rows: list[dict[str, str]]) -> Path:
        file = self._folder / "news.csv"
        with file.open("w", newline="", encoding="utf-8") as sheet:
            writer = csv.DictWriter(sheet, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return file


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_year_of_the_real_file_leaves_no_invoice_where_nothing_moves_it(database: Database, tmp_path: Path) -> None:
    async with start_play(database, tmp_path / "data", START) as play:
        staff = await _a_year(play, Year(tmp_path), tmp_path)
        assert find_loose_ends(database) == []
        assert _never_reached(database, play) == []
        _check_letters(play, database)
        assert await _failures(play) == []
        assert await find_replay_flaws(play) == []
        assert count_past_states(database, START, END) == DAYS * len(list_accounts(database))
        for case in _cases(database):
            assert_whole_chain(database, case, RACES)
    assert len(staff.refused) < 10, staff.refused


async def _a_year(play: TimeSkippingPlay, year: Year, folder: Path) -> ScriptedStaff:
    staff = ScriptedStaff(CollectionEnvironment(play, folder), year.courses)
    await play.import_file(year.sheet(year.issued(date.min, START)), MAPPING, START)
    await _serve_in_advance(play, year)
    await play.sync()
    heard = START
    for offset in range(1, (END - START).days + 1):
        day = START + offset * DAY
        if day.weekday() not in MORNINGS:
            continue
        news = year.news(heard + DAY, day)
        heard = day
        due = bool(news) or await asyncio.to_thread(_due, play.parts.database, day)
        if due:
            await _morning(play, staff, year, news, day)
    await play.settle()
    await _at_rest(play)
    return staff


async def _serve_in_advance(play: TimeSkippingPlay, year: Year) -> None:
    """The accounts whose course says so, as soon as they are known."""
    with play.parts.database.reading() as session:
        known = session.scalars(select(col(Account.id)).where(col(Account.prepaid).is_(False))).all()
    for account in known:
        if account in year.courses and year.courses[account].prepaid:
            play.parts.billing.set_prepaid(account, True, at=await play.now())


async def _morning(play: TimeSkippingPlay, staff: ScriptedStaff, year: Year, news: list[dict[str, str]], day: date) -> None:
    """What billing knows in the night, what time brings, the letters, and then the day's work."""
    night = (await play.now()).date()
    while night < day:  # one at a time, for one sleep must not take the test server longer than a request may
        night += DAY
        await play.skip_to(datetime.combine(night, time(), UTC))
    if news:
        await play.import_file(year.sheet(news), MAPPING, day)
        await _serve_in_advance(play, year)
        await play.sync()
    await play.run_morning(day)
    await _at_rest(play)
    for _ in range(2):
        if not await staff.work(day):
            break
        await _at_rest(play)


def _due(database: Database, day: date) -> bool:
    """Something happens by itself, a letter goes, or somebody is waited for."""
    evening = datetime.combine(day, time.max, UTC)
    with database.reading() as session:
        cases = col(Case.next_on) <= day, col(Case.awaiting_role).is_not(None) & (col(Case.kind) != "invoice")
        waiting = select(func.count()).select_from(Case).where(col(Case.outcome).is_(None), cases[0] | cases[1])
        asked = (
            select(func.count())
            .select_from(ContactRequest)
            .where(col(ContactRequest.state) == "pending", col(ContactRequest.slot) <= evening)
        )
        written = select(func.count()).select_from(Message).where(col(Message.state) == "intended", col(Message.slot) <= evening)
        return any(session.execute(statement).scalar_one() for statement in (waiting, asked, written))


STILL_LOOKS = 2
"""Looks without a change, beside the first, before the day's work is called done."""


async def _at_rest(play: TimeSkippingPlay) -> None:
    """Until the journal has stood still for some looks, and all that billing has to report is heard.

    Between two looks the server answers a question, so that a look is late where the server is late with what it hands on.
    """
    before, unchanged = -1, 0
    async for _ in Looks(0.04):
        written, booking, reports = await asyncio.to_thread(_unrest, play.parts.database)
        unchanged = unchanged + 1 if written == before and not booking else 0
        before = written
        if reports and unchanged:
            with play.environment.auto_time_skipping_disabled():
                await play.client.execute_workflow(BillingSync.run, id=f"year-sync-{next(_syncs)}", task_queue=ids.TASK_QUEUE)
            unchanged = 0
        elif unchanged == STILL_LOOKS:
            return
        await play.environment.get_current_time()
    raise AssertionError("the cases did not come to rest")


def _unrest(database: Database) -> tuple[int, int, int]:
    """How much is written; how many cases wait for billing's answer; how much billing has to report."""
    with database.reading() as session:
        written = select(func.count()).select_from(JournalEntry)
        booking = select(func.count()).select_from(Case).where(col(Case.outcome).is_(None), col(Case.waiting_for) == "billing")
        reports = select(func.count()).select_from(LedgerEvent).where(col(LedgerEvent.delivered_at).is_(None))
        return tuple(session.execute(statement).scalar_one() for statement in (written, booking, reports))


def _cases(database: Database) -> list[Case]:
    with database.reading() as session:
        rows = list(session.scalars(select(Case).order_by(col(Case.case_id))))
        session.expunge_all()
    return rows


# --- what was reached

NOT_OF_THIS_YEAR = {
    EntryKind.DISPUTE_ASSIGNED,
    EntryKind.DISPUTE_EVIDENCE_ATTACHED,
    EntryKind.DISPUTE_BOOKING_REFUSED,
    EntryKind.WRITE_OFF_REVISED,
    EntryKind.PROMISE_PART_PAID,
}
"""What nobody does here: disputes are not passed on and have no evidence, and no promise covers several invoices; and two that take a
payment in the moment of a booking."""

FAMILIES = ("suspension.", "plan.", "dispute.", "write_off.", "approval.", "credit_review.", "timeline.", "promise.")

ENDINGS = {
    "suspension": {"cured", "spared", "rejected", "withdrawn", "reinstated", "written_off"},
    "dispute": {"rejected", "credit_note", "corrected_invoice", "already_paid", "withdrawn", "settled"},
    "payment_plan": {"completed", "broken", "cancelled", "rejected"},
    "approval": {"approved", "rejected", "returned", "lapsed"},
    "invoice": {"paid", "written_off"},
}


def _never_reached(database: Database, play: TimeSkippingPlay) -> list[str]:
    """Steps of the policy, kinds of entries, endings and decisions that no case of this year came to."""
    with database.reading() as session:
        entries = session.execute(select(col(JournalEntry.kind), col(JournalEntry.facts))).all()
        outcomes = {(row.kind, row.outcome) for row in session.execute(select(col(Case.kind), col(Case.outcome)))}
    kinds = {kind for kind, _ in entries}
    ended, decided, taken = (
        {str(facts.get(fact)) for found, facts in entries if found == kind}
        for kind, fact in (("suspension.ended", "ending"), ("write_off.decided", "decision"), ("step.taken", "step"))
    )
    policy = play.parts.policies.get_for_segment("standard").load_policy()
    missing = [f"step {step.step}" for step in policy.timeline if step.step not in taken]
    missing += [kind.value for kind in EntryKind if kind.startswith(FAMILIES) and kind not in NOT_OF_THIS_YEAR and kind.value not in kinds]
    missing += [f"suspension {ending}" for ending in sorted(ENDINGS["suspension"] - ended)]
    missing += [f"write-off {way}" for way in ("whole", "part", "agency", "legal", "back_to_collections") if way not in decided]
    missing += [
        f"{kind} {end}" for kind, ends in ENDINGS.items() if kind != "suspension" for end in sorted(ends) if (kind, end) not in outcomes
    ]
    return missing


# --- letters


def _check_letters(play: TimeSkippingPlay, database: Database) -> None:
    """Each letter arrived once, and none that asks for money names an invoice whose case was closed."""
    assert play.parts.inbox is not None
    arrived = play.parts.inbox.list(limit=100_000)
    texts = {mail.message_id: mail.text for mail in arrived}
    closed_at = func.min(col(JournalEntry.business_at))
    closings = select(col(JournalEntry.invoice_id), closed_at).where(col(JournalEntry.kind) == "case.closed")
    with database.reading() as session:
        sent = {letter.id: letter for letter in session.scalars(select(Message).where(col(Message.state) == "sent"))}
        closed = dict(session.execute(closings.group_by(col(JournalEntry.invoice_id))).all())
        # a line without an amount tells of a credit note, and asks for nothing
        asking = col(MessageLine.open_balance) > 0
        lines = session.execute(select(col(MessageLine.message_id), col(MessageLine.invoice_id)).where(asking)).all()
    assert len(texts) == len(arrived)
    assert {letter.message_id for letter in sent.values()} <= set(texts)
    named = [(sent[letter], name) for letter, name in lines if letter in sent]
    named += [(letter, name) for letter in sent.values() if letter.letter in DEMAND_LETTERS for name in letter.invoice_ids]
    late = [(letter.letter, letter.sent_at, name) for letter, name in named if _is_late(letter, closed.get(name), texts, name)]
    assert late == []


def _is_late(letter: Message, closed: datetime | None, texts: dict[str, str], name: str) -> bool:
    return closed is not None and letter.sent_at is not None and closed <= letter.sent_at and name in texts[letter.message_id]


# --- what the server says


async def _failures(play: TimeSkippingPlay) -> list[str]:
    """Open cases with an activity that is tried again and again, or a workflow task that does not come to its end."""
    gate = asyncio.Semaphore(20)

    async def ask(case: Case) -> list[str]:
        async with gate:
            answer = (await play.client.get_workflow_handle(case.case_id).describe()).raw_description
        found = [
            f"{case.case_id} {one.activity_type.name} {one.attempt} {one.last_failure.message}"
            for one in answer.pending_activities
            if one.attempt > 1
        ]
        stuck = answer.pending_workflow_task.attempt
        return [*found, *([f"{case.case_id} workflow task {stuck}"] if stuck > 1 else [])]

    cases = [case for case in _cases(play.parts.database) if case.outcome is None]
    return [line for found in await asyncio.gather(*map(ask, cases)) for line in found]
