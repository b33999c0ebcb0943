"""The pages of connections to billing systems: how each stands, what differs, and the forms by which they are added and kept."""
