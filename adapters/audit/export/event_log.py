"""The journal for process mining: as an object-centric log in OCEL 2.0 (JSON), and flat, as a table with an event on each row.

Every entry that counts is an event; orphans are none. What customers are called, where they live and what people wrote is left out.
An object that others name is in the log, or the name is left out: nothing points to nowhere.
"""

import csv
import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import IO, Any, NamedTuple

from sqlmodel import Session

from adapters.audit.export import event_log_objects as ocel_objects
from adapters.audit.export.event_log_mapping import INVOICE, account_object, related, stamp, type_of, value_type
from adapters.audit.export.event_log_objects import Object, batches
from adapters.audit.export.journal_files import FORMULA
from adapters.database.engine import Database
from adapters.journal.scoped_chains import CaseChain, read_chains
from domain.audit.scope import AuditScope, OneAccount
from domain.identifiers import invoice_case

OWN = {"actor": "string", "number": "integer", "recorded_at": "time", "hash": "string"}
"""What every event has besides the facts of its entry, which stand under `fact_` and their names."""

COLUMNS = ("case", "activity", "timestamp", "resource", "case_type", "account", "invoice", "number", "recorded_at", "hash", "facts")


class OcelCounts(NamedTuple):
    """How many objects and events there are, by their types."""

    objects: dict[str, int]
    events: dict[str, int]


def export_ocel(database: Database, scope: AuditScope, target: Path) -> OcelCounts:
    """Write the log. In memory are the ids of its objects, and one case at a time."""
    with tempfile.TemporaryDirectory(prefix=".ocel-", dir=target.parent) as folder, database.snapshot() as session:
        log = _Log(session, scope, Path(folder))
        log.gather()
        draft = Path(folder) / "log"
        with draft.open("w", encoding="utf-8") as stream:
            log.write(stream)
        draft.replace(target)
        return OcelCounts(dict(log.object_count), dict(log.event_count))


def export_event_log(database: Database, scope: AuditScope, target: Path) -> int:
    """Write the flat log, its cases one after another, each in its order. How many events there are. Times are UTC."""
    count = 0
    with tempfile.TemporaryDirectory(prefix=".log-", dir=target.parent) as folder, database.snapshot() as session:
        draft = Path(folder) / "log"
        with draft.open("w", encoding="utf-8", newline="") as stream:
            rows = csv.writer(stream)
            rows.writerow(COLUMNS)
            for case in read_chains(session, scope):
                for entry in case.chain:
                    rows.writerow(_row(case, entry))
                    count += 1
        draft.replace(target)
    return count


def _row(case: CaseChain, entry: dict[str, Any]) -> list[str]:
    texts = (
        case.case_id, entry["kind"], stamp(entry["business_at"]), entry["actor"], case.kind, entry["account_id"], entry["invoice_id"] or "",
        str(entry["seq"]), stamp(entry["recorded_at"]), entry["hash"], _json(entry["facts"]),
    )  # fmt: skip
    return [f"'{text}" if text.startswith(FORMULA) else text for text in texts]


