"""Connected systems that refuse to be read: a key that is good no more, a right or a field that is missing. Waiting mends none of it, so
people are told, once for each time; it ends by itself with the next reading that goes through."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, select
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.tables import Setting, User
from adapters.set_aside.set_aside_store import SetAsideStore
from adapters.set_aside.stages import SetAsideReason, SetAsideStage
from domain.roles import Role

_PREFIX = "connection_refused:"
_TOLD_ROLES = {Role.BILLING_OPS, Role.ADMIN}


class RefusedReading(NamedTuple):
    """`system`: as what it is set aside. `since`: real time of the first failure in a row; `reason`: in the system's words, the last."""

    system: str
    since: datetime
    reason: str


class RefusedReadings:
    """Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database, self._set_aside = database, SetAsideStore(database)

    def find_untold(self, system: str) -> RefusedReading | None:
        """Return why it refuses, if nobody was told yet; what has ended is forgotten, so that the next time is told again."""
        item, name = self._set_aside.list_waiting(SetAsideStage.BILLING_SYSTEM).get(system), _name_setting(system)
        with self._database.reading() as session:
            is_told = session.get(Setting, name) is not None
        if item is None and is_told:
            with self._database.writing() as session:
                session.execute(delete(Setting).where(col(Setting.name) == name))
        if is_told or item is None or item.reason is not SetAsideReason.BILLING_REFUSED:
            return None
        return RefusedReading(system, item.first_failed_at, item.detail.partition(": ")[2] or item.detail)

    def list_people(self) -> list[str]:
        """List the names of those who look after billing, or after the house's connections, and have an address."""
        reachable = select(User).where(col(User.active), col(User.email) != "").order_by(col(User.name))
        with self._database.reading() as session:
            return [user.name for user in session.scalars(reachable) if _TOLD_ROLES & {Role(role) for role in user.roles}]

    def mark_told(self, refused: RefusedReading) -> None:
        with self._database.writing() as session:
            session.merge(Setting(name=_name_setting(refused.system), value={"since": refused.since.isoformat()}))


def _name_setting(item_id: str) -> str:
    return f"{_PREFIX}{item_id}"
