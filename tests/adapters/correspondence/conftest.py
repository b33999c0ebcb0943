import pytest

from adapters.database.engine import Database
from tests.adapters.correspondence.office import Office


@pytest.fixture
def office(database: Database) -> Office:
    """With one account, and no invoice yet."""
    office = Office(database)
    office.account()
    return office
