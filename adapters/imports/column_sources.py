"""The getters of a row's fields, compiled once for a file's header."""

import re
import unicodedata
from collections.abc import Callable, Sequence

from adapters.imports.cell_parsing import Cell, format_cell
from adapters.imports.column_mapping import TEMPLATE_PART, FieldSource, TemplateFilter, ValueLookup

CellGetter = Callable[[Sequence[Cell]], Cell]


class RowRejectedError(Exception):
    """A row that is rejected; the message names the column and the value."""


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

    def pick(cells: Sequence[Cell]) -> Cell:
        cell = cells[index]
        if type(cell) is str:
            cell = cell.strip()
        return default if default is not None and cell in ("", None) else cell

    return pick


def _compile_lookup(lookup: ValueLookup, header: Sequence[str]) -> CellGetter:
    index, values = header.index(lookup.column), lookup.values

    def look_up(cells: Sequence[Cell]) -> Cell:
        key = format_cell(cells[index])
        value = values.get(key, lookup.otherwise)
        if value is None:
            raise RowRejectedError(
                f"{lookup.column}: {key!r} is not in the mapping's list ({', '.join(values)}); add it there, or give 'otherwise'"
            )
        return value

    return look_up


def _compile_template(template: str, header: Sequence[str]) -> CellGetter:
    parts: list[tuple[str, int, list[TemplateFilter]]] = []
    end = 0
    for part in TEMPLATE_PART.finditer(template):
        parts.append(
            (template[end : part.start()], header.index(part[1].strip()), [TemplateFilter(name) for name in part[2].split("|")[1:]])
        )
        end = part.end()
    rest = template[end:]

    def fill(cells: Sequence[Cell]) -> Cell:
        text = ""
        for before, index, filters in parts:
            value = format_cell(cells[index])
            for template_filter in filters:
                value = _apply_filter(value, template_filter)
            text += before + value
        return text + rest

    return fill


def _apply_filter(text: str, template_filter: TemplateFilter) -> str:
    match template_filter:
        case TemplateFilter.LOWER:
            return text.lower()
        case TemplateFilter.UPPER:
            return text.upper()
        case TemplateFilter.SLUG:
            ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
            return re.sub(r"[^a-z0-9]+", "-", ascii_text).strip("-")
