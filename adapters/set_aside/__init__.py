"""What failed and was set aside, so that the rest went on: why, since when, and when it is tried again."""
