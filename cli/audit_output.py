"""What the audit's commands show."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from adapters.i18n.formatting import money_text
from domain.audit.replay_report import CaseReplay, FieldChange, ReplayReport
from domain.audit.seal import Seal
from domain.audit.verification_report import Fault, VerifyReport
from domain.erasure.report import ErasureLine, ErasureReport
from domain.journal.account_entries import Told
from domain.projection.state_models import AccountStanding, LetterStanding

ENGLISH = "en_GB"

MOST_FAULTS = 100
"""So many are shown one by one."""


def show_verified(console: Console, report: VerifyReport) -> None:
    _show_faults(console, report.faults)
    for table in report.unguarded:
        _say(console, f"{table}: its trigger against changes is missing")
    for what in report.out_of_reach:
        _say(console, f"not looked at: {what}")
    beside = f", {report.orphans:,} entries beside the chains" if report.orphans else ""
    held = ", ".join(f"{rows:,} {table.replace('_', ' ')}" for table, rows in report.looked_at.items() if rows and table != "cases")
    _say(console, f"{report.entries:,} entries of {report.cases:,} cases under {report.seals:,} seals{beside}")
    if held:
        _say(console, f"held against them: {held}")
    _say(console, _counted(len(report.faults), "fault") if report.faults else "nothing was changed")


def show_seals(console: Console, seals: Sequence[Seal]) -> None:
    """With the hash of each, which is in the mail of its day."""
    table = Table("day", "cases", "entries", "hash")
    for column in (1, 2):
        table.columns[column].justify = "right"
    for seal in seals:
        table.add_row(str(seal.day), f"{seal.cases:,}", f"{seal.entries:,}", seal.digest())
    console.print(table)


def show_seal_checked(console: Console, day: date, faults: Sequence[Fault]) -> None:
    _show_faults(console, faults)
    if not faults:
        _say(console, f"the seal of {day} is whole, and the last entry of each case that it names is there")
        _say(console, "`duecourse audit verify` follows the chains from these entries back to their beginnings")


def _show_faults(console: Console, faults: Sequence[Fault]) -> None:
    for fault in faults[:MOST_FAULTS]:
        _say(console, f"{fault.table} {fault.key}: {fault.what}")
    if len(faults) > MOST_FAULTS:
        _say(console, f"and {len(faults) - MOST_FAULTS:,} more")


def show_replayed(console: Console, report: ReplayReport) -> None:
    table = Table("case", "runs", "replayed", "as told", "differences", "under the seal of")
    for column in (1, 3, 4):
        table.columns[column].justify = "right"
    for case in report.cases:
        seal = f"{case.seal.day} (up to {case.seal.seq})" if case.seal else "–"
        differs = len(case.differences)
        table.add_row(
            escape(case.case_id),
            str(len(case.runs)),
            "yes" if case.replayed else "no",
            str(sum(case.counts.values()) - differs),
            str(differs),
            seal,
        )
    console.print(table)
    for case in report.cases:
        _show_what_differs(console, case)
    _say(console, f"{report.account_id}: {_outcome(report)}")


def show_differences(console: Console, reports: Sequence[ReplayReport]) -> None:
    """Of each account what is not as its histories tell it, and how many accounts that is."""
    flawed = [report for report in reports if not report.flawless]
    for report in flawed:
        for case in report.cases:
            _show_what_differs(console, case)
        _say(console, f"{report.account_id}: {_outcome(report)}")
    entries = sum(sum(case.counts.values()) for report in reports for case in report.cases)
    held = f"{entries:,} entries of {_counted(len(reports), 'account')} held against their histories"
    _say(console, f"{held}: {_counted(len(flawed), 'account')} with differences" if flawed else f"{held}: every one is as they tell it")


def _outcome(report: ReplayReport) -> str:
    if not report.cases:
        return "it has no case yet"
    if report.flawless:
        return "every entry is as its history tells it"
    found = [_counted(len(report.differences), "difference")] if report.differences else []
    missed = len(report.not_replayed)
    return "; ".join([*found, *([f"{_counted(missed, 'run')} could not be replayed"] if missed else [])])


def _counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def _show_what_differs(console: Console, case: CaseReplay) -> None:
    for run in case.runs:
        if not run.replayed:
            _say(console, f"{case.case_id}: run {run.run_id} ({run.source.value}) was not replayed: {run.why_not}")
    for one in case.differences:
        changes = "; ".join(change for field in one.changes for change in _changes(field))
        _say(console, f"{case.case_id} entry {one.seq} ({one.kind}): {one.verdict.value}; {changes or one.why}")


def _changes(change: FieldChange) -> Iterator[str]:
    """Of an entry's facts only those that differ."""
    stored, told = ({change.field: change.database}, {change.field: change.history})
    if change.field == "facts":
        with suppress(ValueError, TypeError):
            stored, told = dict(json.loads(change.database)), dict(json.loads(change.history))
    for name in sorted(stored.keys() | told.keys()):
        if stored.get(name) != told.get(name):
            yield f"{name}: {stored.get(name, 'nothing')} in the database, {told.get(name, 'nothing')} in the history"


