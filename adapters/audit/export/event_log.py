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
from adapters.audit.export.event_log_mapping import (
    account_object_id,
    case_object_type,
    format_timestamp,
    list_relations,
    ocel_type,
)
from adapters.audit.export.event_log_objects import OcelObject, split_batches
from adapters.audit.export.journal_files import FORMULA_PREFIXES
from adapters.database.engine import Database
from adapters.journal.scoped_chains import CaseChain, read_case_chains
from domain.audit.scope import AccountScope, AuditScope
from domain.identifiers import CaseKind, invoice_case_id, parse_case_id

OWN_ATTRIBUTES = {"actor": "string", "number": "integer", "recorded_at": "time", "hash": "string"}
"""What every event has besides the facts of its entry, which stand under `fact_` and their names."""

CSV_COLUMNS = ("case", "activity", "timestamp", "resource", "case_type", "account", "invoice", "number", "recorded_at", "hash", "facts")


class OcelCounts(NamedTuple):
    """How many objects and events there are, by their types."""

    objects: dict[str, int]
    events: dict[str, int]


def export_ocel(database: Database, scope: AuditScope, target: Path) -> OcelCounts:
    """Write the log. In memory are the ids of its objects, and one case at a time."""
    with tempfile.TemporaryDirectory(prefix=".ocel-", dir=target.parent) as folder, database.snapshot() as session:
        log = _OcelLog(session, scope, Path(folder))
        log.collect_objects()
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
            rows.writerow(CSV_COLUMNS)
            for case in read_case_chains(session, scope):
                for entry in case.chain:
                    rows.writerow(_build_csv_row(case, entry))
                    count += 1
        draft.replace(target)
    return count


def _build_csv_row(case: CaseChain, entry: dict[str, Any]) -> list[str]:
    texts = (
        case.case_id,
        entry["kind"],
        format_timestamp(entry["business_at"]),
        entry["actor"],
        case.kind,
        entry["account_id"],
        entry["invoice_id"] or "",
        str(entry["seq"]),
        format_timestamp(entry["recorded_at"]),
        entry["hash"],
        _encode_json(entry["facts"]),
    )
    return [f"'{text}" if text.startswith(FORMULA_PREFIXES) else text for text in texts]


