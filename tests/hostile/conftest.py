"""Hostile input meets the same application as every other test's."""

from tests.api.conftest import app, application, as_role, auditor, collector, inbox, manager, problem, world

__all__ = ["app", "application", "as_role", "auditor", "collector", "inbox", "manager", "problem", "world"]
