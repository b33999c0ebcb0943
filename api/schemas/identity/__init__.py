"""The bodies of requests and answers about users, tokens and sessions."""
