"""What people do at the console: one form for each act, filled in by a person and sent through the API's own route."""
