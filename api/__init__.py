"""The HTTP API under /v1, and the web console."""
