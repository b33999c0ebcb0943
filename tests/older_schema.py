"""A database as an earlier version of Duecourse left it: its schema, and whatever is in it."""

from alembic import command

from adapters.database.engine import Database, build_migration_config


def make_older(database: Database, revision: str) -> None:
    """Take its schema back to a revision."""
    with database.engine.begin() as connection:
        config = build_migration_config()
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
