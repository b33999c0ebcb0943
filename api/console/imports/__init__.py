"""Importing a file at the console: it is dropped, its columns are mapped, a dry run is looked at, and only then is it imported."""
