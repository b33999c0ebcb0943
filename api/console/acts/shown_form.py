"""A form as its page shows it: labelled in the reader's language, filled in as far as something is known, with what was wrong beside it."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from adapters.i18n.formatting import format_localised_money
from adapters.read_model.invoices import InvoiceRow
from adapters.time_zones import list_time_zones
from api.console.acts.forms import ActForm, FieldKind, FormField
from api.console.acts.sent_form import get_first
from api.console.acts.subject import ActSubject
from api.console.acts.wording import Reader
from domain.timeline.holds import Hold

Choice = tuple[str, str]
"""A value, and how it is said."""

PROMISE_OVER_ALL = "overdue"
CONTACT_ID = "contact_id"
PLAIN_AMOUNT = "#,##0.00"
FILLED_WITH_BALANCE = frozenset({"make_promise", "record_payment", "raise_dispute", "issue_credit_note"})
"""Acts on an invoice whose amount is mostly all that is open."""


class ShownField(NamedTuple):
    name: str
    kind: FieldKind
    label: str
    values: Sequence[str]
    choices: Sequence[Choice]
    required: bool
    fault: str
    part: str = ""
    has_digits: bool = False
    is_offered: bool = False

    @property
    def value(self) -> str:
        return self.values[0] if self.values else ""

    @property
    def needs_looking_at(self) -> bool:
        """Whether something is wrong with it, or a person has filled it in."""
        is_filled = bool(self.value) and not self.is_offered and self.kind != "currency" and not self.kind.startswith("hidden")
        return bool(self.fault) or is_filled


class ShownPart(NamedTuple):
    """Fields that stand together. `title`: under which they are folded away; empty for those that are always seen."""

    name: str
    title: str
    fields: Sequence[ShownField]

    @property
    def is_open(self) -> bool:
        return any(field.needs_looking_at for field in self.fields)


class ShownForm(NamedTuple):
    """`ids` are those that the request's path names. `key`: under which it is done once, however often it is sent. `faults` belong to no
    field that is shown. `part_titles`: of the parts that are folded away."""

    name: str
    title: str
    hint: str
    ids: Mapping[str, str]
    fields: Sequence[ShownField]
    key: str
    faults: Sequence[str]
    part_titles: Mapping[str, str]

    @property
    def parts(self) -> list[ShownPart]:
        """Its fields in their order, those of one part together."""
        return [
            ShownPart(name, self.part_titles.get(name, ""), list(fields))
            for name, fields in groupby(self.fields, key=lambda field: field.part)
        ]


def show_form(
    name: str,
    form: ActForm,
    ids: Mapping[str, str],
    subject: ActSubject,
    reader: Reader,
    values: Mapping[str, Sequence[str]],
    faults: Iterable[tuple[str, str]] = (),
    key: str = "",
    people: Mapping[str, Sequence[Choice]] = {},
) -> ShownForm:
    """`values` by field, as they were sent or as the page knows them; `faults` by the field that has them, or by none; `people` by the
    field in which they may be named."""
    told = list(faults)
    by_field = dict(told)
    known = {**_fill_in(name, form, ids, subject, reader.locale), **values}
    fields = [
        _show_field(name, place, field, subject, reader, known.get(place, ()), by_field.get(place, ""), people.get(place, ()))
        for place, field in form.fields.items()
        if all(get_first(known, other).startswith(begins) for other, begins in field.only_where.items())
    ]
    seen = {field.name for field in fields if not field.kind.startswith("hidden")}
    return ShownForm(
        name=name,
        title=reader.act_words.titles[name],
        hint=reader.act_words.hints[name],
        ids=ids,
        fields=fields,
        key=key or f"form-{secrets.token_urlsafe(18)}",
        faults=[fault for place, fault in told if place not in seen],
        part_titles=reader.act_words.parts,
    )


def _show_field(
    form_name: str,
    name: str,
    field: FormField,
    subject: ActSubject,
    reader: Reader,
    values: Sequence[str],
    fault: str,
    people: Sequence[Choice],
) -> ShownField:
    """Its label is its own in this form, or the one that it has in all."""
    kind, choices = field.kind, list(people) or _list_choices(field, subject, reader)
    if kind == "secret":
        values = ()
    if kind == "currency" and len(choices) <= 1:
        kind, values = "hidden", values or [value for value, _ in choices]
    labels = reader.act_words.fields
    label = labels.get(f"{form_name}.{name}") or labels.get(name) or labels.get(name.rpartition(".")[2], "")
    return ShownField(name, kind, label, values, choices, field.required, fault, field.part, field.has_digits, field.is_offered)


def _list_choices(field: FormField, subject: ActSubject, reader: Reader) -> list[Choice]:
    match field.kind:
        case "choice":
            own = reader.act_words.choices
            return [(value, own[value] if not field.words else reader.phrases.translate(field.words, value)) for value in field.choices]
        case "currency":
            return [(currency, currency) for currency in subject.currencies]
        case "time_zone":
            return [(zone, "") for zone in list_time_zones()]
        case "open_invoice" | "open_invoices":
            pauses = subject.pauses
            offered = [each for each in subject.open_invoices if field.ticked != "resumable" or each.id in pauses]
            told = pauses if field.ticked == "pausable" else {}
            return [(each.id, _name_invoice(each, told.get(each.id), reader)) for each in offered]
    return []


def _name_invoice(invoice: InvoiceRow, pause: Hold | None, reader: Reader) -> str:
    """By its number, with what is open and since when it is due; `pause`: the one that stands, and that another would replace."""
    shared = reader.phrases.shared
    parts = [invoice.number, shared.format_money(invoice.open_balance, invoice.currency), shared.format_day(invoice.due_date)]
    if pause and pause.until:
        parts.append(reader.act_words.fill_notice("paused_until", day=shared.format_day(pause.until.date())))
    elif pause:
        parts.append(reader.act_words.notices["paused_open"])
    return ", ".join(parts)


def _fill_in(name: str, form: ActForm, ids: Mapping[str, str], subject: ActSubject, locale: str) -> dict[str, Sequence[str]]:
    """What is known beforehand: the open balance, that a promise in a call is over all that is overdue, a contact as it is."""
    known: dict[str, Sequence[str]] = {}
    if CONTACT_ID in ids:
        for contact in (each for each in subject.contacts if str(each.id) == ids[CONTACT_ID]):
            known |= {field: [value] for field, value in contact.model_dump(mode="json", include=set(form.fields)).items() if value}
    if name in FILLED_WITH_BALANCE and subject.invoice:
        known["amount"] = [format_localised_money(subject.invoice.open_balance, subject.invoice.currency, locale, PLAIN_AMOUNT)]
    for place, field in form.fields.items():
        if ticked := _list_ticked(field, subject):
            known[place] = ticked
    if "promises.0.invoices" in form.fields:
        known["promises.0.invoices"] = [PROMISE_OVER_ALL]
    return known


def _list_ticked(field: FormField, subject: ActSubject) -> list[str]:
    """Of an act on several invoices, those that it is mostly about. Where nothing is overdue, all that is open; what is paused is paused
    anew only by whoever ticks it."""
    if not field.ticked:
        return []
    open_ids, pauses = [row.id for row in subject.open_invoices], subject.pauses
    match field.ticked:
        case "overdue":
            return [each for each in open_ids if not subject.overdue or each in subject.overdue]
        case "resumable":
            return [each for each in open_ids if each in pauses]
    return [each for each in open_ids if each not in pauses]
