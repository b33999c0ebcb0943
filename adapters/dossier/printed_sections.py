"""A dossier as it is printed: its sections, in words."""

from adapters.dossier.printed_history import (
    build_approval_tables,
    build_credit_tables,
    build_plan_tables,
    build_suspension_tables,
    build_write_off_tables,
)
from adapters.dossier.printed_models import DossierFormatter, PrintedDossier, PrintedSection, PrintedTable, soften_long_words
from adapters.dossier.wording import load_dossier_wording
from adapters.i18n.wording import fill_placeholders
from domain.dossier import Dossier, DossierInvoice, DossierPurpose

AGEING_COLUMNS = ("current", "days_1_to_30", "days_31_to_60", "days_61_to_90", "days_over_90")


def build_printed_dossier(dossier: Dossier, language: str) -> PrintedDossier:
    """A proof of claim is signed, and shows no more than the claim: what was owed, and who owes it."""
    words = load_dossier_wording(language)
    pen = DossierFormatter(words, dossier.numbers)
    account, purpose = dossier.account, dossier.purpose
    claim = ", ".join(
        pen.format_money(balance.open, balance.currency) for balance in dossier.balances if balance.open
    ) or pen.format_number(0)
    facts = {
        "name": account.name,
        "account": account.id,
        "creditor": dossier.creditor.name,
        "as_of": pen.format_long_day(dossier.as_of),
        "claim": claim,
    }
    opening = [fill_placeholders(text, facts) for text in (words.opening[purpose], words.opening_more.get(purpose, "")) if text]
    claims = [_build_balance_section(dossier, pen), _build_invoice_section(dossier, pen), _build_contact_section(dossier, pen)]
    brief = purpose is DossierPurpose.PROOF_OF_CLAIM
    history = (
        [_build_dispute_section(dossier, pen)]
        if brief
        else [*_build_correspondence_sections(dossier, pen), *_build_decision_sections(dossier, pen)]
    )
    return PrintedDossier(
        language=language,
        title=words.titles[purpose],
        subject=account.name,
        author=dossier.creditor.name,
        year=dossier.as_of.year,
        month=dossier.as_of.month,
        day=dossier.as_of.day,
        letterhead=[dossier.creditor.name, *dossier.creditor.address],
        facts=_build_letterhead_facts(dossier, pen),
        opening=opening,
        sections=[*claims, *history],
        none=words.none,
        signature=fill_placeholders(words.signature, facts) if brief else "",
        seal=_build_seal_sentence(dossier, pen),
        footer=f"{words.titles[purpose]} · {account.name} ({account.id}) · {pen.format_day(dossier.as_of)}",
        page=words.page,
    )


def _build_seal_sentence(dossier: Dossier, formatter: DossierFormatter) -> str:
    journal = dossier.journal
    counts = {"entries": formatter.format_number(journal.entries), "cases": formatter.format_number(journal.cases)}
    return fill_placeholders(formatter.words.seal, {**counts, "sha256": journal.sha256})


def _build_letterhead_facts(dossier: Dossier, formatter: DossierFormatter) -> list[list[str]]:
    """The box under the title. How we rank the customer is nobody else's business."""
    labels, account, desk, creditor = formatter.words.letterhead, dossier.account, dossier.desk, dossier.creditor
    bank = " · ".join(text for text in (creditor.iban, creditor.bic, creditor.bank) if text)
    ours = dossier.purpose is DossierPurpose.WRITE_OFF
    return [
        [labels["account"], f"{account.name} ({account.id})"],
        [labels["country"], formatter.format_country(account.country)],
        *([[labels["segment"], formatter.format_word(account.segment)]] if ours else []),
        [labels["as_of"], formatter.format_long_day(dossier.as_of)],
        [labels["contact"], " · ".join(text for text in (desk.name, desk.email, desk.phone) if text)],
        [labels["bank"], bank],
    ]


def _build_section(formatter: DossierFormatter, name: str, *tables: list[PrintedTable]) -> PrintedSection:
    return PrintedSection(heading=formatter.words.sections[name], tables=[table for each in tables for table in each])


def _build_balance_section(dossier: Dossier, formatter: DossierFormatter) -> PrintedSection:
    owed = [
        [
            balance.currency,
            formatter.format_number(balance.open_invoices),
            *(
                formatter.format_amount(amount, balance.currency)
                for amount in (
                    balance.original,
                    balance.open,
                    balance.overdue,
                    balance.disputed,
                    balance.unapplied,
                    balance.written_off,
                    balance.recovered,
                )
            ),
        ]
        for balance in dossier.balances
    ]
    aged = [
        [balance.currency, *(formatter.format_amount(getattr(balance, bucket), balance.currency) for bucket in AGEING_COLUMNS)]
        for balance in dossier.balances
        if balance.open
    ]
    captions = formatter.words.captions
    columns = (
        "currency",
        "open_invoices>",
        "original>*1",
        "open>*1",
        "overdue>*1",
        "disputed>*1",
        "unapplied>*1",
        "written_off>*1",
        "recovered>*1",
    )
    return _build_section(
        formatter,
        "balances",
        formatter.build_tables(columns, owed, captions["balance"]),
        formatter.build_tables(("currency", *(f"{bucket}>*1" for bucket in AGEING_COLUMNS)), aged, captions["ageing"]),
    )