class _OcelLog:
    """Two passes: one over the journal, which finds the objects and the types of attributes, and one over what it put aside."""

    def __init__(self, session: Session, scope: AuditScope, folder: Path) -> None:
        self._session, self._scope = session, scope
        self._events, self._cases = folder / "events", folder / "cases"
        self._accounts, self._invoices = set[str](), set[str]()
        self._object_ids, self._case_ids = set[str](), set[str]()
        self._fact_types: dict[str, dict[str, str]] = {}
        self.object_count, self.event_count = Counter[str](), Counter[str]()

    def collect_objects(self) -> None:
        with self._events.open("w", encoding="utf-8") as events, self._cases.open("w", encoding="utf-8") as cases:
            for case in read_case_chains(self._session, self._scope):
                type = case_object_type(case.case_id)
                if type is None or not case.chain:
                    continue
                self._object_ids.add(case.case_id)
                self._accounts.add(case.account_id)
                cases.write(_encode_json(ocel_objects.build_case_object(type, case)) + "\n")
                for entry in case.chain:
                    self._collect_types(entry)
                    events.write(
                        _encode_json(
                            {
                                **entry,
                                "business_at": format_timestamp(entry["business_at"]),
                                "recorded_at": format_timestamp(entry["recorded_at"]),
                            }
                        )
                    )
                    events.write("\n")
        if isinstance(self._scope, AccountScope):
            self._accounts.add(self._scope.account_id)
            self._invoices |= ocel_objects.list_invoice_ids(self._session, self._scope.account_id)
        for letter in ocel_objects.load_letter_objects(self._session, self._scope):
            self._object_ids.add(letter["id"])
            self._accounts.add(letter["relationships"][0]["objectId"].removeprefix("account:"))
        self._object_ids |= {invoice["id"] for invoice in ocel_objects.load_invoice_objects(self._session, self._invoices)}
        self._object_ids |= {account_object_id(account_id) for account_id in self._accounts}

    def _collect_types(self, entry: dict[str, Any]) -> None:
        """What the entry names, and of which types its attributes are: of two types, both are read as text."""
        types = self._fact_types.setdefault(entry["kind"], {})
        for name, value in entry["facts"].items():
            if value is not None:
                types[name] = ocel_type(value) if types.get(name, ocel_type(value)) == ocel_type(value) else "string"
        named = (parse_case_id(relation.object_id) for relation in list_relations(entry))
        self._invoices |= {case_id.subject for case_id in named if case_id and case_id.kind is CaseKind.INVOICE}

    def write(self, stream: IO[str]) -> None:
        event_types = [
            {
                "name": kind,
                "attributes": [
                    {"name": name, "type": type}
                    for name, type in [*OWN_ATTRIBUTES.items(), *((f"fact_{n}", t) for n, t in sorted(facts.items()))]
                ],
            }
            for kind, facts in sorted(self._fact_types.items())
        ]
        stream.write('{"objectTypes":' + _encode_json(ocel_objects.build_object_types()) + ',\n"eventTypes":' + _encode_json(event_types))
        stream.write(',\n"objects":[')
        _write_elements(stream, self._iterate_objects())
        stream.write('],\n"events":[')
        _write_elements(stream, self._iterate_events())
        stream.write("]}\n")

    def _iterate_objects(self) -> Iterator[OcelObject]:
        for ocel_object in chain(
            ocel_objects.load_account_objects(self._session, self._accounts),
            self._iterate_case_objects(),
            ocel_objects.load_invoice_objects(
                self._session, (invoice_id for invoice_id in self._invoices if invoice_case_id(invoice_id) not in self._case_ids)
            ),
            ocel_objects.load_letter_objects(self._session, self._scope),
        ):
            self.object_count[ocel_object["type"]] += 1
            yield {**ocel_object, "relationships": [link for link in ocel_object["relationships"] if link["objectId"] in self._object_ids]}

    def _iterate_case_objects(self) -> Iterator[OcelObject]:
        """What each case has become; an invoice as billing has it, and as its case tells on."""
        with self._cases.open(encoding="utf-8") as lines:
            for some in split_batches(lines):
                case_objects = [json.loads(line) for line in some]
                case_ids = (parse_case_id(case_object["id"]) for case_object in case_objects)
                ids = [case_id.subject for case_id in case_ids if case_id and case_id.kind is CaseKind.INVOICE]
                billed = {case_object["id"]: case_object for case_object in ocel_objects.load_invoice_objects(self._session, ids)}
                for case_object in case_objects:
                    self._case_ids.add(case_object["id"])
                    before = billed.get(case_object["id"], {"attributes": []})
                    yield {**case_object, "attributes": [*before["attributes"], *case_object["attributes"]]}

    def _iterate_events(self) -> Iterator[dict[str, Any]]:
        with self._events.open(encoding="utf-8") as lines:
            for line in lines:
                entry = json.loads(line)
                self.event_count[entry["kind"]] += 1
                types = self._fact_types[entry["kind"]]
                own = {"actor": entry["actor"], "number": entry["seq"], "recorded_at": entry["recorded_at"], "hash": entry["hash"]}
                facts = {f"fact_{name}": _coerce_value(types[name], value) for name, value in entry["facts"].items() if value is not None}
                yield {
                    "id": f"{entry['case_id']}#{entry['seq']}",
                    "type": entry["kind"],
                    "time": entry["business_at"],
                    "attributes": [{"name": name, "value": value} for name, value in {**own, **facts}.items()],
                    "relationships": [
                        {"objectId": relation.object_id, "qualifier": relation.qualifier}
                        for relation in list_relations(entry)
                        if relation.object_id in self._object_ids
                    ],
                }


def _coerce_value(type: str, value: Any) -> Any:
    return str(value) if type == "string" else value


def _encode_json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _write_elements(stream: IO[str], elements: Iterable[Any]) -> None:
    for number, element in enumerate(elements):
        stream.write((",\n" if number else "\n") + _encode_json(element))


__all__ = ["OcelCounts", "export_event_log", "export_ocel"]
