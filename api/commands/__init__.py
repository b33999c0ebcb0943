"""Carries out requests: commands to cases, uploads, notes and tasks."""
