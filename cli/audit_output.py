"""Prints what the commands of the audit found."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime

from babel.dates import format_timedelta
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from adapters.i18n.formatting import format_localised_money
from domain.audit.replay_report import CaseReplay, FieldChange, ReplayReport
from domain.audit.seal import Seal
from domain.audit.verification_report import VerificationFinding, VerificationReport
from domain.erasure.report import ErasureLine, ErasureReport
from domain.journal.account_entries import AccountEntry
from domain.projection.state_models import AccountState, LetterState

ENGLISH = "en_GB"

MAX_FAULTS_SHOWN = 100
"""The number of faults that are shown; the rest are counted."""


def show_verification(console: Console, report: VerificationReport) -> None:
    _show_faults(console, report.faults)
    for table in report.unguarded:
        _print_line(console, f"{table}: its trigger against changes is missing")
    for what in report.out_of_reach:
        _print_line(console, f"not looked at: {what}")
    beside = f", {report.orphans:,} entries beside the chains" if report.orphans else ""
    if seal_line := _describe_seals(report, datetime.now(UTC)):
        _print_line(console, seal_line)
    held = ", ".join(f"{rows:,} {table.replace('_', ' ')}" for table, rows in report.looked_at.items() if rows and table != "cases")
    _print_line(console, f"{report.entries:,} entries of {report.cases:,} cases under {report.seals:,} seals{beside}")
    if held:
        _print_line(console, f"held against them: {held}")
    _print_line(console, _format_count(len(report.faults), "fault") if report.faults else "nothing was changed")


def _describe_seals(report: VerificationReport, now: datetime) -> str:
    """Describe the last seal's age, and how many of the days with entries have a seal; empty where there is none. `now` is real time."""
    if report.last_seal is None or report.last_seal_at is None:
        return ""
    age = format_timedelta(now - report.last_seal_at, locale=ENGLISH)
    days = _format_count(report.days, "day")
    return f"the last seal is of {report.last_seal}, made {age} ago; {_format_count(report.seals, 'seal')} for {days} with entries"


def show_seals(console: Console, seals: Sequence[Seal]) -> None:
    """Print the seals with their hashes, as they were mailed on their days."""
    table = Table("day", "cases", "entries", "hash")
    for column in (1, 2):
        table.columns[column].justify = "right"
    for seal in seals:
        table.add_row(str(seal.day), f"{seal.cases:,}", f"{seal.entries:,}", seal.digest())
    console.print(table)


def show_seal_check(console: Console, day: date, faults: Sequence[VerificationFinding]) -> None:
    _show_faults(console, faults)
    if not faults:
        _print_line(console, f"the seal of {day} is whole, and the last entry of each case that it names is there")
        _print_line(console, "`duecourse audit verify` follows the chains from these entries back to their beginnings")


def _show_faults(console: Console, faults: Sequence[VerificationFinding]) -> None:
    for fault in faults[:MAX_FAULTS_SHOWN]:
        _print_line(console, f"{fault.table} {fault.key}: {fault.what}")
    if len(faults) > MAX_FAULTS_SHOWN:
        _print_line(console, f"and {len(faults) - MAX_FAULTS_SHOWN:,} more")


def show_replay(console: Console, report: ReplayReport) -> None:
    table = Table("case", "runs", "replayed", "as told", "differences", "under the seal of")
    for column in (1, 3, 4):
        table.columns[column].justify = "right"
    for case in report.cases:
        seal = f"{case.seal.day} (up to {case.seal.seq})" if case.seal else "–"
        differs = len(case.differences)
        table.add_row(
            escape(case.case_id),
            str(len(case.runs)),
            "yes" if case.is_replayed else "no",
            str(sum(case.counts.values()) - differs),
            str(differs),
            seal,
        )
    console.print(table)
    for case in report.cases:
        _show_case_differences(console, case)
    _print_line(console, f"{report.account_id}: {_describe_outcome(report)}")


def show_differences(console: Console, reports: Sequence[ReplayReport]) -> None:
    """Print the differences of each account from its histories, and the number of accounts that have any."""
    flawed = [report for report in reports if not report.flawless]
    for report in flawed:
        for case in report.cases:
            _show_case_differences(console, case)
        _print_line(console, f"{report.account_id}: {_describe_outcome(report)}")
    entries = sum(sum(case.counts.values()) for report in reports for case in report.cases)
    held = f"{entries:,} entries of {_format_count(len(reports), 'account')} held against their histories"
    _print_line(
        console, f"{held}: {_format_count(len(flawed), 'account')} with differences" if flawed else f"{held}: every one is as they tell it"
    )


def _describe_outcome(report: ReplayReport) -> str:
    if not report.cases:
        return "it has no case yet"
    if report.flawless:
        return "every entry is as its history tells it"
    found = [_format_count(len(report.differences), "difference")] if report.differences else []
    missed = len(report.unreplayed_runs)
    return "; ".join([*found, *([f"{_format_count(missed, 'run')} could not be replayed"] if missed else [])])


