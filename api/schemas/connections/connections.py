"""The bodies about connections to billing systems. No answer has a secret in it, but one that is shown once."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field, SecretStr

from adapters.connections.connection_description import WebhookProof
from adapters.connections.connection_overview import ConnectionStanding
from adapters.connections.oversight.decided_absences import MOST_DECIDED
from adapters.database.row_states import ConnectionEventKind, DifferenceKind
from api.schemas.request_body import RequestBody, example_config

LONGEST_SECRET = 10_000
MAX_OVERLAP_DAYS = 90


class ConnectionIn(RequestBody):
    """A new connection. `options` are the kind's own, as docs/billing describes them."""

    model_config = example_config(
        name="erp",
        kind="tryton",
        options={
            "address": "https://erp.example.com/production",
            "company": 1,
            "country": "DE",
            "time_zone": "Europe/Berlin",
            "language": "de",
        },
        secrets={"api_key": "…"},
    )

    name: str = Field(min_length=1, max_length=32, description="for good: it is part of the ids of its invoices")
    kind: str = Field(min_length=1, max_length=32)
    options: dict[str, Any] = Field(default={})
    secrets: dict[str, SecretStr] = Field(default={}, description="by name; kept encrypted, and never shown again")
    untested: bool = Field(default=False, description="keep it without trying it first, as when the system is away")


class SecretIn(RequestBody):
    """Another secret for a connection."""

    model_config = example_config(secret="api_key", value="…")

    secret: str = Field(min_length=1, max_length=32, description="which of its secrets")
    value: SecretStr = Field(min_length=1, max_length=LONGEST_SECRET)
    untested: bool = Field(default=False, description="keep it without trying it first, as when the system is away")


class WebhookSecretIn(RequestBody):
    """Another secret for a connection's webhook."""

    model_config = example_config(value="whsec_…", overlap_days=7)

    value: SecretStr | None = Field(
        default=None, max_length=LONGEST_SECRET, description="the one that the system made; left out where it signs nothing: one is made"
    )
    overlap_days: int = Field(default=7, ge=0, le=MAX_OVERLAP_DAYS, description="for so many days the secret before stays good")


class WebhookCountsOut(BaseModel):
    """What a connection's webhook got. Times are real."""

    taken: int = Field(description="hints at invoices")
    waiting: int = Field(description="of these, those that are still to be read")
    repeated: int
    foreign: int = Field(description="about something else than an invoice")
    overflowed: int = Field(description="not kept, for too many waited: the next reading has what they hinted at")
    dropped: int = Field(description="let fall unread: the system failed at them, and answered for others")
    forged: int = Field(description="refused, and not kept")
    last_taken_at: datetime | None
    last_forged_at: datetime | None
    last_forged_why: str


class ConnectionOut(BaseModel):
    """A connection and how it stands. Times are real."""

    id: str
    name: str
    company: str
    kind: str
    options: dict[str, Any] = Field(description="what describes it; no secret")
    is_of_file: bool = Field(description="it stands in connections.yaml, and is changed there")
    standing: ConnectionStanding
    why: str = Field(description="in the system's words, where it does not work")
    read_at: datetime | None = Field(description="when nothing more was there last")
    next_read_at: datetime | None
    away_since: datetime | None
    resting_until: datetime | None = Field(description="the system asked for no call before; null: it does not ask")
    rest_reason: str = Field(description="at which of its answers")
    credits_refused_since: datetime | None = Field(description="it does not list what its customers have unapplied; null: it does")
    letters_wait: bool = Field(description="it was not read for so long that letters to its customers wait")
    invoices_read: int
    compared_at: datetime | None
    differences: int = Field(description="that the last comparison named")
    webhook: WebhookProof = Field(description="how the system's calls are proven")
    webhook_counts: WebhookCountsOut
    refused_notes: int = Field(description="notes that the system refused, and that wait to be tried again")
    refused_notes_why: str = Field(description="in its words, of the latest")


class DifferenceOut(BaseModel):
    """`here` and `there`: amounts are in minor units of the currency, where there is nothing 0; else an account or a currency."""

    kind: DifferenceKind
    id: str = Field(description="of the invoice, or of the account whose unapplied credit differs")
    number: str
    currency: str
    here: str
    there: str


class ConnectionStepOut(BaseModel):
    """A step of a connection's test."""

    name: str
    works: bool
    found: str
    ask_for: str = Field(description="what to ask whoever runs the system for; empty where it works")
    is_tried: bool = Field(description="false of what can only be tried by doing it, such as booking; it may need what is asked for")


class RunOut(BaseModel):
    """A test, a reading or a comparison that somebody asked for, the last one. Times are real."""

    asked_by: str
    begun_at: datetime
    ended_at: datetime | None
    is_running: bool
    failure: str = Field(description="why it was not finished; empty: it was, or is running")


class BalanceCheckOut(BaseModel):
    """What the last comparison found of a sample of the system's balances: whether they count what is applied to the invoices."""

    checked: int = Field(description="invoices to which something is applied")
    differing: list[str] = Field(description="the numbers of those whose balance is otherwise than the total less that")
    is_trusted: bool = Field(
        description="the balances are believed, and not computed: of these invoices, the lower of the two is asked for"
    )


class ConnectionEventOut(BaseModel):
    """What happened to a connection, and who did it."""

    kind: ConnectionEventKind
    made_by: str
    detail: str
    recorded_at: datetime = Field(description="real time")


class ConnectionDetailsOut(ConnectionOut):
    """`steps`: what its last test found; `left_out`: invoices that the last reading could not take in, with the reason."""

    runs: dict[str, RunOut]
    steps: list[ConnectionStepOut]
    left_out: dict[str, str]
    differences_now: list[DifferenceOut]
    balances: BalanceCheckOut | None = Field(description="null: this system's need no such check, or it was not compared yet")
    events: list[ConnectionEventOut]


class ConnectionTested(BaseModel):
    """What the test of a connection found, step by step."""

    id: str
    works: bool
    steps: list[ConnectionStepOut]


class ConnectionChanged(BaseModel):
    id: str
    standing: ConnectionStanding


class AbsencesIn(RequestBody):
    """The decision that the invoices which the last comparison did not find in the system are gone there."""

    model_config = example_config(count=3)

    count: int = Field(
        ge=1, le=MOST_DECIDED, description="how many were decided on: those of the kind `missing_there`, the first 500 of more"
    )


class AbsencesDecided(BaseModel):
    """The ids of the invoices: those that are gone, those that the system has after all, and those that could not be read."""

    id: str
    gone: list[str]
    shown: list[str]
    unread: list[str]


class NotesRetried(BaseModel):
    """The refused notes are tried again by the next run, within a minute."""

    id: str
    number: int


class RunBegun(BaseModel):
    """It runs; `GET /v1/connections/ID` says how it ended."""

    id: str
    begun_at: datetime


class WebhookSecretChanged(BaseModel):
    address: str | None = Field(
        description="to be entered in the system, where it signs nothing; shown this once: null when the same request is sent again"
    )
