"""Workflow histories: archiving them before retention ends, and replaying them with today's code."""