def _format_count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _show_case_differences(console: Console, case: CaseReplay) -> None:
    for run in case.runs:
        if not run.replayed:
            _print_line(console, f"{case.case_id}: run {run.run_id} ({run.source.value}) was not replayed: {run.why_not}")
    for entry in case.differences:
        changes = "; ".join(change for field in entry.changes for change in _describe_changes(field))
        _print_line(console, f"{case.case_id} entry {entry.seq} ({entry.kind}): {entry.verdict.value}; {changes or entry.why}")


def _describe_changes(change: FieldChange) -> Iterator[str]:
    """Describe a change of a field; of an entry's facts, only those that differ."""
    stored, replayed = ({change.field: change.database}, {change.field: change.history})
    if change.field == "facts":
        with suppress(ValueError, TypeError):
            stored, replayed = dict(json.loads(change.database)), dict(json.loads(change.history))
    for name in sorted(stored.keys() | replayed.keys()):
        if stored.get(name) != replayed.get(name):
            yield f"{name}: {stored.get(name, 'nothing')} in the database, {replayed.get(name, 'nothing')} in the history"


def show_account_state(console: Console, state: AccountState, day: date | None = None) -> None:
    """Print the account's state at a moment; under the day as its heading, if it is the state at the end of a day."""
    when = f"at the end of {day}" if day else f"at {state.at:%Y-%m-%d %H:%M}"
    _print_line(console, f"{state.account_id} {when}, from {state.entries} entries")
    for balance in (each for each in state.balances if each.currency):
        overdue, disputed = format_money(balance.overdue, balance.currency), format_money(balance.disputed, balance.currency)
        owed = format_money(balance.open_balance, balance.currency)
        _print_line(console, f"  {owed} open on {_format_count(balance.open_invoices, 'invoice')}; {overdue} overdue, {disputed} disputed")
    if state.suspended:
        _print_line(console, "  its service is off")
    table = Table("invoice", "open", "stage", "waits for", "next", "holds", "policy")
    for invoice in state.invoices:
        holds = ", ".join(f"{hold.kind} since {hold.since:%Y-%m-%d}" for hold in invoice.holds)
        step = f"{invoice.next_step} on {invoice.next_on}" if invoice.next_step and invoice.next_on else invoice.next_step or ""
        policy = f"{invoice.policy.name} {invoice.policy.version}" if invoice.policy else ""
        table.add_row(
            escape(invoice.invoice_id),
            format_money(invoice.open_balance, invoice.currency),
            invoice.stage,
            invoice.waiting_for,
            step,
            holds,
            policy,
        )
    if state.invoices:
        console.print(table)
    for letter, about in _group_letters(state.letters):
        _print_line(
            console,
            f"  letter {letter.name} about {about}: {letter.fate.replace('_', ' ')}{f' on {letter.at:%Y-%m-%d}' if letter.at else ''}",
        )
    for awaited in state.awaited:
        _print_line(console, f"  {awaited.case_id} waits for {awaited.whom}{f' until {awaited.due_on}' if awaited.due_on else ''}")


def show_chain_faults(console: Console, account_id: str, faults: Sequence[VerificationFinding]) -> None:
    """Whoever reads what an account's journal tells must hear first that it is not what was written."""
    if faults:
        _print_line(console, f"The journal of {account_id} was changed; what it tells below may be wrong:")
        _show_faults(console, faults)


def _group_letters(letters: Iterable[LetterState]) -> Iterator[tuple[LetterState, str]]:
    """One that several invoices share is one letter."""
    shared: dict[tuple[str | None, str], list[LetterState]] = {}
    for letter in letters:
        shared.setdefault((letter.message_id, letter.name if letter.message_id else f"{letter.name} {letter.case_id}"), []).append(letter)
    for alike in shared.values():
        yield alike[0], ", ".join(sorted(letter.invoice_id or letter.case_id for letter in alike))


def show_entry(console: Console, entry: AccountEntry, sentence: str) -> None:
    _print_line(console, f"{entry.at:%Y-%m-%d %H:%M}  {entry.case_id} {entry.seq}  {entry.actor}: {sentence}")


def show_erasure(console: Console, report: ErasureReport) -> None:
    table = Table("what", "how many", "", "why")
    table.columns[1].justify = "right"
    gone = "would go" if report.dry_run or report.blocked else "erased"
    _add_lines(table, report.erased, gone)
    table.add_section()
    _add_lines(table, report.kept, "stays")
    console.print(table)
    for remark in report.remarks:
        _print_line(console, remark)
    for obstacle in report.blocked:
        _print_line(console, f"nothing may be erased yet: {obstacle}")


def _add_lines(table: Table, lines: Iterable[ErasureLine], result: str) -> None:
    for line in lines:
        table.add_row(line.what.replace("_", " "), f"{line.count:,}", result, line.why)


def format_money(minor: int, currency: str) -> str:
    """`minor` in minor units of `currency`, which is empty where a journal that was tampered with does not say it any more."""
    return format_localised_money(minor, currency, ENGLISH) if currency else "not told"


def _print_line(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