def _build_invoice_section(dossier: Dossier, formatter: DossierFormatter) -> PrintedSection:
    columns = ("number*1.5", "issued", "due", "days>", "original>", "open>", "disputed>", "stage*1.2")
    tables: list[PrintedTable] = []
    for currency in sorted({line.currency for line in dossier.invoices}):
        mine = [line for line in dossier.invoices if line.currency == currency]
        sums = [
            formatter.format_amount(sum(amounts), currency)
            for amounts in zip(*((one.original, one.open, one.disputed) for one in mine), strict=True)
        ]
        total = [fill_placeholders(formatter.words.total, {"currency": currency}), "", "", "", *sums, ""]
        caption = fill_placeholders(formatter.words.captions["invoices"], {"currency": currency})
        tables += formatter.build_tables(columns, [_build_invoice_row(line, formatter) for line in mine], caption, total)
    settled = [
        [
            one.currency,
            formatter.format_number(one.invoices),
            formatter.format_amount(one.original, one.currency),
            formatter.format_day(one.last_settled_on),
        ]
        for one in dossier.settled
    ]
    return _build_section(
        formatter,
        "invoices",
        tables,
        formatter.build_tables(
            ("currency*1", "invoices>*1", "original>*1", "last_settled*1"), settled, formatter.words.captions["settled"]
        ),
    )


def _build_invoice_row(line: DossierInvoice, formatter: DossierFormatter) -> list[str]:
    amounts = (line.original, line.open, line.disputed)
    days = formatter.format_number(line.days_past_due) if line.days_past_due > 0 else "–"
    return [
        soften_long_words(line.number),
        formatter.format_day(line.issued),
        formatter.format_day(line.due),
        days,
        *(formatter.format_amount(one, line.currency) for one in amounts),
        formatter.format_word(line.stage),
    ]


def _build_contact_section(dossier: Dossier, formatter: DossierFormatter) -> PrintedSection:
    rows = [
        [
            soften_long_words(one.name),
            formatter.format_word(one.role),
            soften_long_words(one.email),
            one.phone,
            formatter.format_day(one.undeliverable_since),
        ]
        for one in dossier.account.contacts
    ]
    return _build_section(
        formatter, "contacts", formatter.build_tables(("name*1.2", "role", "email*1.6", "phone*1", "undeliverable"), rows)
    )


def _build_correspondence_sections(dossier: Dossier, formatter: DossierFormatter) -> list[PrintedSection]:
    """What was said to each other."""
    letters = [
        [
            formatter.format_day(one.on),
            formatter.format_word(one.template),
            soften_long_words(one.recipient),
            formatter.format_invoices(one.invoices),
            formatter.format_word(one.state),
            soften_long_words(one.reply),
        ]
        for one in dossier.letters
    ]
    calls = [
        [
            formatter.format_day(one.on),
            formatter.format_invoice(one.invoice),
            formatter.format_word(one.by),
            formatter.format_word(one.outcome),
        ]
        for one in dossier.calls
    ]
    raised = [
        [
            formatter.format_day(one.on),
            formatter.format_invoice(one.invoice),
            formatter.format_word(one.step),
            formatter.format_word(one.role),
            formatter.format_word(one.by),
            one.told,
            " ".join(text for text in (formatter.format_day(one.answered_on), one.answered_by) if text),
        ]
        for one in dossier.escalations
    ]
    promises = [
        [
            formatter.format_day(one.made_on),
            formatter.format_invoice(one.invoice),
            formatter.format_word(one.recorded_by),
            formatter.format_money(one.amount, one.currency),
            formatter.format_day(one.due),
            formatter.format_word(one.outcome),
            formatter.format_money(one.received, one.currency),
        ]
        for one in dossier.promises
    ]
    return [
        _build_section(
            formatter,
            "letters",
            formatter.build_tables(("date", "letter*1", "recipient*1.3", "invoices*1.2", "state*0.9", "reply*1.3"), letters),
        ),
        _build_section(formatter, "calls", formatter.build_tables(("date", "invoice*1", "by*1", "outcome*1"), calls)),
        _build_section(
            formatter,
            "escalations",
            formatter.build_tables(("date", "invoice*1", "step*1", "role*1", "by*0.8", "told*0.8", "answered*0.9"), raised),
        ),
        _build_section(
            formatter,
            "promises",
            formatter.build_tables(("made", "invoice*1", "by*0.8", "amount>", "promised_for", "outcome*0.8", "received>"), promises),
        ),
    ]


def _build_dispute_section(dossier: Dossier, formatter: DossierFormatter) -> PrintedSection:
    rows = [
        [
            formatter.format_day(one.raised_on),
            formatter.format_invoice(one.invoice),
            formatter.format_word(one.reason),
            formatter.format_money(one.amount, one.currency),
            formatter.format_word(one.department),
            formatter.format_word(one.resolution) or formatter.words.translate_value("open"),
            formatter.format_money(one.credited, one.currency),
            formatter.format_day(one.resolved_on),
        ]
        for one in dossier.disputes
    ]
    return _build_section(
        formatter,
        "disputes",
        formatter.build_tables(("raised", "invoice*1", "reason*1", "amount>", "department*0.9", "result*1", "credited>", "ended"), rows),
    )


def _build_decision_sections(dossier: Dossier, formatter: DossierFormatter) -> list[PrintedSection]:
    """What people decided."""
    return [
        _build_dispute_section(dossier, formatter),
        _build_section(formatter, "plans", build_plan_tables(dossier, formatter)),
        _build_section(formatter, "credit", build_credit_tables(dossier, formatter)),
        _build_section(formatter, "suspension", build_suspension_tables(dossier, formatter)),
        _build_section(formatter, "approvals", build_approval_tables(dossier, formatter)),
        _build_section(formatter, "write_off", build_write_off_tables(dossier, formatter)),
    ]
