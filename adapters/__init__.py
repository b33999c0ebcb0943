"""The outside world: database, mail, billing, documents, the Temporal client, settings."""
