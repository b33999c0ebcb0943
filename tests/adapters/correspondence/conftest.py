import pytest

from adapters.database.engine import Database
from tests.adapters.correspondence.office import CorrespondenceOffice


@pytest.fixture
def office(database: Database) -> CorrespondenceOffice:
    """With one account, and no invoice yet."""
    office = CorrespondenceOffice(database)
    office.create_account()
    return office
