"""A small billing system with a JSON API, to connect Duecourse to: the one that docs/billing/plain-http.md describes."""
