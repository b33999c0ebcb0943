"""Signed exports of the record that can be verified elsewhere, and the event log."""
