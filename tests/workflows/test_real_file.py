"""The public accounts-receivable file, played from June to October 2013, on PostgreSQL until August: the letters are those of an
oracle that knows only the file and the policy."""

import csv
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlmodel import col
from temporalio.client import WorkflowExecutionStatus

from adapters.database.engine import Database
from adapters.database.tables import Account, CallRequest, Case, Invoice, JournalEntry, Message, MessageLine, Task
from adapters.mail.local_inbox import Inbox
from adapters.shipped_files import PROJECT
from tests.letters_report import FileBooks, measure_letters
from tests.oracle import Expectation, ExpectedLetter, expected
from tests.sent_letters import list_sent_letters
from tests.time_skipping_play import TimeSkippingPlay, start_play

FILE = PROJECT.parent / "shared" / "data" / "accounts-receivable.csv"
BEFORE_MIDNIGHT = timedelta(minutes=10)
START, END, END_ON_POSTGRESQL = date(2013, 6, 1), date(2013, 10, 1), date(2013, 8, 1)
MAPPING = "accounts-receivable"

pytestmark = pytest.mark.skipif(not FILE.exists(), reason=f"the public sample is not at {FILE}")


@cache
def _day(text: str) -> date:
    return datetime.strptime(text, "%m/%d/%Y").date()


def _rows() -> list[dict[str, str]]:
    with FILE.open(newline="", encoding="utf-8") as sheet:
        return list(csv.DictReader(sheet))


