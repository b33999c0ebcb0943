"""The journal as process miners read it: every act an event, every event with its objects, and nothing that points to nowhere."""

import csv
import json
import re
from collections import Counter
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from adapters.audit.export.event_log import OcelCounts, export_event_log, export_ocel
from adapters.database.engine import Database
from adapters.database.tables import JournalEntry
from domain.audit.scope import PeriodScope
from tests.adapters.audit.exported_accounts import A1, populate_account
from tests.adapters.journal.journalled_accounts import JournalledAccount

JUNE = PeriodScope(date(2013, 6, 1), date(2013, 6, 30))
MARCH = PeriodScope(date(2013, 3, 1), date(2013, 3, 31))
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
PYTHON = {"string": str, "integer": int, "boolean": bool, "time": str}


def exported(database: Database, target: Path, scope: Any = A1) -> tuple[dict[str, Any], OcelCounts]:
    populate_account(database)
    counts = export_ocel(database, scope, target)
    return json.loads(target.read_text(encoding="utf-8")), counts


@pytest.fixture
def log(database: Database, tmp_path: Path) -> dict[str, Any]:
    return exported(database, tmp_path / "log.json")[0]


def read_by_pm4py(file: Path) -> Any:
    """Imported when it is needed: it takes its time."""
    return import_module("pm4py").read_ocel2_json(str(file))


def one(log: dict[str, Any], id: str) -> dict[str, Any]:
    (found,) = (each for each in [*log["objects"], *log["events"]] if each["id"] == id)
    return dict(found)


def links(each: dict[str, Any]) -> set[tuple[str, str]]:
    return {(link["objectId"], link["qualifier"]) for link in each["relationships"]}


@pytest.mark.parametrize("scope", [A1, MARCH, JUNE])
def test_the_log_has_the_form_of_ocel_2(database: Database, tmp_path: Path, scope: Any) -> None:
    log, _ = exported(database, tmp_path / "log.json", scope)
    assert set(log) == {"objectTypes", "eventTypes", "objects", "events"}
    for kinds, members in (("objectTypes", "objects"), ("eventTypes", "events")):
        declared = {kind["name"]: {attribute["name"]: attribute["type"] for attribute in kind["attributes"]} for kind in log[kinds]}
        assert len(declared) == len(log[kinds])
        ids = Counter(each["id"] for each in log[members])
        assert set(ids.values()) <= {1}
        for each in log[members]:
            for attribute in each["attributes"]:
                assert type(attribute["value"]) is PYTHON[declared[each["type"]][attribute["name"]]], (each["id"], attribute)
                assert members == "events" or MOMENT.fullmatch(attribute["time"])
            assert members == "objects" or MOMENT.fullmatch(each["time"])


@pytest.mark.parametrize("scope", [A1, MARCH])
def test_nothing_points_to_nowhere(database: Database, tmp_path: Path, scope: Any) -> None:
    log, _ = exported(database, tmp_path / "log.json", scope)
    known = {each["id"] for each in log["objects"]}
    assert {link["objectId"] for each in [*log["objects"], *log["events"]] for link in each["relationships"]} <= known
    assert all(each["relationships"] for each in log["events"])


def test_every_entry_that_counts_is_an_event(database: Database, tmp_path: Path) -> None:
    log, counts = exported(database, tmp_path / "log.json")
    with database.reading() as session:
        written = Counter(session.exec(select(JournalEntry.kind).where(JournalEntry.actor != "nobody")))
    assert Counter(each["type"] for each in log["events"]) == written == Counter(counts.events)
    assert Counter(each["type"] for each in log["objects"]) == Counter(counts.objects)
    assert counts.objects == {
        "account": 1,
        "invoice": 2,
        "dispute": 1,
        "plan": 1,
        "approval": 2,
        "suspension": 1,
        "write_off": 1,
        "credit_review": 1,
        "letter": 2,
    }


