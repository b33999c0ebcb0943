"""Rows and views turned into responses, with their reasons in words."""
