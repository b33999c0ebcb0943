"""What people decide of invoices that the last comparison did not find in the connected system: that they are gone there. It is theirs to
say where Duecourse does not believe it by itself, as of many at once, or of the only one."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

import structlog

from adapters.billing.errors import BillingAwayError, ConnectionRefusedByBillingError
from adapters.billing.external_key import parse_external_key
from adapters.connections.comparison import Difference
from adapters.connections.connection_registry import ConnectedSystem
from adapters.connections.connection_store import ConnectionStore
from adapters.connections.difference_store import end_differences, list_open_differences
from adapters.database.engine import Database
from adapters.database.row_states import ConnectionEventKind, DifferenceKind
from adapters.i18n.formatting import format_localised_money
from adapters.identity.identity_events import ChangeAuthor
from domain.errors import UserError

MOST_DECIDED = 500
"""With one decision: each is read again, and somebody waits for it."""

log = structlog.get_logger(__name__)


class MissingChangedError(UserError):
    """Other invoices are missing now than those that were decided on."""

    title = "Other invoices are missing now"
    status = 409
    problem_type = "missing-changed"


class MissingThere(NamedTuple):
    """Invoices that are open here, and that the last comparison did not find there. `sums`: what is open of them here, in minor units, by
    currency."""

    differences: tuple[Difference, ...]
    sums: Mapping[str, int]


class DecidedAbsences(NamedTuple):
    """What became of the invoices that were decided on: those that are gone, those that the system has after all, and those that could not
    be read, and are as they were."""

    gone: tuple[Difference, ...]
    shown: tuple[Difference, ...]
    unread: tuple[Difference, ...]


def collect_missing(differences: Iterable[Difference]) -> MissingThere:
    """Collect those that are missing there; with one decision, the first of them."""
    missing = tuple(each for each in differences if each.kind is DifferenceKind.MISSING_THERE)[:MOST_DECIDED]
    return MissingThere(missing, _sum_up(missing))


def _sum_up(missing: Iterable[Difference]) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for each in missing:
        sums[each.currency] += int(each.here)
    return dict(sorted(sums.items()))


def take_decided_gone(database: Database, system: ConnectedSystem, count: int, by: ChangeAuthor, now: datetime) -> DecidedAbsences:
    """Take those that are missing there for gone, but for those that the system shows once they are asked for again. `count`: how many
    were decided on; `now`: real time. Raises MissingChangedError, and BillingAwayError or ConnectionRefusedByBillingError where the system
    answers for none."""
    missing = collect_missing(list_open_differences(database, system.key)).differences
    if not missing or len(missing) != count:
        raise MissingChangedError(f"{len(missing):,} invoices are missing there now, and not {count:,}; look at the list again")
    gone, shown, unread = list[Difference](), list[Difference](), list[Difference]()
    failure: Exception | None = None
    for each in missing:
        try:
            (gone if _is_gone(system, each.id) else shown).append(each)
        except (BillingAwayError, ConnectionRefusedByBillingError) as error:
            failure = error
            unread.append(each)
            if isinstance(error, BillingAwayError):
                unread += missing[len(gone) + len(shown) + len(unread) :]
                break
        except Exception as error:  # whatever it is, it is this invoice's alone
            log.warning("missing_invoice_not_read", invoice=each.id, reason=str(error))
            unread.append(each)
    if failure is not None and not gone and not shown:
        raise failure
    end_differences(database, system.key, DifferenceKind.MISSING_THERE, [each.id for each in (*gone, *shown)], now)
    if gone:
        ConnectionStore(database).record_event(ConnectionEventKind.DECIDED_GONE, system.key.system, by, _describe(gone))
    return DecidedAbsences(tuple(gone), tuple(shown), tuple(unread))


def _is_gone(system: ConnectedSystem, invoice_id: str) -> bool:
    """Whether the system still does not show it; then it is gone here, too."""
    key = parse_external_key(invoice_id)
    if key is None or system.sync.refresh_if_there(key.external_id) is not None:
        return False
    system.sync.take_gone(key.external_id)
    log.info("external_invoice_decided_gone", invoice=invoice_id)
    return True


def _describe(gone: Iterable[Difference]) -> str:
    """By number, and with their sums: the invoices themselves say when they were cancelled."""
    found = tuple(gone)
    sums = ", ".join(format_localised_money(amount, currency, "en") for currency, amount in _sum_up(found).items())
    return f"{len(found):,}: {', '.join(each.number or each.id for each in found)}; {sums}"
