"""A billing system that is connected, with all that pages say of one."""

from datetime import UTC, datetime
from pathlib import Path

from adapters.billing.external_key import SystemKey
from adapters.billing.external_records import BalanceCheck, ConnectionStep
from adapters.config.settings import Settings
from adapters.connections.comparison import Comparison, Difference
from adapters.connections.connection_admin import ConnectionAdmin
from adapters.connections.connection_file import read_connection
from adapters.connections.connection_registry import ConnectionRegistry
from adapters.connections.connection_runs import ConnectionRuns
from adapters.connections.difference_store import keep_comparison
from adapters.connections.notes.refused_notes import note_entry
from adapters.connections.rests.system_rests import SystemRests
from adapters.database.engine import Database
from adapters.database.row_states import DifferenceKind, IdentityChannel
from adapters.identity.identity_events import ChangeAuthor
from domain.refusal import Refusal

DESCRIBED = Refusal("trial.api_bookings", "described; each is tried only when the first is booked")
ERP, ERP_ID = SystemKey("erp", "1"), "erp:1"


def connect_erp(database: Database, folder: Path) -> None:
    """A billing system that was compared, and whose key has been lost since."""
    settings, described = Settings.load(data_dir=folder), {"name": "erp", "kind": "tryton", "address": "http://localhost:1/erp"}
    described |= {"country": "DE", "time_zone": "Europe/Berlin", "language": "de"}
    systems = ConnectionRegistry(database, settings, lambda: datetime.now(UTC))
    by = ChangeAuthor("ada", IdentityChannel.CONSOLE)
    ConnectionAdmin(database, settings, systems).add(read_connection(described), {"api_key": "key"}, by, is_tried=False)
    steps = (
        ConnectionStep("address and key", True, "Dunder Mifflin"),
        ConnectionStep("write notes", False, "403", Refusal("ask.tryton_notes", "leave to write notes")),
        ConnectionStep("bookings", True, DESCRIBED, Refusal("ask.api_bookings", "leave to write", bookings="credit notes"), is_tried=False),
    )
    ConnectionRuns(database).keep_test(ERP, steps, "ada")
    kinds = (DifferenceKind.BALANCE, DifferenceKind.MISSING_HERE, DifferenceKind.MISSING_THERE)
    found = tuple(Difference(kind, "@erp:1:7", "7", "EUR", "400", "1000") for kind in kinds)
    keep_comparison(database, ERP, Comparison(2, found, BalanceCheck(50, ("R-7", "R-9"), is_trusted=True)), datetime.now(UTC))
    SystemRests(database).note_rest(ERP, 86_400, "Tryton answers 429")
    note_entry(database, ERP, "entry", datetime.now(UTC), "Tryton refuses this: the field Product is required, and there is none")
