import pytest

from adapters.database.engine import Database
from tests.adapters.correspondence.correspondence_setup import CorrespondenceSetup


@pytest.fixture
def correspondence(database: Database) -> CorrespondenceSetup:
    """With one account, and no invoice yet."""
    correspondence = CorrespondenceSetup(database)
    correspondence.create_account()
    return correspondence
