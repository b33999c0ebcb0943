"""The console is served by the same application as the API."""

from tests.api.conftest import app, as_role, inbox, world

__all__ = ["app", "as_role", "inbox", "world"]
