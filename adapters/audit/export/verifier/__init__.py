"""The program inside an export that verifies it with the standard library alone."""
