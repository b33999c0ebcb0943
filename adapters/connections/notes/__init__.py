"""Notes in connected billing systems of what Duecourse did there with whom, and those that were refused."""
