"""The bodies of requests and answers about what is to be collected in a month."""