class _Log:
    """Two passes: one over the journal, which finds the objects and the types of attributes, and one over what it put aside."""

    def __init__(self, session: Session, scope: AuditScope, folder: Path) -> None:
        self._session, self._scope = session, scope
        self._events, self._cases = folder / "events", folder / "cases"
        self._accounts, self._invoices = set[str](), set[str]()
        self._known, self._told = set[str](), set[str]()
        self._types: dict[str, dict[str, str]] = {}
        self.object_count, self.event_count = Counter[str](), Counter[str]()

    def gather(self) -> None:
        with self._events.open("w", encoding="utf-8") as events, self._cases.open("w", encoding="utf-8") as cases:
            for case in read_chains(self._session, self._scope):
                type = type_of(case.case_id)
                if type is None or not case.chain:
                    continue
                self._known.add(case.case_id)
                self._accounts.add(case.account_id)
                cases.write(_json(ocel_objects.case_object(type, case)) + "\n")
                for entry in case.chain:
                    self._learn(entry)
                    events.write(_json({**entry, "business_at": stamp(entry["business_at"]), "recorded_at": stamp(entry["recorded_at"])}))
                    events.write("\n")
        if isinstance(self._scope, OneAccount):
            self._accounts.add(self._scope.account_id)
            self._invoices |= ocel_objects.invoices_of(self._session, self._scope.account_id)
        for letter in ocel_objects.letters(self._session, self._scope):
            self._known.add(letter["id"])
            self._accounts.add(letter["relationships"][0]["objectId"].removeprefix("account:"))
        self._known |= {invoice["id"] for invoice in ocel_objects.invoices(self._session, self._invoices)}
        self._known |= {account_object(id) for id in self._accounts}

    def _learn(self, entry: dict[str, Any]) -> None:
        """What the entry names, and of which types its attributes are: of two types, both are read as text."""
        types = self._types.setdefault(entry["kind"], {})
        for name, value in entry["facts"].items():
            if value is not None:
                types[name] = value_type(value) if types.get(name, value_type(value)) == value_type(value) else "string"
        self._invoices |= {
            one.object_id.removeprefix("invoice:") for one in related(entry) if one.object_id.startswith("invoice:")
        }  # fmt: skip

    def write(self, stream: IO[str]) -> None:
        event_types = [
            {
                "name": kind,
                "attributes": [
                    {"name": name, "type": type} for name, type in [*OWN.items(), *((f"fact_{n}", t) for n, t in sorted(facts.items()))]
                ],
            }
            for kind, facts in sorted(self._types.items())
        ]
        stream.write('{"objectTypes":' + _json(ocel_objects.object_types()) + ',\n"eventTypes":' + _json(event_types))
        stream.write(',\n"objects":[')
        _write_all(stream, self._objects())
        stream.write('],\n"events":[')
        _write_all(stream, self._told_events())
        stream.write("]}\n")

    def _objects(self) -> Iterator[Object]:
        for one in chain(
            ocel_objects.accounts(self._session, self._accounts),
            self._cases_told(),
            ocel_objects.invoices(self._session, (id for id in self._invoices if invoice_case(id) not in self._told)),
            ocel_objects.letters(self._session, self._scope),
        ):
            self.object_count[one["type"]] += 1
            yield {**one, "relationships": [link for link in one["relationships"] if link["objectId"] in self._known]}

    def _cases_told(self) -> Iterator[Object]:
        """What each case has become; an invoice as billing has it, and as its case tells on."""
        with self._cases.open(encoding="utf-8") as lines:
            for some in batches(lines):
                told = [json.loads(line) for line in some]
                ids = [one["id"].removeprefix("invoice:") for one in told if one["type"] == INVOICE]
                billed = {one["id"]: one for one in ocel_objects.invoices(self._session, ids)}
                for one in told:
                    self._told.add(one["id"])
                    before = billed.get(one["id"], {"attributes": []})
                    yield {**one, "attributes": [*before["attributes"], *one["attributes"]]}

    def _told_events(self) -> Iterator[dict[str, Any]]:
        with self._events.open(encoding="utf-8") as lines:
            for line in lines:
                entry = json.loads(line)
                self.event_count[entry["kind"]] += 1
                types = self._types[entry["kind"]]
                own = {"actor": entry["actor"], "number": entry["seq"], "recorded_at": entry["recorded_at"], "hash": entry["hash"]}
                facts = {f"fact_{name}": _as(types[name], value) for name, value in entry["facts"].items() if value is not None}
                yield {
                    "id": f"{entry['case_id']}#{entry['seq']}", "type": entry["kind"], "time": entry["business_at"],
                    "attributes": [{"name": name, "value": value} for name, value in {**own, **facts}.items()],
                    "relationships": [
                        {"objectId": one.object_id, "qualifier": one.qualifier} for one in related(entry) if one.object_id in self._known
                    ],
                }  # fmt: skip


def _as(type: str, value: Any) -> Any:
    return str(value) if type == "string" else value


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _write_all(stream: IO[str], elements: Iterable[Any]) -> None:
    for number, element in enumerate(elements):
        stream.write((",\n" if number else "\n") + _json(element))


__all__ = ["OcelCounts", "export_event_log", "export_ocel"]
