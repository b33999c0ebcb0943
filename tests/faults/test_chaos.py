"""Never twice, never lost: the public file's invoices under killed workers, a killed Temporal server and a mail server in every mood.

The play takes the file as it stood on the morning of Tuesday 13 March 2012: the invoices then open that are due by Friday of the week
after, nine business days, and the settlements of the first four of them. Later settlements are left out, so that which letters an invoice
must get does not depend on how long an outage lasts: each invoice climbs its whole timeline. So the steps that the letters take must be
the oracle's exactly, with three rules for what time does change: a courtesy note may be overtaken by the due date, which its journal then
bears out; one that would have been overtaken may find a letter of its account to be named in, before that date; and an invoice that is
settled meanwhile gets the first of its letters only, none of them dated after its settlement.
"""

import asyncio
import csv
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from sqlalchemy import and_, func, or_, select
from sqlmodel import col

from adapters.config.settings import PROJECT
from adapters.correspondence.letter_decisions import LetterDecision, LetterDecisionStore
from adapters.database.engine import Database
from adapters.database.tables import Case, ContactRequest, Invoice, JournalEntry, LedgerEvent, Message, MessageLine, Task
from adapters.imports.column_mapping import load_mapping
from adapters.temporal.schedules import upsert_schedules
from domain.clock import Clock, start_of_day
from domain.journal.chain_check import find_broken_entry
from domain.journal.entry import Entry
from tests.faults.chaos import KILLS, MOODS, TEMPORAL_DIES_WITH, FaultInjector
from tests.faults.fault_environment import FaultEnvironment, start_fault_environment, write_letters_only_policies
from tests.faults.scripted_smtp_server import FINAL, SmtpBehaviour
from tests.oracle import expected

FILE = PROJECT.parent / "shared" / "data" / "accounts-receivable.csv"
MAPPING = PROJECT / "mappings" / "accounts-receivable.yaml"
START, SETTLED_UNTIL, WINDOW_END = date(2012, 3, 13), date(2012, 3, 16), date(2012, 3, 23)
LONG_AFTER = START + timedelta(days=200)
DAY_SECONDS = 1.0
FIRST_LETTERS = 10
SEED = 20120313

pytestmark = pytest.mark.skipif(not FILE.exists(), reason=f"the public sample is not at {FILE}")

Row = dict[str, str]
Pair = tuple[str, str]


def _day(text: str) -> date:
    return datetime.strptime(text, "%m/%d/%Y").date()


class Population:
    """`known` is the file as it stood on the first morning."""

    def __init__(self) -> None:
        with FILE.open(newline="", encoding="utf-8") as sheet:
            rows = [row for row in csv.DictReader(sheet) if _day(row["InvoiceDate"]) <= START < _day(row["SettledDate"])]
        self.rows = [row for row in rows if _day(row["DueDate"]) <= WINDOW_END]
        self.known = [row | {"SettledDate": ""} for row in self.rows]
        self.settled = {row["invoiceNumber"]: row for row in self.rows if _day(row["SettledDate"]) <= SETTLED_UNTIL}
        self.open = {row["invoiceNumber"] for row in self.rows} - set(self.settled)


