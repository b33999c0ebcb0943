"""The bodies of requests and answers about connections to billing systems."""
