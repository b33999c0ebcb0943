"""The independent oracle: which letters and calls a file of invoices must lead to, from the file and the policy alone.

It shares no rule with the project: it imports nothing of it, reads the policy as plain YAML, and steps through the calendar
one date at a time. Where it and the project disagree, one of them misreads the specification below.

- On the morning of the first day the file is imported: what is issued by then and not settled opens. On each later day,
  before that day's letters, invoices issued that day open and invoices settled that day close. What was settled when issued
  never opens.
- A disputed invoice, and one below the policy's minimum balance, takes no step.
- Steps follow one another in the timeline's order. A step is due `day` days after the due date, but not within
  `catch_up_days` of the day the customer last heard of this invoice. A step for before the due date (`day` ≤ 0) is passed
  over after it.
- A letter is the account's. It goes at the opening hour of the first business day of the customer's country on which one of the
  account's invoices has asked for one. Between two reminders to an account lie `days_between_letters`, and between any letter and the
  courtesy note after it: a request that comes sooner is moved to the first business day after that, and its invoice's next step waits for
  it. A step marked `apart` goes in its time all the same, unless it would be the account's third reminder within twice
  `days_between_letters`: then it waits until it is not, or for a letter that goes anyway.
- A letter about overdue invoices names the account's whole position. Each invoice that has asked for a letter is named as *due*, be it
  that its day would come later. Another overdue one whose next letter step (not one marked `apart`) is due within `gather_days`, and of
  which no letter has taken a step within `catch_up_days`, is named as *gathered*: when its step falls due it has been taken, on the day of
  the letter. Every other overdue one is *listed*; a disputed one is
  named as *disputed*; one below the minimum is left out. What is due, gathered or listed makes up what the letter asks for. Its template is
  that of the latest step in the timeline that it takes.
- A courtesy note (a step for before the due date) goes alone only to an account that owes nothing overdue. Else it waits, from one business
  day to the next, for a letter that goes anyway, and is named in it as *upcoming*. One that can no longer go before the due date has
  passed lapses, and the timeline goes on.
- A call is asked for on the day it is due and made on the first business day from then.
- A step whose act is neither a letter nor a call asks for the account's suspension, without any contact. From then on the invoice is held
  by the account's case, which does nothing until people decide: nobody does here, so the invoice takes no further step.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import holidays
import yaml

DAY = timedelta(days=1)

Countries = Mapping[str, str]
"""The file's region number → the ISO 3166-1 country whose public holidays count."""


class ExpectedLetter(NamedTuple):
    account: str
    on: date
    lines: frozenset[tuple[str, str]]
    """The (invoice, step) pairs that it carries."""
    template: str = ""
    named: frozenset[tuple[str, str, Decimal]] = frozenset()
    """Each invoice with as what it is named, and the amount that stands beside it."""
    asked_for: Decimal | None = None
    """None for a courtesy note, which asks for nothing."""


class Call(NamedTuple):
    invoice: str
    asked_on: date
    contact_on: date


class Asked(NamedTuple):
    """An invoice asked that its account be suspended."""

    invoice: str
    account: str
    on: date


