"""Who does what: the roles that a user can sign in with."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Role(StrEnum):
    """`auditor` reads everything and changes nothing; the customer has no role, for it never signs in."""

    COLLECTOR = "collector"
    COLLECTIONS_MANAGER = "collections_manager"
    SALES_OPS = "sales_ops"
    SALES = "sales"
    BILLING_OPS = "billing_ops"
    CREDIT_ANALYST = "credit_analyst"
    FINANCE_DIRECTOR = "finance_director"
    WRITE_OFF_ANALYST = "write_off_analyst"
    AUDITOR = "auditor"
    ADMIN = "admin"


class Actor(BaseModel):
    """Who signed in, and as what. Only this names the actor of an act."""

    model_config = ConfigDict(frozen=True)

    user: str
    role: Role


def is_same_person(first_user: str, second_user: str) -> bool:
    """User names are compared without regard to case, lest `Anna` sign what `anna` asked for."""
    return first_user.strip().casefold() == second_user.strip().casefold()
