"""The Temporal server: client, embedded server, schedules, and how cases are started, commanded and listed."""
