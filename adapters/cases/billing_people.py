"""Who of the house looks after what billing cannot do by itself."""

from sqlmodel import Session

from adapters.identity.reachable_roles import load_reachable_roles
from domain.roles import Role


def choose_billing_role(session: Session) -> Role:
    """Those who book payments and collect nothing; where nobody of them can be told, whoever leads the collectors."""
    unheld = load_reachable_roles(session, ()).unheld
    return Role.COLLECTIONS_MANAGER if Role.BILLING_OPS in unheld and Role.COLLECTIONS_MANAGER not in unheld else Role.BILLING_OPS
