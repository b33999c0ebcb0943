"""The bodies of requests and answers about mentions."""
