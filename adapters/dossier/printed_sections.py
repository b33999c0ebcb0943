"""Builds the printed dossier: its sections, in the reader's language."""

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
    """Build the printed dossier. A proof of claim is signed, and shows no more than the claim: what was owed, and who owes it."""
    words = load_dossier_wording(language)
    formatter = DossierFormatter(words, dossier.numbers)
    account, purpose = dossier.account, dossier.purpose
    claim = ", ".join(
        formatter.format_money(balance.open, balance.currency) for balance in dossier.balances if balance.open
    ) or formatter.format_number(0)
    facts = {
        "name": account.name,
        "account": account.id,
        "creditor": dossier.creditor.name,
        "as_of": formatter.format_long_day(dossier.as_of),
        "claim": claim,
    }
    opening = [fill_placeholders(text, facts) for text in (words.opening[purpose], words.opening_more.get(purpose, "")) if text]
    claims = [
        _build_balance_section(dossier, formatter),
        _build_invoice_section(dossier, formatter),
        _build_contact_section(dossier, formatter),
    ]
    brief = purpose is DossierPurpose.PROOF_OF_CLAIM
    history = (
        [_build_dispute_section(dossier, formatter)]
        if brief
        else [*_build_correspondence_sections(dossier, formatter), *_build_decision_sections(dossier, formatter)]
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
        facts=_build_letterhead_facts(dossier, formatter),
        opening=opening,
        sections=[*claims, *history],
        none=words.none,
        signature=fill_placeholders(words.signature, facts) if brief else "",
        seal=_build_seal_sentence(dossier, formatter),
        footer=f"{words.titles[purpose]} · {account.name} ({account.id}) · {formatter.format_day(dossier.as_of)}",
        page=words.page,
    )


def _build_seal_sentence(dossier: Dossier, formatter: DossierFormatter) -> str:
    journal = dossier.journal
    counts = {"entries": formatter.format_number(journal.entries), "cases": formatter.format_number(journal.cases)}
    return fill_placeholders(formatter.words.seal, {**counts, "sha256": journal.sha256})


