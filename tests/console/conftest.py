"""The console is served by the same application as the API."""

from tests.api.conftest import app, application, as_role, inbox, world

__all__ = ["app", "application", "as_role", "inbox", "world"]
