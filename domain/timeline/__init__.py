"""When a step of the timeline is due: the collection clock, and the holds that stop it."""