def _sheet(file: Path, rows: list[dict[str, str]]) -> Path:
    with file.open("w", newline="", encoding="utf-8") as sheet:
        writer = csv.DictWriter(sheet, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return file


async def _play_on(play: TimeSkippingPlay, rows: list[dict[str, str]], folder: Path, end: date) -> None:
    """Each day: settlements arrive just before it, so that nothing else happens on it first; then what was issued; then letters go. The
    server's clock goes on while a file is imported, by less than `BEFORE_MIDNIGHT` on any machine."""
    for offset in range((end - START).days + 1):
        day = START + timedelta(days=offset)
        midnight = datetime.combine(day, datetime.min.time(), UTC)
        settled = [row for row in rows if _day(row["SettledDate"]) == day > START]
        issued = [row for row in rows if _day(row["InvoiceDate"]) == day > START]
        for moment, news in ((midnight - BEFORE_MIDNIGHT, settled), (midnight, issued)):
            if news:
                await play.skip_to(moment)
                await play.import_file(_sheet(folder / "news.csv", news), MAPPING, day)
                await play.sync()
        await play.run_morning(day)


def _letters(database: Database) -> Counter[ExpectedLetter]:
    """The letters that went, as the oracle describes them."""
    lines: dict[int, list[MessageLine]] = defaultdict(list)
    with database.reading() as session:
        for line in session.scalars(select(MessageLine)):
            lines[line.message_id].append(line)
        sent = session.execute(select(Message).where(col(Message.state) == "sent")).scalars().all()
        zones = dict(session.execute(select(col(Account.id), col(Account.time_zone))).all())
        return Counter(
            ExpectedLetter(
                letter.account_id,
                letter.sent_at.astimezone(ZoneInfo(zones[letter.account_id])).date(),
                frozenset((line.invoice_id, line.step) for line in lines[letter.id or 0] if line.step),
                letter.letter,
                frozenset((line.invoice_id, line.named_as, Decimal(line.open_balance) / 100) for line in lines[letter.id or 0]),
                None if letter.asked_for is None else Decimal(letter.asked_for) / 100,
            )
            for letter in sent
            if letter.sent_at
        )


async def test_the_real_file_gets_the_letters_that_the_oracle_expects(database: Database, tmp_path: Path) -> None:
    rows, end = _rows(), END if database.is_sqlite else END_ON_POSTGRESQL
    oracle = expected(FILE, PROJECT / "policies" / "standard.yaml", PROJECT / "mappings" / f"{MAPPING}.yaml", START, end)
    async with start_play(database, tmp_path / "data", START) as play:
        result = await play.import_file(FILE, MAPPING, START)
        await play.sync()

        assert sum(result.verdicts.values()) == len(rows)
        unsettled = {row["invoiceNumber"] for row in rows if _day(row["InvoiceDate"]) <= START < _day(row["SettledDate"])}
        running = await _running(play)
        assert running == unsettled

        await _play_on(play, rows, tmp_path, end)

        still_open = {row["invoiceNumber"] for row in rows if _day(row["InvoiceDate"]) <= end < _day(row["SettledDate"])}
        assert await _running(play) == still_open
    _check_outcomes(database, oracle)
    assert _letters(database) == Counter(oracle.letters)
    _check_calls(database, oracle)
    _check_suspensions(database, oracle)
    _check_inbox(play, database, rows)
    assert play.parts.inbox is not None
    report = measure_letters(FileBooks(rows, minimum=Decimal(5)), list_sent_letters(database, play.parts.inbox))
    assert report.is_right, report


async def play_file(database: Database, folder: Path, rows: list[dict[str, str]], end: date) -> Inbox:
    """Play the file until `end`; the inbox with the letters that went."""
    async with start_play(database, folder / "data", START) as play:
        await play.import_file(FILE, MAPPING, START)
        await play.sync()
        await _play_on(play, rows, folder, end)
    assert play.parts.inbox is not None
    return play.parts.inbox


async def _running(play: TimeSkippingPlay) -> set[str]:
    """The invoices whose workflow runs, asked of the Temporal server for every invoice there is."""
    with play.parts.database.reading() as session:
        invoices = list(session.execute(select(col(Invoice.id))).scalars())
        cases = set(session.execute(select(col(Case.invoice_id)).where(col(Case.kind) == "invoice")).scalars())
    running = set()
    for invoice in invoices:
        if invoice not in cases:
            continue
        if (await play.case(invoice).describe()).status is WorkflowExecutionStatus.RUNNING:
            running.add(invoice)
    return running


def _check_outcomes(database: Database, oracle: Expectation) -> None:
    with database.reading() as session:
        outcomes = dict(session.execute(select(col(Case.invoice_id), col(Case.outcome)).where(col(Case.kind) == "invoice")).all())
    assert set(outcomes) == set(oracle.opened)
    assert {invoice for invoice, outcome in outcomes.items() if outcome == "paid"} == set(oracle.closed)
    assert set(outcomes.values()) <= {"paid", None}


def _check_calls(database: Database, oracle: Expectation) -> None:
    with database.reading() as session:
        calls = session.execute(select(col(CallRequest.invoice_id), col(CallRequest.due_on))).all()
        open_calls = session.scalars(select(col(Task.account_id)).where(col(Task.kind) == "call", col(Task.state) == "open")).all()
    assert len(open_calls) == len(set(open_calls))
    assert Counter(calls) == Counter((call.invoice, call.contact_on) for call in oracle.calls)


def _check_suspensions(database: Database, oracle: Expectation) -> None:
    """Which invoices asked that their account be suspended, and when. In these months of the file all are paid before that."""
    with database.reading() as session:
        asked = session.scalars(
            select(JournalEntry).where(col(JournalEntry.kind) == "suspension.asked", col(JournalEntry.invoice_id).is_(None))
        )
        found = Counter((str(entry.facts["invoice"]), entry.account_id, entry.business_at.date()) for entry in asked)
    assert found == Counter((one.invoice, one.account, one.on) for one in oracle.asked)


def _check_inbox(play: TimeSkippingPlay, database: Database, rows: list[dict[str, str]]) -> None:
    """What arrived is what was sent; no letter mentions an invoice after its settlement, or asks for a disputed one."""
    assert play.parts.inbox is not None
    arrived = play.parts.inbox.list(limit=10_000)
    with database.reading() as session:
        sent = list(session.execute(select(col(Message.message_id)).where(col(Message.state) == "sent")).scalars())
        named_as = select(col(Message.message_id), col(MessageLine.invoice_id), col(MessageLine.named_as))
        rest = session.execute(named_as.join(Message, col(Message.id) == col(MessageLine.message_id)))
        namings = {(message, invoice): naming for message, invoice, naming in rest}
    assert Counter(mail.message_id for mail in arrived) == Counter(sent)
    by_number = {row["invoiceNumber"]: row for row in rows}
    (length,) = {len(number) for number in by_number}
    for mail in arrived:
        assert mail.date is not None
        pieces = {mail.text[place : place + length] for place in range(len(mail.text))}
        named = [by_number[number] for number in by_number.keys() & pieces]
        assert named
        for row in named:
            assert (row["Disputed"] == "Yes") == (namings[mail.message_id, row["invoiceNumber"]] == "disputed")
            assert mail.date.date() < _day(row["SettledDate"])
            assert (
                mail.recipients[0].endswith(f"{row['customerID'].lower()}@example.test>") or row["customerID"].lower() in mail.recipients[0]
            )