@dataclass
class Expectation:
    """What must have happened from the first day to the last, both included."""

    letters: list[ExpectedLetter] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    opened: dict[str, date] = field(default_factory=dict)
    closed: dict[str, date] = field(default_factory=dict)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Every (invoice, step) that a letter carried."""
        return [pair for letter in self.letters for pair in sorted(letter.lines)]


@dataclass
class _Invoice:
    number: str
    account: str
    country: str
    issued: date
    due: date
    settled: date | None
    amount: Decimal
    disputed: bool
    chased: bool
    reached: int = -1
    heard_on: date | None = None
    asked: str | None = None
    asked_on: date = date.max
    slot: date = date.max
    held: bool = False
    gathered: dict[str, date] = field(default_factory=dict)
    lettered_on: date = date.min

    def settled_by(self, day: date) -> bool:
        return self.settled is not None and self.settled <= day


@cache
def _public_holidays(country: str) -> Any:
    return holidays.country_holidays(country)


def business_day(country: str, earliest: date) -> date:
    """The first working day of a country on or after a date."""
    day = earliest
    while day.weekday() >= 5 or day in _public_holidays(country):
        day += DAY
    return day


def countries_of(mapping_path: Path) -> dict[str, str]:
    """The region → country table of a mapping file: wherever it stands, it is the mapping whose values name a `country`, or are one."""
    tables = list(_region_tables(yaml.safe_load(mapping_path.read_text(encoding="utf-8"))))
    if len(tables) != 1:
        raise ValueError(f"{mapping_path} has {len(tables)} tables of regions and countries; the oracle needs one")
    return tables[0]


def _region_tables(node: Any) -> Iterable[dict[str, str]]:
    if isinstance(node, list):
        for child in node:
            yield from _region_tables(child)
    if isinstance(node, dict):
        if node and all(str(key).isdigit() and _names_country(value) for key, value in node.items()):
            yield {str(key): value["country"] if isinstance(value, dict) else value for key, value in node.items()}
            return
        for child in node.values():
            yield from _region_tables(child)


def _names_country(value: Any) -> bool:
    code = value.get("country") if isinstance(value, dict) else value
    return isinstance(code, str) and len(code) == 2 and code.isupper()


def _day(text: str) -> date:
    return datetime.strptime(text, "%m/%d/%Y").date()


def _read(csv_path: Path, countries: Countries, minimum: Decimal) -> list[_Invoice]:
    with csv_path.open(encoding="utf-8-sig", newline="") as file:
        return [
            _Invoice(
                number=row["invoiceNumber"],
                account=row["customerID"],
                country=countries[row["countryCode"]],
                issued=_day(row["InvoiceDate"]),
                due=_day(row["DueDate"]),
                settled=_day(row["SettledDate"]) if row["SettledDate"] else None,
                amount=Decimal(row["InvoiceAmount"]),
                disputed=row["Disputed"] == "Yes",
                chased=row["Disputed"] != "Yes" and Decimal(row["InvoiceAmount"]) >= minimum,
            )
            for row in csv.DictReader(file)
        ]


class _Simulation:
    """One day after another."""

    def __init__(self, invoices: list[_Invoice], policy: dict[str, Any]) -> None:
        self.invoices = invoices
        self.timeline: list[dict[str, Any]] = policy["timeline"]
        self.catch_up = policy["catch_up_days"] * DAY
        self.between_letters = policy["contact"]["days_between_letters"] * DAY
        self.gather = policy["contact"]["gather_days"] * DAY
        self.open: list[_Invoice] = []
        self.last_letter: dict[str, date] = {}
        self.reminders: dict[str, list[date]] = {}
        self.result = Expectation()

    def play(self, start: date, end: date) -> Expectation:
        today = start
        while today <= end:
            self.open_and_close(today, first=today == start)
            for invoice in self.open:
                self.ask(invoice, today)
            while self.send(today):
                pass
            today += DAY
        return self.result

    def open_and_close(self, today: date, first: bool) -> None:
        for invoice in [one for one in self.open if one.settled_by(today)]:
            self.open.remove(invoice)
            self.result.closed[invoice.number] = today
        for invoice in self.invoices:
            issued = invoice.issued <= today if first else invoice.issued == today
            if issued and not invoice.settled_by(today):
                self.open.append(invoice)
                self.result.opened[invoice.number] = today

    def ask(self, invoice: _Invoice, today: date) -> None:
        """Take the steps of an invoice that are due today."""
        while invoice.chased and invoice.asked is None and not invoice.held:
            position = self.next_position(invoice, today)
            if position is None:
                return
            step = self.timeline[position]
            if today < self.due_on(invoice, step):
                return
            invoice.reached = position
            if step["act"] not in ("letter", "call"):
                invoice.held = True
                self.result.asked.append(Asked(invoice.number, invoice.account, today))
                return
            slot = business_day(invoice.country, today)
            if step["step"] in invoice.gathered:
                invoice.heard_on = invoice.gathered[step["step"]]
            elif step["act"] == "call":
                invoice.heard_on = slot
                self.result.calls.append(Call(invoice.number, today, slot))
            elif step["day"] <= 0 and slot > invoice.due:
                invoice.heard_on = today
            else:
                invoice.asked, invoice.asked_on, invoice.slot = step["step"], today, slot

    def due_on(self, invoice: _Invoice, step: dict[str, Any]) -> date:
        due: date = invoice.due + step["day"] * DAY
        return due if invoice.heard_on is None else max(due, invoice.heard_on + self.catch_up)

    def next_position(self, invoice: _Invoice, today: date) -> int | None:
        for position in range(invoice.reached + 1, len(self.timeline)):
            if self.timeline[position]["day"] <= 0 and today > invoice.due:
                continue
            return position
        return None

    def send(self, today: date) -> bool:
        """Send the letters whose day has come. True when a letter lapsed, for then its invoice may ask anew the same day."""
        lapsed = False
        for account in sorted({invoice.account for invoice in self.open if invoice.asked}):
            mine = [invoice for invoice in self.open if invoice.account == account]
            waiting = [invoice for invoice in mine if invoice.asked and invoice.slot <= today]
            if not waiting or business_day(waiting[0].country, today) != today:
                continue
            day = self.next_letter_day(account, mine, waiting, today)
            if day > today:
                lapsed |= self.put_off(waiting, day, today)
            else:
                lapsed |= self.write(account, mine, waiting, today)
        return lapsed

    def owes(self, mine: list[_Invoice], today: date) -> bool:
        return any(invoice.chased and today > invoice.due for invoice in mine)

    def is_courtesy(self, invoice: _Invoice) -> bool:
        return bool(self.timeline[invoice.reached]["day"] <= 0)

    def next_letter_day(self, account: str, mine: list[_Invoice], waiting: list[_Invoice], today: date) -> date:
        """The first business day on which the account may have a letter for those that wait; today, or later."""
        country, only_courtesy = waiting[0].country, all(self.is_courtesy(invoice) for invoice in waiting)
        if only_courtesy and self.owes(mine, today):
            return business_day(country, today + DAY)
        before = self.reminders.get(account, [])
        if only_courtesy:
            before = [self.last_letter[account]] if account in self.last_letter else []
        in_rhythm = business_day(country, before[-1] + self.between_letters) if before else today
        apart = [bool(self.timeline[invoice.reached].get("apart")) for invoice in waiting]
        if any(apart):
            in_its_time = business_day(country, before[-2] + 2 * self.between_letters) if len(before) > 1 else today
            in_rhythm = in_its_time if all(apart) else min(in_rhythm, in_its_time)
        return max(today, in_rhythm)

    def put_off(self, waiting: list[_Invoice], day: date, today: date) -> bool:
        """True when a courtesy note lapsed, because that day lies after the due date."""
        lapsed = [invoice for invoice in waiting if self.is_courtesy(invoice) and day > invoice.due]
        for invoice in waiting:
            invoice.slot = day
        for invoice in lapsed:
            self.lapse(invoice, today)
        return bool(lapsed)

    def lapse(self, invoice: _Invoice, today: date) -> None:
        invoice.heard_on, invoice.asked = invoice.asked_on, None
        self.ask(invoice, today)

    def write(self, account: str, mine: list[_Invoice], waiting: list[_Invoice], today: date) -> bool:
        """Write the account's letter; true when a courtesy note that came too late lapsed."""
        early = [one for one in mine if one.asked and one not in waiting and (today <= one.due or not self.is_courtesy(one))]
        claimed = [*waiting, *(one for one in early if today - one.due >= self.timeline[one.reached]["day"] * DAY)]
        about_overdue = any(not self.is_courtesy(one) for one in claimed)
        lapsed = [one for one in claimed if self.is_courtesy(one) and today > one.due]
        taken = [one for one in claimed if one not in lapsed]
        steps = {one.number: self.timeline[one.reached] for one in taken}
        naming = {one.number: "upcoming" if about_overdue and self.is_courtesy(one) else "due" for one in taken}
        for one in mine if about_overdue and taken else []:
            if one in claimed or today <= one.due or not (one.chased or one.disputed):
                continue
            step = self.gathered_step(one, today)
            if step is not None:
                steps[one.number], naming[one.number] = step, "gathered"
                one.gathered[step["step"]] = one.lettered_on = today
            else:
                naming[one.number] = "disputed" if one.disputed else "listed"
        if taken:
            self.last_letter[account] = today
            if about_overdue:
                self.reminders.setdefault(account, []).append(today)
            amounts = {one.number: one.amount for one in mine}
            asked_for = [amounts[number] for number, named_as in naming.items() if named_as in ("due", "gathered", "listed")]
            self.result.letters.append(
                ExpectedLetter(
                    account,
                    today,
                    frozenset((number, step["step"]) for number, step in steps.items()),
                    max(steps.values(), key=lambda step: step["day"])["letter"],
                    frozenset((number, named_as, amounts[number]) for number, named_as in naming.items()),
                    sum(asked_for, Decimal(0)) if about_overdue else None,
                )
            )
        for one in taken:
            one.heard_on = one.lettered_on = today
            one.asked = None
        for one in lapsed:
            self.lapse(one, today)
        return bool(lapsed)

    def gathered_step(self, invoice: _Invoice, today: date) -> dict[str, Any] | None:
        """The step that a letter of today takes along: the invoice's next one, if it is a letter that is due within days."""
        position = self.next_position(invoice, today)
        if position is None or not invoice.chased or invoice.held or invoice.asked:
            return None
        if invoice.lettered_on != date.min and today < invoice.lettered_on + self.catch_up:
            return None
        step = self.timeline[position]
        if step["act"] != "letter" or step["day"] <= 0 or step.get("apart") or step["step"] in invoice.gathered:
            return None
        return step if self.due_on(invoice, step) <= today + self.gather else None


def expected(csv_path: Path, policy_path: Path, mapping: Path | Countries, start: date, end: date) -> Expectation:
    """What the file must lead to from `start`, the day of its import, to `end`, both included. Amounts are euros.

    `mapping` is the region → country table, or the mapping file that holds it.
    """
    policy = yaml.safe_load(policy_path.read_text(encoding="utf-8"))
    countries = countries_of(mapping) if isinstance(mapping, Path) else mapping
    minimum = Decimal(str(policy["minimum_balance"].get("EUR", "0.01")))
    return _Simulation(_read(csv_path, countries, minimum), policy).play(start, end)