def show_standing(console: Console, standing: AccountStanding, day: date | None = None) -> None:
    """The account at a moment. `day` heads it, when it is the end of one."""
    when = f"at the end of {day}" if day else f"at {standing.at:%Y-%m-%d %H:%M}"
    _say(console, f"{standing.account_id} {when}, from {standing.entries} entries")
    for balance in (each for each in standing.balances if each.currency):
        overdue, disputed = money(balance.overdue, balance.currency), money(balance.disputed, balance.currency)
        owed = money(balance.open_balance, balance.currency)
        _say(console, f"  {owed} open on {_counted(balance.open_invoices, 'invoice')}; {overdue} overdue, {disputed} disputed")
    if standing.suspended:
        _say(console, "  its service is off")
    table = Table("invoice", "open", "stage", "waits for", "next", "holds", "policy")
    for one in standing.invoices:
        holds = ", ".join(f"{hold.kind} since {hold.since:%Y-%m-%d}" for hold in one.holds)
        step = f"{one.next_step} on {one.next_on}" if one.next_step and one.next_on else one.next_step or ""
        policy = f"{one.policy.name} {one.policy.version}" if one.policy else ""
        table.add_row(escape(one.invoice_id), money(one.open_balance, one.currency), one.stage, one.waiting_for, step, holds, policy)
    if standing.invoices:
        console.print(table)
    for letter, about in _letters(standing.letters):
        _say(
            console,
            f"  letter {letter.name} about {about}: {letter.fate.replace('_', ' ')}{f' on {letter.at:%Y-%m-%d}' if letter.at else ''}",
        )
    for awaited in standing.awaited:
        _say(console, f"  {awaited.case_id} waits for {awaited.whom}{f' until {awaited.due_on}' if awaited.due_on else ''}")


def show_changed(console: Console, account_id: str, faults: Sequence[Fault]) -> None:
    """Whoever reads what an account's journal tells must hear first that it is not what was written."""
    if faults:
        _say(console, f"The journal of {account_id} was changed; what it tells below may be wrong:")
        _show_faults(console, faults)


def _letters(letters: Iterable[LetterStanding]) -> Iterator[tuple[LetterStanding, str]]:
    """One that several invoices share is one letter."""
    shared: dict[tuple[str | None, str], list[LetterStanding]] = {}
    for letter in letters:
        shared.setdefault((letter.message_id, letter.name if letter.message_id else f"{letter.name} {letter.case_id}"), []).append(letter)
    for alike in shared.values():
        yield alike[0], ", ".join(sorted(letter.invoice_id or letter.case_id for letter in alike))


def show_entry(console: Console, entry: Told, sentence: str) -> None:
    _say(console, f"{entry.at:%Y-%m-%d %H:%M}  {entry.case_id} {entry.seq}  {entry.actor}: {sentence}")


def show_erasure(console: Console, report: ErasureReport) -> None:
    table = Table("what", "how many", "", "why")
    table.columns[1].justify = "right"
    gone = "would go" if report.dry_run or report.blocked else "erased"
    _add(table, report.erased, gone)
    table.add_section()
    _add(table, report.kept, "stays")
    console.print(table)
    for remark in report.remarks:
        _say(console, remark)
    for obstacle in report.blocked:
        _say(console, f"nothing may be erased yet: {obstacle}")


def _add(table: Table, lines: Iterable[ErasureLine], fate: str) -> None:
    for line in lines:
        table.add_row(line.what.replace("_", " "), f"{line.count:,}", fate, line.why)


def money(minor: int, currency: str) -> str:
    """`minor` in minor units of `currency`, which is empty where a journal that was tampered with does not say it any more."""
    return money_text(minor, currency, ENGLISH) if currency else "not told"


def _say(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
