"""How often signing in may fail, for one user and from one address, before somebody has to wait. Kept in the database: a restart does not
forget it, and all processes count together."""

from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network
from typing import NamedTuple

from sqlalchemy import delete
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.tables import SignInFailures

FORGOTTEN_AFTER = timedelta(hours=1)
"""So long after the last failure they count no more."""
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(minutes=15)


class FailureLimit(NamedTuple):
    """`free`: how many failures cost no wait; each after them doubles it."""

    kind: str
    free: int

    def build_key(self, who: str) -> str:
        return sha256(f"{self.kind}\n{who}".encode()).hexdigest()

    def find_wait(self, failures: int) -> timedelta | None:
        """How long nobody may try again after so many failures."""
        doublings = failures - self.free
        return min(FIRST_WAIT * 2 ** min(doublings, 10), LONGEST_WAIT) if doublings >= 0 else None


USER_LIMIT, ADDRESS_LIMIT = FailureLimit("user", 5), FailureLimit("address", 20)


class SignInLimits:
    """Each try counts as a failure before it is looked at, so that many at once count like many after each other; a success takes it back.
    Times are real."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin_try(self, user: str, address: str, now: datetime) -> timedelta | None:
        """Count a try by whoever calls themselves `user`. Return how long they must wait instead; None when they may try."""
        keys = {USER_LIMIT: _build_user_key(user), ADDRESS_LIMIT: ADDRESS_LIMIT.build_key(generalise_address(address))}
        with self._database.writing() as session:
            session.execute(delete(SignInFailures).where(col(SignInFailures.last_at) < now - FORGOTTEN_AFTER))
        with self._database.writing() as session:
            rows = {limit: self._lock_row(session, key, now) for limit, key in keys.items()}
            waits = [row.blocked_until - now for row in rows.values() if row.blocked_until and row.blocked_until > now]
            if waits:
                return max(waits)
            for limit, row in rows.items():
                row.count, row.last_at = row.count + 1, now
                wait = limit.find_wait(row.count)
                row.blocked_until = now + wait if wait else None
                session.add(row)
        return None

    def _lock_row(self, session: Session, key: str, now: datetime) -> SignInFailures:
        session.execute(self._database.build_insert_or_ignore(SignInFailures).values(key=key, count=0, last_at=now))
        return session.get_one(SignInFailures, key, with_for_update=True)

    def end_try(self, user: str, address: str) -> None:
        """It succeeded: the user's failures are forgotten; of the address only this try, lest a known password hide many guesses."""
        with self._database.writing() as session:
            session.execute(delete(SignInFailures).where(col(SignInFailures.key) == _build_user_key(user)))
            row = session.get(SignInFailures, ADDRESS_LIMIT.build_key(generalise_address(address)), with_for_update=True)
            if row is not None:
                row.count, row.blocked_until = max(row.count - 1, 0), None
                session.add(row)


def _build_user_key(user: str) -> str:
    return USER_LIMIT.build_key(user.strip().casefold())


def generalise_address(address: str) -> str:
    """The address, and of IPv6 the network of 64 bits: a person has all of its addresses."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((known, 64), strict=False)) if isinstance(known, IPv6Address) else address
