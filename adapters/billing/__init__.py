"""The port to billing: what Duecourse asks of a billing system, what it is answered, and how it is refused; and how HTTP is spoken."""
