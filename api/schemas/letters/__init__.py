"""The bodies of requests and answers about letters that people write."""
