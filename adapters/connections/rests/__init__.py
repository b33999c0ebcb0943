"""The rests that connected billing systems ask for: kept once for each, and looked at before every call."""
