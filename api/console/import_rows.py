"""What is wrong with a row of a file, or worth a look, in the reader's language: from the line of English that an import keeps of it.

A line has one fault or several, with `; ` between them. A fault of a cell begins with its column and, where it has one, its value.
"""

from api.presenters.refusals import ReaderWords, recognise_refusal, tell_reason

BETWEEN_FAULTS = "; "
AFTER_COLUMN = ": "
ROW_KINDS = ("row.",)
CELL_KINDS = ("cell.", "text.")
"""How the codes of what is said of a row, and of a cell, begin."""


def tell_row_faults(line: str, words: ReaderWords) -> list[str] | None:
    """Each fault by itself; None where there are no words for one of them. A sentence may have the mark between faults in it: the shortest
    beginning that can be told, and leaves a rest that can be told, is the first fault."""
    parts = line.split(BETWEEN_FAULTS)
    for count in range(1, len(parts) + 1):
        first = _tell_row_fault(BETWEEN_FAULTS.join(parts[:count]), words)
        if first is None:
            continue
        if count == len(parts):
            return [first]
        rest = tell_row_faults(BETWEEN_FAULTS.join(parts[count:]), words)
        if rest is not None:
            return [first, *rest]
    return None


def _tell_row_fault(fault: str, words: ReaderWords) -> str | None:
    if told := recognise_refusal(fault, ROW_KINDS):
        return tell_reason(told, words) or None
    end = fault.find(AFTER_COLUMN)
    while end != -1:
        column, said = fault[:end], fault[end + len(AFTER_COLUMN) :]
        if (complaint := _tell_cell_fault(said, words)) is not None:
            return f"{column}{AFTER_COLUMN}{complaint}"
        end = fault.find(AFTER_COLUMN, end + 1)
    return None


def _tell_cell_fault(said: str, words: ReaderWords) -> str | None:
    """`said`: with the value in quotation marks before it, or without one."""
    mark = said[:1]
    ends = [place for place, sign in enumerate(said) if sign == mark and said[place + 1 : place + 2] == " "] if mark in ("'", '"') else []
    for value, complaint in [("", said), *((said[: end + 2], said[end + 2 :]) for end in ends if end)]:
        told = recognise_refusal(complaint, CELL_KINDS)
        if told and (sentence := tell_reason(told, words)):
            return f"{value}{sentence}"
    return None