def test_events_and_objects_say_what_they_are_to_each_other(log: dict[str, Any]) -> None:
    assert links(one(log, "dispute:I1:1#1")) == {("dispute:I1:1", "case"), ("account:A1", "account"), ("invoice:I1", "invoice")}
    assert ("suspension:A1", "subject") in links(one(log, "approval:suspension:A1:1#1"))
    assert ("invoice:I1", "invoice") in links(one(log, "plan:A1:1#1"))
    letter = next(each for each in log["objects"] if each["type"] == "letter")
    assert links(letter) == {("account:A1", "addressee"), ("invoice:I1", "about"), ("invoice:I2", "about")}


def test_an_objects_attributes_have_the_times_at_which_they_changed(log: dict[str, Any]) -> None:
    plan = [(each["time"][:10], each["value"]) for each in one(log, "plan:A1:1")["attributes"] if each["name"] == "received"]
    assert plan == sorted(plan)
    assert plan[-1][1] == 9_000
    invoice = {each["name"]: (each["time"][:4], each["value"]) for each in one(log, "invoice:I1")["attributes"]}
    assert invoice["total"] == ("1970", 100_000)
    assert invoice["open_balance"] == ("2013", 100_000)


def test_names_and_addresses_of_customers_stay_at_home(database: Database, tmp_path: Path) -> None:
    exported(database, tmp_path / "log.json")
    text = (tmp_path / "log.json").read_text(encoding="utf-8")
    assert "Brauerei" not in text
    assert "@brauerei-nord" not in text


def test_the_flat_log_has_an_event_on_each_row(database: Database, tmp_path: Path) -> None:
    log, _ = exported(database, tmp_path / "log.json")
    count = export_event_log(database, A1, tmp_path / "log.csv")
    with (tmp_path / "log.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert count == len(rows) == len(log["events"])
    assert {(row["case"], row["activity"], row["timestamp"]) for row in rows} == {
        (each["id"].rpartition("#")[0], each["type"], each["time"]) for each in log["events"]
    }
    assert {row["resource"] for row in rows} >= {"maria", "duecourse"}


def test_an_account_without_a_story_has_a_log_without_events(database: Database, tmp_path: Path) -> None:
    JournalledAccount(database)
    counts = export_ocel(database, A1, tmp_path / "log.json")
    assert counts == OcelCounts({"account": 1}, {})
    assert json.loads((tmp_path / "log.json").read_text())["events"] == []


def test_pm4py_reads_the_log_with_every_object_and_event(database: Database, tmp_path: Path) -> None:
    """Everything here has an event: its reader leaves objects out that have none."""
    log, counts = exported(database, tmp_path / "log.json")
    read = read_by_pm4py(tmp_path / "log.json")
    assert Counter(read.objects["ocel:type"]) == Counter(counts.objects)
    assert Counter(read.events["ocel:activity"]) == Counter(counts.events)
    assert len(read.relations) == sum(len(links(each)) for each in log["events"])
    assert len(read.o2o) == sum(len(links(each)) for each in log["objects"])
    changed = [Counter(attribute["name"] for attribute in each["attributes"]) for each in log["objects"]]
    assert len(read.object_changes) == sum(count - 1 for names in changed for count in names.values())


def test_pm4py_reads_when_it_happened_who_did_it_and_the_amounts(database: Database, tmp_path: Path) -> None:
    log, _ = exported(database, tmp_path / "log.json")
    read = read_by_pm4py(tmp_path / "log.json")
    events = {row["ocel:eid"]: row for row in read.events.to_dict("records")}
    raised, told = events["dispute:I1:1#1"], one(log, "dispute:I1:1#1")
    assert (raised["ocel:timestamp"].isoformat(timespec="microseconds"), raised["actor"]) == ("2013-03-09T00:00:00.000000+00:00", "maria")
    assert raised["fact_amount"] == 4_000
    assert told["time"] == "2013-03-09T00:00:00.000000Z"
    about = read.relations[read.relations["ocel:eid"] == "dispute:I1:1#1"]
    assert {(row["ocel:oid"], row["ocel:qualifier"]) for row in about.to_dict("records")} == links(told)
