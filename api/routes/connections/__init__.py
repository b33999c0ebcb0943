"""The routes of connections to billing systems, and of the calls of these."""
