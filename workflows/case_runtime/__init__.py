"""Shared by the workflows of all cases: sessions, effects, timers, search attributes, activity options."""
