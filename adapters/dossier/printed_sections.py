"""A dossier as it is printed: its sections, in words."""

from adapters.dossier.printed_history import approval_section, credit_section, plan_section, suspension_section, write_off_section
from adapters.dossier.printed_models import Pen, PrintedDossier, PrintedSection, PrintedTable, softened
from adapters.dossier.wording import dossier_words
from domain.dossier import Dossier, DossierPurpose, InvoiceLine

AGEING = ("current", "days_1_to_30", "days_31_to_60", "days_61_to_90", "days_over_90")


def printed(dossier: Dossier, language: str) -> PrintedDossier:
    """A proof of claim is signed, and shows no more than the claim: what was owed, and who owes it."""
    words = dossier_words(language)
    pen = Pen(words, dossier.numbers)
    account, purpose = dossier.account, dossier.purpose
    claim = ", ".join(pen.money(balance.open, balance.currency) for balance in dossier.balances if balance.open) or pen.whole(0)
    facts = {
        "name": account.name, "account": account.id, "creditor": dossier.creditor.name, "as_of": pen.long_day(dossier.as_of), "claim": claim
    }  # fmt: skip
    opening = [text.format(**facts) for text in (words.opening[purpose], words.opening_more.get(purpose, "")) if text]
    claims = [_balances(dossier, pen), _invoices(dossier, pen), _contacts(dossier, pen)]
    brief = purpose is DossierPurpose.PROOF_OF_CLAIM
    history = [_disputes(dossier, pen)] if brief else [*_talks(dossier, pen), *_decisions(dossier, pen)]
    return PrintedDossier(
        language=language, title=words.titles[purpose], subject=account.name, author=dossier.creditor.name,
        year=dossier.as_of.year, month=dossier.as_of.month, day=dossier.as_of.day,
        letterhead=[dossier.creditor.name, *dossier.creditor.address], facts=_facts(dossier, pen), opening=opening,
        sections=[*claims, *history], none=words.none,
        signature=words.signature.format(creditor=dossier.creditor.name) if brief else "",
        seal=words.seal.format(
            entries=pen.whole(dossier.journal.entries), cases=pen.whole(dossier.journal.cases), sha256=dossier.journal.sha256
        ),
        footer=f"{words.titles[purpose]} · {account.name} ({account.id}) · {pen.day(dossier.as_of)}", page=words.page,
    )  # fmt: skip


def _facts(dossier: Dossier, pen: Pen) -> list[list[str]]:
    """The box under the title. How we rank the customer is nobody else's business."""
    labels, account, desk, creditor = pen.words.letterhead, dossier.account, dossier.desk, dossier.creditor
    bank = " · ".join(text for text in (creditor.iban, creditor.bic, creditor.bank) if text)
    ours = dossier.purpose is DossierPurpose.WRITE_OFF
    return [
        [labels["account"], f"{account.name} ({account.id})"],
        [labels["country"], pen.country(account.country)],
        *([[labels["segment"], pen.word(account.segment)]] if ours else []),
        [labels["as_of"], pen.long_day(dossier.as_of)],
        [labels["contact"], " · ".join(text for text in (desk.name, desk.email, desk.phone) if text)],
        [labels["bank"], bank],
    ]


def _section(pen: Pen, name: str, *tables: list[PrintedTable]) -> PrintedSection:
    return PrintedSection(heading=pen.words.sections[name], tables=[table for each in tables for table in each])


def _balances(dossier: Dossier, pen: Pen) -> PrintedSection:
    owed = [
        [
            balance.currency, pen.whole(balance.open_invoices),
            *(
                pen.amount(amount, balance.currency)
                for amount in (
                    balance.original, balance.open, balance.overdue, balance.disputed, balance.unapplied, balance.written_off,
                    balance.recovered,
                )
            ),
        ]
        for balance in dossier.balances
    ]  # fmt: skip
    aged = [
        [balance.currency, *(pen.amount(getattr(balance, bucket), balance.currency) for bucket in AGEING)]
        for balance in dossier.balances
        if balance.open
    ]
    captions = pen.words.captions
    columns = ("currency", "open_invoices>", "original>*1", "open>*1", "overdue>*1", "disputed>*1", "unapplied>*1", "written_off>*1",
               "recovered>*1")  # fmt: skip
    return _section(
        pen, "balances", pen.table(columns, owed, captions["balance"]),
        pen.table(("currency", *(f"{bucket}>*1" for bucket in AGEING)), aged, captions["ageing"]),
    )  # fmt: skip


