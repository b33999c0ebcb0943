"""The schedule of a timeline's steps: the collection clock, and the holds that stop it."""
