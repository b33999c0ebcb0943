"""What a connected system no longer shows: whether it is believed to be gone."""
