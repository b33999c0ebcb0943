"""What people and machines call: the HTTP API under /v1, and the web console."""
