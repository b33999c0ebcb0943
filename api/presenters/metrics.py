"""Figures for Prometheus, in its text format."""

from collections.abc import Sequence
from datetime import date, datetime

from adapters.connections.connection_description import WebhookProof
from adapters.connections.connection_overview import ConnectionOverview, ConnectionStanding
from adapters.connections.connection_states import ConnectionState, list_connection_states, name_system
from adapters.database.engine import Database
from adapters.policies.refusal import find_refusal
from adapters.read_model.archive_status import find_last_sweep
from adapters.read_model.portfolio_totals import PortfolioTotals, load_portfolio_totals
from adapters.read_model.unreached_roles import find_unreached_roles
from adapters.set_aside.set_aside_store import count_waiting
from domain.audit.archive_status import ArchiveSweepResult

WEBHOOK_OUTCOMES = ("taken", "waiting", "repeated", "foreign", "overflowed", "dropped", "forged")
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def render_metrics(database: Database, today: date, now: datetime) -> str:
    """Render what the database tells. `today` is the business date (UTC), `now` real time (UTC)."""
    refused = [("", int(find_refusal(database) is not None))]
    unreached = [(f'role="{found.role}"', len(found.cases)) for found in find_unreached_roles(database, today)]
    set_aside = [(f'stage="{stage.value}"', number) for stage, number in count_waiting(database).items()]
    return "".join(
        (
            render_portfolio_metrics(load_portfolio_totals(database, today)),
            render_gauge("duecourse_policies_refused", "1 while the policies in their folder are refused; older ones go on.", refused),
            render_gauge("duecourse_unreached_cases", "Cases that wait for a role that nobody with an address has.", unreached),
            render_gauge("duecourse_set_aside", "What failed and was set aside, by the stage of the work.", set_aside),
            render_billing_metrics(list_connection_states(database), now),
            render_archive_metrics(find_last_sweep(database), now),
        )
    )


def render_billing_metrics(states: Sequence[ConnectionState], now: datetime) -> str:
    """Return no metrics where no billing system was ever read. One that was not yet read to the end has no time of it."""
    if not states:
        return ""
    systems = [(f'system="{_escape_label(name_system(state.system))}"', state) for state in states]
    caught_up = [(label, state.caught_up_at) for label, state in systems]
    away = [(label, round(max(0.0, (now - state.away_since).total_seconds())) if state.away_since else 0) for label, state in systems]
    resting = [(label, int(state.rest is not None)) for label, state in systems]
    ago = [(label, round(max(0.0, (now - at).total_seconds()))) for label, at in caught_up if at is not None]
    return "".join(
        (
            render_gauge(
                "duecourse_billing_invoices_read",
                "Invoices read from a connected billing system, the same as often as it came.",
                [(label, state.invoices_read) for label, state in systems],
            ),
            render_gauge(
                "duecourse_billing_open_items",
                "Open items that a connected billing system had when it was compared last.",
                [(label, state.compared_items) for label, state in systems if state.compared_at is not None],
            ),
            render_gauge(
                "duecourse_billing_has_more",
                "1 while a connected billing system has more to say than was read.",
                [(label, int(state.has_more)) for label, state in systems],
            ),
            render_gauge("duecourse_billing_away_seconds", "For how long a connected billing system has been away; 0: it is not.", away),
            render_gauge("duecourse_billing_resting", "1 while a connected billing system asks to be left alone.", resting),
            render_gauge("duecourse_billing_caught_up_seconds", "How long ago a connected billing system was read to the end.", ago),
            render_gauge(
                "duecourse_billing_differences",
                "What the last comparison with a connected billing system found.",
                [(label, len(state.differences)) for label, state in systems],
            ),
        )
    )


def render_connection_metrics(overviews: Sequence[ConnectionOverview]) -> str:
    """How each connection stands, and what its webhook got. Return no metrics where nothing is connected."""
    if not overviews:
        return ""
    systems = [(f'system="{_escape_label(each.system.id)}"', each) for each in overviews]
    standings = [(f'{label},standing="{name}"', int(each.standing is name)) for label, each in systems for name in ConnectionStanding]
    called = [(label, each.webhooks) for label, each in systems if each.system.webhook_proof is not WebhookProof.NONE]
    calls = [(f'{label},outcome="{outcome}"', getattr(counts, outcome)) for label, counts in called for outcome in WEBHOOK_OUTCOMES]
    return "".join(
        (
            render_gauge("duecourse_billing_connection", "1 for how a connected billing system stands, else 0.", standings),
            render_gauge("duecourse_billing_webhook_calls", "Calls of a billing system, by what became of them.", calls) if calls else "",
        )
    )


def render_portfolio_metrics(totals: PortfolioTotals) -> str:
    """Prometheus' text format."""
    stages = [(f'stage="{_escape_label(row.stage)}"', row.count) for row in totals.stages]
    stages += [(f'stage="{_escape_label(status)}"', count) for status, count in sorted(totals.settled.items())]
    letters = [(f'state="{_escape_label(state)}"', count) for state, count in sorted(totals.letters.items())]
    tasks = [(f'kind="{_escape_label(kind)}"', count) for kind, count in sorted(totals.tasks.items())]
    return "".join(
        (
            render_gauge("duecourse_invoices", "Invoices by stage.", stages),
            render_gauge("duecourse_letters", "Letters by state.", letters),
            render_gauge("duecourse_open_tasks", "Tasks that wait for a person, by kind.", tasks),
            render_gauge(
                "duecourse_undelivered_ledger_events", "Ledger events that no case has heard of.", [("", totals.undelivered_events)]
            ),
        )
    )


def render_archive_metrics(sweep: ArchiveSweepResult | None, now: datetime) -> str:
    """Return no metrics before the first sweep. The lag grows while no sweep is completed."""
    if sweep is None:
        return ""
    since = max(0.0, (now - sweep.at).total_seconds())
    return "".join(
        (
            render_gauge("duecourse_archive_swept_seconds", "How long ago the last sweep of the archive was.", [("", round(since))]),
            render_gauge(
                "duecourse_archive_lag_seconds",
                "How long ago the oldest run ended that is left to archive; 0: none is.",
                [("", round(sweep.lag_seconds + since) if sweep.left else 0)],
            ),
            render_gauge("duecourse_archive_left", "Runs that have ended and are not archived.", [("", sweep.left)]),
            render_gauge(
                "duecourse_archive_at_risk", "Of these, the runs that the server will delete within a day.", [("", sweep.at_risk)]
            ),
        )
    )


def render_gauge(name: str, help: str, samples: list[tuple[str, int]]) -> str:
    lines = [f"# HELP {name} {help}", f"# TYPE {name} gauge"]
    lines += [f"{name}{{{labels}}} {value}" if labels else f"{name} {value}" for labels, value in samples]
    return "\n".join(lines) + "\n"


def _escape_label(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