def _invoices(dossier: Dossier, pen: Pen) -> PrintedSection:
    columns = ("number*1.5", "issued", "due", "days>", "original>", "open>", "disputed>", "stage*1.2")
    tables: list[PrintedTable] = []
    for currency in sorted({line.currency for line in dossier.invoices}):
        mine = [line for line in dossier.invoices if line.currency == currency]
        sums = [
            pen.amount(sum(amounts), currency) for amounts in zip(*((one.original, one.open, one.disputed) for one in mine), strict=True)
        ]
        total = [pen.words.total.format(currency=currency), "", "", "", *sums, ""]
        caption = pen.words.captions["invoices"].format(currency=currency)
        tables += pen.table(columns, [_invoice(line, pen) for line in mine], caption, total)
    settled = [
        [one.currency, pen.whole(one.invoices), pen.amount(one.original, one.currency), pen.day(one.last_settled_on)]
        for one in dossier.settled
    ]
    return _section(
        pen,
        "invoices",
        tables,
        pen.table(("currency*1", "invoices>*1", "original>*1", "last_settled*1"), settled, pen.words.captions["settled"]),
    )


def _invoice(line: InvoiceLine, pen: Pen) -> list[str]:
    amounts = (line.original, line.open, line.disputed)
    days = pen.whole(line.days_past_due) if line.days_past_due > 0 else "–"
    return [
        softened(line.number), pen.day(line.issued), pen.day(line.due), days, *(pen.amount(one, line.currency) for one in amounts),
        pen.word(line.stage),
    ]  # fmt: skip


def _contacts(dossier: Dossier, pen: Pen) -> PrintedSection:
    rows = [
        [softened(one.name), pen.word(one.role), softened(one.email), one.phone, pen.day(one.undeliverable_since)]
        for one in dossier.account.contacts
    ]
    return _section(pen, "contacts", pen.table(("name*1.2", "role", "email*1.6", "phone*1", "undeliverable"), rows))


def _talks(dossier: Dossier, pen: Pen) -> list[PrintedSection]:
    """What was said to each other."""
    letters = [
        [
            pen.day(one.on), pen.word(one.template), softened(one.recipient), pen.invoices(one.invoices), pen.word(one.state),
            softened(one.reply),
        ]
        for one in dossier.letters
    ]  # fmt: skip
    calls = [[pen.day(one.on), pen.invoice(one.invoice), pen.word(one.by), pen.word(one.outcome)] for one in dossier.calls]
    raised = [
        [
            pen.day(one.on), pen.invoice(one.invoice), pen.word(one.step), pen.word(one.role), pen.word(one.by), one.told,
            " ".join(text for text in (pen.day(one.answered_on), one.answered_by) if text),
        ]
        for one in dossier.escalations
    ]  # fmt: skip
    promises = [
        [
            pen.day(one.made_on), pen.invoice(one.invoice), pen.word(one.recorded_by), pen.money(one.amount, one.currency),
            pen.day(one.due), pen.word(one.outcome), pen.money(one.received, one.currency),
        ]
        for one in dossier.promises
    ]  # fmt: skip
    return [
        _section(pen, "letters", pen.table(("date", "letter*1", "recipient*1.3", "invoices*1.2", "state*0.9", "reply*1.3"), letters)),
        _section(pen, "calls", pen.table(("date", "invoice*1", "by*1", "outcome*1"), calls)),
        _section(pen, "escalations", pen.table(("date", "invoice*1", "step*1", "role*1", "by*0.8", "told*0.8", "answered*0.9"), raised)),
        _section(
            pen, "promises", pen.table(("made", "invoice*1", "by*0.8", "amount>", "promised_for", "outcome*0.8", "received>"), promises)
        ),
    ]


def _disputes(dossier: Dossier, pen: Pen) -> PrintedSection:
    rows = [
        [
            pen.day(one.raised_on), pen.invoice(one.invoice), pen.word(one.reason), pen.money(one.amount, one.currency),
            pen.word(one.department), pen.word(one.resolution) or pen.words.value("open"), pen.money(one.credited, one.currency),
            pen.day(one.resolved_on),
        ]
        for one in dossier.disputes
    ]  # fmt: skip
    return _section(
        pen, "disputes", pen.table(("raised", "invoice*1", "reason*1", "amount>", "department*0.9", "result*1", "credited>", "ended"), rows)
    )


def _decisions(dossier: Dossier, pen: Pen) -> list[PrintedSection]:
    """What people decided."""
    return [
        _disputes(dossier, pen),
        _section(pen, "plans", plan_section(dossier, pen)),
        _section(pen, "credit", credit_section(dossier, pen)),
        _section(pen, "suspension", suspension_section(dossier, pen)),
        _section(pen, "approvals", approval_section(dossier, pen)),
        _section(pen, "write_off", write_off_section(dossier, pen)),
    ]
