"""The getters of a row's fields, compiled once for a file's header."""

from collections.abc import Callable, Sequence

from adapters.imports.cell_filters import CellFilter, apply_filters, compile_filters
from adapters.imports.cell_parsing import Cell, format_cell
from adapters.imports.column_mapping import TEMPLATE_PART, FieldSource, ValueLookup
from domain.refusal import Refusal

SHOWN_WORDS = 12

CellGetter = Callable[[Sequence[Cell]], Cell]


class RowRejectedError(Exception):
    """A row that is rejected; the message names the columns and the values."""


def compile_getter(source: FieldSource, header: Sequence[str]) -> CellGetter:
    """Compile the function that reads the field from a row's cells; it may raise RowRejectedError."""
    if source.constant is not None:
        constant = source.constant
        return lambda cells: constant
    if source.template is not None:
        return _compile_template(source.template, header)
    if source.lookup is not None:
        return _compile_lookup(source.lookup, header)
    name, default = source.column or "", source.otherwise
    if name not in header:
        return lambda cells: default
    index = header.index(name)
    if source.filters:
        return _compile_filtered(index, compile_filters(source.filters), default)

    def pick(cells: Sequence[Cell]) -> Cell:
        cell = cells[index]
        if type(cell) is str:
            cell = cell.strip()
        return default if default is not None and cell in ("", None) else cell

    return pick


def _compile_filtered(index: int, filters: Sequence[CellFilter], default: str | None) -> CellGetter:
    def pick(cells: Sequence[Cell]) -> Cell:
        text = apply_filters(format_cell(cells[index]), filters)
        return default if default is not None and not text else text

    return pick


def _compile_lookup(lookup: ValueLookup, header: Sequence[str]) -> CellGetter:
    index, values = header.index(lookup.column), lookup.values

    def look_up(cells: Sequence[Cell]) -> Cell:
        key = format_cell(cells[index])
        value = values.get(key, lookup.otherwise)
        if value is None:
            missing = Refusal(
                "cell.not_listed",
                "is not in the mapping's list ({words}); add it there, or give 'otherwise'",
                words=", ".join([*list(values)[:SHOWN_WORDS], *(["…"] if len(values) > SHOWN_WORDS else [])]),
            )
            raise RowRejectedError(f"{lookup.column}: {key!r} {missing}")
        return value

    return look_up


def _compile_template(template: str, header: Sequence[str]) -> CellGetter:
    parts: list[tuple[str, int, Sequence[CellFilter]]] = []
    end = 0
    for part in TEMPLATE_PART.finditer(template):
        filters = compile_filters(part[2].split("|")[1:])
        parts.append((template[end : part.start()], header.index(part[1].strip()), filters))
        end = part.end()
    rest = template[end:]

    def fill(cells: Sequence[Cell]) -> Cell:
        text = ""
        for before, index, filters in parts:
            text += before + apply_filters(format_cell(cells[index]), filters)
        return text + rest

    return fill