def _sheet(file: Path, rows: Sequence[Row]) -> Path:
    with file.open("w", newline="", encoding="utf-8") as sheet:
        writer = csv.DictWriter(sheet, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return file


class Record:
    """What the database says at this moment."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def overtaken(self) -> set[int]:
        """The refused letters after which a later one of their account arrived: what they were to say has been said."""
        letters = self._all(Message)
        arrived = [letter for letter in letters if letter.state == "sent" and letter.asked_for is not None]
        return {
            letter.id or 0
            for letter in letters
            if letter.state == "refused"
            and any(later.account_id == letter.account_id and (later.id or 0) > (letter.id or 0) for later in arrived)
        }

    def quiet(self) -> bool:
        """Nothing is on its way, and no invoice has a step before it, unless a person is to decide about its letter.

        It takes several looks, and between two of them a case may ask for its last letter: then they do not count. A case whose letter
        was decided about goes on once it has heard so.
        """
        before = self._count_entries()
        return not self._is_restless() and self._count_entries() == before

    def _count_entries(self) -> int:
        with self._database.reading() as session:
            return int(session.execute(select(func.count()).select_from(JournalEntry)).scalar_one())

    def _is_restless(self) -> bool:
        on_hold = [case.case_id for case in self._all(Case) if case.holds]
        undecided = select(col(MessageLine.invoice_id)).join(Message, col(Message.id) == col(MessageLine.message_id))
        undecided = undecided.where(col(Message.state).in_(("refused", "unknown")))
        ended = col(ContactRequest.state).in_(("sent", "refused", "unknown", "dropped"))
        untold = (col(ContactRequest.told).is_(False), col(ContactRequest.asked), ended)
        unfinished = or_(
            and_(col(Invoice.status) == "open", col(Case.case_id).is_(None)),
            and_(col(Invoice.status) != "open", col(Case.case_id).is_not(None), col(Case.outcome).is_(None)),
        )
        restless = (
            select(func.count()).where(col(ContactRequest.state).in_(("pending", "claimed"))),
            select(func.count()).where(col(Message.state).in_(("intended", "transmitting"))),
            select(func.count()).where(*untold),
            select(func.count()).where(col(LedgerEvent.delivered_at).is_(None)),
            select(func.count()).where(
                col(Case.kind) == "invoice",
                col(Case.outcome).is_(None),
                col(Case.next_step).is_not(None),
                col(Case.case_id).not_in(on_hold),
                or_(col(Case.waiting_for) != "letter_decision", col(Case.invoice_id).not_in(undecided)),
            ),
            select(func.count()).select_from(Invoice).outerjoin(Case, col(Case.invoice_id) == col(Invoice.id)).where(unfinished),
        )
        with self._database.reading() as session:
            return any(session.execute(statement).scalar_one() for statement in restless)

    def pairs(self) -> dict[str, set[Pair]]:
        """By Message-ID, what each letter names; the step is empty where it takes none."""
        carried: dict[str, set[Pair]] = defaultdict(set)
        lines = select(col(Message.message_id), col(MessageLine.invoice_id), col(MessageLine.step))
        with self._database.reading() as session:
            for message, invoice, step in session.execute(lines.join(MessageLine, col(MessageLine.message_id) == col(Message.id))):
                carried[message].add((invoice, step))
        return carried

    def letters(self, *states: str) -> dict[int, str]:
        """Number and Message-ID of the letters in these states."""
        with self._database.reading() as session:
            rows = session.execute(select(col(Message.id), col(Message.message_id)).where(col(Message.state).in_(states)))
            return {number or 0: message for number, message in rows}

    def tasks(self) -> dict[int, str]:
        """The open tasks about letters."""
        return {task.message_id: task.kind for task in self._all(Task) if task.state == "open" and task.message_id is not None}

    def outcomes(self) -> dict[str, str | None]:
        return {invoice: case.outcome for invoice, case in self._invoice_cases().items()}

    def _invoice_cases(self) -> dict[str, Case]:
        """Each invoice's own case: a dispute about it is a case, too."""
        return {case.invoice_id: case for case in self._all(Case) if case.invoice_id and case.kind == "invoice"}

    def journals(self) -> dict[str, list[Entry]]:
        """Each invoice's chain, followed back from its case's head. The cases are read first, for they may go on meanwhile."""
        cases = list(self._invoice_cases().values())
        entries = {entry.hash: Entry.model_validate(entry.model_dump()) for entry in self._all(JournalEntry)}
        chains: dict[str, list[Entry]] = {}
        for case in cases:
            chain, at = list[Entry](), case.head
            while at in entries:
                chain.insert(0, entries[at])
                at = entries[at].previous
            assert len(chain) == case.seq
            chains[case.invoice_id or ""] = chain
        return chains

    def _all(self, table: type) -> list:  # type: ignore[type-arg]
        with self._database.reading() as session:
            return list(session.scalars(select(table)))


class ChaosPlay:
    def __init__(self, environment: FaultEnvironment, folder: Path, population: Population) -> None:
        self.fault_environment, self.record = environment, Record(environment.database)
        self._folder, self._population = folder, population

    def now(self) -> datetime:
        return self.fault_environment.parts.clock.to_business(datetime.now(UTC))

    def report(self, rows: Sequence[Row], on: date) -> datetime:
        """Billing reports what it knows on a date; the business time at which it has."""
        result = self.fault_environment.parts.importer.run(
            _sheet(self._folder / "news.csv", rows), load_mapping(MAPPING), on, self.now(), "tests"
        )
        assert not result.rejected, result.rejected
        return self.now()

    async def report_settlements(self) -> datetime:
        """Once their dates have come, each invoice has its case, and the first letters have gone."""
        await self.fault_environment.wait_until(self._settlements_are_due, "the settlements' dates come")
        return self.report(list(self._population.settled.values()), SETTLED_UNTIL)

    def _settlements_are_due(self) -> bool:
        opened = len(self.record.outcomes()) == len(self._population.rows)
        return opened and len(self.fault_environment.office.taken) >= FIRST_LETTERS and self.now() > start_of_day(SETTLED_UNTIL)

    def decide(self) -> None:
        """A person has refused letters sent again, and asks the customers about those of unknown fate."""
        arrived = set(self.fault_environment.office.times_taken)
        for number, message in self.record.letters("refused", "unknown").items():
            decision = LetterDecision.DELIVERED if message in arrived else LetterDecision.RESEND
            LetterDecisionStore(self.fault_environment.database).decide(number, decision, "kim", "asked the customer", self.now())


async def test_chaos_sends_no_letter_twice_and_loses_none(database: Database, tmp_path: Path) -> None:
    population = Population()
    clock = Clock(real_anchor=datetime.now(UTC) + timedelta(seconds=4), business_anchor=start_of_day(START), day_seconds=DAY_SECONDS)
    print(f"seed {SEED}")
    policies = write_letters_only_policies(tmp_path / "policies")
    async with start_fault_environment(database, tmp_path / "data", clock, SEED, policies) as environment:
        play, chaos = ChaosPlay(environment, tmp_path, population), FaultInjector(environment, SEED)
        play.report(population.known, START)
        await upsert_schedules(environment.client, clock)

        reign = asyncio.create_task(chaos.run())
        settled_at = await play.report_settlements()
        await reign
        await environment.wait_until(play.record.quiet, "all is quiet")

        _check_faults(chaos, environment)
        _check_nothing_is_handed_over_after_its_end(environment)
        held = play.record.letters("refused", "unknown")
        assert set(held) - play.record.overtaken() == set(play.record.tasks())
        play.decide()
        await environment.wait_until(play.record.quiet, "all is quiet again")

        assert not play.record.tasks()
        assert not play.record.letters("refused", "unknown", "deferred")
        _check_letters(play, population, tmp_path, settled_at)

        play.report(population.rows, LONG_AFTER)
        await environment.wait_until(lambda: set(play.record.outcomes().values()) == {"paid"}, "every settled invoice is closed")
        assert set(play.record.outcomes()) == population.open | set(population.settled)


def _check_faults(chaos: FaultInjector, environment: FaultEnvironment) -> None:
    """All that should go wrong did."""
    assert chaos.kills == KILLS >= 10
    assert chaos.temporal_deaths == len(TEMPORAL_DIES_WITH) == 2
    assert chaos.outages == 1
    for mood in FINAL | {SmtpBehaviour.DEFERS}:
        assert environment.office.moods[mood] >= sum(number for each, number in MOODS if each is mood)


def _check_nothing_is_handed_over_after_its_end(environment: FaultEnvironment) -> None:
    """A letter may come again after 451, and after nothing else, until a person says so."""
    ended: set[str] = set()
    for handed in environment.office.handed:
        assert handed.message_id not in ended
        if handed.mood in FINAL:
            ended.add(handed.message_id)


def _check_letters(play: ChaosPlay, population: Population, folder: Path, settled_at: datetime) -> None:
    policy = folder / "policies" / "standard.yaml"
    oracle = expected(_sheet(folder / "known.csv", population.known), policy, MAPPING, START, LONG_AFTER)
    assert len(oracle.pairs) == len(set(oracle.pairs))
    carried, journals = play.record.pairs(), play.record.journals()
    taken = play.fault_environment.office.taken
    assert set(play.fault_environment.office.times_taken.values()) == {1}
    assert all(find_broken_entry(chain) is None for chain in journals.values())

    pairs = Counter(pair for letter in taken for pair in carried[letter.message_id] if pair[1])
    assert set(pairs.values()) == {1}
    wanted = {pair for pair in oracle.pairs if pair[0] in population.open}
    went = {pair for pair in pairs if pair[0] in population.open}
    assert [pair for pair in wanted - went if not _overtaken(journals[pair[0]], pair[1])] == []
    assert went - wanted <= _find_timely_courtesy_notes(play, population)

    steps = [step["step"] for step in yaml.safe_load(policy.read_text(encoding="utf-8"))["timeline"]]
    for invoice in population.settled:
        due = sorted((step for number, step in oracle.pairs if number == invoice), key=steps.index)
        due = [step for step in due if (invoice, step) in pairs or not _left_out(journals[invoice], step)]
        taken_steps = sorted((step for number, step in pairs if number == invoice), key=steps.index)
        if (invoice, "courtesy_note") not in oracle.pairs and (invoice, "courtesy_note") in _find_timely_courtesy_notes(play, population):
            due.insert(0, "courtesy_note")
        assert taken_steps == due[: len(taken_steps)]
    for letter in taken:
        named = {row["invoiceNumber"] for row in population.rows if row["invoiceNumber"] in letter.text}
        assert named == {invoice for invoice, _ in carried[letter.message_id]}
        assert named.isdisjoint(population.settled) or letter.letter["Date"].datetime <= settled_at


def _find_timely_courtesy_notes(play: ChaosPlay, population: Population) -> set[Pair]:
    """The courtesy notes that went before their invoices were past due."""
    due = {row["invoiceNumber"]: _day(row["DueDate"]) for row in population.rows}
    carried = play.record.pairs()
    return {
        (invoice, step)
        for letter in play.fault_environment.office.taken
        for invoice, step in carried[letter.message_id]
        if step == "courtesy_note" and letter.letter["Date"].datetime.date() <= due[invoice]
    }


def _left_out(journal: list[Entry], step: str) -> bool:
    """Or nobody knew what had become of the letter, and it was paid before somebody had decided."""
    fates = [entry.kind for entry in journal if entry.kind.startswith("letter.") and entry.facts.get("step") == step]
    return _overtaken(journal, step) or fates[-1:] in (["letter.unknown"], ["letter.refused"])


def _overtaken(journal: list[Entry], step: str) -> bool:
    """A courtesy note whose invoice fell due before it could go: it was never asked for, or lapsed, as the journal says.

    A worker that dies may leave a request of which the case itself knows nothing: the case hears that it lapsed all the same.
    """
    if step != "courtesy_note":
        return False
    asked = [entry for entry in journal if entry.kind == "letter.requested" and entry.facts["step"] == step]
    dropped = [entry for entry in journal if entry.kind == "letter.dropped" and entry.facts["step"] == step]
    return len(asked) <= len([entry for entry in dropped if entry.facts["reason"] == "lapsed"])