def _build_letterhead_facts(dossier: Dossier, formatter: DossierFormatter) -> list[list[str]]:
    """Build the box under the title. The customer's segment is shown in the company's own dossier only."""
    labels, account, collector, creditor = formatter.words.letterhead, dossier.account, dossier.desk, dossier.creditor
    bank = " · ".join(text for text in (creditor.iban, creditor.bic, creditor.bank) if text)
    internal = dossier.purpose is DossierPurpose.WRITE_OFF
    return [
        [labels["account"], f"{account.name} ({account.id})"],
        [labels["country"], formatter.format_country(account.country)],
        *([[labels["segment"], formatter.format_word(account.segment)]] if internal else []),
        [labels["as_of"], formatter.format_long_day(dossier.as_of)],
        [labels["contact"], " · ".join(text for text in (collector.name, collector.email, collector.phone) if text)],
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
        lines = [line for line in dossier.invoices if line.currency == currency]
        sums = [
            formatter.format_amount(sum(amounts), currency)
            for amounts in zip(*((line.original, line.open, line.disputed) for line in lines), strict=True)
        ]
        total = [fill_placeholders(formatter.words.total, {"currency": currency}), "", "", "", *sums, ""]
        caption = fill_placeholders(formatter.words.captions["invoices"], {"currency": currency})
        tables += formatter.build_tables(columns, [_build_invoice_row(line, formatter) for line in lines], caption, total)
    settled = [
        [
            totals.currency,
            formatter.format_number(totals.invoices),
            formatter.format_amount(totals.original, totals.currency),
            formatter.format_day(totals.last_settled_on),
        ]
        for totals in dossier.settled
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
        *(formatter.format_amount(amount, line.currency) for amount in amounts),
        formatter.format_word(line.stage),
    ]


def _build_contact_section(dossier: Dossier, formatter: DossierFormatter) -> PrintedSection:
    rows = [
        [
            soften_long_words(contact.name),
            formatter.format_word(contact.role),
            soften_long_words(contact.email),
            contact.phone,
            formatter.format_day(contact.undeliverable_since),
        ]
        for contact in dossier.account.contacts
    ]
    return _build_section(
        formatter, "contacts", formatter.build_tables(("name*1.2", "role", "email*1.6", "phone*1", "undeliverable"), rows)
    )


def _build_correspondence_sections(dossier: Dossier, formatter: DossierFormatter) -> list[PrintedSection]:
    """Build what was written, said on the telephone, brought to somebody's attention and promised; for colleagues, their notes too."""
    return [
        _build_letter_section(dossier, formatter),
        _build_call_section(dossier, formatter),
        _build_escalation_section(dossier, formatter),
        _build_promise_section(dossier, formatter),
        *([_build_note_section(dossier, formatter)] if dossier.purpose is DossierPurpose.WRITE_OFF else []),
    ]


def _build_letter_section(dossier: Dossier, formatter: DossierFormatter) -> PrintedSection:
    rows = [
        [
            formatter.format_day(letter.on),
            formatter.format_word(letter.template),
            soften_long_words(letter.recipient),
            formatter.format_invoices(letter.invoices),
            formatter.format_word(letter.state),
            soften_long_words(letter.reply),
        ]
        for letter in dossier.letters
    ]
    columns = ("date", "letter*1", "recipient*1.3", "invoices*1.2", "state*0.9", "reply*1.3")
    return _build_section(formatter, "letters", formatter.build_tables(columns, rows))


def _build_call_section(dossier: Dossier, formatter: DossierFormatter) -> PrintedSection:
    rows = [
        [
            formatter.format_day(call.on),
            formatter.format_invoice(call.invoice),
            formatter.format_word(call.by),
            formatter.format_word(call.outcome),
        ]
        for call in dossier.calls
    ]
    return _build_section(formatter, "calls", formatter.build_tables(("date", "invoice*1", "by*1", "outcome*1"), rows))


def _build_escalation_section(dossier: Dossier, formatter: DossierFormatter) -> PrintedSection:
    rows = [
        [
            formatter.format_day(escalation.on),
            formatter.format_invoice(escalation.invoice),
            formatter.format_word(escalation.step),
            formatter.format_word(escalation.role),
            formatter.format_word(escalation.by),
            escalation.told,
            " ".join(text for text in (formatter.format_day(escalation.answered_on), escalation.answered_by) if text),
        ]
        for escalation in dossier.escalations
    ]
    columns = ("date", "invoice*1", "step*1", "role*1", "by*0.8", "told*0.8", "answered*0.9")
    return _build_section(formatter, "escalations", formatter.build_tables(columns, rows))


def _build_promise_section(dossier: Dossier, formatter: DossierFormatter) -> PrintedSection:
    rows = [
        [
            formatter.format_day(promise.made_on),
            formatter.format_invoice(promise.invoice),
            formatter.format_word(promise.recorded_by),
            formatter.format_money(promise.amount, promise.currency),
            formatter.format_day(promise.due),
            formatter.format_word(promise.outcome),
            formatter.format_money(promise.received, promise.currency),
        ]
        for promise in dossier.promises
    ]
    columns = ("made", "invoice*1", "by*0.8", "amount>", "promised_for", "outcome*0.8", "received>")
    return _build_section(formatter, "promises", formatter.build_tables(columns, rows))


def _build_note_section(dossier: Dossier, formatter: DossierFormatter) -> PrintedSection:
    rows = [
        [
            formatter.format_day(note.on),
            formatter.format_invoice(note.invoice) if note.invoice else "",
            formatter.format_word(note.by),
            soften_long_words(note.text),
        ]
        for note in dossier.notes
    ]
    return _build_section(formatter, "notes", formatter.build_tables(("date", "invoice*0.8", "by*0.6", "text*3"), rows))


def _build_dispute_section(dossier: Dossier, formatter: DossierFormatter) -> PrintedSection:
    rows = [
        [
            formatter.format_day(dispute.raised_on),
            formatter.format_invoice(dispute.invoice),
            formatter.format_word(dispute.reason),
            formatter.format_money(dispute.amount, dispute.currency),
            formatter.format_word(dispute.department),
            formatter.format_word(dispute.resolution) or formatter.words.translate_value("open"),
            formatter.format_money(dispute.credited, dispute.currency),
            formatter.format_day(dispute.resolved_on),
        ]
        for dispute in dossier.disputes
    ]
    return _build_section(
        formatter,
        "disputes",
        formatter.build_tables(("raised", "invoice*1", "reason*1", "amount>", "department*0.9", "result*1", "credited>", "ended"), rows),
    )


def _build_decision_sections(dossier: Dossier, formatter: DossierFormatter) -> list[PrintedSection]:
    """Build what people decided."""
    return [
        _build_dispute_section(dossier, formatter),
        _build_section(formatter, "plans", build_plan_tables(dossier, formatter)),
        _build_section(formatter, "credit", build_credit_tables(dossier, formatter)),
        _build_section(formatter, "suspension", build_suspension_tables(dossier, formatter)),
        _build_section(formatter, "approvals", build_approval_tables(dossier, formatter)),
        _build_section(formatter, "write_off", build_write_off_tables(dossier, formatter)),
    ]
