"""The database: engine, tables, migrations, group commit, and the business clock that is kept in it."""
