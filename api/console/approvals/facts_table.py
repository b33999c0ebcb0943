"""The facts of an approval as they were when it was asked for, beside those that are true now."""

from collections.abc import Callable, Iterable
from datetime import date
from typing import NamedTuple

from adapters.i18n.wording import fill_placeholders
from api.presenters.phrases import Phrases
from domain.approval.facts import DecisionFacts
from domain.money import NO_CURRENCY, Money, sum_by_currency

NOTHING = "–"
LINES = "\n"
"""Between what stands below each other, such as amounts of several currencies."""

MOST_PROMISES = 3
"""More are told by their sums and their number."""


class FactRow(NamedTuple):
    """One fact: what it is called, what it was, and what it is. `differs`: that is not the passing of days alone."""

    label: str
    asked: str
    now: str
    differs: bool


def build_facts_table(asked: DecisionFacts, asked_on: date, now: DecisionFacts, today: date, words: Phrases) -> list[FactRow]:
    """Days overdue count on by themselves: they are marked where another invoice is the oldest."""
    text = words.approvals
    tell = _FactsTeller(words)
    rows = [
        _compare(text["amount"], asked, now, tell.amounts),
        _compare(text["open_balance"], asked, now, tell.balances),
        _compare(text["disputed"], asked, now, tell.disputed),
        _compare(text["invoices"], asked, now, tell.invoices),
        _compare(text["oldest"], asked, now, _find_oldest, lambda facts: tell.oldest(facts, asked_on if facts is asked else today)),
        _compare(text["promised"], asked, now, tell.promises),
        _compare(text["disputes"], asked, now, tell.disputes),
        _compare(text["letters"], asked, now, tell.letters),
        _compare(text["calls"], asked, now, tell.calls),
    ]
    return [row for row in rows if (row.asked, row.now) != (NOTHING, NOTHING)]


def _compare(
    label: str,
    asked: DecisionFacts,
    now: DecisionFacts,
    read: Callable[[DecisionFacts], object],
    tell: Callable[[DecisionFacts], str] | None = None,
) -> FactRow:
    """`read` says what counts as different; `tell` how it is told, where that is not the same."""
    told = tell or (lambda facts: str(read(facts)))
    return FactRow(label, told(asked) or NOTHING, told(now) or NOTHING, read(asked) != read(now))


def _find_oldest(facts: DecisionFacts) -> date | None:
    return min((invoice.due_on for invoice in facts.invoices if invoice.due_on), default=None)


class _FactsTeller:
    """Tells one version of the facts in the reader's language; empty where there is none."""

    def __init__(self, words: Phrases) -> None:
        self.words, self.shared = words, words.shared

    def amounts(self, facts: DecisionFacts) -> str:
        stated = (Money(minor=minor, currency=currency) for currency, minor in facts.amounts.items() if currency != NO_CURRENCY)
        return self._list_money(stated)

    def balances(self, facts: DecisionFacts) -> str:
        return self._list_money(Money(minor=invoice.open_balance, currency=invoice.currency) for invoice in facts.invoices)

    def disputed(self, facts: DecisionFacts) -> str:
        contested = [Money(minor=invoice.disputed, currency=invoice.currency) for invoice in facts.invoices if invoice.disputed]
        return self._list_money(contested)

    def _list_money(self, amounts: Iterable[Money]) -> str:
        return LINES.join(self.shared.format_money(money.minor, money.currency) for money in sum_by_currency(amounts))

    def invoices(self, facts: DecisionFacts) -> str:
        return self._count(len(facts.invoices))

    def oldest(self, facts: DecisionFacts, today: date) -> str:
        due_on = _find_oldest(facts)
        if due_on is None or due_on >= today:
            return ""
        return fill_placeholders(self.words.parts["days"], {"days": self._count((today - due_on).days)})

    def promises(self, facts: DecisionFacts) -> str:
        """In the order of their days: that of the invoices may be another in each version."""
        given = sorted((each.promised_by, each.currency, each.promised_amount or 0) for each in facts.invoices if each.promised_by)
        if len(given) > MOST_PROMISES:
            sums = self._list_money(Money(minor=minor, currency=currency) for _, currency, minor in given)
            until = fill_placeholders(self.words.approvals["until"], {"day": self.shared.format_day(given[-1][0])})
            return f"{sums}{LINES}{self._count(len(given))}, {until}"
        return LINES.join(f"{self.shared.format_money(minor, currency)} {self.shared.format_day(day)}" for day, currency, minor in given)

    def disputes(self, facts: DecisionFacts) -> str:
        return self._count(len(facts.disputes))

    def letters(self, facts: DecisionFacts) -> str:
        return self._tell_contact(facts.contacts.letters, "", facts.contacts.last_letter_on)

    def calls(self, facts: DecisionFacts) -> str:
        last = self.words.translate("calls", facts.contacts.last_call) if facts.contacts.last_call else ""
        return self._tell_contact(facts.contacts.calls, last, facts.contacts.last_call_on)

    def _tell_contact(self, count: int, last: str, on: date | None) -> str:
        parts = [self._count(count), last, self.shared.format_day(on) if on else ""]
        return ", ".join(part for part in parts if part)

    def _count(self, number: int) -> str:
        return self.shared.format_count(number) if number else ""
