"""A database as an earlier version of Duecourse left it: its schema, and whatever is in it."""

from alembic import command
from alembic.config import Config

from adapters.database.engine import MIGRATIONS_DIR, Database


def make_older(database: Database, revision: str) -> None:
    """Take its schema back to a revision."""
    with database.engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS_DIR))
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
