"""The refusal of a folder of policies by the last start: what was wrong with it, kept until a start finds it good."""

from datetime import UTC, datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlmodel import Session

from adapters.database.engine import Database
from adapters.database.tables import Setting

REFUSAL_SETTING = "policies_refused"


class PolicyRefusal(BaseModel):
    """Since when, in real time (UTC), the folder has been refused, and each of its mistakes: where, what, and what to do."""

    model_config = ConfigDict(frozen=True)

    at: AwareDatetime
    faults: list[str]


def find_refusal(database: Database) -> PolicyRefusal | None:
    """What the last start found wrong with the folder; None when it was good."""
    with database.reading() as session:
        return load_refusal(session)


def load_refusal(session: Session) -> PolicyRefusal | None:
    row = session.get(Setting, REFUSAL_SETTING)
    return PolicyRefusal.model_validate(row.value) if row else None


def store_refusal(session: Session, faults: list[str]) -> PolicyRefusal:
    """Store the mistakes; the same ones as before were refused since then."""
    known = load_refusal(session)
    refusal = PolicyRefusal(at=known.at if known and known.faults == faults else datetime.now(UTC), faults=faults)
    session.merge(Setting(name=REFUSAL_SETTING, value=refusal.model_dump(mode="json")))
    return refusal


def clear_refusal(session: Session) -> None:
    if row := session.get(Setting, REFUSAL_SETTING):
        session.delete(row)


def describe_refusal(refusal: PolicyRefusal) -> list[str]:
    """In lines for those who run Duecourse."""
    return [
        "The policies in their folder were refused; the versions that were in force before go on. Correct these, and start again:",
        *(f"  {fault}" for fault in refusal.faults),
    ]
